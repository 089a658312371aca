use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Deref;

/// A part that few graphs need: it takes a word, and nothing to make or drop, until somebody changes it.
#[derive(Clone, Debug)]
pub(super) struct Seldom<T>(Option<Box<T>>);

/// What has nothing in it at first.
pub(super) trait Empty: 'static {
    const EMPTY: Self;
    /// The same, to be looked at. By hand, since not every type may stand in a constant that is borrowed.
    const NOTHING: &'static Self;
}

impl<T> Seldom<T> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// What it is, if it is there: the fastest way to look.
    #[inline]
    pub(super) fn existing(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// To be changed, if it is there.
    #[inline]
    pub(super) fn existing_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T: Empty> Seldom<T> {
    /// To be changed. Allocates the first time.
    pub(super) fn make(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::EMPTY))
    }
}

impl<T: Empty> Deref for Seldom<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::NOTHING)
    }
}

impl<K: 'static, V: 'static> Empty for BTreeMap<K, V> {
    const EMPTY: Self = Self::new();
    const NOTHING: &'static Self = &Self::EMPTY;
}

impl<T: 'static> Empty for BTreeSet<T> {
    const EMPTY: Self = Self::new();
    const NOTHING: &'static Self = &Self::EMPTY;
}
