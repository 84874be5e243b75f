//! Rendering of form fields.

use accounts::Verb;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Choice, FieldKind, id_in};
use oc_core::validation::FixedChoices;

use crate::audit_log::snapshot::display_text;
use crate::columns::{BoundField, inline_fields, own_fields};
use crate::form::definition::InlineForm;
use crate::form::state::FormState;
use crate::ui::field::{ChoiceGroup, ChoiceView, FieldView, RelatedView, Section};
use crate::ui::links::{capitalized, change_path, list_path, thumbnail_path};

impl FormState {
    /// The fields in their sections, each inline after the section that has its field.
    pub(super) fn load_sections(&self, conn: &mut DbConnection) -> QueryResult<Vec<Section>> {
        let mut sections: Vec<Section> = Vec::new();
        for bound in own_fields(self.definition.resource) {
            let title = (!bound.field.section.is_empty()).then(|| bound.field.section.to_owned());
            let views = self.views(conn, bound)?;
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
            sections.insert(place, self.inline_section(conn, inline)?);
        }
        Ok(sections)
    }

    /// The fields of an inline. The script hides them while another object is chosen.
    fn inline_section(&self, conn: &mut DbConnection, inline: &InlineForm) -> QueryResult<Section> {
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
        let mut fields = Vec::new();
        for bound in inline_fields(inline.inline) {
            fields.extend(self.views(conn, bound)?);
        }
        for field in &mut fields {
            // Whether they are required depends on the choice.
            (field.required, field.depends) = (false, true);
        }
        Ok(Section {
            title: Some(title),
            description: Some(description),
            inside: Some(inline.inline.field),
            fields,
        })
    }

    fn views(&self, conn: &mut DbConnection, bound: BoundField) -> QueryResult<Vec<FieldView>> {
        let label = bound.field.label;
        let labels = match bound.field.kind {
            FieldKind::DateTime { .. } => vec![format!("{label}: date"), format!("{label}: time")],
            _ => vec![label.to_owned()],
        };
        let parts = bound.parts().into_iter().zip(labels);
        parts
            .map(|(name, label)| self.view(conn, bound, &name, &label))
            .collect()
    }

    fn view(
        &self,
        conn: &mut DbConnection,
        bound: BoundField,
        name: &str,
        label: &str,
    ) -> QueryResult<FieldView> {
        let field = bound.field;
        let registry = self.definition.editor.registry;
        let (kind, required) = match field.kind {
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
            FieldKind::Permissions => ("permissions", false),
            FieldKind::MultipleChoice(..) => ("multiple", false),
            FieldKind::DateTime { required } if name.ends_with("_1") => ("time", required),
            FieldKind::DateTime { required } => ("date", required),
        };
        let errors = self.feedback.errors().iter().filter(|error| {
            // An error of a date with a time is shown once.
            error.field == name || error.field == bound.name && kind != "time"
        });
        let mut view = FieldView {
            value: self.values.text(name).to_owned(),
            required,
            errors: errors.map(ToString::to_string).collect(),
            help: (!field.help.is_empty()).then(|| field.help.to_owned()),
            ..FieldView::new(name, label, kind)
        };
        match field.kind {
            FieldKind::Text { max, .. }
            | FieldKind::Email { max }
            | FieldKind::LongText { max } => view.max = Some(max),
            FieldKind::Image => {
                view.accept = bound.resource.images.map(|images| images.accept);
                view.thumbnail =
                    (!view.value.is_empty()).then(|| thumbnail_path(bound.resource, &view.value));
            }
            FieldKind::Boolean => {
                view.checked = self.values.is_yes(name);
                view.has_unchecked_value = field.keeps_if_absent;
            }
            FieldKind::Related(app, name) | FieldKind::Choice(app, name) => {
                view.related = self.related(app, name, &view.value);
            }
            FieldKind::DateTime { .. } if kind == "time" => {
                view.help = Some(format!("Time zone: {}", registry.time_zone));
            }
            _ => {}
        }
        if self.definition.read_only {
            return self.readonly(conn, bound, view);
        }
        if field.kind == FieldKind::Permissions
            && let Some(rules) = registry.access(bound.resource)
        {
            self.add_permission_table(conn, rules, &mut view)?;
            return Ok(view);
        }
        let (choices, search) = self.choices(conn, bound)?;
        let options = self.options(bound, choices);
        if let FieldKind::AnyOf(groups) = field.kind {
            let mut options = options.into_iter();
            let group = |(title, choices): &(&'static str, FixedChoices)| ChoiceGroup {
                title,
                options: options.by_ref().take(choices.len()).collect(),
            };
            view.groups = groups.iter().map(group).collect();
            return Ok(view);
        }
        view.depends = self.inline(bound).is_some_and(|inline| inline.adds);
        view.required &= !view.depends;
        view.search = search;
        view.options = options;
        Ok(view)
    }

    /// The same field as a text.
    fn readonly(
        &self,
        conn: &mut DbConnection,
        bound: BoundField,
        mut view: FieldView,
    ) -> QueryResult<FieldView> {
        view.required = false;
        match bound.field.kind {
            FieldKind::Image => {
                view.accept = None;
                return Ok(view);
            }
            // Its parts are shown one by one.
            FieldKind::DateTime { .. } => {}
            _ => {
                let registry = self.definition.editor.registry;
                let mut chosen = self.values.list(bound.name).to_vec();
                // An empty choice has a label of its own, which the form leaves out.
                chosen.retain(|value| !value.is_empty());
                view.value = display_text(conn, registry, bound.resource, bound.field, &chosen)?;
            }
        }
        let related = view.related.take();
        view.href = related.and_then(|related| related.change_href.or(related.view_href));
        view.kind = "readonly";
        Ok(view)
    }

    fn inline(&self, bound: BoundField) -> Option<&InlineForm> {
        let inlines = self.definition.inlines.iter();
        inlines
            .filter(|_| std::ptr::eq(bound.resource, self.definition.resource))
            .find(|inline| inline.inline.field == bound.field.name)
    }

    fn options(&self, bound: BoundField, choices: Vec<Choice>) -> Vec<ChoiceView> {
        let chosen = self.values.list(bound.name);
        let inline = self.inline(bound);
        let own = id_in(&self.stored, bound.name).map(|id| id.to_string());
        let option = |Choice { value, label }| ChoiceView {
            selected: chosen.iter().any(|chosen| chosen.trim() == value),
            other: inline.is_some_and(|inline| !inline.edits || own.as_ref() != Some(&value)),
            value,
            label,
        };
        let mut options: Vec<ChoiceView> = choices.into_iter().map(option).collect();
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
