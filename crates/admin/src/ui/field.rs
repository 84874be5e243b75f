//! Form fields and error summaries, as templates show them.

use serde::Serialize;

#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a template")]
pub(crate) struct FieldView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) checked: bool,
    /// Choices; of a text field, suggestions.
    pub(crate) options: Vec<ChoiceView>,
    /// The check boxes of a field of kind `permissions`.
    pub(crate) permissions: Vec<ModelPermissions>,
    pub(crate) groups: Vec<ChoiceGroup>,
    /// Whether an unchecked box is submitted too, because a missing field would keep its value.
    pub(crate) has_unchecked_value: bool,
    pub(crate) max: Option<usize>,
    pub(crate) required: bool,
    /// Whether it is required depends on another field.
    pub(crate) depends: bool,
    pub(crate) help: Option<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) href: Option<String>,
    pub(crate) related: Option<RelatedView>,
    pub(crate) search: Option<SearchView>,
    pub(crate) autocomplete: Option<&'static str>,
    pub(crate) thumbnail: Option<String>,
    /// The media types of a file field.
    pub(crate) accept: Option<&'static str>,
}

/// Choices of a field under a heading.
#[derive(Debug, Serialize)]
pub(crate) struct ChoiceGroup {
    pub(crate) title: &'static str,
    pub(crate) options: Vec<ChoiceView>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChoiceView {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
    /// Whether it is another object than the one that is edited inline.
    pub(crate) other: bool,
}

impl ChoiceView {
    /// The choices of a filter, values with labels: «All» and these.
    pub(crate) fn filter_options(
        choices: impl Iterator<Item = (String, String)>,
        chosen: &str,
    ) -> Vec<Self> {
        let all = (String::new(), "All".to_owned());
        let option = |(value, label): (String, String)| Self {
            selected: value == chosen,
            other: false,
            value,
            label,
        };
        [all].into_iter().chain(choices).map(option).collect()
    }
}

/// A row of the table of permissions.
#[derive(Debug, Serialize)]
pub(crate) struct ModelPermissions {
    pub(crate) app: &'static str,
    pub(crate) model: String,
    /// In the order of the columns.
    pub(crate) permissions: [Option<PermissionBox>; 4],
}

#[derive(Debug, Serialize)]
pub(crate) struct PermissionBox {
    pub(crate) action: &'static str,
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) checked: bool,
    /// Whether the user may neither grant nor take it. A hidden field keeps its value.
    pub(crate) locked: bool,
    /// The groups that it also comes from.
    pub(crate) groups: Vec<String>,
}

/// A search among more choices than a list can show.
#[derive(Debug, Serialize)]
pub(crate) struct SearchView {
    pub(crate) value: String,
    /// How many choices are not listed.
    pub(crate) more: i64,
    pub(crate) nothing: bool,
    pub(crate) href: String,
}

/// Links to the object that a field refers to.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names that templates use for addresses"
)]
pub(crate) struct RelatedView {
    pub(crate) add_href: Option<String>,
    pub(crate) change_href: Option<String>,
    pub(crate) view_href: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Section {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    /// The referring field, if these are the fields of an inline.
    pub(crate) inside: Option<&'static str>,
    pub(crate) fields: Vec<FieldView>,
}

impl From<Vec<FieldView>> for Section {
    fn from(fields: Vec<FieldView>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hidden {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Hidden {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }
}

/// Error summary: each error links to its field.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorSummary {
    title: String,
    items: Vec<ErrorLink>,
}

#[derive(Debug, Serialize)]
struct ErrorLink {
    href: String,
    text: String,
}

impl FieldView {
    pub(crate) fn new(name: &str, label: &str, kind: &'static str) -> Self {
        Self {
            id: format!("id_{name}"),
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            ..Self::default()
        }
    }

    /// A password field; its value is never sent back.
    pub(crate) fn password(
        name: &str,
        label: &str,
        autocomplete: &'static str,
        errors: Vec<String>,
    ) -> Self {
        Self {
            required: true,
            errors,
            autocomplete: Some(autocomplete),
            ..Self::new(name, label, "password")
        }
    }
}

impl ErrorSummary {
    /// The errors of these fields in their order; `None` if there are none.
    pub(crate) fn for_fields<'a>(fields: impl Iterator<Item = &'a FieldView>) -> Option<Self> {
        let items: Vec<ErrorLink> = fields
            .flat_map(|field| {
                field.errors.iter().map(|text| ErrorLink {
                    href: format!("#{}", field.id),
                    text: text.clone(),
                })
            })
            .collect();
        let title = errors_title(items.len());
        (!items.is_empty()).then_some(Self { title, items })
    }
}

pub(crate) fn errors_title(count: usize) -> String {
    match count {
        1 => "1 error to correct".to_owned(),
        count => format!("{count} errors to correct"),
    }
}

pub(crate) const SAVE_BUTTONS: [Button; 3] = [
    Button::new("_save", "Save"),
    Button::new("_addanother", "Save and add another"),
    Button::new("_continue", "Save and continue editing"),
];

/// The button that saves the form of an object as a new object.
pub(crate) const SAVE_AS_NEW: Button = Button::new("_saveasnew", "Save as new");

/// The button of a form whose object was deleted while it was filled in.
pub(crate) const RESTORE: Button = Button::new("_restore", "Restore it and apply my changes");

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Button {
    pub(crate) name: &'static str,
    label: &'static str,
}

impl Button {
    const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label }
    }

    pub(crate) fn save(label: &'static str) -> Vec<Self> {
        vec![Self::new("_save", label)]
    }
}
