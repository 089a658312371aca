mod event;
mod handle;
mod lines;
mod monitor;
mod options;
mod outlet;
mod pace;
mod queue;
mod screen;
mod show;
mod summary;
mod texts;

pub use self::event::Detail;
pub use self::handle::Progress;
pub use self::monitor::Monitor;
pub use self::options::ProgressOptions;
