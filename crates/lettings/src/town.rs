//! Towns and states with lettings.

use diesel::dsl::{count_star, exists, select};
use diesel::prelude::*;
use diesel::sql_types::Text;
use oc_core::DbConnection;

use crate::schema::{addresses, lettings};

/// A city with lettings.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Town {
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
}

impl Town {
    /// Every city with lettings, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        offered(conn, "city")
    }

    /// The cities with the most lettings, at most `limit`, by name.
    pub fn largest(conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<Self>> {
        let mut names: Vec<String> = lettings::table
            .inner_join(addresses::table)
            .group_by(addresses::city)
            .select(addresses::city)
            .order((count_star().desc(), addresses::city.asc()))
            .limit(limit)
            .load(conn)?;
        names.sort_unstable();
        Ok(names.into_iter().map(|name| Self { name }).collect())
    }

    /// Every state with lettings, by code.
    pub fn states(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        offered(conn, "state")
    }

    /// Whether a city of this name has lettings.
    pub fn is_offered(conn: &mut DbConnection, name: &str) -> QueryResult<bool> {
        select(exists(
            lettings::table
                .inner_join(addresses::table)
                .filter(addresses::city.eq(name)),
        ))
        .get_result(conn)
    }
}

/// Distinct values of an indexed column of addresses with lettings, in order.
///
/// Skips from value to value in the index; `SELECT DISTINCT` would read every row on both databases. The first address
/// of a value nearly always has a letting, so it is checked alone first: a query for all of them makes PostgreSQL join
/// both tables completely.
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

            let names =
                |towns: Vec<Town>| towns.into_iter().map(|town| town.name).collect::<Vec<_>>();
            assert_eq!(names(Town::all(conn)?), ["Brea", "Tustin"]);
            assert_eq!(names(Town::states(conn)?), ["CA"]);
            assert_eq!(names(Town::largest(conn, 1)?), ["Tustin"]);
            assert_eq!(names(Town::largest(conn, 9)?), ["Brea", "Tustin"]);
            assert!(Town::is_offered(conn, "Brea")?);
            assert!(!Town::is_offered(conn, "Irvine")?);
            Ok(())
        })
    }
}
