//! Errors of saving a row in the admin.

use diesel::result::{DatabaseErrorKind, Error as DatabaseError};

use crate::validation::FieldError;

/// Why a row was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Fields that break rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))]
    Invalid(Vec<FieldError>),
    /// The row is not there (any more).
    #[error("there is no such row")]
    Missing,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<Vec<FieldError>> for SaveError {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl SaveError {
    /// Maps a constraint violation to a form error: a value that is taken, or a choice that no longer exists. Other
    /// errors stay database errors.
    pub fn from_constraint(
        error: DatabaseError,
        taken: Option<FieldError>,
        gone: Option<FieldError>,
    ) -> Self {
        let invalid = match &error {
            DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => taken,
            DatabaseError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => gone,
            DatabaseError::NotFound => return Self::Missing,
            _ => None,
        };
        invalid.map_or(Self::Database(error), |invalid| {
            Self::Invalid(vec![invalid])
        })
    }
}
