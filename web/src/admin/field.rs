//! Fields as forms show them, and the list of errors above a form.

use serde::Serialize;

/// One field of a form.
#[derive(Debug, Default, Serialize)]
pub(super) struct FieldView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) checked: bool,
    pub(super) options: Vec<ChoiceView>,
    pub(super) size: usize,
    pub(super) max: Option<usize>,
    pub(super) required: bool,
    /// Whether it is required depends on another field.
    pub(super) depends: bool,
    pub(super) help: Option<String>,
    pub(super) errors: Vec<String>,
    pub(super) href: Option<String>,
    pub(super) related: Option<RelatedView>,
    pub(super) search: Option<SearchView>,
    pub(super) autocomplete: Option<&'static str>,
}

/// One choice of a field.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ChoiceView {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) selected: bool,
    /// Whether it is another row than the one whose fields stand in the same form.
    pub(super) other: bool,
}

/// A search among more choices than a list can show.
#[derive(Debug, Serialize)]
pub(super) struct SearchView {
    pub(super) name: String,
    pub(super) value: String,
    /// The field whose choices are searched.
    pub(super) field: &'static str,
    pub(super) note: Option<String>,
    pub(super) nothing: bool,
    pub(super) href: String,
}

/// Links to the row that a field refers to.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names that templates use for addresses"
)]
pub(super) struct RelatedView {
    pub(super) add_href: Option<String>,
    pub(super) change_href: Option<String>,
    pub(super) view_href: Option<String>,
    /// The address of the form itself, for buttons that lead back to it.
    pub(super) form_href: String,
}

/// Fields under one heading.
#[derive(Debug, Default, Serialize)]
pub(super) struct Section {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    /// The field that refers to the row inside, if these are its fields.
    pub(super) inside: Option<&'static str>,
    pub(super) fields: Vec<FieldView>,
}

/// A field that travels along unseen.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Hidden {
    pub(super) name: String,
    pub(super) value: String,
}

/// What must be corrected, each with a link to its field.
#[derive(Debug, Serialize)]
pub(super) struct ErrorSummary {
    title: String,
    items: Vec<ErrorLink>,
}

#[derive(Debug, Serialize)]
struct ErrorLink {
    href: String,
    text: String,
}

impl FieldView {
    /// A password to be typed; it is never sent back.
    pub(super) fn password(
        name: &str,
        label: &str,
        autocomplete: &'static str,
        errors: Vec<String>,
    ) -> Self {
        Self {
            id: format!("id_{name}"),
            name: name.to_owned(),
            label: label.to_owned(),
            kind: "password",
            required: true,
            errors,
            autocomplete: Some(autocomplete),
            ..Self::default()
        }
    }
}

impl ErrorSummary {
    /// All errors of a form, in the order of its fields; `None` where there is none.
    pub(super) fn of(sections: &[Section]) -> Option<Self> {
        let fields = sections.iter().flat_map(|section| &section.fields);
        let items: Vec<ErrorLink> = fields
            .flat_map(|field| {
                field.errors.iter().map(|text| ErrorLink {
                    href: format!("#{}", field.id),
                    text: text.clone(),
                })
            })
            .collect();
        let title = match items.len() {
            0 => return None,
            1 => "1 error to correct".to_owned(),
            count => format!("{count} errors to correct"),
        };
        Some(Self { title, items })
    }
}
