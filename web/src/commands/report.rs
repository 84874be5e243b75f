//! The report of a failed command.

use oc_core::hints;

use crate::config::Problems;

/// The reason in one line, or one line for each of several problems; then a hint, where there is one.
pub(crate) fn report(error: &anyhow::Error) -> String {
    if let Some(Problems(problems)) = error.downcast_ref() {
        let lines = problems.iter().map(|problem| format!("error: {problem}"));
        return lines.collect::<Vec<_>>().join("\n");
    }
    let mut reason = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
        // Some errors include their cause.
        if !reason.contains(&cause) {
            reason.push_str(if reason.is_empty() { "" } else { ": " });
            reason.push_str(&cause);
        }
    }
    match hints::hint(&reason).or_else(|| hint(&reason)) {
        Some(hint) => format!("error: {reason}\nhint: {hint}"),
        None => format!("error: {reason}"),
    }
}

fn hint(reason: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 6] = [
        (
            "newer than this program",
            "Start the version that migrated it, or restore a backup from before.",
        ),
        (
            "there is no database at",
            "Create it with `oc-lettings migrate`, or set DATABASE_URL to where it is.",
        ),
        (
            "for METRICS_ADDR",
            "Set METRICS_ADDR to an address that is free.",
        ),
        (
            "cannot listen on",
            "Set HOST and PORT to an address that is free.",
        ),
        (
            "the database is not empty",
            "Use a new database. Only `restore --force` replaces the contents of one.",
        ),
        (
            "nothing was imported",
            "Correct the values that the report lists on the old site, or leave those rows out with --skip-bad.",
        ),
    ];
    let found = HINTS.iter().find(|(words, _)| reason.contains(words));
    found.map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_followed_by_hints() {
        let error =
            anyhow::anyhow!("attempt to write a\nreadonly database").context("cannot migrate");

        let report = report(&error);

        let mut lines = report.lines();
        assert_eq!(
            lines.next(),
            Some("error: cannot migrate: attempt to write a readonly database")
        );
        assert!(lines.next().is_some_and(|line| line.starts_with("hint: ")));
    }

    #[test]
    fn the_hint_names_the_setting_of_the_address() {
        let reason = |setting| format!("cannot listen on 127.0.0.1:9100{setting}: in use");

        assert!(hint(&reason("")).is_some_and(|hint| hint.contains("HOST")));
        let metrics = hint(&reason(" for METRICS_ADDR"));
        assert!(metrics.is_some_and(|hint| hint.contains("METRICS_ADDR")));
    }

    #[test]
    fn a_cause_is_printed_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open: {source}")]
        struct Outer {
            source: std::fmt::Error,
        }
        let outer = Outer {
            source: std::fmt::Error,
        };

        let report = report(&anyhow::Error::new(outer).context("cannot start"));

        assert_eq!(
            report,
            format!("error: cannot start: cannot open: {}", std::fmt::Error)
        );
    }
}
