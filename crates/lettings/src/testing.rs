//! Fixtures for tests.

use diesel::QueryResult;
use oc_core::DbConnection;
pub use pictures::testing::picture;

use crate::address::{Address, AddressDraft};
use crate::letting::Letting;
use crate::letting_draft::LettingDraft;
use crate::photo::{Photo, PhotoDraft};
use crate::photo_file::PhotoFile;

/// A valid draft; override fields with struct update syntax.
pub fn address_draft() -> AddressDraft {
    AddressDraft {
        number: "12".to_owned(),
        street: "Gull Lane".to_owned(),
        city: "Dana Point".to_owned(),
        state: "CA".to_owned(),
        zip_code: "92629".to_owned(),
        country_iso_code: "USA".to_owned(),
    }
}

/// A valid draft; override fields with struct update syntax.
pub fn letting_draft(title: &str, address_id: i64) -> LettingDraft {
    LettingDraft {
        title: title.to_owned(),
        address_id,
        ..LettingDraft::default()
    }
}

/// Inserts an address and returns its id.
pub fn insert_address(conn: &mut DbConnection, draft: &AddressDraft) -> QueryResult<i64> {
    Address::insert(conn, &draft.check().expect("the fixture is valid"))
}

/// Inserts a letting and returns its id.
pub fn insert_letting(conn: &mut DbConnection, draft: &LettingDraft) -> QueryResult<i64> {
    Letting::insert(conn, &draft.check().expect("the fixture is valid"))
}

/// Inserts a photo, in a colour that depends on its description, and returns its id.
pub fn photo(conn: &mut DbConnection, letting_id: i64, alt: &str) -> anyhow::Result<i64> {
    let color = alt.bytes().next().unwrap_or_default();
    let file = PhotoFile::convert(&picture(600, 400, [color, 255 - color, 99]))?;
    file.store(conn)?;
    let draft = PhotoDraft {
        letting_id,
        sha256: file.sha256,
        alt: alt.to_owned(),
        ..PhotoDraft::default()
    };
    let photo = draft
        .check()
        .map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    Ok(Photo::insert(conn, &photo)?)
}

/// Inserts an address in this street and town and returns its id.
#[cfg(test)]
pub(crate) fn address(
    conn: &mut DbConnection,
    street: &str,
    city: &str,
    state: &str,
) -> QueryResult<i64> {
    let draft = AddressDraft {
        street: street.to_owned(),
        city: city.to_owned(),
        state: state.to_owned(),
        zip_code: "92651".to_owned(),
        ..address_draft()
    };
    insert_address(conn, &draft)
}

/// Inserts a letting in this street and town of California and returns its id.
#[cfg(test)]
pub(crate) fn letting(
    conn: &mut DbConnection,
    title: &str,
    street: &str,
    city: &str,
) -> QueryResult<i64> {
    let address_id = address(conn, street, city, "CA")?;
    insert_letting(conn, &letting_draft(title, address_id))
}
