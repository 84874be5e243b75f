//! Definition of a form: the fields of an object, and of the related objects that are edited inline.

use std::collections::BTreeMap;

use accounts::Verb;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, FormValues, Inline, Record, Resource};
use sha2::{Digest, Sha256};

use crate::columns::{BoundField, inline_fields, own_fields};
use crate::editor::Editor;
use crate::ui::submission::Submission;

/// The hidden field with the version that the form was opened with.
pub(crate) const VERSION: &str = "_version";
/// The field with the random token of a form that can add an object.
pub(crate) const FORM_TOKEN: &str = "_form";

#[derive(Clone)]
pub(crate) struct FormDefinition {
    pub(crate) editor: Editor,
    pub(crate) resource: &'static Resource,
    /// The id of the object, unless it is a new one.
    pub(crate) id: Option<i64>,
    pub(crate) inlines: Vec<InlineForm>,
    pub(crate) read_only: bool,
}

/// A related object within the form, and what the user may do with it there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InlineForm {
    pub(crate) inline: &'static Inline,
    pub(crate) adds: bool,
    pub(crate) edits: bool,
}

impl FormDefinition {
    /// The form of a new object, or of a stored one, which is read-only without the permission to change it.
    pub(crate) fn new(editor: Editor, resource: &'static Resource, id: Option<i64>) -> Self {
        let read_only = id.is_some() && !editor.may(Verb::Change, resource);
        let inlines = resource.inlines.iter().map(|inline| InlineForm {
            inline,
            adds: editor.may_add(inline.resource),
            edits: id.is_some() && editor.may(Verb::Change, inline.resource),
        });
        let inlines = inlines.filter(|inline| !read_only && (inline.adds || inline.edits));
        Self {
            resource,
            id,
            inlines: inlines.collect(),
            editor,
            read_only,
        }
    }

    /// The parts of every field with a stored value: the resource's own, and those of inlines that are edited.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (BoundField, String)> {
        let edited = self.inlines.iter().filter(|inline| inline.edits);
        let edited = edited.flat_map(|form| inline_fields(form.inline));
        own_fields(self.resource)
            .chain(edited)
            .flat_map(|bound| bound.parts().into_iter().map(move |name| (bound, name)))
    }

    /// The submitted values. An inline without submitted fields has none.
    pub(crate) fn form_values(&self, fields: &Submission) -> FormValues {
        let is_sent = |form: &&InlineForm| form.inline.names.iter().any(|name| fields.has(name));
        let sent = self.inlines.iter().filter(is_sent);
        let sent = sent.flat_map(|form| inline_fields(form.inline));
        read_fields(own_fields(self.resource).chain(sent), fields)
    }

    /// The values that a query sets, as in `?address=7`: of a stored object only choices.
    pub(crate) fn query_values(&self, query: &Submission) -> FormValues {
        let is_set = |bound: &BoundField| {
            let is_allowed = match bound.field.kind {
                FieldKind::Choice(..) | FieldKind::Related(..) => !self.read_only,
                _ => self.id.is_none(),
            };
            is_allowed && bound.parts().iter().any(|name| query.has(name))
        };
        read_fields(own_fields(self.resource).filter(is_set), query)
    }

    /// The resource of an inline for which values were submitted, and which the user may neither add nor edit.
    pub(crate) fn forbidden_inline(&self, fields: &Submission) -> Option<&'static Resource> {
        let is_open = |inline: &Inline| {
            self.inlines
                .iter()
                .any(|it| it.inline.field == inline.field)
        };
        let is_filled = |name: &&str| !fields.text(name).trim().is_empty();
        let mut inlines = self.resource.inlines.iter();
        let found = inlines.find(|it| !is_open(it) && it.names.iter().any(is_filled));
        found.map(|inline| inline.resource)
    }

    /// The stored values, those of edited inlines included, with times in the site's time zone.
    pub(crate) fn stored(
        &self,
        conn: &mut DbConnection,
        object: &Record,
    ) -> QueryResult<FormValues> {
        let zone = self.editor.registry.time_zone;
        let mut values = zone.local_values(self.resource.fields, &object.values);
        for InlineForm { inline, .. } in self.inlines.iter().filter(|form| form.edits) {
            if let Some(row) = inline.related(conn, &object.values)? {
                for (name, field) in inline.fields() {
                    values = values.with_list(name, row.values.list(field.name).to_vec());
                }
            }
        }
        Ok(values)
    }

    /// The object and those that are edited inline, as they are stored.
    pub(crate) fn rows(
        &self,
        conn: &mut DbConnection,
        object: Option<&Record>,
        values: &FormValues,
    ) -> QueryResult<Vec<(&'static Resource, Record)>> {
        let mut rows = Vec::new();
        rows.extend(object.map(|record| (self.resource, record.clone())));
        for InlineForm { inline, .. } in &self.inlines {
            let related = inline.related(conn, values)?;
            rows.extend(related.map(|record| (inline.resource, record)));
        }
        Ok(rows)
    }

    /// The fingerprint of each field, to be parsed as an [`InitialVersion`].
    pub(crate) fn version(&self, values: &FormValues) -> String {
        let part =
            |(_, name): (BoundField, String)| format!("{name}:{}", fingerprint(&name, values));
        self.parts().map(part).collect::<Vec<_>>().join(".")
    }

    /// Whether somebody changed the object meanwhile. Dates with a time are ignored: a login updates them.
    pub(crate) fn is_stale(&self, origin: &InitialVersion, theirs: &FormValues) -> bool {
        self.parts()
            .any(|(bound, name)| !bound.is_date_time() && origin.is_changed(&name, theirs))
    }

    /// The submitted values, with the stored ones for untouched dates with a time.
    pub(crate) fn keep_untouched(
        &self,
        origin: &InitialVersion,
        mut mine: FormValues,
        theirs: &FormValues,
    ) -> FormValues {
        for (_, name) in self.parts().filter(|(bound, _)| bound.is_date_time()) {
            if mine.0.contains_key(&name) && !origin.is_changed(&name, &mine) {
                mine = mine.with_list(&name, theirs.list(&name).to_vec());
            }
        }
        mine
    }
}

/// Fingerprints of the fields when the form was opened, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct InitialVersion(BTreeMap<String, String>);

impl InitialVersion {
    pub(crate) fn parse(definition: &FormDefinition, version: &str) -> Self {
        let fields = version.split('.');
        // Forms that the previous release rendered have no names.
        if !version.contains(':') && definition.parts().count() == fields.clone().count() {
            let names = definition.parts().map(|(_, name)| name);
            return Self(names.zip(fields.map(str::to_owned)).collect());
        }
        let fields = fields.filter_map(|field| field.split_once(':'));
        let fields = fields.map(|(name, fingerprint)| (name.to_owned(), fingerprint.to_owned()));
        Self(fields.collect())
    }

    /// Whether a field changed since then; true if nothing is known.
    pub(crate) fn is_changed(&self, name: &str, values: &FormValues) -> bool {
        self.0.get(name) != Some(&fingerprint(name, values))
    }
}

/// A short hash of a field's values that ignores their order.
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

fn read_fields(bound_fields: impl Iterator<Item = BoundField>, fields: &Submission) -> FormValues {
    bound_fields.fold(FormValues::default(), |mut values, bound| {
        for name in bound.parts() {
            if bound.field.keeps_if_absent && !fields.has(&name) {
                continue;
            }
            values = match bound.field.kind {
                FieldKind::MultipleChoice(..) | FieldKind::Permissions => {
                    values.with_list(&name, fields.list(&name))
                }
                FieldKind::AnyOf(_) => {
                    // A hidden field with an empty value submits that nothing is chosen.
                    let mut chosen = fields.list(&name);
                    chosen.retain(|value| !value.is_empty());
                    values.with_list(&name, chosen)
                }
                FieldKind::Boolean => {
                    let sent = FormValues::default().with(&name, fields.text(&name));
                    values.with_yes(&name, sent.is_yes(&name))
                }
                FieldKind::LongText { .. } => {
                    values.with(&name, fields.text(&name).replace("\r\n", "\n"))
                }
                // An absent field keeps its value, or gets its default in a new row.
                _ if !fields.has(&name) && !bound.field.default.is_empty() => values,
                _ => values.with(&name, fields.text(&name)),
            };
        }
        values
    })
}
