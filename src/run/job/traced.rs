/// The span of a body, if anybody wants to know of that.
#[derive(Debug, Default)]
pub struct Tracing {
    #[cfg(feature = "tracing")]
    span: Option<std::boxed::Box<super::spans::BodySpan>>,
}

#[cfg(not(feature = "tracing"))]
impl Tracing {
    /// Runs a poll, which does not panic.
    #[expect(clippy::unused_self, reason = "as with the feature")]
    #[inline]
    pub(crate) fn within<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        poll()
    }

    /// The attempt is over.
    #[expect(clippy::unused_self, reason = "as with the feature")]
    #[inline]
    pub(crate) fn end(&mut self) {}
}

#[cfg(feature = "tracing")]
impl Drop for Tracing {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(feature = "tracing")]
impl Tracing {
    /// An attempt begins. Its span is made when it is polled.
    pub(crate) fn begin(&mut self, seed: super::spans::SpanSeed) {
        self.span = Some(std::boxed::Box::new(super::spans::BodySpan::Seed(seed)));
    }

    /// Runs a poll, which does not panic, inside the span.
    #[inline]
    pub(crate) fn within<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        match &mut self.span {
            None => poll(),
            Some(span) => span.within(poll),
        }
    }

    /// The attempt is over. Runs code of the user's.
    #[inline]
    pub(crate) fn end(&mut self) {
        if self.span.is_some() {
            crate::run::facts::quiet::drop_quietly(self.span.take());
        }
    }
}
