//! Rendering of form fields.

use accounts::Verb;
use oc_core::admin::{Choice, FieldKind, id_in};
use oc_core::validation::FixedChoices;

use crate::columns::{BoundField, inline_fields};
use crate::form::choices::FieldChoices;
use crate::form::definition::InlineForm;
use crate::form::permission_table::permission_table;
use crate::form::state::FormState;
use crate::ui::field::{ChoiceGroup, ChoiceView, FieldView, RelatedView, SearchView, Section};
use crate::ui::links::{capitalized, change_path, list_path, thumbnail_path};

impl FormState {
    /// The fields in their sections, each inline after the section that has its field.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for bound in self.definition.own_fields() {
            let title = (!bound.field.section.is_empty()).then(|| bound.field.section.to_owned());
            let views = self.views(bound);
            match sections.last_mut() {
                Some(section) if section.title == title => section.fields.extend(views),
                _ => sections.push(Section {
                    title,
                    ..views.into()
                }),
            }
        }
        for inline in &self.definition.inlines {
            let field = inline.inline.field;
            let has_field = |section: &Section| section.fields.iter().any(|f| f.name == field);
            let place = sections.iter().position(has_field);
            let place = place.map_or(sections.len(), |place| place + 1);
            sections.insert(place, self.inline_section(inline));
        }
        sections
    }

    /// The fields of an inline. The script hides them while another object is chosen.
    fn inline_section(&self, inline: &InlineForm) -> Section {
        let word = inline.inline.resource.singular;
        let owner = self.definition.resource.singular;
        let (title, description) = match (inline.edits, inline.adds) {
            (false, _) => (
                format!("New {word}"),
                format!("Or choose an existing {word} above."),
            ),
            (true, adds) => {
                let new = format!(" To use another {word}, choose “Add a new {word}” above.");
                let new = if adds { &*new } else { "" };
                (
                    format!("{} of this {owner}", capitalized(word)),
                    format!("Changes here are saved with the {owner}.{new}"),
                )
            }
        };
        let fields = inline_fields(inline.inline).flat_map(|bound| self.views(bound));
        Section {
            title: Some(title),
            description: Some(description),
            inside: Some(inline.inline.field),
            // Whether they are required depends on the choice.
            fields: fields
                .map(|field| FieldView {
                    required: false,
                    depends: true,
                    ..field
                })
                .collect(),
        }
    }

    fn views(&self, bound: BoundField) -> Vec<FieldView> {
        let label = bound.field.label;
        let labels = match bound.field.kind {
            FieldKind::DateTime { .. } => vec![format!("{label}: date"), format!("{label}: time")],
            _ => vec![label.to_owned()],
        };
        bound
            .parts()
            .into_iter()
            .zip(labels)
            .map(|(name, label)| self.view(bound, name, label))
            .collect()
    }

    fn view(&self, bound: BoundField, name: String, label: String) -> FieldView {
        let (field, offered) = (bound.field, &self.choices[bound.name]);
        let value = self.values.text(&name).to_owned();
        let errors = self.feedback.errors().iter().filter(|error| {
            // An error of a date with a time is shown once.
            error.field == name || error.field == bound.name && !name.ends_with("_1")
        });
        let mut view = FieldView {
            id: format!("id_{name}"),
            errors: errors.map(ToString::to_string).collect(),
            suggestions: offered.suggestions.clone(),
            name,
            label,
            help: (!field.help.is_empty()).then(|| field.help.to_owned()),
            ..FieldView::default()
        };
        let registry = self.definition.registry();
        let is_permission_field = registry.is_permission_field(bound.resource, field.name);
        (view.kind, view.required) = match field.kind {
            FieldKind::Text { min, .. } => ("text", min > 0),
            FieldKind::Email { .. } => ("email", false),
            FieldKind::Integer { .. } => ("number", true),
            FieldKind::OptionalInteger { .. } => ("number", false),
            FieldKind::Halves { .. } => ("decimal", false),
            FieldKind::LongText { .. } => ("textarea", false),
            FieldKind::Image => ("image", true),
            FieldKind::Boolean => ("checkbox", false),
            FieldKind::OneOf(choices) if choices.iter().any(|(value, _)| value.is_empty()) => {
                ("select", false)
            }
            FieldKind::OneOf(_) => ("radios", true),
            FieldKind::AnyOf(_) => ("checkboxes", false),
            FieldKind::Related(..) => ("select", false),
            FieldKind::Choice(..) => ("select", true),
            FieldKind::MultipleChoice if is_permission_field => ("permissions", false),
            FieldKind::MultipleChoice => ("multiple", false),
            FieldKind::DateTime { required } if view.name.ends_with("_1") => ("time", required),
            FieldKind::DateTime { required } => ("date", required),
        };
        match field.kind {
            FieldKind::Text { max, .. }
            | FieldKind::Email { max }
            | FieldKind::LongText { max } => view.max = Some(max),
            FieldKind::Image => {
                view.accept = bound.resource.images.map(|images| images.accept);
                view.thumbnail =
                    (!value.is_empty()).then(|| thumbnail_path(bound.resource, &value));
            }
            FieldKind::Boolean => {
                view.checked = self.values.is_yes(&view.name);
                view.has_unchecked_value = field.keeps_if_absent;
            }
            FieldKind::Related(app, name) | FieldKind::Choice(app, name) => {
                view.related = self.related(app, name, &value);
            }
            FieldKind::MultipleChoice if is_permission_field => {
                view.permissions = Some(permission_table(self, offered, &view.name));
            }
            FieldKind::DateTime { .. } if view.kind == "time" => {
                view.help = Some(format!("Time zone: {}", registry.time_zone));
            }
            _ => {}
        }
        let options = self.options(bound, &view.name, offered);
        if self.definition.read_only {
            return readonly(view, field.kind, value, &offered.shown);
        }
        if let FieldKind::AnyOf(groups) = field.kind {
            let mut options = options.iter().cloned();
            let group = |(title, choices): &(&'static str, FixedChoices)| ChoiceGroup {
                title,
                options: options.by_ref().take(choices.len()).collect(),
            };
            view.groups = groups.iter().map(group).collect();
        }
        view.depends = self.inline(bound).is_some_and(|inline| inline.adds);
        view.required &= !view.depends;
        view.search = self.search(bound, offered);
        view.options = options;
        view.value = value;
        view
    }

    fn inline(&self, bound: BoundField) -> Option<&InlineForm> {
        let inlines = self.definition.inlines.iter();
        inlines
            .filter(|_| std::ptr::eq(bound.resource, self.definition.resource))
            .find(|inline| inline.inline.field == bound.field.name)
    }

    fn options(&self, bound: BoundField, name: &str, offered: &FieldChoices) -> Vec<ChoiceView> {
        let chosen = self.values.list(name);
        let inline = self.inline(bound);
        let own = id_in(&self.stored, bound.name).map(|id| id.to_string());
        let option = |choice: &Choice| ChoiceView {
            selected: chosen.iter().any(|value| value.trim() == choice.value),
            other: inline
                .is_some_and(|inline| !inline.edits || own.as_ref() != Some(&choice.value)),
            value: choice.value.clone(),
            label: choice.label.clone(),
        };
        let mut options: Vec<ChoiceView> = offered.choices.iter().map(option).collect();
        let is_related = matches!(bound.field.kind, FieldKind::Related(..));
        if !is_related && !matches!(bound.field.kind, FieldKind::Choice(..)) {
            return options;
        }
        let new = inline.filter(|inline| inline.adds);
        let is_chosen = options.iter().any(|option| option.selected);
        if new.is_some() || is_related || !is_chosen {
            // No default: what a browser shows first would be stored unseen.
            let label = match new {
                Some(inline) => format!("Add a new {}", inline.inline.resource.singular),
                None if is_related => "None".to_owned(),
                None => "Choose one".to_owned(),
            };
            let empty = ChoiceView {
                value: String::new(),
                label,
                selected: !is_chosen,
                other: false,
            };
            options.insert(0, empty);
        }
        options
    }

    fn search(&self, bound: BoundField, offered: &FieldChoices) -> Option<SearchView> {
        let value = offered.searched.clone()?;
        let (app, model) = (self.definition.resource.app, self.definition.resource.name);
        let id = self.definition.id;
        let row = id.map_or_else(String::new, |id| format!("&row={id}"));
        Some(SearchView {
            more: offered.more,
            nothing: offered.choices.is_empty() && !value.is_empty(),
            value,
            href: format!(
                "/admin/autocomplete/?app_label={app}&model_name={model}{row}&field_name={}",
                bound.field.name
            ),
        })
    }

    /// Links to the object that a field refers to, as far as the user has the permission.
    fn related(&self, app: &str, name: &str, value: &str) -> Option<RelatedView> {
        let editor = &self.definition.editor;
        let resource = editor.registry.find(app, name)?;
        let may_change = editor.may(Verb::Change, resource);
        let popup = "?_to_field=id&_popup=1";
        let id = value.trim().parse().ok();
        let path = id.map(|id| format!("{}{popup}", change_path(resource, id)));
        Some(RelatedView {
            add_href: editor
                .may_add(resource)
                .then(|| format!("{}add/{popup}", list_path(resource))),
            change_href: path.clone().filter(|_| may_change),
            view_href: path.filter(|_| !may_change && editor.may_view(resource)),
        })
    }
}

fn readonly(mut view: FieldView, kind: FieldKind, value: String, shown: &str) -> FieldView {
    if kind == FieldKind::Image {
        (view.accept, view.required) = (None, false);
        return view;
    }
    // Its parts are shown one by one.
    let is_date_time = matches!(kind, FieldKind::DateTime { .. });
    let shown = if is_date_time {
        value
    } else {
        shown.to_owned()
    };
    view.href = view
        .related
        .take()
        .and_then(|related| related.change_href.or(related.view_href));
    (view.kind, view.value, view.required) = ("readonly", shown, false);
    view
}
