//! Addresses and lettings.

use std::collections::HashMap;

use lettings::{AddressDraft, LettingDraft};
use oc_core::text::normalize_line;
use serde_json::json;

use super::layout::{ADDRESS, LETTING};
use super::reading::Reading;
use super::row::Row;
use super::target::Target;

pub(super) fn addresses(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let Some(table) = reading.book.layout.table("address").map(str::to_owned) else {
        return Ok(());
    };
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let file = &mut reading.book.file;
    file.read(&table, &columns(ADDRESS), &mut |cells| {
        notes.read(Target::Addresses);
        let mut row = Row::new(&table, ADDRESS, cells);
        let id = row.id();
        let draft = AddressDraft {
            number: row.text("number"),
            street: row.text("street"),
            city: row.text("city"),
            state: row.text("state"),
            zip_code: row.text("zip_code"),
            country_iso_code: row.text("country_iso_code"),
        };
        row.checked(draft.check());
        seen.addresses.note(id, &mut row);
        if notes.passes(Target::Addresses, row.problems) {
            // What the rules let through is a number; blanks around a text were let through, and go.
            let whole = |text: &str| text.trim().parse::<i64>().unwrap_or_default();
            let values = vec![
                json!(normalize_line(&draft.city)),
                json!(normalize_line(&draft.country_iso_code)),
                json!(id),
                json!(whole(&draft.number)),
                json!(normalize_line(&draft.state)),
                json!(normalize_line(&draft.street)),
                json!(whole(&draft.zip_code)),
            ];
            sink.row(Target::Addresses, values)?;
        }
        Ok(())
    })
}

pub(super) fn lettings(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let Some(table) = reading.book.layout.table("letting").map(str::to_owned) else {
        return Ok(());
    };
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let file = &mut reading.book.file;
    let mut taken: HashMap<i64, i64> = HashMap::new();
    file.read(&table, &columns(LETTING), &mut |cells| {
        notes.read(Target::Lettings);
        let mut row = Row::new(&table, LETTING, cells);
        let id = row.id();
        let draft = LettingDraft {
            title: row.text("title"),
            address_id: seen.addresses.expect(&mut row, "address_id", "address"),
        };
        row.checked(draft.check());
        if let Some(other) = taken.get(&draft.address_id) {
            let reason = format!("Another letting already has this address: letting {other}.");
            row.refuse("address_id", reason);
        }
        seen.lettings.note(id, &mut row);
        if notes.passes(Target::Lettings, row.problems) {
            taken.insert(draft.address_id, id);
            let values = vec![
                json!(draft.address_id),
                json!(id),
                json!(normalize_line(&draft.title)),
            ];
            sink.row(Target::Lettings, values)?;
        }
        Ok(())
    })
}

/// The columns of a table, as expressions.
pub(super) fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("t.\"{name}\"")).collect()
}
