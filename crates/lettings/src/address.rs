//! Addresses.

use chrono::Utc;
use diesel::dsl::{IntoBoxed, LeftJoin, exists};
use diesel::prelude::*;
use oc_core::search::{SearchTerms, fold, lower};
use oc_core::validation::{Checker, FieldError};
use oc_core::{Backend, DbConnection, text};
use serde::Deserialize;

use crate::index;
use crate::schema::{addresses, lettings, search_index, town_totals};
use crate::search::{self, Hits};
use crate::town::Town;

/// Largest street number.
pub(crate) const LARGEST_NUMBER: i32 = 9999;
/// Largest ZIP code.
pub(crate) const LARGEST_ZIP_CODE: i32 = 99_999;
/// Maximum length of street and city, in characters.
pub(crate) const LONGEST: usize = 64;
/// Length of a state code, in characters.
pub(crate) const STATE: usize = 2;
/// Length of a country code (ISO 3166-1 alpha-3), in characters.
pub(crate) const COUNTRY: usize = 3;

/// Addresses joined with their lettings, if any.
pub(crate) type Joined<'a> = IntoBoxed<'a, LeftJoin<addresses::table, lettings::table>, Backend>;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = addresses)]
pub struct Address {
    /// Its id.
    pub id: i64,
    /// Street number, 0 to 9999.
    pub number: i32,
    /// Street, without the number.
    pub street: String,
    /// City.
    pub city: String,
    /// Two-letter state code.
    pub state: String,
    /// ZIP code as a number; [`Address::zip`] formats it.
    pub zip_code: i32,
    /// Country code (ISO 3166-1 alpha-3).
    pub country_iso_code: String,
}

impl Address {
    /// The ZIP code with leading zeros.
    pub fn zip(&self) -> String {
        format!("{:05}", self.zip_code)
    }

    /// Number and street.
    pub fn line(&self) -> String {
        format!("{} {}", self.number, self.street)
    }

    /// City, state and ZIP code.
    pub(crate) fn town_line(&self) -> String {
        format!("{}, {} {}", self.city, self.state, self.zip())
    }

    /// The address without the country, on one line.
    pub fn in_one_line(&self) -> String {
        format!("{}, {}", self.line(), self.town_line())
    }

    /// Addresses without a letting, and the given letting's own, by street and number: at most `limit`, with the total.
    /// An index finds addresses without a published letting.
    pub fn free(
        conn: &mut DbConnection,
        but_of: Option<i64>,
        terms: &SearchTerms,
        limit: i64,
    ) -> QueryResult<(Vec<Self>, i64)> {
        let hits = search::addresses(conn, terms)?;
        let own = lettings::table.find(but_of.unwrap_or_default());
        let own: Option<i64> = own.select(lettings::address_id).first(conn).optional()?;
        let own = own.unwrap_or_default();
        let free = || {
            let is_free = lettings::id.is_null().or(addresses::id.eq(own));
            let unpublished = search_index::letting_id.is_null();
            let few = search_index::table
                .filter(unpublished.or(search_index::address_id.eq(own)))
                .select(search_index::address_id);
            matching(terms, &hits)
                .filter(is_free)
                .filter(addresses::id.eq_any(few))
        };
        let first = free()
            .order((lower(addresses::street), addresses::number, addresses::id))
            .limit(limit.max(0))
            .select(Self::as_select())
            .load(conn)?;
        Ok((first, free().count().get_result(conn)?))
    }

    /// The existing addresses with these ids.
    pub fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(addresses::id.eq_any(ids.to_vec()))
            .order(addresses::id)
            .load(conn)
    }

    /// The cities of all addresses, by name.
    pub fn cities(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
        town_totals::table
            .select(town_totals::city)
            .distinct()
            .order(town_totals::city)
            .load(conn)
    }

    /// The states of all addresses, by code.
    pub fn states(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
        town_totals::table
            .select(town_totals::state)
            .distinct()
            .order(town_totals::state)
            .load(conn)
    }

    /// Inserts an address and returns its id.
    pub fn insert(conn: &mut DbConnection, address: &NewAddress) -> QueryResult<i64> {
        let id = diesel::insert_into(addresses::table)
            .values(address)
            .returning(addresses::id)
            .get_result(conn)?;
        index::update(conn)?;
        Ok(id)
    }

    /// Inserts deleted addresses under their old ids: a few hundred at a time. The id sequence is past them.
    pub fn restore(conn: &mut DbConnection, rows: Vec<(i64, NewAddress)>) -> QueryResult<()> {
        let rows = rows
            .into_iter()
            .map(|(id, row)| (addresses::id.eq(id), row));
        let rows: Vec<_> = rows.collect();
        conn.insert_rows(diesel::insert_into(addresses::table).values(&rows))?;
        index::update(conn)
    }

    /// Updates an address, and its letting's time of change if anything changes; false if the address doesn't exist.
    /// Requires a transaction.
    pub fn update(conn: &mut DbConnection, id: i64, address: &NewAddress) -> QueryResult<bool> {
        let stored = addresses::table.find(id).select(NewAddress::as_select());
        let Some(stored) = stored.first(conn).optional()? else {
            return Ok(false);
        };
        if *address == stored {
            return Ok(true);
        }
        let updated = diesel::update(addresses::table.find(id))
            .set(address)
            .execute(conn)?;
        if updated == 0 {
            // The address is being deleted.
            return Ok(false);
        }
        diesel::update(lettings::table.filter(lettings::address_id.eq(id)))
            .set(lettings::updated_at.eq(Utc::now().naive_utc()))
            .execute(conn)?;
        index::update(conn)?;
        Ok(true)
    }

    /// Whether another address is the same.
    pub fn is_duplicate(
        conn: &mut DbConnection,
        but: i64,
        address: &NewAddress,
    ) -> QueryResult<bool> {
        let others = same(address).filter(addresses::id.ne(but));
        let other: Option<i64> = others.select(addresses::id).first(conn).optional()?;
        Ok(other.is_some())
    }

    /// The same address: among several, one without a letting, or this letting's own.
    pub fn find_same(
        conn: &mut DbConnection,
        letting: Option<i64>,
        address: &NewAddress,
    ) -> QueryResult<Option<i64>> {
        let is_taken = lettings::id
            .is_not_null()
            .and(lettings::id.nullable().ne(letting.unwrap_or_default()));
        same(address)
            .order((is_taken, addresses::id))
            .select(addresses::id)
            .first(conn)
            .optional()
    }

    /// Deletes addresses and their lettings.
    pub fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        diesel::delete(addresses::table.filter(addresses::id.eq_any(ids.to_vec())))
            .execute(conn)?;
        index::update(conn)
    }
}

/// Addresses that are the same, in any case and with any accents.
fn same(address: &NewAddress) -> Joined<'_> {
    addresses::table
        .left_join(lettings::table)
        .filter(addresses::number.eq(address.number))
        .filter(addresses::zip_code.eq(address.zip_code))
        .filter(addresses::state.eq(&address.state))
        .filter(fold(addresses::street).eq(fold(&address.street)))
        .filter(fold(addresses::city).eq(fold(&address.city)))
        .into_boxed()
}

/// Addresses that match the terms.
pub(crate) fn matching<'a>(terms: &SearchTerms, hits: &Hits) -> Joined<'a> {
    let mut query = addresses::table
        .left_join(lettings::table)
        .into_boxed::<Backend>();
    match hits {
        Hits::All => {}
        Hits::Few(ids) => query = query.filter(addresses::id.eq_any(ids.clone())),
        Hits::Many => {
            for pattern in terms.patterns() {
                let text = search_index::text
                    .concat(" ")
                    .concat(lower(search_index::state));
                let indexed = search_index::table
                    .filter(search_index::address_id.eq(addresses::id))
                    .filter(text.like(pattern).escape('\\'));
                query = query.filter(exists(indexed));
            }
        }
    }
    query
}

/// Unvalidated address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the stored row, as typed")]
pub struct AddressDraft {
    pub number: String,
    pub street: String,
    pub city: String,
    pub state: String,
    pub zip_code: String,
    pub country_iso_code: String,
}

/// Valid address; only [`AddressDraft::check`] and the database create one.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = addresses, treat_none_as_default_value = false)]
pub struct NewAddress {
    number: i32,
    street: String,
    city: String,
    state: String,
    zip_code: i32,
    country_iso_code: String,
}

impl NewAddress {
    /// The address with the known spelling of its city, unless the stored address had the city already: then somebody
    /// corrects it.
    pub(crate) fn with_known_city(
        mut self,
        conn: &mut DbConnection,
        id: Option<i64>,
    ) -> QueryResult<Self> {
        if Town::is_offered(conn, &self.city)? {
            return Ok(self);
        }
        let city = text::fold(&self.city);
        let stored = Address::query()
            .find(id.unwrap_or_default())
            .first(conn)
            .optional()?;
        if stored.is_none_or(|stored| text::fold(&stored.city) != city) {
            let mut cities = Town::cities(conn)?.into_iter();
            let known = cities.find(|name| text::fold(name) == city);
            self.city = known.unwrap_or(self.city);
        }
        Ok(self)
    }
}

impl AddressDraft {
    /// Validates the draft; the only way to get a [`NewAddress`].
    pub fn check(&self) -> Result<NewAddress, Vec<FieldError>> {
        let mut checker = Checker::default();
        let address = NewAddress {
            number: checker.whole("number", "Number", &self.number, 0, LARGEST_NUMBER),
            street: checker.text("street", "Street", &self.street, 1, LONGEST),
            city: checker.text("city", "City", &self.city, 1, LONGEST),
            state: checker.text("state", "State", &self.state.to_uppercase(), STATE, STATE),
            zip_code: checker.whole("zip_code", "Zip code", &self.zip_code, 0, LARGEST_ZIP_CODE),
            country_iso_code: checker.text(
                "country_iso_code",
                "Country iso code",
                &self.country_iso_code.to_uppercase(),
                COUNTRY,
                COUNTRY,
            ),
        };
        checker.finish(address)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use super::*;

    fn draft() -> AddressDraft {
        AddressDraft {
            number: "7217".to_owned(),
            street: "Bedford Street".to_owned(),
            city: "Brunswick".to_owned(),
            state: "GA".to_owned(),
            zip_code: "02134".to_owned(),
            country_iso_code: "USA".to_owned(),
        }
    }

    #[test]
    fn a_zip_code_keeps_its_leading_zeros() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = Address::insert(conn, &draft().check().expect("the draft keeps the rules"))?;

            let address = Address::query().find(id).first(conn)?;

            assert_eq!(address.zip_code, 2134);
            assert_eq!(address.zip(), "02134");
            Ok(())
        })
    }

    #[test]
    fn all_errors_are_reported_together() {
        let errors = AddressDraft::default().check().unwrap_err();

        assert_eq!(
            errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "Number is required.",
                "Street is required.",
                "City is required.",
                "State is required.",
                "Zip code is required.",
                "Country iso code is required.",
            ]
        );
    }

    #[test]
    fn the_database_rejects_what_the_form_rejects() -> anyhow::Result<()> {
        let good = draft().check().expect("the draft keeps the rules");
        let broken: [fn(&mut NewAddress); 8] = [
            |address| address.number = 10_000,
            |address| address.number = -1,
            |address| address.street = "s".repeat(65),
            |address| "  ".clone_into(&mut address.street),
            |address| address.city.clear(),
            |address| "C".clone_into(&mut address.state),
            |address| address.zip_code = 100_000,
            |address| "US".clone_into(&mut address.country_iso_code),
        ];

        on_both(|conn| {
            for break_rule in broken {
                let mut address = good.clone();
                break_rule(&mut address);
                let refused = Address::insert(conn, &address);

                assert!(
                    matches!(
                        refused,
                        Err(Error::DatabaseError(DatabaseErrorKind::CheckViolation, _))
                    ),
                    "{address:?}: {refused:?}"
                );
            }
            Ok(())
        })
    }
}
