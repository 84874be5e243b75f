//! Where a letting is.

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::rules::{Checker, FieldError};

use crate::schema::addresses;

/// The largest street number.
const LARGEST_NUMBER: i32 = 9999;
/// The largest ZIP code.
const LARGEST_ZIP_CODE: i32 = 99_999;
/// The longest street and city (characters).
const LONGEST: usize = 64;
/// The length of a state's code (characters).
const STATE: usize = 2;
/// The length of a country's code (characters; ISO 3166-1 alpha-3).
const COUNTRY: usize = 3;

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = addresses)]
pub struct Address {
    /// Its id.
    pub id: i64,
    /// The number in the street, 0 to 9999.
    pub number: i32,
    /// The street, without the number.
    pub street: String,
    /// The town.
    pub city: String,
    /// The state's two-letter code.
    pub state: String,
    /// The ZIP code as a number; [`Address::zip`] prints it.
    pub zip_code: i32,
    /// The country's three-letter code (ISO 3166-1 alpha-3).
    pub country_iso_code: String,
}

impl Address {
    /// The ZIP code as it is written: five digits, leading zeros kept.
    #[must_use]
    pub fn zip(&self) -> String {
        format!("{:05}", self.zip_code)
    }

    /// Stores a new address, and says which id it got.
    pub fn insert(conn: &mut DbConnection, address: &NewAddress) -> QueryResult<i64> {
        diesel::insert_into(addresses::table)
            .values(address)
            .returning(addresses::id)
            .get_result(conn)
    }
}

/// What was typed about an address.
#[derive(Debug, Clone, Default)]
pub struct AddressDraft {
    /// The number in the street.
    pub number: String,
    /// The street, without the number.
    pub street: String,
    /// The town.
    pub city: String,
    /// The state's code.
    pub state: String,
    /// The ZIP code.
    pub zip_code: String,
    /// The country's code.
    pub country_iso_code: String,
}

/// An address that keeps every rule, made by [`AddressDraft::check`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = addresses)]
pub struct NewAddress {
    number: i32,
    street: String,
    city: String,
    state: String,
    zip_code: i32,
    country_iso_code: String,
}

impl NewAddress {
    /// Whether a stored address holds just this.
    pub(crate) fn is(&self, address: &Address) -> bool {
        self.number == address.number
            && self.street == address.street
            && self.city == address.city
            && self.state == address.state
            && self.zip_code == address.zip_code
            && self.country_iso_code == address.country_iso_code
    }
}

impl AddressDraft {
    /// Checks every rule; the only way to a [`NewAddress`].
    pub fn check(&self) -> Result<NewAddress, Vec<FieldError>> {
        let mut checker = Checker::default();
        let address = NewAddress {
            number: checker.whole("number", "Number", &self.number, 0, LARGEST_NUMBER),
            street: checker.text("street", "Street", &self.street, 1, LONGEST),
            city: checker.text("city", "City", &self.city, 1, LONGEST),
            state: checker.text("state", "State", &self.state, STATE, STATE),
            zip_code: checker.whole("zip_code", "Zip code", &self.zip_code, 0, LARGEST_ZIP_CODE),
            country_iso_code: checker.text(
                "country_iso_code",
                "Country iso code",
                &self.country_iso_code,
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
    fn every_broken_rule_is_told_at_once() {
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
    fn the_database_refuses_what_the_form_refuses() -> anyhow::Result<()> {
        let good = draft().check().expect("the draft keeps the rules");
        let broken = [
            NewAddress {
                number: 10_000,
                ..good.clone()
            },
            NewAddress {
                number: -1,
                ..good.clone()
            },
            NewAddress {
                street: "s".repeat(65),
                ..good.clone()
            },
            NewAddress {
                street: "  ".to_owned(),
                ..good.clone()
            },
            NewAddress {
                city: String::new(),
                ..good.clone()
            },
            NewAddress {
                state: "C".to_owned(),
                ..good.clone()
            },
            NewAddress {
                zip_code: 100_000,
                ..good.clone()
            },
            NewAddress {
                country_iso_code: "US".to_owned(),
                ..good
            },
        ];

        on_both(|conn| {
            for address in &broken {
                let refused = Address::insert(conn, address);

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
