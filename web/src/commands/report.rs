//! How a failed command is told: the reason in one line, then hints.

use oc_core::hints::hint;

/// The reason in one line, then what can be done about it.
pub(crate) fn report(error: &anyhow::Error) -> String {
    let mut reason = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
        // Some errors tell their cause themselves.
        if !reason.contains(&cause) {
            reason.push_str(if reason.is_empty() { "" } else { ": " });
            reason.push_str(&cause);
        }
    }
    let hint = match hint(&reason) {
        Some(hint) => hint,
        None if reason.contains("newer than this program") => {
            "Start the version that migrated it, or restore a backup from before."
        }
        None if reason.contains("there is no database at") => {
            "`oc-lettings migrate` makes one; or set DATABASE_URL to where it is."
        }
        None if reason.contains("cannot listen on") => {
            "Set HOST and PORT to an address that is free."
        }
        None if reason.contains("the database is not empty") => {
            "`restore --force` puts the backup in the place of what it holds; `copy` needs a new database."
        }
        None if reason.contains("nothing was imported") && reason.contains("wrong with") => {
            "The report names each value. Mend them on the old site, or leave the rows out with --skip-bad."
        }
        None if reason.contains("rows that are not of this file") => {
            "Import into an empty database, or add to this one with --merge: nothing that stands is overwritten."
        }
        None => return format!("error: {reason}"),
    };
    format!("error: {reason}\nhint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_and_hints_follow() {
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
    fn a_cause_is_told_once() {
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
