//! Addresses, lettings and profiles.

use lettings::{Address, AddressDraft, Letting, LettingDraft};
use profiles::{NewProfile, ProfileDraft};

use super::migration::Migration;
use super::report::Target;
use super::row::SourceRow;
use super::source::Source;

pub(crate) fn import_addresses(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let check = |_: &mut Migration<'_>, row: &mut SourceRow| {
        let draft = AddressDraft {
            number: row.text("number"),
            street: row.text("street"),
            city: row.text("city"),
            state: row.text("state"),
            zip_code: row.text("zip_code"),
            country_iso_code: row.text("country_iso_code"),
        };
        (row.check(draft.check()), None)
    };
    migration.addresses =
        migration.import(source, Target::Addresses, check, with_id, Address::restore)?;
    Ok(())
}

pub(crate) fn import_lettings(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let check = |migration: &mut Migration<'_>, row: &mut SourceRow| {
        let address_id = migration.addresses.require(row, "address");
        let draft = LettingDraft {
            title: row.text("title"),
            address_id,
            ..LettingDraft::default()
        };
        let taken = "Another letting already has this address.";
        (
            row.check(draft.check()),
            Some(("address", address_id.to_string(), taken)),
        )
    };
    migration.import(source, Target::Lettings, check, with_id, Letting::restore)?;
    Ok(())
}

pub(crate) fn import_profiles(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let check = |migration: &mut Migration<'_>, row: &mut SourceRow| {
        let user_id = migration.users.require(row, "user");
        let draft = ProfileDraft {
            user_id,
            favorite_city: row.text("favorite_city"),
            show_email: migration.options.show_emails,
        };
        let taken = "Another profile already has this user.";
        (
            row.check(draft.check()),
            Some(("user", user_id.to_string(), taken)),
        )
    };
    migration.import(
        source,
        Target::Profiles,
        check,
        with_id,
        NewProfile::restore,
    )?;
    Ok(())
}

fn with_id<T>(_: &mut Migration<'_>, id: i64, row: T) -> (i64, T) {
    (id, row)
}
