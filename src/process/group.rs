use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of a child, which leads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: u32) -> Self {
        Self(i32::try_from(child).ok().and_then(Pid::from_raw))
    }

    /// Asks all of it to end, those that stand still too.
    pub(super) fn terminate(self) {
        self.send(Signal::TERM);
        self.send(Signal::CONT);
    }

    pub(super) fn kill(self) {
        self.send(Signal::KILL);
    }

    /// The number of a group whose leader was waited for is not used again while anything is left in it. If nothing is, it
    /// would have to be given away once around within the moment between: numbers are given in turn.
    fn send(self, signal: Signal) {
        if let Some(group) = self.0 {
            // None is left, then.
            let _ = kill_process_group(group, signal);
        }
    }
}
