//! Progress bar, shown on terminals only.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Shows the number of rows done.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts a bar for an activity (“reading”) over `rows` rows.
    pub fn new(activity: &'static str, rows: u64) -> Self {
        let style = ProgressStyle::with_template(
            "{msg:10} {bar:40} {human_pos} of {human_len} rows, {eta} left",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(
            ProgressBar::new(rows)
                .with_style(style)
                .with_finish(ProgressFinish::AndClear)
                .with_message(activity),
        )
    }

    /// Advances the bar.
    pub fn add(&self, rows: usize) {
        self.0.inc(rows as u64);
    }
}
