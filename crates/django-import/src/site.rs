//! Addresses, lettings and profiles.

use lettings::{AddressDraft, LettingDraft, NewAddress, NewLetting};
use profiles::{NewProfile, ProfileDraft};

use super::layout::Model;
use super::migration::Migration;
use super::row::SourceRow;

pub(crate) fn check_address(
    _: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<(i64, NewAddress)> {
    let draft = AddressDraft {
        number: row.text("number"),
        street: row.text("street"),
        city: row.text("city"),
        state: row.text("state"),
        zip_code: row.text("zip_code"),
        country_iso_code: row.text("country_iso_code"),
    };
    Some((row.id(), row.check(draft.check())?))
}

pub(crate) fn check_letting(
    migration: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<(i64, NewLetting)> {
    let address_id = migration.require(Model::Address, row, "address");
    let key = address_id.to_string();
    let taken = "Another letting already has this address.";
    migration.check_unique(Model::Letting, row, "address", key, taken);
    let draft = LettingDraft {
        title: row.text("title"),
        address_id,
        ..LettingDraft::default()
    };
    Some((row.id(), row.check(draft.check())?))
}

pub(crate) fn check_profile(
    migration: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<(i64, NewProfile)> {
    let user_id = migration.require(Model::User, row, "user");
    let key = user_id.to_string();
    let taken = "Another profile already has this user.";
    migration.check_unique(Model::Profile, row, "user", key, taken);
    let draft = ProfileDraft {
        user_id,
        favorite_city: row.text("favorite_city"),
        show_email: migration.options.show_emails,
    };
    Some((row.id(), row.check(draft.check())?))
}
