//! Filter and order of the public list of lettings.

use diesel::dsl::{InnerJoin, IntoBoxed, exists, not, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use oc_core::admin::then_order;
use oc_core::search::{SearchTerms, lower};
use oc_core::{Backend, CachedStatement, DbConnection, MAX_COUNT};

use crate::facts::PUBLISHED;
use crate::schema::{addresses, letting_photos, lettings, search_index, town_totals};
use crate::search::{self, Hits};

/// Readers of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// Everybody: published lettings.
    #[default]
    Public,
    /// Staff: lettings of any status.
    Staff,
}

/// Filter and order of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LettingFilter {
    /// Search terms; all must match in title, number, street, city or ZIP code.
    pub terms: SearchTerms,
    /// Only this city.
    pub city: Option<String>,
    /// Only this state.
    pub state: Option<String>,
    /// Only this status, for staff.
    pub status: Option<String>,
    /// Only without this: `description`, `price` or `photo`, for staff.
    pub missing: Option<String>,
    /// Only this type.
    pub kind: Option<String>,
    /// For at least this many guests.
    pub guests: Option<i32>,
    /// With at least this many bedrooms.
    pub bedrooms: Option<i32>,
    /// At most this price of a night.
    pub max_price: Option<i32>,
    /// Pets are welcome, or on request.
    pub pets: bool,
    /// With all of these features.
    pub features: Vec<&'static str>,
    /// Order.
    pub sort: Sort,
    /// Who reads the list.
    pub audience: Audience,
}

impl LettingFilter {
    /// Whether the filter matches every letting that the audience may see.
    fn is_everything(&self) -> bool {
        self.is_search() && self.terms.is_empty()
    }

    /// Whether the filter has only a city or state, for the public.
    fn is_place(&self) -> bool {
        let others = Self {
            city: None,
            state: None,
            sort: Sort::default(),
            ..self.clone()
        };
        others == Self::default()
    }

    /// Whether the filter has nothing but search terms.
    fn is_search(&self) -> bool {
        let others = Self {
            terms: SearchTerms::default(),
            sort: Sort::default(),
            audience: Audience::default(),
            ..self.clone()
        };
        others == Self::default()
    }
}

/// Order of a list of lettings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sort {
    /// What it compares.
    pub key: SortKey,
    /// Whether the order is descending.
    pub is_reversed: bool,
}

/// What an order of lettings compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after columns, except prices")]
pub enum SortKey {
    #[default]
    Id,
    Title,
    City,
    /// Lettings without a price come last in both directions.
    Price,
}

impl Sort {
    /// Newest first.
    pub(crate) const NEWEST: Self = Self {
        key: SortKey::Id,
        is_reversed: true,
    };
}

diesel::postfix_operator!(IsPublished, " = 'published'");

/// Whether a letting is published. A literal: SQLite prepares a statement again if a parameter decides on an index.
pub(crate) fn is_published() -> IsPublished<lettings::status> {
    IsPublished::new(lettings::status)
}

/// Lettings joined with their addresses.
pub(crate) type Joined<'a> = IntoBoxed<'a, InnerJoin<lettings::table, addresses::table>, Backend>;

/// What the search terms of a filter find.
pub(crate) fn hits(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Hits> {
    match filter.audience {
        Audience::Public => search::lettings(conn, &filter.terms),
        Audience::Staff => search::lettings_for_staff(conn, &filter.terms),
    }
}

/// Lettings that match the filter, joined with their addresses.
pub(crate) fn matching<'a>(filter: &'a LettingFilter, hits: &Hits) -> Joined<'a> {
    let mut query = lettings::table
        .inner_join(addresses::table)
        .into_boxed::<Backend>();
    if filter.audience == Audience::Public {
        query = query.filter(is_published());
    }
    match hits {
        Hits::All => {}
        Hits::Few(ids) => query = query.filter(lettings::id.eq_any(ids.clone())),
        Hits::Many => {
            for pattern in filter.terms.patterns() {
                let indexed = search_index::table
                    .filter(search_index::address_id.eq(lettings::address_id))
                    .filter(search_index::text.like(pattern).escape('\\'));
                query = query.filter(exists(indexed));
            }
        }
    }
    if let Some(city) = &filter.city {
        query = query.filter(addresses::city.eq(city));
    }
    if let Some(state) = &filter.state {
        query = query.filter(addresses::state.eq(state));
    }
    if let Some(status) = &filter.status {
        query = query.filter(lettings::status.eq(status));
    }
    match filter.missing.as_deref() {
        Some("description") => query = query.filter(lettings::description.eq("")),
        Some("price") => query = query.filter(lettings::price_from.is_null()),
        Some("photo") => {
            let described = letting_photos::table
                .filter(letting_photos::letting_id.eq(lettings::id))
                .filter(letting_photos::alt.ne(""));
            query = query.filter(not(exists(described)));
        }
        _ => {}
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(lettings::kind.eq(kind));
    }
    if let Some(guests) = filter.guests {
        query = query.filter(lettings::sleeps.ge(guests));
    }
    if let Some(bedrooms) = filter.bedrooms {
        query = query.filter(lettings::bedrooms.ge(bedrooms));
    }
    if let Some(price) = filter.max_price {
        query = query.filter(weekly_price(0).between(1, price * 7));
    }
    if filter.pets {
        query = query.filter(lettings::pets.eq_any(["yes", "request"]));
    }
    for feature in &filter.features {
        let words = sql::<Text>("' ' || lettings.features || ' '");
        query = query.filter(words.like(format!("% {feature} %")));
    }
    query
}

/// SQL for the price of a week, with a value for lettings without a price.
pub(crate) fn weekly_price(otherwise: i32) -> SqlLiteral<Integer> {
    sql(&format!(
        "coalesce(lettings.price_from * CASE lettings.price_per WHEN 'week' THEN 1 ELSE 7 END, {otherwise})"
    ))
}

/// Number of lettings that match the filter; [`MAX_COUNT`] + 1 may be more.
pub(crate) fn count(
    conn: &mut DbConnection,
    filter: &LettingFilter,
    hits: &Hits,
) -> QueryResult<i64> {
    let number = |ids: &Vec<i64>| i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if filter.is_everything() && filter.audience == Audience::Staff {
        let unpublished = lettings::table.filter(lettings::status.ne(PUBLISHED));
        let unpublished: i64 = unpublished.count().get_result(conn)?;
        let published = count(conn, &LettingFilter::default(), hits)?;
        return Ok(published + unpublished);
    }
    if filter.is_place() {
        let (city, state) = (filter.city.as_deref(), filter.state.as_deref());
        return town_total(conn, "lettings", city, state);
    }
    match hits {
        Hits::Few(ids) if filter.is_search() => Ok(number(ids)),
        Hits::Many if filter.is_search() => Ok(MAX_COUNT + 1),
        hits => matching(filter, hits)
            .select(lettings::id)
            .limit(MAX_COUNT + 1)
            .load(conn)
            .map(|ids| number(&ids)),
    }
}

/// The sum of a column of the totals of towns, with this city and state if given.
pub(crate) fn town_total(
    conn: &mut DbConnection,
    column: &'static str,
    city: Option<&str>,
    state: Option<&str>,
) -> QueryResult<i64> {
    let sum = format!("CAST(coalesce(sum({column}), 0) AS BIGINT)");
    let mut towns = town_totals::table
        .select(sql::<BigInt>(&sum))
        .into_boxed::<Backend>();
    if let Some(city) = city {
        towns = towns.filter(town_totals::city.eq(city));
    }
    if let Some(state) = state {
        towns = towns.filter(town_totals::state.eq(state));
    }
    CachedStatement(towns).get_result(conn)
}

/// Ids of the lettings in a range of the list. The rows are loaded by id afterwards, so that the skipped ones cost
/// little.
pub(crate) fn ids(
    conn: &mut DbConnection,
    (filter, hits): (&LettingFilter, &Hits),
    sort: Sort,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let by_id = sort.key == SortKey::Id;
    let by_title = sort.key == SortKey::Title;
    if filter.is_everything() && (by_title || (by_id && filter.audience == Audience::Staff)) {
        let mut all = lettings::table.into_boxed::<Backend>();
        if filter.audience == Audience::Public {
            all = all.filter(is_published());
        }
        if by_title {
            all = then_order(all, lower(lettings::title), sort.is_reversed);
        }
        return then_order(all, lettings::id, sort.is_reversed)
            .select(lettings::id)
            .offset(offset)
            .limit(limit)
            .load(conn);
    }
    if filter.is_place() && by_id {
        let mut places = search_index::table
            .filter(search_index::letting_id.is_not_null())
            .into_boxed::<Backend>();
        if let Some(city) = &filter.city {
            places = places.filter(search_index::city.eq(city));
        }
        if let Some(state) = &filter.state {
            places = places.filter(search_index::state.eq(state));
        }
        return then_order(places, search_index::letting_id, sort.is_reversed)
            .select(search_index::letting_id.assume_not_null())
            .offset(offset)
            .limit(limit)
            .load(conn);
    }
    sorted(matching(filter, hits), sort)
        .select(lettings::id)
        .offset(offset)
        .limit(limit)
        .load(conn)
}

/// Ids of the newest lettings that match the filter, newest first.
pub(crate) fn newest(
    conn: &mut DbConnection,
    filter: &LettingFilter,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let hits = hits(conn, filter)?;
    ids(conn, (filter, &hits), Sort::NEWEST, 0, limit)
}

/// As [`ids`], of a list with this many rows: counts from the nearer end.
pub(crate) fn ids_of_page(
    conn: &mut DbConnection,
    (filter, hits): (&LettingFilter, &Hits),
    sort: Sort,
    (total, offset, limit): (i64, i64, i64),
) -> QueryResult<Vec<i64>> {
    if sort.key == SortKey::Price || total == MAX_COUNT + 1 || offset < total / 2 {
        return ids(conn, (filter, hits), sort, offset, limit);
    }
    let limit = limit.min(total - offset).max(0);
    let from_end = (total - offset - limit).max(0);
    let backwards = Sort {
        is_reversed: !sort.is_reversed,
        ..sort
    };
    let mut ids = ids(conn, (filter, hits), backwards, from_end, limit)?;
    ids.reverse();
    Ok(ids)
}

/// Adds the order. Ties are broken by an id from the table of the sort column, so that an index covers the order.
pub(crate) fn sorted(query: Joined<'_>, sort: Sort) -> Joined<'_> {
    let down = sort.is_reversed;
    let query = match sort.key {
        SortKey::Id => query,
        SortKey::Title => then_order(query, lower(lettings::title), down),
        SortKey::City => {
            let by_city = then_order(query, lower(addresses::city), down);
            return then_order(by_city, addresses::id, down);
        }
        SortKey::Price if down => query.order(weekly_price(0).desc()),
        SortKey::Price => query.order(weekly_price(i32::MAX).asc()),
    };
    then_order(query, lettings::id, down)
}

#[cfg(test)]
mod tests {
    use oc_core::DbConnection;
    use oc_core::testing::on_both;

    use super::*;
    use crate::listed_letting::ListedLetting;
    use crate::testing::{address, insert_letting, letting, letting_draft};

    fn titles(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Vec<String>> {
        let page = ListedLetting::page(conn, filter, 1)?.expect("there is always a first page");
        assert_eq!(
            page.total,
            i64::try_from(page.rows.len()).unwrap_or(i64::MAX)
        );
        Ok(page.rows.into_iter().map(|letting| letting.title).collect())
    }

    fn search(words: &str) -> LettingFilter {
        LettingFilter {
            terms: SearchTerms::parse(words),
            ..LettingFilter::default()
        }
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
    fn house_numbers_and_zip_codes_are_searched() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "West", "Gull Lane", "Brea")?;

            for words in ["12 gull", "92651", "west 12 92651"] {
                assert_eq!(titles(conn, &search(words))?, ["West"], "{words}");
            }
            assert!(titles(conn, &search("192651"))?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn city_and_state_match_exactly() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "One", "Gull Lane", "Orange")?;
            let texas = address(conn, "Gull Lane", "Orange", "TX")?;
            insert_letting(conn, &letting_draft("Two", texas))?;
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
            let mut by = |key, is_reversed| {
                let filter = LettingFilter {
                    sort: Sort { key, is_reversed },
                    ..LettingFilter::default()
                };
                titles(conn, &filter)
            };

            assert_eq!(by(SortKey::Id, false)?, ["banana", "Apple", "apple"]);
            assert_eq!(by(SortKey::Id, true)?, ["apple", "Apple", "banana"]);
            assert_eq!(by(SortKey::Title, false)?, ["Apple", "apple", "banana"]);
            assert_eq!(by(SortKey::Title, true)?, ["banana", "apple", "Apple"]);
            assert_eq!(by(SortKey::City, false)?, ["apple", "Apple", "banana"]);
            assert_eq!(by(SortKey::City, true)?, ["banana", "Apple", "apple"]);
            Ok(())
        })
    }
}
