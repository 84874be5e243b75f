//! Profiles.

use diesel::dsl::{InnerJoin, IntoBoxed, case_when};
use diesel::prelude::*;
use oc_core::search::{SearchTerms, fold};
use oc_core::validation::{Checker, FieldError};
use oc_core::{Backend, DbConnection, PAGE_SIZE, Paginated};
use serde::Serialize;

use crate::schema::{profiles, users};

/// Maximum length of the favorite city, in characters.
pub(crate) const LONGEST_CITY: usize = 64;

/// A profile with its user's public data.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = users)]
pub struct PublicProfile {
    /// Its id.
    #[diesel(select_expression = profiles::id)]
    pub id: i64,
    /// Username.
    pub username: String,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// Favorite city; may be empty.
    #[diesel(select_expression = profiles::favorite_city)]
    pub favorite_city: String,
    /// E-mail address, if the profile shows it.
    #[diesel(select_expression = case_when(profiles::show_email.and(users::email.ne("")), users::email))]
    pub email: Option<String>,
}

/// Profiles joined with their users.
pub(crate) type Joined<'a> = IntoBoxed<'a, InnerJoin<profiles::table, users::table>, Backend>;

impl PublicProfile {
    /// Initials of the names, or of the username if there are none.
    pub fn initials(&self) -> String {
        let names = [&self.first_name, &self.last_name];
        let mut letters: String = names
            .iter()
            .filter_map(|name| name.chars().next())
            .collect();
        if letters.is_empty() {
            letters = self.username.chars().take(1).collect();
        }
        letters.to_uppercase()
    }

    /// The profile of the user with exactly this username; `None` for users without a profile.
    pub fn find(conn: &mut DbConnection, username: &str) -> QueryResult<Self> {
        profiles::table
            .inner_join(users::table)
            .filter(users::username.eq(username))
            .select(Self::as_select())
            .first(conn)
    }

    /// The username of a profile; `None` if it doesn't exist.
    pub fn username(conn: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
        profiles::table
            .inner_join(users::table)
            .filter(profiles::id.eq(id))
            .select(users::username)
            .first(conn)
            .optional()
    }

    /// A page of the profiles that match the search in username, names or favorite city, by id; `None` if there is no
    /// such page.
    pub fn page(
        conn: &mut DbConnection,
        terms: &SearchTerms,
        number: i64,
    ) -> QueryResult<Option<Paginated<Self>>> {
        let total = if terms.is_empty() {
            Self::count(conn)?
        } else {
            matching(terms).count().get_result(conn)?
        };
        Paginated::load(number, total, |offset| {
            matching(terms)
                .order(profiles::id)
                .limit(PAGE_SIZE)
                .offset(offset)
                .select(Self::as_select())
                .load(conn)
        })
    }

    /// Number of profiles.
    pub fn count(conn: &mut DbConnection) -> QueryResult<i64> {
        profiles::table.count().get_result(conn)
    }

    /// The usernames of all profiles, by profile id, for the sitemap.
    pub fn usernames(conn: &mut DbConnection, offset: i64, limit: i64) -> QueryResult<Vec<String>> {
        profiles::table
            .inner_join(users::table)
            .select(users::username)
            .order(profiles::id)
            .offset(offset)
            .limit(limit)
            .load(conn)
    }
}

/// Condition: all search terms match username, names or favorite city.
pub(crate) fn matching(terms: &SearchTerms) -> Joined<'_> {
    let mut query = profiles::table
        .inner_join(users::table)
        .into_boxed::<Backend>();
    for pattern in terms.patterns() {
        let text = users::username
            .concat(" ")
            .concat(users::first_name)
            .concat(" ")
            .concat(users::last_name)
            .concat(" ")
            .concat(profiles::favorite_city);
        query = query.filter(fold(text).like(pattern).escape('\\'));
    }
    query
}

/// Unvalidated profile.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of the stored row, as typed")]
pub struct ProfileDraft {
    pub user_id: i64,
    pub favorite_city: String,
    pub show_email: bool,
}

/// Valid profile: only [`ProfileDraft::check`] and queries create one. The database checks that the user exists and has
/// no other profile.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = profiles, treat_none_as_default_value = false)]
pub struct NewProfile {
    pub(crate) user_id: i64,
    pub(crate) favorite_city: String,
    pub(crate) show_email: bool,
}

impl ProfileDraft {
    /// Validates the draft; the only way to get a [`NewProfile`].
    pub fn check(&self) -> Result<NewProfile, Vec<FieldError>> {
        let mut checker = Checker::default();
        let profile = NewProfile {
            user_id: self.user_id,
            favorite_city: checker.text(
                "favorite_city",
                "Favorite city",
                &self.favorite_city,
                0,
                LONGEST_CITY,
            ),
            show_email: self.show_email,
        };
        checker.finish(profile)
    }
}

impl NewProfile {
    /// Inserts the profile and returns its id.
    pub fn insert(&self, conn: &mut DbConnection) -> QueryResult<i64> {
        diesel::insert_into(profiles::table)
            .values(self)
            .returning(profiles::id)
            .get_result(conn)
    }

    /// Inserts deleted profiles under their old ids: a few hundred at a time. The id sequence is past them.
    pub fn restore(conn: &mut DbConnection, rows: Vec<(i64, Self)>) -> QueryResult<()> {
        let rows = rows.into_iter().map(|(id, row)| (profiles::id.eq(id), row));
        let rows: Vec<_> = rows.collect();
        conn.insert_rows(diesel::insert_into(profiles::table).values(&rows))
    }

    /// Updates a profile; false if it doesn't exist.
    pub fn update(&self, conn: &mut DbConnection, id: i64) -> QueryResult<bool> {
        Ok(diesel::update(profiles::table.find(id))
            .set(self)
            .execute(conn)?
            == 1)
    }
}

#[cfg(test)]
mod tests {
    use accounts::testing::user;
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use super::*;

    fn profile(
        conn: &mut DbConnection,
        username: &str,
        favorite_city: &str,
        show_email: bool,
    ) -> QueryResult<i64> {
        let user_id = user(conn, username)?;
        let draft = ProfileDraft {
            user_id,
            favorite_city: favorite_city.to_owned(),
            show_email,
        };
        draft
            .check()
            .expect("the fixture keeps the rules")
            .insert(conn)
    }

    fn found(conn: &mut DbConnection, words: &str) -> QueryResult<Vec<String>> {
        let page = PublicProfile::page(conn, &SearchTerms::parse(words), 1)?
            .expect("there is a first page");
        Ok(page
            .rows
            .into_iter()
            .map(|profile| profile.username)
            .collect())
    }

    #[test]
    fn a_user_without_a_profile_is_not_found() -> anyhow::Result<()> {
        on_both(|conn| {
            user(conn, "staff")?;
            profile(conn, "AirWow", "Budapest", false)?;

            assert_eq!(PublicProfile::find(conn, "staff"), Err(Error::NotFound));
            assert_eq!(PublicProfile::find(conn, "airwow"), Err(Error::NotFound));
            assert_eq!(found(conn, "")?, ["AirWow"]);
            assert_eq!(PublicProfile::usernames(conn, 0, 10)?, ["AirWow"]);
            Ok(())
        })
    }

    #[test]
    fn names_and_the_favorite_city_are_searched() -> anyhow::Result<()> {
        on_both(|conn| {
            profile(conn, "zed", "Barcelona", false)?;
            profile(conn, "ann", "Lisbon", false)?;

            assert_eq!(found(conn, "")?, ["zed", "ann"]);
            assert_eq!(found(conn, "BARCE")?, ["zed"]);
            assert_eq!(found(conn, "ada paul lisbon")?, ["ann"]);
            assert_eq!(found(conn, "example.org")?, [""; 0]);
            Ok(())
        })
    }

    #[test]
    fn a_user_has_one_profile() -> anyhow::Result<()> {
        on_both(|conn| {
            let user_id = user(conn, "ada")?;
            let new = ProfileDraft {
                user_id,
                ..ProfileDraft::default()
            }
            .check()
            .expect("it keeps the rules");
            new.insert(conn)?;

            assert!(matches!(
                new.insert(conn),
                Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
            ));
            Ok(())
        })
    }

    #[test]
    fn a_favorite_city_has_at_most_sixty_four_characters() -> anyhow::Result<()> {
        let long = "x".repeat(65);
        let refused = ProfileDraft {
            favorite_city: long.clone(),
            ..ProfileDraft::default()
        }
        .check();

        assert_eq!(
            refused.map_err(|errors| errors[0].to_string()),
            Err("Favorite city must be 64 characters or fewer; you entered 65.".to_owned())
        );
        on_both(|conn| {
            let profile = NewProfile {
                user_id: user(conn, "ada")?,
                favorite_city: long.clone(),
                show_email: false,
            };
            assert!(matches!(
                profile.insert(conn),
                Err(Error::DatabaseError(DatabaseErrorKind::CheckViolation, _))
            ));
            Ok(())
        })
    }
}
