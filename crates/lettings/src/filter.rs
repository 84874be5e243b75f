//! Filter and order of the public list of lettings.

use diesel::dsl::{InnerJoin, IntoBoxed};
use diesel::prelude::*;
use oc_core::Backend;
use oc_core::search::{SearchTerms, fold, lower};

use crate::address::{number_text, zip_text};
use crate::schema::{addresses, lettings};

/// Filter and order of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LettingFilter {
    /// Search terms; all must match in title, number, street, city or ZIP code.
    pub terms: SearchTerms,
    /// Only this city.
    pub city: Option<String>,
    /// Only this state.
    pub state: Option<String>,
    /// Order.
    pub sort: Sort,
}

impl LettingFilter {
    /// Whether the filter matches every letting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.city.is_none() && self.state.is_none()
    }
}

/// Order of a list of lettings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Oldest first.
    #[default]
    Id,
    /// Newest first.
    IdReversed,
    /// By title, A to Z.
    Title,
    /// By title, Z to A.
    TitleReversed,
    /// By city, A to Z.
    City,
    /// By city, Z to A.
    CityReversed,
}

/// Lettings joined with their addresses.
pub(crate) type Joined<'a> = IntoBoxed<'a, InnerJoin<lettings::table, addresses::table>, Backend>;

/// Lettings that match the filter, joined with their addresses.
pub(crate) fn matching(filter: &LettingFilter) -> Joined<'_> {
    let mut query = lettings::table
        .inner_join(addresses::table)
        .into_boxed::<Backend>();
    for pattern in filter.terms.patterns() {
        let text = lettings::title
            .concat(" ")
            .concat(number_text())
            .concat(" ")
            .concat(addresses::street)
            .concat(" ")
            .concat(addresses::city)
            .concat(" ")
            .concat(zip_text());
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

/// Adds the order. Ties are broken by an id from the table of the sort column, so that an index covers the order.
pub(crate) fn sorted(query: Joined<'_>, sort: Sort) -> Joined<'_> {
    match sort {
        Sort::Id => query.order(lettings::id.asc()),
        Sort::IdReversed => query.order(lettings::id.desc()),
        Sort::Title => query.order((lower(lettings::title).asc(), lettings::id.asc())),
        Sort::TitleReversed => query.order((lower(lettings::title).desc(), lettings::id.desc())),
        Sort::City => query.order((lower(addresses::city).asc(), addresses::id.asc())),
        Sort::CityReversed => query.order((lower(addresses::city).desc(), addresses::id.desc())),
    }
}

#[cfg(test)]
mod tests {
    use oc_core::DbConnection;
    use oc_core::testing::on_both;

    use super::*;
    use crate::letting::Letting;
    use crate::testing::{address, insert_letting, letting, letting_draft};

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
}
