use std::format;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::string::String;

/// Sixteen hexadecimal digits that nobody else has.
pub(crate) fn random_name() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
