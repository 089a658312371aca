// What the drivers do not do yet that they ought to. Where one of these is false, the simulation does as they
// do, or the decoder does not ask for it.

/// Whether the hooks of a graph go on when the job that it is is asked to stop.
pub(crate) const HOOKS_INSIDE_GO_ON: bool = false;

/// Whether the output of an attempt that ended after its timeout is dropped before the next attempt, and a panic there
/// is a mishap.
pub(crate) const LATE_OUTPUTS_ARE_MISHAPS: bool = false;

/// Whether what fails inside a graph makes the `check` of the report around it fail.
pub(crate) const DEPTH_COUNTS: bool = false;
