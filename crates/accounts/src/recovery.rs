//! Recovery codes: single-use replacements of the second factor.

use diesel::prelude::*;
use oc_core::DbConnection;
use sha2::{Digest, Sha256};

use crate::schema::recovery_codes;

/// How many a user gets.
const COUNT: usize = 10;
/// Thirty-two signs that nobody takes for one another.
const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
/// How many signs a code has: 80 random bits, so that a plain hash keeps it.
const LENGTH: usize = 16;

/// A recovery code in clear: shown once, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    fn random() -> Self {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        let sign = |byte: u8| char::from(SIGNS[usize::from(byte % 32)]);
        Self(bytes.into_iter().map(sign).collect())
    }

    /// As it is shown: in groups of four.
    #[must_use]
    pub fn shown(&self) -> String {
        let groups: Vec<&str> = (0..LENGTH)
            .step_by(4)
            .map(|start| &self.0[start..start + 4])
            .collect();
        groups.join("-")
    }

    /// New codes for a user, in place of all that they had. Requires a transaction.
    pub fn renew(conn: &mut DbConnection, user_id: i64) -> QueryResult<Vec<Self>> {
        diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id)))
            .execute(conn)?;
        let codes: Vec<Self> = (0..COUNT).map(|_| Self::random()).collect();
        for code in &codes {
            diesel::insert_into(recovery_codes::table)
                .values((
                    recovery_codes::user_id.eq(user_id),
                    recovery_codes::code_hash.eq(hash(&code.0)),
                ))
                .execute(conn)?;
        }
        Ok(codes)
    }

    /// How many a user has left.
    pub fn left(conn: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
        recovery_codes::table
            .filter(recovery_codes::user_id.eq(user_id))
            .count()
            .get_result(conn)
    }

    /// Takes what was typed for a code of this user's, if it is one; it counts no more then.
    pub fn take(conn: &mut DbConnection, user_id: i64, typed: &str) -> QueryResult<bool> {
        let typed: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .flat_map(char::to_lowercase)
            .collect();
        let line = recovery_codes::table.find((user_id, hash(&typed)));
        Ok(diesel::delete(line).execute(conn)? == 1)
    }
}

fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use oc_core::testing::on_both;

    use crate::Factor;
    use crate::testing::user;

    use super::*;

    fn with_factor(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
        let id = user(conn, username)?;
        let now = chrono::DateTime::UNIX_EPOCH.naive_utc();
        Factor::insert(conn, id, "sealed", 0, now)?;
        Ok(id)
    }

    #[test]
    fn each_code_counts_once_and_for_its_user_alone() -> anyhow::Result<()> {
        on_both(|conn| {
            let (ada, bob) = (with_factor(conn, "ada")?, with_factor(conn, "bob")?);
            let codes = conn.write(|conn| RecoveryCode::renew(conn, ada))?;
            let typed = codes[0].shown().to_uppercase().replace('-', " ");

            assert!(!RecoveryCode::take(conn, bob, &typed)?);
            assert!(RecoveryCode::take(conn, ada, &typed)?);
            assert!(!RecoveryCode::take(conn, ada, &typed)?);
            assert_eq!(RecoveryCode::left(conn, ada)?, 9);
            Ok(())
        })
    }

    #[test]
    fn new_codes_take_the_place_of_the_old_ones() -> anyhow::Result<()> {
        on_both(|conn| {
            let ada = with_factor(conn, "ada")?;
            let old = conn.write(|conn| RecoveryCode::renew(conn, ada))?;
            let new = conn.write(|conn| RecoveryCode::renew(conn, ada))?;

            let all: BTreeSet<String> = old.iter().chain(&new).map(RecoveryCode::shown).collect();
            assert_eq!(all.len(), 20);
            assert!(!RecoveryCode::take(conn, ada, &old[3].shown())?);
            assert!(RecoveryCode::take(conn, ada, &new[3].shown())?);
            Ok(())
        })
    }

    #[test]
    fn no_code_is_stored_in_clear() -> anyhow::Result<()> {
        on_both(|conn| {
            let ada = with_factor(conn, "ada")?;
            let codes = conn.write(|conn| RecoveryCode::renew(conn, ada))?;

            let stored: Vec<String> = recovery_codes::table
                .select(recovery_codes::code_hash)
                .load(conn)?;

            assert!(stored.iter().all(|hash| hash.len() == 64));
            assert!(codes.iter().all(|code| !stored.contains(&code.0)));
            Ok(())
        })
    }
}
