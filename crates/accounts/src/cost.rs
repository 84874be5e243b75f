//! Cost of verifying a password hash, by algorithm and parameters.

use std::collections::BTreeMap;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use oc_core::DbConnection;

use crate::password::OUR_KIND;
use crate::schema::users;
use crate::user::User;

/// The kind of a stored hash: what it says of algorithm and parameters, without salt and hash.
#[must_use]
pub fn kind(stored: &str) -> String {
    if stored.is_empty() || stored.starts_with('!') {
        // There is none, and so one of our own is made instead.
        return OUR_KIND.to_owned();
    }
    let parts: Vec<&str> = stored.split('$').collect();
    match parts.as_slice() {
        ["" | "argon2", algorithm, version, parameters, ..] => {
            format!("${algorithm}${version}${parameters}")
        }
        ["bcrypt" | "bcrypt_sha256", "", version, cost, ..] => format!("bcrypt${version}${cost}"),
        ["scrypt", n, _, r, p, ..] => format!("scrypt${n}${r}${p}"),
        [algorithm, rounds, _, _] => format!("{algorithm}${rounds}"),
        _ => String::new(),
    }
}

impl User {
    /// A stored hash of every kind that there is.
    pub fn password_of_each_kind(conn: &mut DbConnection) -> QueryResult<BTreeMap<String, String>> {
        let mut kinds = BTreeMap::new();
        let passwords = users::table.select(users::password);
        for stored in passwords.load_iter::<String, DefaultLoadingMode>(conn)? {
            let stored = stored?;
            kinds.entry(kind(&stored)).or_insert(stored);
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::password;
    use crate::testing::user;

    use super::*;

    #[test]
    fn a_kind_holds_neither_salt_nor_hash() {
        for (stored, expected) in [
            (
                "pbkdf2_sha256$1000000$salt$aGFzaA==",
                "pbkdf2_sha256$1000000",
            ),
            ("pbkdf2_sha1$1200$salt$aGFzaA==", "pbkdf2_sha1$1200"),
            ("bcrypt_sha256$$2b$12$saltandhash", "bcrypt$2b$12"),
            ("bcrypt$$2b$12$saltandhash", "bcrypt$2b$12"),
            ("scrypt$16384$salt$8$5$aGFzaA==", "scrypt$16384$8$5"),
            (
                "argon2$argon2id$v=19$m=64,t=1,p=2$c2FsdA$aGFzaA",
                "$argon2id$v=19$m=64,t=1,p=2",
            ),
            (
                "$argon2id$v=19$m=64,t=1,p=2$c2FsdA$aGFzaA",
                "$argon2id$v=19$m=64,t=1,p=2",
            ),
            ("plain", ""),
        ] {
            assert_eq!(kind(stored), expected, "{stored}");
        }
    }

    #[test]
    fn no_password_costs_what_one_of_ours_does() {
        let own = kind(&password::hash("Sea breeze 42"));

        assert_eq!(kind(password::UNUSABLE), own);
        assert_eq!(kind(""), own);
    }

    #[test]
    fn one_hash_of_each_kind_is_found() -> anyhow::Result<()> {
        on_both(|conn| {
            for (name, stored) in [
                ("ada", "pbkdf2_sha256$1000$salt$aGFzaA=="),
                ("bob", "pbkdf2_sha256$1000$pepper$aGFzaA=="),
                ("carol", "pbkdf2_sha256$2000$salt$aGFzaA=="),
            ] {
                let id = user(conn, name)?;
                User::set_password(conn, id, stored)?;
            }

            let kinds = User::password_of_each_kind(conn)?;

            let names: Vec<&str> = kinds.keys().map(String::as_str).collect();
            assert_eq!(names, ["pbkdf2_sha256$1000", "pbkdf2_sha256$2000"]);
            assert_eq!(kind(&kinds["pbkdf2_sha256$1000"]), "pbkdf2_sha256$1000");
            Ok(())
        })
    }
}
