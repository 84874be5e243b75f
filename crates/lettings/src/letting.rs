//! A place offered for rent.

use chrono::{NaiveDateTime, Utc};
use diesel::dsl::{InnerJoin, IntoBoxed, exists, select};
use diesel::prelude::*;
use diesel::sql_types::Text;
use oc_core::rules::{Checker, FieldError};
use oc_core::search::{Words, fold, lower};
use oc_core::{Backend, DbConnection, PAGE_SIZE, Page, sequence};

use crate::address::Address;
use crate::schema::{addresses, lettings};

/// The longest title (characters).
pub(crate) const LONGEST_TITLE: usize = 256;

/// A place offered for rent.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = lettings)]
pub struct Letting {
    /// Its id.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// Where it is; no two lettings share an address.
    pub address_id: i64,
    /// When it was added (UTC).
    pub created_at: NaiveDateTime,
    /// When it or its address was last changed (UTC).
    pub updated_at: NaiveDateTime,
}

/// Which lettings a visitor wants to see, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LettingFilter {
    /// All must be found in the title, the street or the city.
    pub words: Words,
    /// This town alone.
    pub city: Option<String>,
    /// This state alone.
    pub state: Option<String>,
    /// The order.
    pub sort: Sort,
}

impl LettingFilter {
    /// Whether it lets every letting through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.city.is_none() && self.state.is_none()
    }
}

/// The order of a list of lettings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The oldest first.
    #[default]
    Id,
    /// The newest first.
    IdReversed,
    /// By title, A to Z.
    Title,
    /// By title, Z to A.
    TitleReversed,
    /// By town, A to Z.
    City,
    /// By town, Z to A.
    CityReversed,
}

/// A town in which something is offered.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Town {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
}

/// Lettings joined with their addresses.
pub(crate) type Joined<'a> = IntoBoxed<'a, InnerJoin<lettings::table, addresses::table>, Backend>;

impl Letting {
    /// One letting with its address.
    pub fn with_address(conn: &mut DbConnection, id: i64) -> QueryResult<(Self, Address)> {
        lettings::table
            .inner_join(addresses::table)
            .filter(lettings::id.eq(id))
            .select((Self::as_select(), Address::as_select()))
            .first(conn)
    }

    /// A page of the lettings that pass the filter, or `None` where there is no such page.
    pub fn page(
        conn: &mut DbConnection,
        filter: &LettingFilter,
        number: i64,
    ) -> QueryResult<Option<Page<(Self, Address)>>> {
        let total = Self::count_matching(conn, filter)?;
        Page::load(number, total, |offset| {
            sorted(matching(filter), filter.sort)
                .limit(PAGE_SIZE)
                .offset(offset)
                .select((Self::as_select(), Address::as_select()))
                .load(conn)
        })
    }

    /// The newest lettings that pass the filter, at most `limit`.
    pub fn newest(
        conn: &mut DbConnection,
        filter: &LettingFilter,
        limit: i64,
    ) -> QueryResult<Vec<(Self, Address)>> {
        sorted(matching(filter), Sort::IdReversed)
            .limit(limit)
            .select((Self::as_select(), Address::as_select()))
            .load(conn)
    }

    /// Other lettings in the town of this one, the newest first, at most `limit`.
    pub fn nearby(
        conn: &mut DbConnection,
        id: i64,
        address: &Address,
        limit: i64,
    ) -> QueryResult<Vec<(Self, Address)>> {
        lettings::table
            .inner_join(addresses::table)
            .filter(addresses::city.eq(&address.city))
            .filter(addresses::state.eq(&address.state))
            .filter(lettings::id.ne(id))
            .order(addresses::id.desc())
            .limit(limit)
            .select((Self::as_select(), Address::as_select()))
            .load(conn)
    }

    /// How many lettings there are.
    pub fn count(conn: &mut DbConnection) -> QueryResult<i64> {
        lettings::table.count().get_result(conn)
    }

    /// How many lettings pass the filter.
    pub fn count_matching(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<i64> {
        // Without its join the count of all takes a fortieth of the time.
        if filter.is_empty() {
            Self::count(conn)
        } else {
            matching(filter).count().get_result(conn)
        }
    }

    /// Ids and times of change, by id, for the map of the site.
    pub fn changes(
        conn: &mut DbConnection,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<(i64, NaiveDateTime)>> {
        lettings::table
            .select((lettings::id, lettings::updated_at))
            .order(lettings::id)
            .offset(offset)
            .limit(limit)
            .load(conn)
    }

    /// Stores a new letting, and says which id it got.
    pub fn insert(conn: &mut DbConnection, letting: &NewLetting) -> QueryResult<i64> {
        diesel::insert_into(lettings::table)
            .values(letting)
            .returning(lettings::id)
            .get_result(conn)
    }

    /// Stores a letting that was deleted, under its old id.
    pub fn restore(conn: &mut DbConnection, id: i64, letting: &NewLetting) -> QueryResult<()> {
        diesel::insert_into(lettings::table)
            .values((lettings::id.eq(id), letting))
            .execute(conn)?;
        sequence::advance(conn, "lettings")
    }

    /// Changes a letting, and notes when if there is anything to change; false where there is no such letting.
    /// Call it within a write.
    pub fn update(conn: &mut DbConnection, id: i64, letting: &NewLetting) -> QueryResult<bool> {
        let Some(stored) = Self::query().find(id).first(conn).optional()? else {
            return Ok(false);
        };
        if letting.is(&stored) {
            return Ok(true);
        }
        diesel::update(lettings::table.find(id))
            .set((letting, lettings::updated_at.eq(Utc::now().naive_utc())))
            .execute(conn)
            .map(|rows| rows == 1)
    }

    /// Deletes a letting; its address stays. False where there is no such letting.
    pub fn delete(conn: &mut DbConnection, id: i64) -> QueryResult<bool> {
        Ok(diesel::delete(lettings::table.find(id)).execute(conn)? == 1)
    }
}

impl Town {
    /// Every town in which something is offered, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        offered(conn, "city")
    }

    /// Every state in which something is offered, by its code.
    pub fn states(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        offered(conn, "state")
    }

    /// Whether something is offered in a town of that name.
    pub fn is_offered(conn: &mut DbConnection, name: &str) -> QueryResult<bool> {
        select(exists(
            lettings::table
                .inner_join(addresses::table)
                .filter(addresses::city.eq(name)),
        ))
        .get_result(conn)
    }
}

/// The distinct values of an indexed column of the addresses that are offered, in order.
///
/// Hops from value to value in the index; `SELECT DISTINCT` reads every row on both databases. Whether something is
/// offered is told by the first address of each, nearly always: asked for all of them at once, PostgreSQL joins both
/// tables as a whole.
fn offered(conn: &mut DbConnection, column: &'static str) -> QueryResult<Vec<Town>> {
    diesel::sql_query(format!(
        "WITH RECURSIVE found (name) AS ( \
             SELECT min({column}) FROM addresses \
             UNION ALL \
             SELECT (SELECT min({column}) FROM addresses WHERE {column} > found.name) \
             FROM found WHERE found.name IS NOT NULL \
         ) \
         SELECT name FROM found WHERE name IS NOT NULL AND ( \
             EXISTS ( \
                 SELECT 1 FROM lettings WHERE address_id = ( \
                     SELECT id FROM addresses WHERE {column} >= found.name ORDER BY {column} LIMIT 1 \
                 ) \
             ) OR EXISTS ( \
                 SELECT 1 FROM addresses JOIN lettings ON lettings.address_id = addresses.id \
                 WHERE addresses.{column} = found.name \
             ) \
         ) ORDER BY name"
    ))
    .load(conn)
}

/// Lettings that pass the filter, joined with their addresses.
pub(crate) fn matching(filter: &LettingFilter) -> Joined<'_> {
    let mut query = lettings::table
        .inner_join(addresses::table)
        .into_boxed::<Backend>();
    for pattern in filter.words.patterns() {
        let text = lettings::title
            .concat(" ")
            .concat(addresses::street)
            .concat(" ")
            .concat(addresses::city);
        query = query.filter(fold(text).like(fold(pattern)).escape('\\'));
    }
    if let Some(city) = &filter.city {
        query = query.filter(addresses::city.eq(city));
    }
    if let Some(state) = &filter.state {
        query = query.filter(addresses::state.eq(state));
    }
    query
}

/// Ties are settled by an id of the table that is sorted by, so that an index gives the order.
fn sorted(query: Joined<'_>, sort: Sort) -> Joined<'_> {
    match sort {
        Sort::Id => query.order(lettings::id.asc()),
        Sort::IdReversed => query.order(lettings::id.desc()),
        Sort::Title => query.order((lower(lettings::title).asc(), lettings::id.asc())),
        Sort::TitleReversed => query.order((lower(lettings::title).desc(), lettings::id.desc())),
        Sort::City => query.order((lower(addresses::city).asc(), addresses::id.asc())),
        Sort::CityReversed => query.order((lower(addresses::city).desc(), addresses::id.desc())),
    }
}

/// What was typed about a letting.
#[derive(Debug, Clone, Default)]
pub struct LettingDraft {
    /// What it is called.
    pub title: String,
    /// Where it is.
    pub address_id: i64,
}

impl NewLetting {
    /// Whether a stored letting holds just this.
    pub(crate) fn is(&self, letting: &Letting) -> bool {
        self.title == letting.title && self.address_id == letting.address_id
    }
}

/// A letting that keeps every rule, made by [`LettingDraft::check`] alone. That its address exists and is free
/// is for the database to say.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = lettings, treat_none_as_default_value = false)]
pub struct NewLetting {
    title: String,
    address_id: i64,
}

impl LettingDraft {
    /// Checks every rule; the only way to a [`NewLetting`].
    pub fn check(&self) -> Result<NewLetting, Vec<FieldError>> {
        let mut checker = Checker::default();
        let letting = NewLetting {
            title: checker.text("title", "Title", &self.title, 1, LONGEST_TITLE),
            address_id: self.address_id,
        };
        checker.finish(letting)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use super::*;
    use crate::address::AddressDraft;

    fn address(conn: &mut DbConnection, street: &str, city: &str, state: &str) -> QueryResult<i64> {
        let draft = AddressDraft {
            number: "12".to_owned(),
            street: street.to_owned(),
            city: city.to_owned(),
            state: state.to_owned(),
            zip_code: "92651".to_owned(),
            country_iso_code: "USA".to_owned(),
        };
        Address::insert(conn, &draft.check().expect("the fixture keeps the rules"))
    }

    fn letting(conn: &mut DbConnection, title: &str, street: &str, city: &str) -> QueryResult<i64> {
        let address_id = address(conn, street, city, "CA")?;
        let draft = LettingDraft {
            title: title.to_owned(),
            address_id,
        };
        Letting::insert(conn, &draft.check().expect("the fixture keeps the rules"))
    }

    fn titles(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Vec<String>> {
        let page = Letting::page(conn, filter, 1)?.expect("there is always a first page");
        assert_eq!(
            page.total,
            i64::try_from(page.rows.len()).unwrap_or(i64::MAX)
        );
        Ok(page
            .rows
            .into_iter()
            .map(|(letting, _)| letting.title)
            .collect())
    }

    fn search(words: &str) -> LettingFilter {
        LettingFilter {
            words: Words::parse(words),
            ..LettingFilter::default()
        }
    }

    #[test]
    fn a_letting_comes_with_its_address() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = letting(conn, "Lakeside flat", "Gull Lane", "Dana Point")?;

            let (letting, address) = Letting::with_address(conn, id)?;

            assert_eq!(letting.title, "Lakeside flat");
            assert_eq!(address.city, "Dana Point");
            assert_eq!(Letting::with_address(conn, id + 1), Err(Error::NotFound));
            Ok(())
        })
    }

    #[test]
    fn all_words_must_match_in_any_case_and_any_script() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "Casa ÉTOILE", "Gull Lane", "Dana Point")?;
            letting(conn, "Pier House", "Étoile Way", "Seal Beach")?;
            letting(conn, "100% Sun_light", "Gull Lane", "Irvine")?;

            assert_eq!(
                titles(conn, &search("étoile"))?,
                ["Casa ÉTOILE", "Pier House"]
            );
            assert_eq!(titles(conn, &search("ÉTOILE beach"))?, ["Pier House"]);
            assert_eq!(
                titles(conn, &search("lane GULL"))?,
                ["Casa ÉTOILE", "100% Sun_light"]
            );
            assert_eq!(titles(conn, &search("0% n_l"))?, ["100% Sun_light"]);
            assert!(titles(conn, &search("_"))?.len() == 1);
            assert!(titles(conn, &search("lighthouse"))?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn town_and_state_filter_by_their_exact_names() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "One", "Gull Lane", "Orange")?;
            let texan = LettingDraft {
                title: "Two".to_owned(),
                address_id: address(conn, "Gull Lane", "Orange", "TX")?,
            };
            Letting::insert(conn, &texan.check().expect("the fixture keeps the rules"))?;
            letting(conn, "Three", "Orange Lane", "Tustin")?;
            let city = |city: &str, state: Option<&str>| LettingFilter {
                city: Some(city.to_owned()),
                state: state.map(str::to_owned),
                ..LettingFilter::default()
            };

            assert_eq!(titles(conn, &city("Orange", None))?, ["One", "Two"]);
            assert_eq!(titles(conn, &city("Orange", Some("TX")))?, ["Two"]);
            assert!(titles(conn, &city("Oran", None))?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn every_order_is_the_same_on_both_databases() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "banana", "Gull Lane", "Tustin")?;
            letting(conn, "Apple", "Gull Lane", "irvine")?;
            letting(conn, "apple", "Gull Lane", "Brea")?;
            let mut by = |sort| {
                titles(
                    conn,
                    &LettingFilter {
                        sort,
                        ..LettingFilter::default()
                    },
                )
            };

            assert_eq!(by(Sort::Id)?, ["banana", "Apple", "apple"]);
            assert_eq!(by(Sort::IdReversed)?, ["apple", "Apple", "banana"]);
            assert_eq!(by(Sort::Title)?, ["Apple", "apple", "banana"]);
            assert_eq!(by(Sort::TitleReversed)?, ["banana", "apple", "Apple"]);
            assert_eq!(by(Sort::City)?, ["apple", "Apple", "banana"]);
            assert_eq!(by(Sort::CityReversed)?, ["banana", "Apple", "apple"]);
            Ok(())
        })
    }

    #[test]
    fn pages_hold_twenty_four_and_end() -> anyhow::Result<()> {
        on_both(|conn| {
            for number in 0..25 {
                letting(conn, &format!("House {number}"), "Gull Lane", "Brea")?;
            }
            let mut page = |number| Letting::page(conn, &search("house"), number);

            assert_eq!(page(1)?.map(|page| page.rows.len()), Some(24));
            assert_eq!(
                page(2)?.map(|page| (page.rows.len(), page.total)),
                Some((1, 25))
            );
            assert_eq!(page(3)?, None);
            Ok(())
        })
    }

    #[test]
    fn nearby_means_the_same_town_and_another_letting() -> anyhow::Result<()> {
        on_both(|conn| {
            let here = letting(conn, "Here", "Gull Lane", "Brea")?;
            letting(conn, "Next door", "Gull Lane", "Brea")?;
            letting(conn, "Far away", "Gull Lane", "Irvine")?;
            let (_, address) = Letting::with_address(conn, here)?;

            let nearby = Letting::nearby(conn, here, &address, 3)?;

            assert_eq!(
                nearby.into_iter().map(|(l, _)| l.title).collect::<Vec<_>>(),
                ["Next door"]
            );
            Ok(())
        })
    }

    #[test]
    fn only_towns_with_an_offer_are_listed() -> anyhow::Result<()> {
        on_both(|conn| {
            assert!(Town::all(conn)?.is_empty());
            // The first address of a state, and of a town, need not be the one that is offered.
            address(conn, "Gull Lane", "Anaheim", "CA")?;
            address(conn, "Gull Lane", "Brea", "AK")?;
            letting(conn, "One", "Gull Lane", "Tustin")?;
            letting(conn, "Two", "Gull Lane", "Brea")?;
            letting(conn, "Three", "Gull Lane", "Tustin")?;
            address(conn, "Gull Lane", "Irvine", "NV")?;

            let names =
                |towns: Vec<Town>| towns.into_iter().map(|town| town.name).collect::<Vec<_>>();
            assert_eq!(names(Town::all(conn)?), ["Brea", "Tustin"]);
            assert_eq!(names(Town::states(conn)?), ["CA"]);
            assert!(Town::is_offered(conn, "Brea")?);
            assert!(!Town::is_offered(conn, "Irvine")?);
            Ok(())
        })
    }

    #[test]
    fn the_newest_come_first_and_the_map_has_all() -> anyhow::Result<()> {
        on_both(|conn| {
            let ids =
                ["One", "Two", "Three"].map(|title| letting(conn, title, "Gull Lane", "Brea"));
            let ids = ids.into_iter().collect::<QueryResult<Vec<_>>>()?;

            let newest = Letting::newest(conn, &LettingFilter::default(), 2)?;
            let changes = Letting::changes(conn, 1, 5)?;

            assert_eq!(
                newest.iter().map(|(l, _)| l.id).collect::<Vec<_>>(),
                [ids[2], ids[1]]
            );
            assert_eq!(
                changes.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
                ids[1..]
            );
            Ok(())
        })
    }

    #[test]
    fn one_letting_an_address_and_none_without() -> anyhow::Result<()> {
        on_both(|conn| {
            let address_id = address(conn, "Gull Lane", "Brea", "CA")?;
            let new = |title: &str, address_id| {
                LettingDraft {
                    title: title.to_owned(),
                    address_id,
                }
                .check()
            };
            let insert = |conn: &mut DbConnection, address_id| {
                Letting::insert(
                    conn,
                    &new("Flat", address_id).expect("the fixture keeps the rules"),
                )
            };
            let refused = |outcome: QueryResult<i64>| match outcome {
                Err(Error::DatabaseError(kind, _)) => Some(kind),
                _ => None,
            };
            insert(conn, address_id)?;

            assert!(matches!(
                refused(insert(conn, address_id)),
                Some(DatabaseErrorKind::UniqueViolation)
            ));
            assert!(matches!(
                refused(insert(conn, address_id + 1)),
                Some(DatabaseErrorKind::ForeignKeyViolation)
            ));
            assert_eq!(
                new(&"t".repeat(257), 1).map_err(|errors| errors[0].to_string()),
                Err("Title must be at most 256 characters; this has 257.".to_owned())
            );
            Ok(())
        })
    }

    #[test]
    fn an_address_takes_its_letting_along_and_its_id_is_not_used_again() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = letting(conn, "Flat", "Gull Lane", "Brea")?;
            diesel::delete(addresses::table).execute(conn)?;

            let next = letting(conn, "Next", "Gull Lane", "Brea")?;

            assert_eq!(Letting::count(conn)?, 1);
            assert!(next > id);
            Ok(())
        })
    }
}
