//! The core and the [`Oracle`](super::oracle::Oracle) side by side: every call goes to both, and every answer is compared.
//!
//! [`check`] does so with whatever some bytes decode to. Property tests feed it [`random_bytes`], a
//! fuzzer its own.
//!
//! ```
//! use jobgraph::testing::reference::model::{check, random_bytes};
//!
//! let stats = check(&random_bytes(42, 500)).unwrap();
//! assert!(stats.calls > 0);
//! ```
mod bodies;
mod both;
mod call;
mod check;
mod decode;
mod discards;
mod finish;
mod pair;
mod pools;

pub use self::call::Call;
pub use self::decode::{Focus, check, check_focused, random_bytes};
pub use self::pair::{Model, Stats};
