use std::any::Any;
use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use super::latest::Latest;
use super::quiet::{drop_all_noted, drop_noted};
use crate::orchestrator::Blocks;

/// One output: in place until somebody shares it.
enum Kept<T> {
    Empty,
    Own(T),
    Shared(Arc<T>),
    Watched(Box<Watched<T>>),
}

/// An output of which somebody wants to have what replaces it as well.
struct Watched<T> {
    now: Arc<T>,
    latest: Latest<T>,
}

/// The outputs of all jobs with one type of output; as long as the last one there needs.
pub(crate) struct Column<T> {
    kept: Blocks<Kept<T>>,
    /// Outputs that others replaced: the user's to drop.
    replaced: Vec<Kept<T>>,
}

impl<T> Drop for Column<T> {
    fn drop(&mut self) {
        self.kept.drain(drop_noted);
        drop_all_noted(self.replaced.drain(..));
    }
}

impl<T: 'static> Column<T> {
    /// A new column; with what another one of its type gives, if there is one.
    pub(crate) fn new(other: Option<Given<'_>>) -> Self {
        let kept = other.and_then(|Given { column, vacate }| {
            let other = column.downcast_mut::<Self>()?;
            let vacated = vacate.and_then(|slot| other.kept.get_mut(slot as usize));
            let vacated = vacated.map(|kept| std::mem::replace(kept, Kept::Empty));
            let mut kept = std::mem::take(&mut other.replaced);
            kept.extend(vacated);
            Some(kept)
        });
        let kept = kept.unwrap_or_default();
        Self { kept: kept.into_iter().collect(), replaced: Vec::new() }
    }

    /// Whether it replaces another one, which is kept until somebody drops it.
    #[inline]
    pub(crate) fn put(&mut self, slot: u32, output: T) -> bool {
        self.keep(slot, Kept::Own(output))
    }

    /// The same, of one that somebody else may hold.
    pub(crate) fn put_shared(&mut self, slot: u32, output: Arc<T>) -> bool {
        self.keep(slot, Kept::Shared(output))
    }

    #[inline]
    fn keep(&mut self, slot: u32, output: Kept<T>) -> bool {
        let slot = slot as usize;
        while self.kept.len() < slot {
            self.kept.push(Kept::Empty);
        }
        if slot == self.kept.len() {
            self.kept.push(output);
            return false;
        }
        if let Kept::Watched(watched) = &mut self.kept[slot] {
            let output = match output {
                Kept::Own(output) => Arc::new(output),
                Kept::Shared(output) => output,
                Kept::Empty | Kept::Watched(_) => return false,
            };
            let before = std::mem::replace(&mut watched.now, Arc::clone(&output));
            watched.latest.set(output);
            self.replaced.push(Kept::Shared(before));
            return true;
        }
        match std::mem::replace(&mut self.kept[slot], output) {
            Kept::Empty => false,
            before => {
                self.replaced.push(before);
                true
            }
        }
    }

    /// Takes what was put into the first slot.
    #[cfg(feature = "journal")]
    pub(crate) fn take_first(&mut self) -> Option<T> {
        match std::mem::replace(self.kept.get_mut(0)?, Kept::Empty) {
            Kept::Own(output) => Some(output),
            other => {
                self.kept[0] = other;
                None
            }
        }
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        match self.kept.get(slot as usize)? {
            Kept::Empty => None,
            Kept::Own(output) => Some(output),
            Kept::Shared(output) => Some(output),
            Kept::Watched(watched) => Some(&watched.now),
        }
    }

    /// One allocation the first time.
    pub(crate) fn share(&mut self, slot: u32) -> Option<Arc<T>> {
        let kept = self.kept.get_mut(slot as usize)?;
        let output = match std::mem::replace(kept, Kept::Empty) {
            Kept::Empty => return None,
            Kept::Own(output) => Arc::new(output),
            Kept::Shared(output) => output,
            Kept::Watched(watched) => {
                let output = Arc::clone(&watched.now);
                *kept = Kept::Watched(watched);
                return Some(output);
            }
        };
        *kept = Kept::Shared(Arc::clone(&output));
        Some(output)
    }

    /// The same, and what replaces it later. Two allocations the first time.
    pub(crate) fn watch(&mut self, slot: u32) -> Option<Latest<T>> {
        if let Kept::Watched(watched) = self.kept.get(slot as usize)? {
            return Some(watched.latest.clone());
        }
        let now = self.share(slot)?;
        let latest = Latest::new(Arc::clone(&now));
        // What was there is the same value.
        self.kept[slot as usize] = Kept::Watched(Box::new(Watched { now, latest: latest.clone() }));
        Some(latest)
    }

    /// `None`, and it stays, while somebody else holds it.
    pub(super) fn take(&mut self, slot: u32) -> Option<T> {
        let kept = self.kept.get_mut(slot as usize)?;
        let output = match std::mem::replace(kept, Kept::Empty) {
            Kept::Empty => return None,
            Kept::Own(output) => return Some(output),
            Kept::Shared(output) => output,
            // The run is over: nothing replaces it any more.
            Kept::Watched(watched) => watched.now,
        };
        match Arc::try_unwrap(output) {
            Ok(output) => Some(output),
            Err(output) => {
                *kept = Kept::Shared(output);
                None
            }
        }
    }
}

/// From where a new column gets outputs that are to be dropped: those that others replaced, and that of a slot.
pub(crate) struct Given<'a> {
    pub(super) column: &'a mut dyn Any,
    pub(super) vacate: Option<u32>,
}
