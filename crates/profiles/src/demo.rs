//! Demo profiles: invented people. Deterministic.

use accounts::{User, UserDraft};
use diesel::prelude::*;
use oc_core::DbConnection;

use crate::profile::ProfileDraft;

/// Username, first name, last name, favorite city, whether to show the e-mail address.
const PEOPLE: [(&str, &str, &str, &str, bool); 8] = [
    ("TideTableTess", "Tess", "Okafor", "Laguna Beach", true),
    ("harbor_hugh", "Hugh", "Lindqvist", "Dana Point", false),
    ("Marisol.V", "Marisol", "Vega", "San Juan Capistrano", false),
    ("groveWalker", "Emmett", "Tanaka", "Orange", false),
    ("PierFifty", "Noor", "Haddad", "Huntington Beach", true),
    (
        "sagebrush-sam",
        "Samantha",
        "Whitlock",
        "Trabuco Canyon",
        false,
    ),
    ("LongboardLeo", "Leo", "Castellano", "San Clemente", false),
    ("BalboaBea", "Béatrice", "Moreau", "Newport Beach", false),
];

/// Adds the demo users whose usernames are free, and returns the ids of their profiles. They have no password, so they
/// can't log in.
pub fn fill(conn: &mut DbConnection) -> QueryResult<Vec<i64>> {
    conn.write(|conn| {
        let mut added = Vec::new();
        for (username, first_name, last_name, favorite_city, show_email) in PEOPLE {
            if User::find_by_username(conn, username).optional()?.is_some() {
                continue;
            }
            let user = UserDraft {
                username: username.to_owned(),
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
                email: format!("{}@holiday-homes.example", username.to_lowercase()),
            };
            let user_id = User::insert(
                conn,
                &user.check().expect("the people above keep the rules"),
            )?;
            let profile = ProfileDraft {
                user_id,
                favorite_city: favorite_city.to_owned(),
                show_email,
            };
            let profile = profile.check().expect("the people above keep the rules");
            added.push(profile.insert(conn)?);
        }
        Ok(added)
    })
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::profile::PublicProfile;

    #[test]
    fn demo_users_are_added_once() -> anyhow::Result<()> {
        on_both(|conn| {
            fill(conn)?;
            fill(conn)?;

            assert_eq!(PublicProfile::count(conn)?, 8);
            assert_eq!(
                PublicProfile::find(conn, "BalboaBea")?.first_name,
                "Béatrice"
            );
            Ok(())
        })
    }
}
