//! Write access check.

use diesel::QueryResult;
use diesel::result::Error;
use oc_core::DbConnection;

use crate::{Address, AddressDraft, Letting, LettingDraft};

const TITLE: &str = "Check: caf\u{e9} \u{1f3d6}";

/// Whether the database stores text as it is. Writes a letting with text beyond ASCII, reads it and rolls back.
pub fn stores_text(conn: &mut DbConnection) -> QueryResult<bool> {
    let address = AddressDraft {
        number: "1".to_owned(),
        street: "Check".to_owned(),
        city: "Check".to_owned(),
        state: "CA".to_owned(),
        zip_code: "92629".to_owned(),
        country_iso_code: "USA".to_owned(),
    };
    let letting = LettingDraft {
        title: TITLE.to_owned(),
        // An explicit id, because rolling back doesn't give back an id of a sequence.
        address_id: i64::MAX,
        ..LettingDraft::default()
    };
    let (Ok(address), Ok(letting)) = (address.check(), letting.check()) else {
        return Ok(false);
    };
    let mut stored = None;
    let outcome = conn.write(|conn| {
        Address::restore(conn, vec![(i64::MAX, address)])?;
        Letting::restore(conn, vec![(i64::MAX, letting)])?;
        stored = Some(Letting::with_address(conn, i64::MAX)?.0.title);
        Err::<(), Error>(Error::RollbackTransaction)
    });
    match outcome {
        Ok(()) | Err(Error::RollbackTransaction) => Ok(stored.as_deref() == Some(TITLE)),
        Err(error) => Err(error),
    }
}
