//! What an operator can do about a database that does not work.

use diesel::result::{DatabaseErrorKind, Error};

/// The way out of a database error, told by its message; `None` when there is nothing to say beyond it.
#[must_use]
pub fn advice(message: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 13] = [
        (
            "database is locked",
            "Another process is writing or holds the file. Find it (fuser or lsof on the file), let it end, try again.",
        ),
        (
            "readonly database",
            "The file, or the folder it is in, is not writable for this user. Give it to the user that runs the site.",
        ),
        (
            "file is not a database",
            "Something else lies at that path. Move it away, or set DATABASE_URL to another path.",
        ),
        (
            "nable to open",
            "The folder must exist, and this user must be allowed to read and write in it.",
        ),
        (
            "disk is full",
            "Free some room on the disk that holds the database; nothing that was saved is lost.",
        ),
        (
            "disk I/O error",
            "The disk that holds the database is full or failing. Nothing that was saved before is lost.",
        ),
        (
            // SQLite gave the whole transaction up by itself, which hides its own words.
            "no such savepoint",
            "The disk that holds the database is full or failing. Nothing that was saved before is lost.",
        ),
        (
            "database disk image is malformed",
            "The file is damaged. Keep a copy, and restore the last backup.",
        ),
        (
            "due to lock timeout",
            "Somebody holds a lock that the site needs: see pg_stat_activity and pg_locks, and let them end.",
        ),
        (
            "due to statement timeout",
            "The server is too slow or too busy: see pg_stat_activity. It goes on by itself when there is room.",
        ),
        (
            "does not answer",
            "The server takes connections and says nothing: is it stopped, out of memory, or cut off?",
        ),
        (
            "under the running site",
            "Do not restart the site yet: «A file that went away» in docs/operations.md tells how to keep what was saved.",
        ),
        (
            "connection to server",
            "Is the server running, and do the host, port and user in DATABASE_URL fit?",
        ),
    ];
    ADVICE
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, advice)| *advice)
}

/// Whether an error says that the database is away or busy, and not that the question was wrong.
#[must_use]
pub fn is_passing(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => true,
        Error::DatabaseError(_, information) => [
            "database is locked",
            "disk is full",
            "disk I/O error",
            "no such savepoint",
            // PostgreSQL gave a statement up: for its limit of time, or for whom it would have waited for.
            "canceling statement due to",
            "deadlock detected",
        ]
        .iter()
        .any(|words| information.message().contains(words)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_troubles_have_a_way_out_and_others_none() {
        assert!(
            advice("attempt to write a readonly database").is_some_and(|a| a.contains("writable"))
        );
        assert!(advice("Unable to open the database file").is_some_and(|a| a.contains("folder")));
        assert_eq!(advice("no such table: lettings"), None);
    }

    #[test]
    fn a_lock_passes_and_a_broken_rule_does_not() {
        let error = |kind, message: &str| Error::DatabaseError(kind, Box::new(message.to_owned()));

        assert!(is_passing(&error(
            DatabaseErrorKind::Unknown,
            "database is locked"
        )));
        assert!(is_passing(&error(
            DatabaseErrorKind::ClosedConnection,
            "gone"
        )));
        assert!(!is_passing(&error(
            DatabaseErrorKind::UniqueViolation,
            "UNIQUE constraint failed"
        )));
        assert!(!is_passing(&Error::NotFound));
    }
}
