//! Profiles.

use std::collections::HashSet;

use ::profiles::{NewProfile, ProfileDraft};

use super::layout::Model;
use super::migration::{ImportedRows, Migration};
use super::report::Target;
use super::source::Source;

pub(crate) fn import_profiles(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let mut batch = Vec::new();
    let mut imported = ImportedRows::default();
    let mut taken = HashSet::new();
    source.read(Model::Profile, &mut |mut row| {
        let id = row.id();
        let draft = ProfileDraft {
            user_id: migration.users.require(&mut row, "user"),
            favorite_city: row.text("favorite_city"),
            show_email: migration.options.show_emails,
        };
        let profile = row.check(draft.check());
        imported.check_id(id, &mut row);
        if taken.contains(&draft.user_id) {
            row.reject("user", "Another profile already has this user.");
        }
        if migration.accept(Target::Profiles, id, row)
            && let Some(profile) = profile
        {
            imported.add(id, "");
            taken.insert(draft.user_id);
            batch.push((id, profile));
            migration.insert(&mut batch, false, NewProfile::restore)?;
        }
        Ok(())
    })?;
    migration.insert(&mut batch, true, NewProfile::restore)
}
