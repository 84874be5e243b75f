//! Towns with lettings.

use diesel::dsl::{Filter, Gt, exists, select, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oc_core::{CachedStatement, DbConnection};

use crate::schema::town_totals;

/// A city and its state, with the number of published lettings.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = town_totals)]
pub struct Town {
    /// City.
    pub city: String,
    /// State.
    pub state: String,
    /// Number of published lettings.
    pub lettings: i64,
}

impl Town {
    /// Every town with published lettings, by city.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        let towns = offered().order(town_totals::city).select(Self::as_select());
        CachedStatement(towns).load(conn)
    }

    /// Every city with published lettings, by name.
    pub fn cities(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
        let names = offered().select(town_totals::city).distinct();
        names.order(town_totals::city).load(conn)
    }

    /// The cities with the most published lettings, at most `limit`, by name.
    pub fn largest(conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<String>> {
        let names = offered()
            .group_by(town_totals::city)
            .select(town_totals::city)
            .order((sql::<BigInt>("sum(lettings) DESC"), town_totals::city.asc()))
            .limit(limit);
        let mut names: Vec<String> = CachedStatement(names).load(conn)?;
        names.sort_unstable();
        Ok(names)
    }

    /// Every state with published lettings, by code.
    pub fn states(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
        let names = offered().select(town_totals::state).distinct();
        names.order(town_totals::state).load(conn)
    }

    /// Whether a city of this name has published lettings.
    pub fn is_offered(conn: &mut DbConnection, name: &str) -> QueryResult<bool> {
        select(exists(offered().filter(town_totals::city.eq(name)))).get_result(conn)
    }
}

/// Cities and states with lettings.
fn offered() -> Filter<town_totals::table, Gt<town_totals::lettings, i64>> {
    town_totals::table.filter(town_totals::lettings.gt(0))
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::testing::{address, letting};

    #[test]
    fn only_cities_with_lettings_are_listed() -> anyhow::Result<()> {
        on_both(|conn| {
            assert!(Town::all(conn)?.is_empty());
            // The first address of a state or city may have no letting.
            address(conn, "Gull Lane", "Anaheim", "CA")?;
            address(conn, "Gull Lane", "Brea", "AK")?;
            letting(conn, "One", "Gull Lane", "Tustin")?;
            letting(conn, "Two", "Gull Lane", "Brea")?;
            letting(conn, "Three", "Gull Lane", "Tustin")?;
            address(conn, "Gull Lane", "Irvine", "NV")?;

            assert_eq!(Town::cities(conn)?, ["Brea", "Tustin"]);
            assert_eq!(Town::states(conn)?, ["CA"]);
            assert_eq!(Town::largest(conn, 1)?, ["Tustin"]);
            assert_eq!(Town::largest(conn, 9)?, ["Brea", "Tustin"]);
            assert!(Town::is_offered(conn, "Brea")?);
            assert!(!Town::is_offered(conn, "Irvine")?);
            Ok(())
        })
    }
}
