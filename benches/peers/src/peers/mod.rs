//! The same graphs with other crates.
//!
//! Where requirements are typed arguments, a job has at most three of them here: the sink of a fan, which
//! has thousands, cannot be expressed, so these crates have less to do for it.

pub mod async_dag;
pub mod dagrs;
pub mod dagx;
pub mod futures_dagtask;
pub mod operese_dagx;

use crate::shapes::Shape;

/// What a job requires, as far as arguments can say it.
enum Few<'a, T> {
    None,
    One(&'a T),
    Three(&'a T, &'a T, &'a T),
}

impl<'a, T> Few<'a, T> {
    fn of(shape: &Shape, job: usize, handles: &'a [T]) -> Self {
        let handle = |other: u32| &handles[other as usize];
        match *shape.requirements(job) {
            [] => Self::None,
            [a, b, c, ..] => Self::Three(handle(a), handle(b), handle(c)),
            [a, ..] => Self::One(handle(a)),
        }
    }
}
