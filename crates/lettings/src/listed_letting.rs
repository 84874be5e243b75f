//! Lettings as lists show them.

use diesel::dsl::InnerJoin;
use diesel::prelude::*;
use oc_core::{CachedStatement, DbConnection, PAGE_SIZE, Paginated};

use crate::address::Address;
use crate::facts::Currency;
use crate::filter::{self, LettingFilter, ids_of_page, is_published};
use crate::letting_text::{capacity, price};
use crate::schema::{addresses, lettings};

/// What lists show of a published letting. Its other columns would take a tenth of the time of a page.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = lettings)]
pub struct ListedLetting {
    /// Its id.
    pub id: i64,
    /// Title.
    pub title: String,
    sleeps: Option<i32>,
    bedrooms: Option<i32>,
    price_from: Option<i32>,
    price_per: String,
    /// City.
    #[diesel(select_expression = addresses::city)]
    pub city: String,
    /// State.
    #[diesel(select_expression = addresses::state)]
    pub state: String,
}

impl ListedLetting {
    /// A page of the lettings that match the filter; `None` if there is no such page.
    pub fn page(
        conn: &mut DbConnection,
        filter: &LettingFilter,
        number: i64,
    ) -> QueryResult<Option<Paginated<Self>>> {
        let hits = filter::hits(conn, filter)?;
        let total = filter::count(conn, filter, &hits)?;
        Paginated::load(number, total, |offset| {
            let page = (total, offset, PAGE_SIZE);
            let ids = ids_of_page(conn, (filter, &hits), filter.sort, page)?;
            Self::load_all(conn, &ids)
        })
    }

    /// The newest lettings, at most `limit`.
    pub fn newest(conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<Self>> {
        let ids = filter::newest(conn, &LettingFilter::default(), limit)?;
        Self::load_all(conn, &ids)
    }

    /// The lettings with these ids, in the order of the ids.
    fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        let rows = joined()
            .filter(lettings::id.eq_any(ids.to_vec()))
            .filter(is_published())
            .select(Self::as_select());
        let mut rows: Vec<Self> = CachedStatement(rows).load(conn)?;
        rows.sort_by_key(|letting| ids.iter().position(|id| *id == letting.id));
        Ok(rows)
    }

    /// Other lettings in the same city, newest first, at most `limit`.
    pub fn nearby(
        conn: &mut DbConnection,
        id: i64,
        address: &Address,
        limit: i64,
    ) -> QueryResult<Vec<Self>> {
        joined()
            .filter(addresses::city.eq(&address.city))
            .filter(addresses::state.eq(&address.state))
            .filter(lettings::id.ne(id))
            .filter(is_published())
            .order(addresses::id.desc())
            .limit(limit)
            .select(Self::as_select())
            .load(conn)
    }

    /// Lettings of a host, newest first, at most `limit`.
    pub fn hosted_by(
        conn: &mut DbConnection,
        profile_id: i64,
        limit: i64,
    ) -> QueryResult<Vec<Self>> {
        joined()
            .filter(lettings::host_id.eq(profile_id))
            .filter(is_published())
            .order(lettings::id.desc())
            .limit(limit)
            .select(Self::as_select())
            .load(conn)
    }

    /// Guests and bedrooms: `Sleeps 6`, `3 bedrooms`.
    pub fn capacity(&self) -> Vec<String> {
        capacity(self.sleeps, self.bedrooms)
    }

    /// The price: `from $240 a night`.
    pub fn price(&self, currency: &Currency) -> Option<String> {
        price(currency, self.price_from, &self.price_per)
    }
}

fn joined() -> InnerJoin<lettings::table, addresses::table> {
    lettings::table.inner_join(addresses::table)
}
