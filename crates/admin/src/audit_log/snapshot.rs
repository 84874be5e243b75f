//! Snapshots of objects in the audit log.

use std::collections::{BTreeMap, BTreeSet};

use audit::Event;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Field, FieldKind, FormValues, Record, Resource};
use serde::{Deserialize, Serialize};

use crate::columns::{BoundField, own_fields};
use crate::registry::Registry;
use crate::time_zone::TimeZone;
use crate::ui::links::{capitalized, enumerated};

/// The values of an object at a time, with the labels that staff read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot(BTreeMap<String, FieldSnapshot>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FieldSnapshot {
    values: Vec<String>,
    shown: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldChange {
    label: String,
    before: String,
    after: String,
}

impl std::fmt::Display for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.label, self.before, self.after)
    }
}

impl Snapshot {
    /// The snapshot of an object.
    pub(crate) fn new(
        conn: &mut DbConnection,
        registry: Registry,
        model: &'static Resource,
        object: &Record,
    ) -> QueryResult<Self> {
        let fields: Vec<_> = own_fields(model).collect();
        Ok(Self::for_fields(conn, registry, &fields, &[object])?.remove(0))
    }

    /// The snapshots of a few hundred objects, with the labels of their choices, which may be deleted later. Takes one
    /// query for each choice field.
    pub(crate) fn for_fields(
        conn: &mut DbConnection,
        registry: Registry,
        fields: &[BoundField],
        objects: &[&Record],
    ) -> QueryResult<Vec<Self>> {
        let mut snapshots = vec![Self::default(); objects.len()];
        for bound in fields {
            for name in bound.parts() {
                let lists = objects.iter().map(|object| object.values.list(&name));
                let (resource, field) = (bound.resource, bound.field);
                let labels = choice_labels(conn, registry, resource, field, lists.clone())?;
                for (snapshot, list) in snapshots.iter_mut().zip(lists) {
                    let entry = FieldSnapshot {
                        values: list.to_vec(),
                        shown: labelled(field, list, &labels),
                    };
                    snapshot.0.insert(name.clone(), entry);
                }
            }
        }
        Ok(snapshots)
    }

    /// The snapshot without the values of related rows.
    pub(crate) fn own(mut self, model: &'static Resource) -> Self {
        let is_own = |name: &String| own_fields(model).any(|own| own.parts().contains(name));
        self.0.retain(|name, _| is_own(name));
        self
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts in maps are always JSON")
    }

    /// Parses stored JSON; empty if it is invalid.
    pub(crate) fn from_text(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The values, to be stored again.
    pub(crate) fn values(&self) -> FormValues {
        let values =
            |(name, entry): (&String, &FieldSnapshot)| (name.clone(), entry.values.clone());
        FormValues(self.0.iter().map(values).collect())
    }

    /// The text of a field, as staff read it.
    pub(crate) fn shown(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |field| &field.shown)
    }

    pub(crate) fn changes(
        before: &Self,
        after: &Self,
        fields: &[BoundField],
        zone: TimeZone,
    ) -> Vec<FieldChange> {
        let mut changes = Vec::new();
        for bound in fields {
            let names = bound.parts();
            let is_unchanged = |name: &String| {
                let [before, after] = [before, after].map(|snapshot| snapshot.0.get(name));
                before.map(|field| &field.values) == after.map(|field| &field.values)
            };
            if names.iter().all(is_unchanged) {
                continue;
            }
            let [before, after] = [before, after].map(|snapshot| match names.as_slice() {
                [date, time] => zone.text(snapshot.shown(date), snapshot.shown(time)),
                _ => snapshot.shown(bound.name).to_owned(),
            });
            changes.push(FieldChange {
                label: bound.field.label.to_owned(),
                before,
                after,
            });
        }
        changes
    }
}

/// The action of an entry as staff read it.
pub(crate) fn action_label(action: &str) -> String {
    match Event::from_action(action) {
        Some(event) => event.label().to_owned(),
        None if action == "password" => "Password changed".to_owned(),
        None => capitalized(action),
    }
}

/// The action as a sentence, with the fields that changed.
pub(crate) fn summarize(action: &str, changes: &[FieldChange]) -> String {
    let labels: Vec<&str> = changes.iter().map(|change| change.label.as_str()).collect();
    match action {
        "changed" if changes.is_empty() => "Nothing changed.".to_owned(),
        "changed" => format!("Changed {}.", enumerated(&labels)),
        _ => format!("{}.", action_label(action)),
    }
}

/// The values of a field as staff read them.
pub(crate) fn display_text(
    conn: &mut DbConnection,
    registry: Registry,
    model: &Resource,
    field: &Field,
    values: &[String],
) -> QueryResult<String> {
    let labels = choice_labels(conn, registry, model, field, [values].into_iter())?;
    Ok(labelled(field, values, &labels))
}

/// The labels of these choices of a field; empty for fields without choices.
fn choice_labels<'a>(
    conn: &mut DbConnection,
    registry: Registry,
    model: &Resource,
    field: &Field,
    lists: impl Iterator<Item = &'a [String]>,
) -> QueryResult<BTreeMap<String, String>> {
    if !field.kind.has_choices() {
        return Ok(BTreeMap::new());
    }
    let values: BTreeSet<&String> = lists.flatten().collect();
    let values: Vec<String> = values.into_iter().cloned().collect();
    let choices = registry.labels(conn, model, field, &values)?.into_iter();
    let labels = choices.map(|choice| (choice.value, choice.label));
    Ok(labels.collect())
}

fn labelled(field: &Field, values: &[String], labels: &BTreeMap<String, String>) -> String {
    if field.kind == FieldKind::Boolean {
        let is_yes = values.iter().any(|value| !value.is_empty());
        return if is_yes { "Yes" } else { "No" }.to_owned();
    }
    let values = values.iter();
    let labels: Vec<&str> = values
        .map(|value| labels.get(value).unwrap_or(value).as_str())
        .collect();
    labels.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(label: &str) -> FieldChange {
        FieldChange {
            label: label.to_owned(),
            before: String::new(),
            after: String::new(),
        }
    }

    #[test]
    fn actions_are_summarized() {
        assert_eq!(summarize("added", &[]), "Added.");
        assert_eq!(summarize("changed", &[]), "Nothing changed.");
        assert_eq!(summarize("changed", &[change("Street")]), "Changed Street.");
        assert_eq!(
            summarize(
                "changed",
                &[change("Number"), change("Street"), change("City")]
            ),
            "Changed Number, Street and City."
        );
    }
}
