//! Second factor of a user: a TOTP secret shared with an authenticator app, and recovery codes.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::locks::lock;
use sha2::{Digest, Sha256};

use crate::schema::{recovery_codes, second_factors};
use crate::totp::DRIFT;

/// The second factor of a user.
#[derive(Clone, HasQuery, Identifiable)]
#[diesel(table_name = second_factors, primary_key(user_id))]
pub struct SecondFactor {
    /// The user.
    pub user_id: i64,
    /// The secret, encrypted by the caller.
    pub secret: String,
    /// Time of setup (UTC).
    pub created_at: NaiveDateTime,
}

impl SecondFactor {
    /// The second factor of a user, if there is one.
    pub fn find(conn: &mut DbConnection, user_id: i64) -> QueryResult<Option<Self>> {
        Self::query().find(user_id).first(conn).optional()
    }

    /// Inserts a second factor whose first code, that of `step`, was right; false if the user has one already.
    /// Requires a transaction.
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

    /// Deletes a second factor and its recovery codes; false if there is none.
    pub fn delete(conn: &mut DbConnection, user_id: i64) -> QueryResult<bool> {
        Ok(diesel::delete(second_factors::table.find(user_id)).execute(conn)? == 1)
    }

    /// Consumes the code of a time step; false if it or a later one was used before.
    pub fn consume_step(conn: &mut DbConnection, user_id: i64, step: i64) -> QueryResult<bool> {
        let unused = second_factors::table.find(user_id).filter(
            second_factors::last_step
                .lt(step)
                // Stored while the clock was ahead.
                .or(second_factors::last_step.gt(step + 2 * DRIFT)),
        );
        let update = diesel::update(unused).set(second_factors::last_step.eq(step));
        Ok(update.execute(conn)? == 1)
    }
}

/// Recovery codes per user.
const CODES: usize = 10;
/// 32 characters that are hard to confuse.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
/// Characters per recovery code: 80 random bits, so a plain hash is enough.
const CODE_LENGTH: usize = 16;

/// A recovery code in plain text: a single-use replacement of the second factor. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    fn random() -> Self {
        let mut bytes = [0; CODE_LENGTH];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        let symbol = |byte: u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(bytes.into_iter().map(symbol).collect())
    }

    /// The code in groups of four characters.
    pub fn grouped(&self) -> String {
        let groups = (0..CODE_LENGTH).step_by(4);
        let groups: Vec<&str> = groups.map(|start| &self.0[start..start + 4]).collect();
        groups.join("-")
    }

    /// Replaces the codes of a user by new ones. Requires a transaction.
    pub fn replace_all(conn: &mut DbConnection, user_id: i64) -> QueryResult<Vec<Self>> {
        diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id)))
            .execute(conn)?;
        let codes: Vec<Self> = (0..CODES).map(|_| Self::random()).collect();
        let row = |code: &Self| {
            let hash = recovery_codes::code_hash.eq(code_hash(&code.0));
            (recovery_codes::user_id.eq(user_id), hash)
        };
        let rows: Vec<_> = codes.iter().map(row).collect();
        conn.insert_rows(diesel::insert_into(recovery_codes::table).values(&rows))?;
        Ok(codes)
    }

    /// Number of unused codes of a user.
    pub fn count(conn: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
        let codes = recovery_codes::table.filter(recovery_codes::user_id.eq(user_id));
        codes.count().get_result(conn)
    }

    /// Consumes a code as typed; false if it isn't an unused code of this user.
    pub fn consume(conn: &mut DbConnection, user_id: i64, typed: &str) -> QueryResult<bool> {
        let symbols = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = symbols.flat_map(char::to_lowercase).collect();
        let code = recovery_codes::table.find((user_id, code_hash(&code)));
        Ok(diesel::delete(code).execute(conn)? == 1)
    }
}

fn code_hash(code: &str) -> String {
    hex::encode(Sha256::digest(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use oc_core::testing::on_both;

    use crate::User;
    use crate::testing::user;

    use super::*;

    fn add(conn: &mut DbConnection, user_id: i64, step: i64) -> QueryResult<bool> {
        let now = chrono::DateTime::UNIX_EPOCH.naive_utc();
        SecondFactor::insert(conn, user_id, "sealed", step, now)
    }

    /// A user with a second factor, and the recovery codes.
    fn with_codes(
        conn: &mut DbConnection,
        username: &str,
    ) -> QueryResult<(i64, Vec<RecoveryCode>)> {
        let id = user(conn, username)?;
        add(conn, id, 7)?;
        let codes = conn.write(|conn| RecoveryCode::replace_all(conn, id))?;
        Ok((id, codes))
    }

    #[test]
    fn the_code_of_a_step_is_valid_once() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, _) = with_codes(conn, "ada")?;
            assert!(!add(conn, ada, 9)?);

            for (step, is_valid) in [(7, false), (8, true), (8, false), (6, false)] {
                assert_eq!(SecondFactor::consume_step(conn, ada, step)?, is_valid);
            }
            // Stored while the clock was ahead.
            assert!(SecondFactor::consume_step(conn, ada, 2880)?);
            assert!(SecondFactor::consume_step(conn, ada, 9)?);
            Ok(())
        })
    }

    #[test]
    fn recovery_codes_are_deleted_with_the_factor_and_both_with_the_user() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, _) = with_codes(conn, "ada")?;
            assert!(SecondFactor::delete(conn, ada)?);
            assert!(!SecondFactor::delete(conn, ada)?);
            assert_eq!(RecoveryCode::count(conn, ada)?, 0);
            assert!(add(conn, ada, 7)?);

            let (bob, _) = with_codes(conn, "bob")?;
            User::delete(conn, &[bob])?;
            assert!(SecondFactor::find(conn, bob)?.is_none());
            assert_eq!(RecoveryCode::count(conn, bob)?, 0);
            Ok(())
        })
    }

    #[test]
    fn each_recovery_code_is_valid_once_and_for_its_user_only() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, codes) = with_codes(conn, "ada")?;
            let (bob, _) = with_codes(conn, "bob")?;
            let typed = codes[0].grouped().to_uppercase().replace('-', " ");

            assert!(!RecoveryCode::consume(conn, bob, &typed)?);
            assert!(RecoveryCode::consume(conn, ada, &typed)?);
            assert!(!RecoveryCode::consume(conn, ada, &typed)?);
            assert_eq!(RecoveryCode::count(conn, ada)?, 9);
            Ok(())
        })
    }

    #[test]
    fn new_recovery_codes_replace_the_old_ones_and_only_hashes_are_stored() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, old) = with_codes(conn, "ada")?;
            let new = conn.write(|conn| RecoveryCode::replace_all(conn, ada))?;

            let all: BTreeSet<String> = old.iter().chain(&new).map(RecoveryCode::grouped).collect();
            assert_eq!(all.len(), 20);
            let stored: Vec<String> = recovery_codes::table
                .select(recovery_codes::code_hash)
                .load(conn)?;
            assert!(stored.iter().all(|hash| hash.len() == 64));
            assert!(new.iter().all(|code| !stored.contains(&code.0)));
            assert!(!RecoveryCode::consume(conn, ada, &old[3].grouped())?);
            assert!(RecoveryCode::consume(conn, ada, &new[3].grouped())?);
            Ok(())
        })
    }
}
