//! Timings within a request.

use std::sync::Arc;

use sentry::{Hub, Span, TransactionOrSpan};

/// The hub of a request, on its way to a thread that may block.
pub(crate) struct Carried(Option<Arc<Hub>>);

impl Carried {
    /// The one of the running code, where anything is reported.
    pub(crate) fn here() -> Self {
        let hub = Hub::current();
        Self(hub.client().is_some().then_some(hub))
    }

    /// Runs work under it.
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        match self.0 {
            Some(hub) => Hub::run(hub, work),
            None => work(),
        }
    }
}

/// The time that a request spends with the database: what is asked there belongs into it.
pub(crate) struct DatabaseSpan {
    span: Option<Span>,
    parent: Option<TransactionOrSpan>,
}

impl DatabaseSpan {
    /// From here on, for the function of that name.
    pub(crate) fn start(name: &str) -> Self {
        let hub = Hub::current();
        let parent = sampled(&hub);
        let span = parent
            .as_ref()
            .map(|parent| parent.start_child("db", name.trim_end_matches("::{{closure}}")));
        if let Some(span) = &span {
            hub.configure_scope(|scope| scope.set_span(Some(span.clone().into())));
        }
        Self { span, parent }
    }
}

impl Drop for DatabaseSpan {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            span.finish();
            let parent = self.parent.take();
            Hub::current().configure_scope(|scope| scope.set_span(parent));
        }
    }
}

/// The span that is open, if the request is one of those whose timings are reported.
pub(super) fn sampled(hub: &Hub) -> Option<TransactionOrSpan> {
    let span = hub.configure_scope(|scope| scope.get_span())?;
    #[expect(
        deprecated,
        reason = "it may say no where tracing is off, which is just what is asked here"
    )]
    span.is_sampled().then_some(span)
}
