//! Restoring references that a deletion removed from other objects, such as the members of a group.

use audit::{AuditEntry, NewAuditEntry};
use diesel::connection::Connection;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, FormValues, Resource, SaveError};

use crate::audit_log::log_entry::LogContext;
use crate::audit_log::snapshot::Snapshot;
use crate::form::save::{EarlierVersion, restore_object};
use crate::history::restored::{RestoreError, RestoredObject};
use crate::history::restorer::Restorer;
use crate::history::revision::{may_restore, object_of};
use crate::registry::Editor;
use crate::ui::links::capitalized;

impl Restorer<'_> {
    /// Restores the references that an entry says an object lost. If that is not possible, the other objects are
    /// restored all the same.
    pub(crate) fn restore_references(
        &mut self,
        conn: &mut DbConnection,
        line: &AuditEntry,
        cause: Option<i64>,
    ) -> Result<(), RestoreError> {
        let Some((model, id)) = object_of(self.actor.registry, line) else {
            return Ok(());
        };
        let Some(current) = (model.load)(conn, id)? else {
            let why = format!("this {} no longer exists", model.singular);
            return self.without(conn, line, cause, &why);
        };
        let Editor {
            registry,
            permissions,
            ..
        } = self.actor;
        if !may_restore(registry, permissions, model, true)
            || !registry.can_manage(conn, permissions, model, id)?
        {
            let why = format!(
                "you do not have permission to change this {}",
                model.singular
            );
            return self.without(conn, line, cause, &why);
        }
        let values = with_lost(model, line, &current.values);
        if values == current.values {
            return Ok(());
        }
        let outcome = conn.transaction(|conn| {
            let context = LogContext {
                change_set: &mut self.change_set,
                parent_id: cause,
            };
            let version = EarlierVersion {
                id,
                current: Some(&current),
                values: &values,
            };
            restore_object(conn, self.actor, model, version, context)
        });
        match outcome {
            Ok(object) => {
                let title = object.title;
                self.restored.again.push(RestoredObject { model, title });
                Ok(())
            }
            Err(SaveError::Database(error)) => Err(error.into()),
            Err(error) => {
                let why = error.to_string();
                self.without(conn, line, cause, why.trim_end_matches('.'))
            }
        }
    }

    /// Logs that references were not restored.
    fn without(
        &mut self,
        conn: &mut DbConnection,
        line: &AuditEntry,
        cause: Option<i64>,
        why: &str,
    ) -> Result<(), RestoreError> {
        let new = NewAuditEntry {
            actor: Some(self.actor.user.actor()),
            model: &line.model,
            object_id: line.object_id,
            title: &line.title,
            action: "not restored",
            before: "",
            after: "",
        };
        self.change_set.insert(conn, &new, cause)?;
        let name = self
            .actor
            .registry
            .by_key(&line.model)
            .map_or("Row", |model| model.singular);
        let name = capitalized(name);
        let words = format!("{name} \"{}\" was not restored in full: {why}.", line.title);
        self.restored.without.push(words);
        Ok(())
    }
}

/// The stored values with those that an entry says were lost.
fn with_lost(model: &Resource, line: &AuditEntry, today: &FormValues) -> FormValues {
    let [before, after] =
        [&line.before, &line.after].map(|text| Snapshot::from_text(text).values());
    let lists = model
        .fields
        .iter()
        .filter(|field| field.kind == FieldKind::MultipleChoice);
    lists.fold(today.clone(), |values, field| {
        let held = values.list(field.name);
        let lost = before
            .list(field.name)
            .iter()
            .filter(|value| !after.list(field.name).contains(value) && !held.contains(value));
        let all = held.iter().chain(lost).cloned().collect();
        values.with_list(field.name, all)
    })
}
