use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A list that does not move what is in it when it grows: a list that doubles moves everything, into memory
/// that nobody has touched, and leaves the old behind.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    /// `SIZE` in each.
    full: Vec<Vec<T>>,
    /// The last ones. The first time it grows as other lists do.
    last: Vec<T>,
}

/// As many there is room for at first, where room is made at all: for most small graphs that is enough.
pub(super) const FEW: usize = 8;

/// How many there are in a block.
pub(super) const SIZE: usize = 1 << BITS;
const BITS: u32 = 10;

impl<T> Blocks<T> {
    pub(crate) const fn new() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.full.len() * SIZE + self.last.len()
    }

    #[expect(clippy::inline_always, reason = "so that the value is made where it is to be")]
    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        if self.last.len() == SIZE {
            self.begin_block();
        }
        self.last.push(value);
    }

    /// Makes room for a few, unless there is some: a list that grows by itself takes twice as long to begin.
    #[inline]
    pub(crate) fn begin(&mut self) {
        if self.last.capacity() == 0 {
            self.last = Vec::with_capacity(FEW);
        }
    }

    /// The last block, if so many more fit in there.
    #[inline]
    pub(super) fn with_room_for(&mut self, more: usize) -> Option<&mut Vec<T>> {
        if more <= SIZE - self.last.len() { Some(&mut self.last) } else { None }
    }

    pub(super) fn extend(&mut self, mut values: impl ExactSizeIterator<Item = T>) {
        while values.len() > 0 {
            if self.last.len() == SIZE {
                self.begin_block();
            }
            let room = SIZE - self.last.len();
            self.last.extend(values.by_ref().take(room));
        }
    }

    #[cold]
    fn begin_block(&mut self) {
        self.full.push(core::mem::replace(&mut self.last, Vec::with_capacity(SIZE)));
    }

    /// Takes out all whose index is beyond, in order.
    #[cfg(feature = "std")]
    pub(crate) fn split_off(&mut self, len: usize) -> impl Iterator<Item = T> + use<T> {
        let block = (len >> BITS).min(self.full.len());
        let mut rest = self.full.split_off(block);
        rest.push(core::mem::take(&mut self.last));
        let kept = (len - block * SIZE).min(rest[0].len());
        self.last.extend(rest[0].drain(..kept));
        rest.into_iter().flatten()
    }

    /// Takes out all, one by one.
    #[cfg(feature = "std")]
    pub(crate) fn drain(&mut self, mut take: impl FnMut(T)) {
        for block in core::mem::take(&mut self.full) {
            block.into_iter().for_each(&mut take);
        }
        core::mem::take(&mut self.last).into_iter().for_each(take);
    }

    /// All, block by block: for loops that are to be fast.
    pub(super) fn slices(&self) -> impl Iterator<Item = &[T]> {
        self.full.iter().chain([&self.last]).map(Vec::as_slice)
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match self.full.get(index >> BITS) {
            Some(block) => block.get(index % SIZE),
            None => self.last.get(index - self.full.len() * SIZE),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let before = self.full.len() * SIZE;
        match self.full.get_mut(index >> BITS) {
            Some(block) => block.get_mut(index % SIZE),
            None => self.last.get_mut(index - before),
        }
    }
}

impl<T> IntoIterator for Blocks<T> {
    type Item = T;
    type IntoIter = core::iter::Chain<
        core::iter::Flatten<alloc::vec::IntoIter<Vec<T>>>,
        alloc::vec::IntoIter<T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.full.into_iter().flatten().chain(self.last)
    }
}

impl<T> FromIterator<T> for Blocks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut all = Self::new();
        values.into_iter().for_each(|value| all.push(value));
        all
    }
}

impl<T> Index<usize> for Blocks<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        self.get(index).expect("an index of a value that is there")
    }
}

impl<T> IndexMut<usize> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        self.get_mut(index).expect("an index of a value that is there")
    }
}
