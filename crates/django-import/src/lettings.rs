//! Addresses and lettings.

use std::collections::HashSet;

use ::lettings::{Address, AddressDraft, Letting, LettingDraft};

use super::layout::Model;
use super::migration::{ImportedRows, Migration};
use super::report::Target;
use super::source::Source;

pub(crate) fn import_addresses(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let mut batch = Vec::new();
    source.read(Model::Address, &mut |mut row| {
        let id = row.id();
        let draft = AddressDraft {
            number: row.text("number"),
            street: row.text("street"),
            city: row.text("city"),
            state: row.text("state"),
            zip_code: row.text("zip_code"),
            country_iso_code: row.text("country_iso_code"),
        };
        let address = row.check(draft.check());
        migration.addresses.check_id(id, &mut row);
        if migration.accept(Target::Addresses, id, row)
            && let Some(address) = address
        {
            migration.addresses.add(id, "");
            batch.push((id, address));
            migration.insert(&mut batch, false, Address::restore)?;
        }
        Ok(())
    })?;
    migration.insert(&mut batch, true, Address::restore)
}

pub(crate) fn import_lettings(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let mut batch = Vec::new();
    let mut imported = ImportedRows::default();
    let mut taken = HashSet::new();
    source.read(Model::Letting, &mut |mut row| {
        let id = row.id();
        let draft = LettingDraft {
            title: row.text("title"),
            address_id: migration.addresses.require(&mut row, "address"),
            ..LettingDraft::default()
        };
        let letting = row.check(draft.check());
        imported.check_id(id, &mut row);
        if taken.contains(&draft.address_id) {
            row.reject("address", "Another letting already has this address.");
        }
        if migration.accept(Target::Lettings, id, row)
            && let Some(letting) = letting
        {
            imported.add(id, "");
            taken.insert(draft.address_id);
            batch.push((id, letting));
            migration.insert(&mut batch, false, Letting::restore)?;
        }
        Ok(())
    })?;
    migration.insert(&mut batch, true, Letting::restore)
}
