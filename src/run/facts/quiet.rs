use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString};
use std::vec::Vec;

/// Runs code of the user's, and returns what it panics with as text.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = message(&*panic);
        // What a panic carries may panic when it is dropped. Then it is not.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
        text
    })
}

/// Drops a value of the user's. What its `Drop` panics with has nobody left to go to.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = caught(|| drop(value));
}

/// What a panic says, if it says anything.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_string())
}

/// Values of the user's that are dropped one by one, whatever their `Drop` does.
pub(crate) struct Quiet<T>(pub(crate) Vec<T>);

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        self.0.drain(..).for_each(drop_quietly);
    }
}
