//! Between a form and a row: what was typed becomes values, and values become fields to be shown.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Choice, Field, Kind, Model, Values};
use oc_core::rules::FieldError;
use sha2::{Digest, Sha256};

use super::field::{ChoiceView, FieldView, RelatedView, Section};
use super::form::Fields;
use super::models::{self, change_path, list_path, may_view};
use super::record::{choices, parts};

/// What was typed into the fields of a model's form.
pub(super) fn typed(model: &Model, fields: &Fields) -> Values {
    let mut values = Values::default();
    for field in model.fields {
        for name in parts(field.name, field.kind) {
            values = match field.kind {
                Kind::Choices => values.with_list(&name, fields.list(&name)),
                Kind::Bool => values.with_yes(&name, !fields.text(&name).is_empty()),
                _ => values.with(&name, fields.text(&name)),
            };
        }
    }
    values
}

/// Something that changes with any value, to tell whether a row is still as it was. Moments are left out: a login
/// moves them while somebody edits the account.
pub(super) fn version(model: &Model, values: &Values) -> String {
    let mut hasher = Sha256::new();
    for field in model
        .fields
        .iter()
        .filter(|field| field.kind != Kind::Moment)
    {
        let name = field.name;
        for value in values.list(name).iter().filter(|value| !value.is_empty()) {
            hasher.update(format!("{}:{name}={}:{value};", name.len(), value.len()));
        }
    }
    hex::encode(&hasher.finalize()[..16])
}

/// The choices of every field that has some, in the order of the fields.
pub(super) fn all_choices(
    conn: &mut DbConnection,
    model: &Model,
    id: Option<i64>,
) -> QueryResult<Vec<Vec<Choice>>> {
    let load = |field: &Field| match field.kind {
        Kind::Choice { .. } | Kind::Choices => choices(conn, model, field.name, id),
        _ => Ok(Vec::new()),
    };
    model.fields.iter().map(load).collect()
}

/// How a form is shown.
pub(super) struct Shown<'a> {
    pub(super) model: &'a Model,
    pub(super) values: &'a Values,
    pub(super) choices: &'a [Vec<Choice>],
    pub(super) errors: &'a [FieldError],
    pub(super) rights: &'a Rights,
    /// Whether nothing can be typed.
    pub(super) read_only: bool,
}

impl Shown<'_> {
    /// The fields under their headings.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for (field, choices) in self.model.fields.iter().zip(self.choices) {
            let title = (!field.section.is_empty()).then(|| field.section.to_owned());
            if sections.last().is_none_or(|section| section.title != title) {
                sections.push(Section {
                    title,
                    description: None,
                    fields: Vec::new(),
                });
            }
            if let Some(section) = sections.last_mut() {
                section.fields.extend(self.views(field, choices));
            }
        }
        sections
    }

    fn views(&self, field: &Field, choices: &[Choice]) -> Vec<FieldView> {
        let names = parts(field.name, field.kind);
        let labels = match field.kind {
            Kind::Moment => vec![
                format!("{}: date", field.label),
                format!("{}: time", field.label),
            ],
            _ => vec![field.label.to_owned()],
        };
        names
            .into_iter()
            .zip(labels)
            .map(|(name, label)| self.view(field, name, label, choices))
            .collect()
    }

    fn view(&self, field: &Field, name: String, label: String, choices: &[Choice]) -> FieldView {
        let value = self.values.text(&name).to_owned();
        let chosen = self.values.list(&name);
        let mut options: Vec<ChoiceView> = choices
            .iter()
            .map(|choice| ChoiceView {
                selected: chosen.contains(&choice.value),
                value: choice.value.clone(),
                label: choice.label.clone(),
            })
            .collect();
        let errors = self
            .errors
            .iter()
            .filter(|error| error.field == name || error.field == field.name);
        let mut view = FieldView {
            id: format!("id_{name}"),
            errors: errors.map(ToString::to_string).collect(),
            name,
            label,
            help: (!field.help.is_empty()).then(|| field.help.to_owned()),
            ..FieldView::default()
        };
        match field.kind {
            Kind::Text { min, max } => {
                (view.kind, view.required, view.max) = ("text", min > 0, Some(max));
                view.size = max.min(60);
            }
            Kind::Email { max } => (view.kind, view.max, view.size) = ("email", Some(max), 40),
            Kind::Whole { max, .. } => {
                (view.kind, view.required, view.size) = ("number", true, max.to_string().len() + 2);
            }
            Kind::Bool => (view.kind, view.checked) = ("checkbox", self.values.is_yes(&view.name)),
            Kind::Choice { of } => {
                (view.kind, view.required) = ("select", true);
                view.related = of.and_then(|(app, name)| self.related(app, name, &value));
            }
            Kind::Choices => (view.kind, view.size) = ("multiple", options.len().clamp(4, 12)),
            Kind::Moment => {
                view.kind = if view.name.ends_with("_0") {
                    "date"
                } else {
                    "time"
                }
            }
        }
        if self.read_only {
            let shown = match field.kind {
                Kind::Bool => if view.checked { "Yes" } else { "No" }.to_owned(),
                Kind::Choice { .. } | Kind::Choices => {
                    let labels = options
                        .iter()
                        .filter(|option| option.selected)
                        .map(|option| option.label.as_str());
                    labels.collect::<Vec<_>>().join(", ")
                }
                _ => value,
            };
            view.href = view
                .related
                .take()
                .and_then(|related| related.change_href.or(related.view_href));
            (view.kind, view.value, view.required) = ("readonly", shown, false);
            return view;
        }
        if matches!(field.kind, Kind::Choice { .. })
            && !options.iter().any(|option| option.selected)
        {
            // Nothing is chosen by itself: what a browser shows first would be stored unseen.
            let label = "Choose one".to_owned();
            options.insert(
                0,
                ChoiceView {
                    value: String::new(),
                    label,
                    selected: true,
                },
            );
        }
        view.options = options;
        view.value = value;
        view
    }

    /// Links to the row that a field refers to, for who has the right.
    fn related(&self, app: &str, name: &str, value: &str) -> Option<RelatedView> {
        let model = models::find(app, name)?;
        let may = |verb| self.rights.may(verb, app, name);
        let popup = "?_to_field=id&_popup=1";
        let path = value
            .parse()
            .ok()
            .map(|id| format!("{}{popup}", change_path(model, id)));
        Some(RelatedView {
            add_href: may(Verb::Add).then(|| format!("{}add/{popup}", list_path(model))),
            change_href: path.clone().filter(|_| may(Verb::Change)),
            view_href: path.filter(|_| !may(Verb::Change) && may_view(self.rights, model)),
        })
    }
}
