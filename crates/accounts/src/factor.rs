//! Second factor: a TOTP secret shared with an authenticator app.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;

use crate::schema::second_factors;
use crate::totp::DRIFT;

/// A factor that counts. Its secret is sealed by the caller, so it is useless without the caller's key.
#[derive(Clone, HasQuery, Identifiable)]
#[diesel(table_name = second_factors, primary_key(user_id))]
pub struct Factor {
    /// Whose it is.
    pub user_id: i64,
    /// The secret, sealed.
    pub secret: String,
    /// The step of the last code that was taken.
    pub last_step: i64,
    /// Since when it counts (UTC).
    pub created_at: NaiveDateTime,
}

impl Factor {
    /// The factor of a user, if they have one.
    pub fn find(conn: &mut DbConnection, user_id: i64) -> QueryResult<Option<Self>> {
        Self::query().find(user_id).first(conn).optional()
    }

    /// Stores a factor whose first code, that of `step`, was right; false where there is one already. Call it
    /// within a write.
    pub fn insert(
        conn: &mut DbConnection,
        user_id: i64,
        sealed: &str,
        step: i64,
        now: NaiveDateTime,
    ) -> QueryResult<bool> {
        lock(conn, "second factor", user_id)?;
        if Self::find(conn, user_id)?.is_some() {
            return Ok(false);
        }
        diesel::insert_into(second_factors::table)
            .values((
                second_factors::user_id.eq(user_id),
                second_factors::secret.eq(sealed),
                second_factors::last_step.eq(step),
                second_factors::created_at.eq(now),
            ))
            .execute(conn)?;
        Ok(true)
    }

    /// Takes a factor away, and its recovery codes with it; false where there is none.
    pub fn delete(conn: &mut DbConnection, user_id: i64) -> QueryResult<bool> {
        Ok(diesel::delete(second_factors::table.find(user_id)).execute(conn)? == 1)
    }

    /// Takes the code of a step, which then counts no more; false where it, or a later one, was taken before.
    pub fn take(conn: &mut DbConnection, user_id: i64, step: i64) -> QueryResult<bool> {
        let unused = second_factors::table.find(user_id).filter(
            second_factors::last_step
                .lt(step)
                // Stored while a clock was ahead.
                .or(second_factors::last_step.gt(step + 2 * DRIFT)),
        );
        Ok(diesel::update(unused)
            .set(second_factors::last_step.eq(step))
            .execute(conn)?
            == 1)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::testing::user;
    use crate::{RecoveryCode, User};

    use super::*;

    fn now() -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc()
    }

    #[test]
    fn the_code_of_a_step_is_taken_once() -> anyhow::Result<()> {
        on_both(|conn| {
            let ada = user(conn, "ada")?;

            assert!(Factor::insert(conn, ada, "sealed", 7, now())?);
            assert!(!Factor::insert(conn, ada, "other", 9, now())?);

            assert!(!Factor::take(conn, ada, 7)?);
            assert!(Factor::take(conn, ada, 8)?);
            assert!(!Factor::take(conn, ada, 8)?);
            assert!(!Factor::take(conn, ada, 6)?);
            let stored = Factor::find(conn, ada)?.map(|factor| (factor.secret, factor.last_step));
            assert_eq!(stored, Some(("sealed".to_owned(), 8)));
            Ok(())
        })
    }

    #[test]
    fn recovery_codes_go_with_the_factor_and_both_with_the_user() -> anyhow::Result<()> {
        on_both(|conn| {
            let ada = user(conn, "ada")?;
            for _ in 0..2 {
                Factor::insert(conn, ada, "sealed", 7, now())?;
                conn.write(|conn| RecoveryCode::renew(conn, ada))?;
                assert!(Factor::delete(conn, ada)?);
                assert_eq!(RecoveryCode::left(conn, ada)?, 0);
            }
            assert!(!Factor::delete(conn, ada)?);
            Factor::insert(conn, ada, "sealed", 7, now())?;
            conn.write(|conn| RecoveryCode::renew(conn, ada))?;

            User::delete(conn, &[ada])?;

            assert!(Factor::find(conn, ada)?.is_none());
            Ok(())
        })
    }
}
