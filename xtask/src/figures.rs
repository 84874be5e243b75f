//! Coverage in numbers: a report of files made into a figure for each crate.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The crates that ship, and where their sources are. Tests and build scripts lie elsewhere; xtask ships nothing.
const SOURCES: [(&str, &str); 8] = [
    ("accounts", "crates/accounts/src"),
    ("audit", "crates/audit/src"),
    ("oc-core", "crates/core/src"),
    ("django-import", "crates/django-import/src"),
    ("lettings", "crates/lettings/src"),
    ("profiles", "crates/profiles/src"),
    ("transfer", "crates/transfer/src"),
    ("web", "web/src"),
];

/// How many lines there are, and how many were reached.
pub(crate) struct Figure {
    name: &'static str,
    lines: u64,
    reached: u64,
}

impl Figure {
    /// All of them together.
    pub(crate) fn total(figures: &[Self]) -> Self {
        let lines = figures.iter().map(|figure| figure.lines).sum();
        let reached = figures.iter().map(|figure| figure.reached).sum();
        Self {
            name: "total",
            lines,
            reached,
        }
    }

    /// Whether at least so many percent were reached; of nothing, nothing was.
    pub(crate) fn reaches(&self, percent: u64) -> bool {
        self.lines > 0 && self.reached * 100 >= self.lines * percent
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_mille = self.reached * 1000 / self.lines.max(1);
        let (whole, tenth) = (per_mille / 10, per_mille % 10);
        write!(
            f,
            "{:<10} {whole:>3}.{tenth} % of {:>5} lines",
            self.name, self.lines
        )
    }
}

/// A figure for each crate, from the JSON summary of `cargo llvm-cov`.
pub(crate) fn figures(report: &str, root: &Path) -> Result<Vec<Figure>> {
    let report: Value = serde_json::from_str(report)?;
    let files = report["data"][0]["files"]
        .as_array()
        .context("the report lists no files")?;
    let figure = |(name, folder): (&'static str, &str)| {
        let folder = root.join(folder);
        let inside = |file: &&Value| {
            file["filename"]
                .as_str()
                .is_some_and(|name| Path::new(name).starts_with(&folder))
        };
        let sum = |count: &str| {
            files
                .iter()
                .filter(inside)
                .filter_map(|file| file["summary"]["lines"][count].as_u64())
                .sum()
        };
        Figure {
            name,
            lines: sum("count"),
            reached: sum("covered"),
        }
    };
    Ok(SOURCES.map(figure).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"data": [{"files": [
        {"filename": "/p/crates/core/src/lib.rs", "summary": {"lines": {"count": 30, "covered": 30}}},
        {"filename": "/p/web/src/app.rs", "summary": {"lines": {"count": 50, "covered": 42}}},
        {"filename": "/p/web/src/main.rs", "summary": {"lines": {"count": 20, "covered": 18}}},
        {"filename": "/p/web/build.rs", "summary": {"lines": {"count": 500, "covered": 0}}},
        {"filename": "/p/xtask/src/main.rs", "summary": {"lines": {"count": 500, "covered": 0}}}
    ]}]}"#;

    #[test]
    fn files_are_summed_by_crate() {
        let figures = figures(REPORT, Path::new("/p")).unwrap();

        let lines: Vec<_> = figures.iter().map(ToString::to_string).collect();

        assert_eq!(lines[0], "oc-core    100.0 % of    30 lines");
        assert_eq!(lines[3], "web         85.7 % of    70 lines");
    }

    #[test]
    fn only_what_ships_counts_for_the_floor() {
        let total = Figure::total(&figures(REPORT, Path::new("/p")).unwrap());

        assert!(total.reaches(90));
        assert!(!total.reaches(91));
    }

    #[test]
    fn nothing_measured_is_no_success() {
        assert!(!Figure::total(&[]).reaches(1));
    }
}
