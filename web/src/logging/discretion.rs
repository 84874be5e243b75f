//! What libraries log that nobody may read, whatever `RUST_LOG` asks for.

use log::{LevelFilter, Log, Metadata, Record};

/// The beginnings of targets, and the finest level that each may log at.
const CAPS: [(&str, LevelFilter); 2] = [
    // It logs an error for every visitor whose request head is too large.
    ("actix_http::h1", LevelFilter::Off),
    // At the finest level it prints every request as it leaves, with the key for Sentry, and `ureq_proto` does.
    ("ureq", LevelFilter::Debug),
];

/// A logger that holds its tongue about that.
pub(super) struct Discreet<L>(pub(super) L);

impl<L: Log> Log for Discreet<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        may_be_told(metadata) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if may_be_told(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let cap = CAPS
        .iter()
        .find(|(target, _)| metadata.target().starts_with(target));
    cap.is_none_or(|(_, level)| metadata.level() <= *level)
}
