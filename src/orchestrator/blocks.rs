use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A list that does not move what is in it when it grows: a list that doubles moves everything, into memory
/// that nobody has touched, and leaves the old behind.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    /// All but the last are full. The first one grows as other lists do.
    blocks: Vec<Vec<T>>,
    len: usize,
}

/// How many there are in a block.
const SIZE: usize = 1 << BITS;
const BITS: u32 = 10;

impl<T> Blocks<T> {
    pub(crate) const fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[expect(clippy::inline_always, reason = "so that the value is made where it is to be")]
    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        self.len += 1;
        if let Some(last) = self.blocks.last_mut()
            && last.len() < SIZE
        {
            last.push(value);
        } else {
            self.add_block().push(value);
        }
    }

    #[cold]
    fn add_block(&mut self) -> &mut Vec<T> {
        let block = if self.blocks.is_empty() { Vec::new() } else { Vec::with_capacity(SIZE) };
        self.blocks.push(block);
        let last = self.blocks.len() - 1;
        &mut self.blocks[last]
    }

    /// Takes out all whose index is beyond, in order.
    #[cfg(feature = "std")]
    pub(crate) fn split_off(&mut self, len: usize) -> impl Iterator<Item = T> + use<T> {
        let mut rest = self.blocks.split_off((len >> BITS).min(self.blocks.len()));
        let kept: Vec<T> = match rest.first_mut() {
            Some(block) => block.drain(..(len % SIZE).min(block.len())).collect(),
            None => Vec::new(),
        };
        if !kept.is_empty() {
            self.blocks.push(kept);
        }
        self.len = self.len.min(len);
        rest.into_iter().flatten()
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.blocks.get(index >> BITS)?.get(index % SIZE)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.blocks.get_mut(index >> BITS)?.get_mut(index % SIZE)
    }
}

impl<T> IntoIterator for Blocks<T> {
    type Item = T;
    type IntoIter = core::iter::Flatten<alloc::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.into_iter().flatten()
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
        &self.blocks[index >> BITS][index % SIZE]
    }
}

impl<T> IndexMut<usize> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.blocks[index >> BITS][index % SIZE]
    }
}
