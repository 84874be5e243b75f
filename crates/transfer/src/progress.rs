//! The progress bar, where a terminal watches.

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how many rows are done of how many.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins to show `doing` (a word such as «reading») of so many rows.
    pub fn new(doing: &'static str, rows: u64) -> Self {
        let style = ProgressStyle::with_template(
            "{msg:10} {bar:40} {human_pos} of {human_len} rows, {eta} left",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::new(rows).with_style(style).with_message(doing))
    }

    /// So many rows more are done.
    pub fn add(&self, rows: usize) {
        self.0.inc(rows as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
