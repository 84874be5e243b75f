//! Hints for operators on database errors.

use diesel::result::{DatabaseErrorKind, Error};

/// What an operator can do about a database error with this message.
pub fn hint(message: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 16] = [
        (
            "database is locked",
            "Another process has locked the file. Find it (fuser or lsof on the file), stop it or wait for it, and try again.",
        ),
        (
            "readonly database",
            "This user can't write to the file or its folder. Change the owner to the user that runs the site.",
        ),
        (
            "read-only transaction",
            "The server is a standby, or default_transaction_read_only is on. Connect to the primary, make room on a full disk, or set READ_ONLY=true.",
        ),
        (
            "No space left on device",
            "The disk is full. Saved data is not lost.",
        ),
        (
            "file is not a database",
            "Another kind of file has this path. Move it, or set DATABASE_URL to another path.",
        ),
        (
            "nable to open",
            "The folder must exist and be readable and writable for this user.",
        ),
        (
            "disk is full",
            "Free some space on the database's disk. Saved data is not lost.",
        ),
        (
            "disk I/O error",
            "The database's disk is full or failing. Data saved before is not lost.",
        ),
        (
            // SQLite rolled the transaction back by itself, which hides the first error.
            "no such savepoint",
            "The database's disk is full or failing. Data saved before is not lost.",
        ),
        (
            "database disk image is malformed",
            "The file is damaged. Keep a copy and restore the last backup.",
        ),
        (
            "due to lock timeout",
            "Another session holds a lock that the site needs: see pg_stat_activity and pg_locks.",
        ),
        (
            "due to statement timeout",
            "The server is too slow or overloaded: see pg_stat_activity.",
        ),
        (
            "does not answer",
            "The server accepts connections but doesn't respond: is it suspended, out of memory, or unreachable?",
        ),
        (
            "permission denied for schema",
            "Since PostgreSQL 15, roles can't create tables by default. Run GRANT USAGE, CREATE ON SCHEMA public TO the role.",
        ),
        (
            "permission denied for",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES and USAGE ON ALL SEQUENCES IN SCHEMA public to the role.",
        ),
        (
            "connection to server",
            "Is the server running, and are the host, port and user in DATABASE_URL correct?",
        ),
    ];
    HINTS
        .iter()
        .find(|(pattern, _)| message.contains(pattern))
        .map(|(_, hint)| *hint)
}

/// Whether a retry may succeed: the database is unavailable or busy, and the query itself is valid.
pub fn is_transient(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        | Error::BrokenTransactionManager => true,
        Error::DatabaseError(_, information) => [
            "database is locked",
            "disk is full",
            "disk I/O error",
            "no such savepoint",
            "No space left on device",
            // PostgreSQL cancels statements at a timeout.
            "canceling statement due to",
            "deadlock detected",
        ]
        .iter()
        .any(|pattern| information.message().contains(pattern)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_have_a_hint() {
        assert!(hint("attempt to write a readonly database").is_some_and(|a| a.contains("owner")));
        assert!(hint("Unable to open the database file").is_some_and(|a| a.contains("folder")));
        assert_eq!(hint("no such table: lettings"), None);
    }

    #[test]
    fn locks_are_transient_and_constraint_violations_are_not() {
        let error = |kind, message: &str| Error::DatabaseError(kind, Box::new(message.to_owned()));

        assert!(is_transient(&error(
            DatabaseErrorKind::Unknown,
            "database is locked"
        )));
        assert!(is_transient(&error(
            DatabaseErrorKind::ClosedConnection,
            "gone"
        )));
        assert!(!is_transient(&error(
            DatabaseErrorKind::UniqueViolation,
            "UNIQUE constraint failed"
        )));
        assert!(!is_transient(&Error::NotFound));
    }
}
