//! Lettings.

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oc_core::{DbConnection, locks};

use crate::address::Address;
use crate::filter::{self, Audience, LettingFilter, is_published};
use crate::index;
use crate::letting_draft::NewLetting;
use crate::schema::{addresses, lettings};
use crate::search::Hits;

/// A letting.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = lettings)]
pub struct Letting {
    /// Its id.
    pub id: i64,
    /// Title.
    pub title: String,
    /// Id of its address; no two lettings share an address.
    pub address_id: i64,
    /// When it was added (UTC).
    pub created_at: NaiveDateTime,
    /// When it or its address was last changed (UTC).
    pub updated_at: NaiveDateTime,
    /// Status, one of [`STATUSES`](crate::facts::STATUSES).
    pub status: String,
    /// One line; may be empty.
    pub summary: String,
    /// Paragraphs with a blank line between them; may be empty.
    pub description: String,
    /// One of [`KINDS`](crate::facts::KINDS); may be empty.
    pub kind: String,
    /// Number of guests.
    pub sleeps: Option<i32>,
    /// Number of bedrooms; 0 for a studio.
    pub bedrooms: Option<i32>,
    /// Number of bathrooms in halves: 3 are one and a half.
    pub half_bathrooms: Option<i32>,
    /// Lowest price in whole units of the currency.
    pub price_from: Option<i32>,
    /// `night` or `week`.
    pub price_per: String,
    /// Minimum stay in nights.
    pub min_nights: Option<i32>,
    /// One of [`PETS`](crate::facts::PETS); may be empty.
    pub pets: String,
    /// Values of [`FEATURES`](crate::facts::FEATURES) in their order, with a space between them.
    pub features: String,
    /// Permit number; may be empty.
    pub permit: String,
    /// Id of the host's profile.
    pub host_id: Option<i64>,
    /// Whether the public sees the first line of the address.
    pub address_shown: bool,
}

impl Letting {
    /// A published letting with its address.
    pub fn with_address(conn: &mut DbConnection, id: i64) -> QueryResult<(Self, Address)> {
        Self::with_address_for(conn, id, Audience::Public)
    }

    /// A letting with its address: for staff, of any status.
    pub fn with_address_for(
        conn: &mut DbConnection,
        id: i64,
        audience: Audience,
    ) -> QueryResult<(Self, Address)> {
        let is_visible = is_published().or((audience == Audience::Staff).into_sql::<Bool>());
        lettings::table
            .inner_join(addresses::table)
            .filter(lettings::id.eq(id))
            .filter(is_visible)
            .select((Self::as_select(), Address::as_select()))
            .first(conn)
    }

    /// The newest published lettings that match the filter, at most `limit`.
    pub fn newest(
        conn: &mut DbConnection,
        filter: &LettingFilter,
        limit: i64,
    ) -> QueryResult<Vec<(Self, Address)>> {
        let ids = filter::newest(conn, filter, limit)?;
        lettings::table
            .inner_join(addresses::table)
            .filter(lettings::id.eq_any(ids))
            .filter(is_published())
            .order(lettings::id.desc())
            .select((Self::as_select(), Address::as_select()))
            .load(conn)
    }

    /// Number of published lettings.
    pub fn count(conn: &mut DbConnection) -> QueryResult<i64> {
        filter::count(conn, &LettingFilter::default(), &Hits::All)
    }

    /// Ids and times of change of published lettings, by id, for the sitemap.
    pub fn changes(
        conn: &mut DbConnection,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<(i64, NaiveDateTime)>> {
        lettings::table
            .filter(is_published())
            .select((lettings::id, lettings::updated_at))
            .order(lettings::id)
            .offset(offset)
            .limit(limit)
            .load(conn)
    }

    /// Inserts a letting and returns its id.
    pub fn insert(conn: &mut DbConnection, letting: &NewLetting) -> QueryResult<i64> {
        // A concurrent change of the address is indexed before or after this one.
        locks::hold(conn, "addresses", &[letting.address_id])?;
        let id = diesel::insert_into(lettings::table)
            .values(letting)
            .returning(lettings::id)
            .get_result(conn)?;
        index::update(conn)?;
        Ok(id)
    }

    /// Inserts deleted lettings under their old ids: a few hundred at a time. The id sequence is past them.
    pub fn restore(conn: &mut DbConnection, rows: Vec<(i64, NewLetting)>) -> QueryResult<()> {
        let rows = rows.into_iter().map(|(id, row)| (lettings::id.eq(id), row));
        let rows: Vec<_> = rows.collect();
        conn.insert_rows(diesel::insert_into(lettings::table).values(&rows))?;
        index::update(conn)
    }

    /// Updates a letting, and its time of change if anything changes; false if the letting doesn't exist. Requires a
    /// transaction.
    pub fn update(conn: &mut DbConnection, id: i64, letting: &NewLetting) -> QueryResult<bool> {
        let stored = lettings::table.find(id).select(NewLetting::as_select());
        let Some(stored) = stored.first(conn).optional()? else {
            return Ok(false);
        };
        if *letting == stored {
            return Ok(true);
        }
        if letting.address_id != stored.address_id {
            locks::hold(conn, "addresses", &[letting.address_id])?;
        }
        let updated = diesel::update(lettings::table.find(id))
            .set((letting, lettings::updated_at.eq(Utc::now().naive_utc())))
            .execute(conn)?;
        index::update(conn)?;
        Ok(updated == 1)
    }

    /// Deletes lettings; their addresses remain.
    pub fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        diesel::delete(lettings::table.filter(lettings::id.eq_any(ids.to_vec()))).execute(conn)?;
        index::update(conn)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use super::*;
    use crate::testing::{address, insert_letting, letting, letting_draft};

    #[test]
    fn newest_come_first_and_the_sitemap_has_all() -> anyhow::Result<()> {
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
    fn a_letting_needs_an_address_of_its_own() -> anyhow::Result<()> {
        on_both(|conn| {
            let address_id = address(conn, "Gull Lane", "Brea", "CA")?;
            let insert = |conn: &mut DbConnection, address_id| {
                insert_letting(conn, &letting_draft("Flat", address_id))
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
                letting_draft(&"t".repeat(257), 1)
                    .check()
                    .map_err(|errors| errors[0].to_string()),
                Err("Title must be 256 characters or fewer; you entered 257.".to_owned())
            );
            Ok(())
        })
    }

    #[test]
    fn deleting_an_address_deletes_its_letting_and_ids_are_not_reused() -> anyhow::Result<()> {
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
