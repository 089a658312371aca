use alloc::boxed::Box;

#[cfg(feature = "std")]
use super::error::JobName;
use super::job::JobOptions;

/// What a job has beyond a plain one, before it is added; most have nothing of it. One with a label alone is a plain
/// job all the same: what people call it makes no difference to what becomes of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Particulars {
    pub(crate) label: Option<Box<str>>,
    /// All but the label; `None`: the default.
    pub(crate) options: Option<Box<JobOptions>>,
}

impl Particulars {
    // Of the usual options, written in the call, nothing is made at all.
    #[inline]
    pub(super) fn of(options: JobOptions) -> Self {
        if options.are_plain() {
            return Self { label: options.label, options: None };
        }
        Self::more(options)
    }

    #[inline(never)]
    fn more(mut options: JobOptions) -> Self {
        let label = options.label.take();
        Self { label, options: Some(Box::new(options)) }
    }

    /// What the job is called, which has no id yet.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> JobName {
        JobName::new(self.label.as_deref())
    }

    /// To be changed, but for the label.
    #[cfg(feature = "std")]
    pub(crate) fn options(&mut self) -> &mut JobOptions {
        self.options.get_or_insert_default()
    }
}
