//! Write access check.

use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::{Address, AddressDraft};

const STREET: &str = "Check: caf\u{e9} \u{1f3d6}";

/// Whether the database stores text as it is. Writes an address with text beyond ASCII, reads it and rolls back.
pub fn stores_text(conn: &mut DbConnection) -> QueryResult<bool> {
    let address = AddressDraft {
        number: "1".to_owned(),
        street: STREET.to_owned(),
        city: "Check".to_owned(),
        state: "CA".to_owned(),
        zip_code: "92629".to_owned(),
        country_iso_code: "USA".to_owned(),
    };
    let address = address.check().expect("the address is valid");
    let mut is_stored = false;
    let outcome = conn.write(|conn| {
        // An explicit id, because rolling back doesn't give back an id of a sequence.
        Address::restore(conn, vec![(i64::MAX, address)])?;
        let stored = Address::find_all(conn, &[i64::MAX])?;
        is_stored = stored.iter().any(|address| address.street == STREET);
        Err::<(), Error>(Error::RollbackTransaction)
    });
    match outcome {
        Ok(()) | Err(Error::RollbackTransaction) => Ok(is_stored),
        Err(error) => Err(error),
    }
}
