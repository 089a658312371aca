use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A list that does not move what is in it when it grows: a list that doubles moves everything, into memory
/// that nobody has touched, and leaves the old behind.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    /// The first ones. It grows as other lists do.
    first: Vec<T>,
    /// All but the last are full.
    more: Vec<Vec<T>>,
}

/// How many there are in a block.
const SIZE: usize = 1 << BITS;
const BITS: u32 = 10;

impl<T> Blocks<T> {
    pub(crate) const fn new() -> Self {
        Self { first: Vec::new(), more: Vec::new() }
    }

    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self.more.last() {
            Some(last) => self.more.len() * SIZE + last.len(),
            None => self.first.len(),
        }
    }

    #[expect(clippy::inline_always, reason = "so that the value is made where it is to be")]
    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        if let Some(last) = self.more.last_mut()
            && last.len() < SIZE
        {
            last.push(value);
        } else {
            self.with_room().push(value);
        }
    }

    /// The block that comes next, where it is not the last one.
    #[inline]
    fn with_room(&mut self) -> &mut Vec<T> {
        if self.first.len() < SIZE {
            return &mut self.first;
        }
        self.add_block()
    }

    #[cold]
    fn add_block(&mut self) -> &mut Vec<T> {
        self.more.push(Vec::with_capacity(SIZE));
        let last = self.more.len() - 1;
        &mut self.more[last]
    }

    /// Takes out all whose index is beyond, in order.
    #[cfg(feature = "std")]
    pub(crate) fn split_off(&mut self, len: usize) -> impl Iterator<Item = T> + use<T> {
        let blocks = (len >> BITS).min(self.more.len() + 1);
        let mut rest = self.more.split_off(blocks.saturating_sub(1));
        if blocks == 0 {
            rest.insert(0, core::mem::take(&mut self.first));
        }
        let kept: Vec<T> = match rest.first_mut() {
            Some(block) => block.drain(..(len % SIZE).min(block.len())).collect(),
            None => Vec::new(),
        };
        if blocks == 0 {
            self.first = kept;
        } else if !kept.is_empty() {
            self.more.push(kept);
        }
        rest.into_iter().flatten()
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index < SIZE {
            self.first.get(index)
        } else {
            self.more.get((index >> BITS) - 1)?.get(index % SIZE)
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index < SIZE {
            self.first.get_mut(index)
        } else {
            self.more.get_mut((index >> BITS) - 1)?.get_mut(index % SIZE)
        }
    }
}

impl<T> IntoIterator for Blocks<T> {
    type Item = T;
    type IntoIter = core::iter::Chain<
        alloc::vec::IntoIter<T>,
        core::iter::Flatten<alloc::vec::IntoIter<Vec<T>>>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more.into_iter().flatten())
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
        if index < SIZE {
            &self.first[index]
        } else {
            &self.more[(index >> BITS) - 1][index % SIZE]
        }
    }
}

impl<T> IndexMut<usize> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        if index < SIZE {
            &mut self.first[index]
        } else {
            &mut self.more[(index >> BITS) - 1][index % SIZE]
        }
    }
}
