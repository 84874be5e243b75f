//! Timings of single statements.

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use sentry::protocol::SpanStatus;
use sentry::{Hub, Span};

use super::spans::sampled;

/// What diesel puts between a statement and its values, which are nobody's business.
const VALUES: &str = "-- binds";

/// Watches the statements of every connection that is opened from now on.
pub(super) fn watch() {
    let outcome = set_default_instrumentation(|| Some(Box::new(Statements::default())));
    if let Err(error) = outcome {
        log::warn!("the timings of statements are not reported: {error}");
    }
}

/// The statement that a connection is busy with.
#[derive(Default)]
struct Statements {
    running: Option<Span>,
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                self.running = Hub::with_active(|hub| sampled(hub)).map(|parent| {
                    let text = query.to_string();
                    let statement = text.split(VALUES).next().unwrap_or_default().trim_end();
                    parent.start_child("db.sql.query", statement)
                });
            }
            InstrumentationEvent::FinishQuery { error, .. } => {
                if let Some(span) = self.running.take() {
                    let failed = error.is_some();
                    span.set_status(if failed {
                        SpanStatus::InternalError
                    } else {
                        SpanStatus::Ok
                    });
                    span.finish();
                }
            }
            _ => {}
        }
    }
}
