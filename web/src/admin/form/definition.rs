//! The fields of a row's form: its own, and those of the rows that are added or changed inside it.

use std::collections::BTreeMap;

use accounts::{Rights, Verb};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Field, FieldKind, FormValues, Inline, Record, Resource, id_in};
use sha2::{Digest, Sha256};

use crate::admin::audit_log::snapshot::parts;
use crate::admin::registry;
use crate::admin::ui::form_data::Submission;

/// The form of a model as somebody with certain rights gets it.
#[derive(Debug, Clone)]
pub(crate) struct FormDefinition {
    pub(crate) model: &'static Resource,
    pub(crate) inner: Vec<InlineForm>,
    /// The rights of who gets it.
    pub(crate) rights: Rights,
}

/// A row inside a form, and what may be done with it there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InlineForm {
    pub(crate) inside: &'static Inline,
    pub(crate) adds: bool,
    pub(crate) edits: bool,
}

/// A field and its name in the form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundField {
    pub(crate) name: &'static str,
    pub(crate) model: &'static Resource,
    pub(crate) field: &'static Field,
}

impl FormDefinition {
    /// The form for a new row, or for one that is there.
    pub(crate) fn of(model: &'static Resource, rights: &Rights, is_new: bool) -> Self {
        let inner = model.inlines.iter().map(|inside| InlineForm {
            inside,
            adds: registry::may_add(rights, inside.resource),
            edits: !is_new && rights.may(Verb::Change, inside.resource.app, inside.resource.name),
        });
        Self {
            model,
            inner: inner.filter(|inner| inner.adds || inner.edits).collect(),
            rights: rights.clone(),
        }
    }

    /// The model's own fields.
    pub(crate) fn own(&self) -> impl Iterator<Item = BoundField> + use<> {
        own(self.model)
    }

    /// Every field whose value is in a stored row: the model's own, and those of rows that are changed inside.
    pub(crate) fn stored_slots(&self) -> Vec<BoundField> {
        let edited = self.inner.iter().filter(|inner| inner.edits);
        self.own()
            .chain(edited.flat_map(InlineForm::bound_fields))
            .collect()
    }

    /// What was typed. Of a row inside whose fields were not sent, nothing was.
    pub(crate) fn typed(&self, fields: &Submission) -> FormValues {
        let sent = self.inner.iter().filter(|inner| inner.is_in(fields));
        read(
            self.own().chain(sent.flat_map(InlineForm::bound_fields)),
            fields,
        )
    }

    /// Whether something was typed into a row inside that is not for this form.
    pub(crate) fn forbids(&self, fields: &Submission) -> bool {
        let closed = self.model.inlines.iter().filter(|inside| {
            let is_open = |inner: &InlineForm| inner.inside.field == inside.field;
            !self.inner.iter().any(is_open)
        });
        closed
            .flat_map(|inside| inside.names)
            .any(|name| !fields.text(name).trim().is_empty())
    }

    /// What a stored row holds, and the rows that are changed inside with it.
    pub(crate) fn stored(
        &self,
        conn: &mut DbConnection,
        object: &Record,
    ) -> QueryResult<FormValues> {
        let mut values = object.values.clone();
        for inner in self.inner.iter().filter(|inner| inner.edits) {
            if let Some(row) = inner.row(conn, &object.values)? {
                for bound in inner.bound_fields() {
                    let list = row.values.list(bound.field.name).to_vec();
                    values = values.with_list(bound.name, list);
                }
            }
        }
        Ok(values)
    }

    /// A mark for each part of each field, which changes with its value: it tells whether a row is still as it was,
    /// and which of its fields are not.
    pub(crate) fn version(&self, values: &FormValues) -> String {
        let fingerprints = self.parts().map(|(name, _)| fingerprint(&name, values));
        fingerprints.collect::<Vec<_>>().join(".")
    }

    /// The version that a form was opened with, as it came back.
    pub(crate) fn origin(&self, version: &str) -> InitialVersion {
        let names = self.parts().map(|(name, _)| name);
        let fingerprints = version.split('.').map(str::to_owned);
        // Rights that changed meanwhile changed the fields too: then nothing is known.
        if self.parts().count() == version.split('.').count() {
            InitialVersion(names.zip(fingerprints).collect())
        } else {
            InitialVersion::default()
        }
    }

    /// Whether a row is not as it was. Moments do not count: a login moves them while somebody edits the account.
    pub(crate) fn is_stale(&self, origin: &InitialVersion, theirs: &FormValues) -> bool {
        let mut fixed = self
            .parts()
            .filter(|(_, kind)| !matches!(kind, FieldKind::DateTime { .. }));
        fixed.any(|(name, _)| origin.is_changed(&name, theirs))
    }

    /// What was typed, but for moments that nobody touched: those stay as they have become.
    pub(crate) fn keep_untouched(
        &self,
        origin: &InitialVersion,
        mut mine: FormValues,
        theirs: &FormValues,
    ) -> FormValues {
        for (name, _) in self
            .parts()
            .filter(|(_, kind)| matches!(kind, FieldKind::DateTime { .. }))
        {
            if mine.0.contains_key(&name) && !origin.is_changed(&name, &mine) {
                mine = mine.with_list(&name, theirs.list(&name).to_vec());
            }
        }
        mine
    }

    /// What was typed about the rows inside, but for what nobody touched: that is as it has become, and counts as seen
    /// in the version that comes with it.
    pub(crate) fn caught_up(
        &self,
        version: &str,
        mut mine: FormValues,
        theirs: &FormValues,
    ) -> (FormValues, String) {
        let origin = self.origin(version);
        let mut fingerprints = Vec::new();
        for (name, _) in self.parts() {
            let mut inner = self.inner.iter().flat_map(|inner| inner.inside.names);
            let is_inner = inner.any(|inner| *inner == name);
            if is_inner && mine.0.contains_key(&name) && !origin.is_changed(&name, &mine) {
                mine = mine.with_list(&name, theirs.list(&name).to_vec());
                fingerprints.push(fingerprint(&name, theirs));
            } else {
                fingerprints.push(origin.0.get(&name).cloned().unwrap_or_default());
            }
        }
        (mine, fingerprints.join("."))
    }

    /// The parts of every field whose value is in a stored row.
    fn parts(&self) -> impl Iterator<Item = (String, FieldKind)> + use<> {
        self.stored_slots().into_iter().flat_map(|bound| {
            let names = parts(bound.name, bound.field.kind).into_iter();
            names.map(move |name| (name, bound.field.kind))
        })
    }

    /// Whether two states of a row differ in what a form sent.
    pub(crate) fn differ(&self, mine: &FormValues, theirs: &FormValues) -> bool {
        let bound_fields = self.stored_slots();
        let mut names = bound_fields
            .iter()
            .flat_map(|bound| parts(bound.name, bound.field.kind));
        names.any(|name| mine.0.contains_key(&name) && mine.list(&name) != theirs.list(&name))
    }
}

/// How the fields of a row were when its form was opened, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct InitialVersion(BTreeMap<String, String>);

impl InitialVersion {
    /// Whether a part of a field is another one since then; so it is where nothing is known.
    pub(crate) fn is_changed(&self, name: &str, values: &FormValues) -> bool {
        self.0.get(name) != Some(&fingerprint(name, values))
    }
}

/// A short mark that changes with the values of a field, however they are sorted.
fn fingerprint(name: &str, values: &FormValues) -> String {
    let values = values.list(name).iter().map(|value| value.trim());
    let mut values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    let mut hasher = Sha256::new();
    for value in values {
        hasher.update(format!("{}:{value};", value.len()));
    }
    hex::encode(&hasher.finalize()[..6])
}

/// What was typed into a model's own fields.
pub(crate) fn typed(model: &'static Resource, fields: &Submission) -> FormValues {
    read(own(model), fields)
}

fn own(model: &'static Resource) -> impl Iterator<Item = BoundField> + use<> {
    model.fields.iter().map(move |field| BoundField {
        name: field.name,
        model,
        field,
    })
}

fn read(bound_fields: impl Iterator<Item = BoundField>, fields: &Submission) -> FormValues {
    bound_fields.fold(FormValues::default(), |mut values, bound| {
        for name in parts(bound.name, bound.field.kind) {
            values = match bound.field.kind {
                FieldKind::MultipleChoice => values.with_list(&name, fields.list(&name)),
                FieldKind::Boolean => values.with_yes(&name, !fields.text(&name).is_empty()),
                _ => values.with(&name, fields.text(&name)),
            };
        }
        values
    })
}

impl InlineForm {
    /// Its fields by their names in the form.
    pub(crate) fn bound_fields(&self) -> impl Iterator<Item = BoundField> + use<> {
        let model = self.inside.resource;
        let named = self.inside.names.iter().zip(model.fields);
        named.map(move |(name, field)| BoundField { name, model, field })
    }

    /// The row that a form's values refer to.
    pub(crate) fn row(
        &self,
        conn: &mut DbConnection,
        values: &FormValues,
    ) -> QueryResult<Option<Record>> {
        match id_in(values, self.inside.field) {
            Some(id) => (self.inside.resource.load)(conn, id),
            None => Ok(None),
        }
    }

    /// What was typed into its fields, under their own names; `None` where that is nothing.
    pub(crate) fn typed(&self, values: &FormValues) -> Option<FormValues> {
        let bound_fields = || {
            self.bound_fields()
                .filter(|bound| values.0.contains_key(bound.name))
        };
        let is_blank =
            |bound: BoundField| values.list(bound.name).iter().all(|v| v.trim().is_empty());
        if bound_fields().all(is_blank) {
            return None;
        }
        Some(bound_fields().fold(FormValues::default(), |typed, bound| {
            typed.with_list(bound.field.name, values.list(bound.name).to_vec())
        }))
    }

    fn is_in(&self, fields: &Submission) -> bool {
        self.inside.names.iter().any(|name| fields.has(name))
    }
}
