//! Towns and states with lettings.

use diesel::dsl::{count_star, exists, select};
use diesel::prelude::*;
use diesel::sql_types::Text;
use oc_core::DbConnection;

use crate::schema::{addresses, lettings};

/// A town in which something is offered.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Town {
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
}

impl Town {
    /// Every town in which something is offered, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        offered(conn, "city")
    }

    /// The towns with most lettings, at most `limit`, by name.
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

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::testing::{address, letting};

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
            assert_eq!(names(Town::largest(conn, 1)?), ["Tustin"]);
            assert_eq!(names(Town::largest(conn, 9)?), ["Brea", "Tustin"]);
            assert!(Town::is_offered(conn, "Brea")?);
            assert!(!Town::is_offered(conn, "Irvine")?);
            Ok(())
        })
    }
}
