//! Profiles.

use std::collections::HashMap;

use ::profiles::ProfileDraft;
use oc_core::text::normalize_line;
use serde_json::json;

use super::layout::PROFILE;
use super::places::columns;
use super::reading::Reading;
use super::row::Row;
use super::target::Target;

pub(super) fn profiles(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let Some(table) = reading.book.layout.table("profile").map(str::to_owned) else {
        return Ok(());
    };
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let show_email = reading.book.show_emails;
    let file = &mut reading.book.file;
    let mut taken: HashMap<i64, i64> = HashMap::new();
    file.read(&table, &columns(PROFILE), &mut |cells| {
        notes.read(Target::Profiles);
        let mut row = Row::new(&table, PROFILE, cells);
        let id = row.id();
        let draft = ProfileDraft {
            user_id: seen.users.expect(&mut row, "user_id", "user"),
            favorite_city: notes.text_or_empty(&mut row, "profiles", "favorite_city"),
            show_email,
        };
        row.checked(draft.check());
        if let Some(other) = taken.get(&draft.user_id) {
            let reason = format!("Another profile already has this user: profile {other}.");
            row.refuse("user_id", reason);
        }
        seen.profiles.note(id, &mut row);
        if notes.passes(Target::Profiles, row.problems) {
            taken.insert(draft.user_id, id);
            let values = vec![
                json!(normalize_line(&draft.favorite_city)),
                json!(id),
                json!(show_email),
                json!(draft.user_id),
            ];
            sink.row(Target::Profiles, values)?;
        }
        Ok(())
    })
}
