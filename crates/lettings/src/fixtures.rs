//! Rows for the tests of this crate.

use diesel::QueryResult;
use oc_core::DbConnection;

use crate::address::{Address, AddressDraft};
use crate::letting::{Letting, LettingDraft};

/// An address; its id.
pub(crate) fn address(
    conn: &mut DbConnection,
    street: &str,
    city: &str,
    state: &str,
) -> QueryResult<i64> {
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

/// A letting of that title in a street in California; its id.
pub(crate) fn letting(
    conn: &mut DbConnection,
    title: &str,
    street: &str,
    city: &str,
) -> QueryResult<i64> {
    let address_id = address(conn, street, city, "CA")?;
    let draft = LettingDraft {
        title: title.to_owned(),
        address_id,
    };
    Letting::insert(conn, &draft.check().expect("the fixture keeps the rules"))
}
