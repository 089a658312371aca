use std::any::{Any, TypeId};
use std::boxed::Box;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZero;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::column::{Column, Given};
use super::fact::{Fact, JobInfo};
use super::trouble::Trouble;

/// Where an output is: its column, from 1, in the upper half, and which one it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(NonZero<u64>);

impl Slot {
    /// The slot of what has no output.
    pub(crate) const NOWHERE: Self = Self(NonZero::<u64>::MAX);

    fn new(column: usize, slot: u32) -> Self {
        let slot = (column as u64 + 1) << 32 | u64::from(slot);
        NonZero::new(slot).map_or(Self::NOWHERE, Self)
    }

    fn column(self) -> usize {
        (self.0.get() >> 32) as usize - 1
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn in_column(self) -> u32 {
        self.0.get() as u32
    }
}

/// What is shown below the line of its job: the report of a nested run.
pub(crate) trait Below: fmt::Display {
    /// Whether there is nothing to show.
    fn is_blank(&self) -> bool;

    /// All that went wrong inside, each with the way to it.
    fn troubles(&self) -> Vec<Trouble>;

    /// All that it knows of the run inside.
    fn retell(&self) -> Vec<Fact>;

    fn outline(&self) -> Vec<Arc<JobInfo>>;
}

/// How people read the outputs of a column.
#[derive(Clone, Copy)]
pub(crate) enum Show {
    /// On the line of its job.
    Inline(fn(&dyn Any, Slot) -> Option<&dyn fmt::Debug>),
    /// In lines of its own, below that of its job.
    Below(fn(&dyn Any, Slot) -> Option<&dyn Below>),
}

impl Show {
    pub(crate) const fn inline<T: fmt::Debug + 'static>() -> Self {
        Self::Inline(|column, slot| Some(output::<T>(column, slot)?))
    }

    pub(crate) const fn below<T: Below + 'static>() -> Self {
        Self::Below(|column, slot| Some(output::<T>(column, slot)?))
    }
}

fn output<T: 'static>(column: &dyn Any, slot: Slot) -> Option<&T> {
    column.downcast_ref::<Column<T>>()?.get(slot.in_column())
}

/// How to show the usual types, whose outputs are shown without having to ask. Whether any other is
/// `Debug` cannot be seen here.
fn usual_show(output: TypeId) -> Option<Show> {
    macro_rules! usual {
        ($($type:ty),*) => {
            [$((TypeId::of::<$type>(), Show::inline::<$type>())),*]
        };
    }
    let usual = usual!(
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        f32,
        f64,
        bool,
        char,
        String,
        &'static str,
        Box<str>,
        Arc<str>,
        Vec<String>,
        Vec<i32>,
        Vec<u32>,
        Vec<i64>,
        Vec<u64>,
        Vec<usize>,
        Vec<f64>,
        Option<i32>,
        Option<u32>,
        Option<i64>,
        Option<u64>,
        Option<usize>,
        Option<String>
    );
    usual.into_iter().find(|&(id, _)| id == output).map(|(_, show)| show)
}

/// The columns of one graph. `C` says what the outputs are.
pub(crate) struct Outputs<C: ?Sized> {
    columns: Vec<Typed<C>>,
    /// Those that are not shown.
    hidden: BTreeSet<Slot>,
}

/// Makes a column: see [`Column::new`].
pub(crate) type NewColumn<C> = fn(Option<Given<'_>>) -> Box<C>;

struct Typed<C: ?Sized> {
    output: TypeId,
    /// How somebody asked to show them.
    show: Option<Show>,
    new: NewColumn<C>,
    outputs: u32,
    /// Slots of jobs that were removed.
    vacant: Vec<u32>,
    column: Box<C>,
}

/// The outputs of a graph that runs on one thread: anything that is `'static`.
pub type LocalOutputs = dyn Any;

/// The outputs of a [`SendJobGraph`](crate::SendJobGraph): `Send + Sync` as well.
pub type SendOutputs = dyn Any + Send + Sync;

/// [`LocalOutputs`] or [`SendOutputs`].
pub trait OutputStore: sealed::Sealed + 'static {
    #[doc(hidden)]
    fn any(&self) -> &dyn Any;
    #[doc(hidden)]
    fn any_mut(&mut self) -> &mut dyn Any;
}

mod sealed {
    use std::any::Any;

    #[expect(unnameable_types, reason = "the point of it")]
    pub trait Sealed {}
    impl Sealed for dyn Any {}
    impl Sealed for dyn Any + Send + Sync {}
}

impl OutputStore for dyn Any {
    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl OutputStore for dyn Any + Send + Sync {
    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<C: OutputStore + ?Sized> Outputs<C> {
    pub(crate) const fn new() -> Self {
        Self { columns: Vec::new(), hidden: BTreeSet::new() }
    }

    /// Reserves a slot for an output. O(types of outputs in the graph).
    #[inline]
    pub(crate) fn reserve<T: 'static>(&mut self, show: Option<Show>, new: NewColumn<C>) -> Slot {
        let output = TypeId::of::<T>();
        let found = self.columns.iter().position(|typed| typed.output == output);
        let index = found.unwrap_or_else(|| self.new_column(output, new));
        let typed = &mut self.columns[index];
        if show.is_some() {
            typed.show = typed.show.or(show);
        }
        let slot = typed.outputs;
        typed.outputs += 1;
        Slot::new(index, slot)
    }

    #[cold]
    fn new_column(&mut self, output: TypeId, new: NewColumn<C>) -> usize {
        let (vacant, column) = (Vec::new(), new(None));
        // For most small graphs that is enough.
        if self.columns.is_empty() {
            self.columns = Vec::with_capacity(2);
        }
        self.columns.push(Typed { output, show: None, new, outputs: 0, vacant, column });
        self.columns.len() - 1
    }

    /// Lets go of a slot that was reserved, and is not used.
    pub(crate) fn release(&mut self, slot: Slot) {
        let typed = &mut self.columns[slot.column()];
        if slot.in_column() + 1 == typed.outputs {
            typed.outputs -= 1;
        } else {
            typed.vacant.push(slot.in_column());
        }
    }

    /// A column of the type of this slot, for an output that nobody will read.
    #[cold]
    pub(crate) fn column_apart(&self, slot: Slot) -> Box<C> {
        (self.columns[slot.column()].new)(None)
    }

    /// Outputs of the type of this slot that others replaced.
    #[cold]
    pub(crate) fn take_replaced(&mut self, slot: Slot) -> Box<C> {
        let typed = &mut self.columns[slot.column()];
        (typed.new)(Some(Given { column: typed.column.any_mut(), vacate: None }))
    }

    /// Like [`reserve`](Self::reserve), for a job that is added to a run: a slot that was vacated is used again.
    pub(crate) fn reserve_again<T: 'static>(
        &mut self,
        show: Option<Show>,
        new: NewColumn<C>,
    ) -> Slot {
        let output = TypeId::of::<T>();
        let found = self.columns.iter().position(|typed| typed.output == output);
        let vacant = found.and_then(|index| Some((index, self.columns[index].vacant.pop()?)));
        match vacant {
            Some((index, slot)) => Slot::new(index, slot),
            None => self.reserve::<T>(show, new),
        }
    }

    /// The job of this slot is removed. Returns its output, and others that were replaced.
    pub(crate) fn vacate(&mut self, slot: Slot) -> Box<C> {
        self.hidden.remove(&slot);
        self.columns[slot.column()].vacant.push(slot.in_column());
        self.empty(slot)
    }

    /// Empties a slot. Returns its output, and others that were replaced.
    pub(crate) fn empty(&mut self, slot: Slot) -> Box<C> {
        let typed = &mut self.columns[slot.column()];
        let vacate = Some(slot.in_column());
        (typed.new)(Some(Given { column: typed.column.any_mut(), vacate }))
    }

    /// The same slots, all empty.
    pub(crate) fn emptied(&self) -> Self {
        let empty = |&Typed { output, show, new, outputs, .. }: &Typed<C>| {
            let (vacant, column) = (Vec::new(), new(None));
            Typed { output, show, new, outputs, vacant, column }
        };
        Self { columns: self.columns.iter().map(empty).collect(), hidden: self.hidden.clone() }
    }

    /// The column of an output, and its slot in that.
    pub(crate) fn column(&mut self, slot: Slot) -> (&mut dyn Any, u32) {
        (self.columns[slot.column()].column.any_mut(), slot.in_column())
    }

    pub(crate) fn get<T: 'static>(&self, slot: Slot) -> Option<&T> {
        let column = self.columns.get(slot.column())?.column.any();
        column.downcast_ref::<Column<T>>()?.get(slot.in_column())
    }

    pub(crate) fn take<T: 'static>(&mut self, slot: Slot) -> Option<T> {
        let column = self.columns.get_mut(slot.column())?.column.any_mut();
        column.downcast_mut::<Column<T>>()?.take(slot.in_column())
    }

    /// Whether what is in this slot is shown below its job: the report of a nested run.
    pub(crate) fn is_below(&self, slot: Slot) -> bool {
        let shown = self.columns.get(slot.column()).and_then(Typed::shown);
        matches!(shown, Some(Show::Below(_)))
    }

    pub(crate) fn is_hidden(&self, slot: Slot) -> bool {
        self.hidden.contains(&slot)
    }

    /// Whatever is in this slot is not shown.
    #[cold]
    pub(crate) fn hide(&mut self, slot: Slot) {
        self.hidden.insert(slot);
    }

    /// The output as it is shown on the line of its job.
    pub(crate) fn inline(&self, slot: Slot) -> Option<&dyn fmt::Debug> {
        if self.is_hidden(slot) {
            return None;
        }
        let typed = self.columns.get(slot.column())?;
        match typed.shown()? {
            Show::Inline(show) => show(typed.column.any(), slot),
            Show::Below(_) => None,
        }
    }

    /// The output as it is shown below its job.
    pub(crate) fn below(&self, slot: Slot) -> Option<&dyn Below> {
        let typed = self.columns.get(slot.column())?;
        match typed.shown()? {
            Show::Inline(_) => None,
            Show::Below(show) => show(typed.column.any(), slot),
        }
    }
}

impl<C: ?Sized> Typed<C> {
    fn shown(&self) -> Option<Show> {
        usual_show(self.output).or(self.show)
    }
}
