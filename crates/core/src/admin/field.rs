//! Form fields of a resource.

use diesel::QueryResult;

use crate::admin::{Choice, FormValues};
use crate::connection::DbConnection;
use crate::validation::FixedChoices;

/// Loads existing values.
pub type Suggestions = fn(&mut DbConnection) -> QueryResult<Vec<String>>;

/// Returns a question about a row with this id and these values.
pub type Question = fn(&mut DbConnection, i64, &FormValues) -> QueryResult<Option<String>>;

/// A form field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name in the form and in [`FormValues`].
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// Heading of its fieldset; empty for none. Fields of one fieldset follow each other.
    pub section: &'static str,
    /// What the field accepts.
    pub kind: FieldKind,
    /// Help text; empty for none.
    pub help: &'static str,
    /// Value of a new row unless the form says otherwise; older versions of a row in the history that lack the field
    /// are restored with it. Required fields that were added by a later migration need one.
    pub default: &'static str,
    /// Whether it can be set for several rows together.
    pub bulk_edit: bool,
    /// Existing values that the form suggests.
    pub suggestions: Option<Suggestions>,
    /// A question about a row, asked once it is saved and before the commit. A question rolls the save back; submitting
    /// the form again answers it.
    pub question: Option<Question>,
    /// Whether a form without the field keeps its value: of fields that forms of older scripts don't have.
    pub keeps_if_absent: bool,
}

impl Field {
    /// The section of fields that are shown beside the buttons of the form.
    pub const BESIDE_BUTTONS: &'static str = "beside the buttons";

    /// A field without fieldset, help text and default.
    pub const fn new(name: &'static str, label: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            label,
            section: "",
            kind,
            help: "",
            default: "",
            bulk_edit: false,
            suggestions: None,
            question: None,
            keeps_if_absent: false,
        }
    }

    /// An optional field: a form without it keeps its value.
    pub const fn optional(name: &'static str, label: &'static str, kind: FieldKind) -> Self {
        Self {
            keeps_if_absent: true,
            ..Self::new(name, label, kind)
        }
    }

    /// A text field of `min` to `max` characters.
    pub const fn text(name: &'static str, label: &'static str, min: usize, max: usize) -> Self {
        Self::new(name, label, FieldKind::Text { min, max })
    }

    /// An integer field from `min` to `max`.
    pub const fn whole(name: &'static str, label: &'static str, min: i32, max: i32) -> Self {
        Self::new(name, label, FieldKind::Integer { min, max })
    }

    /// The field within a fieldset.
    pub const fn section(self, section: &'static str) -> Self {
        Self { section, ..self }
    }

    /// The field with a help text.
    pub const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// A field that can be set for several rows together.
    pub const fn bulk_edit(self) -> Self {
        Self {
            bulk_edit: true,
            ..self
        }
    }

    /// The field with suggestions.
    pub const fn suggestions(self, suggestions: Suggestions) -> Self {
        Self {
            suggestions: Some(suggestions),
            ..self
        }
    }

    /// The field with a question about its row.
    pub const fn question(self, question: Question) -> Self {
        Self {
            question: Some(question),
            ..self
        }
    }

    /// The field with a default value.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// What a field accepts. Lengths are in characters, bounds inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "limits")]
pub enum FieldKind {
    /// Text of `min` to `max` characters; required if `min` is above 0.
    Text { min: usize, max: usize },
    /// An e-mail address of at most `max` characters, or nothing.
    Email { max: usize },
    /// An integer within a range.
    Integer { min: i32, max: i32 },
    /// An uploaded image; the value identifies it. The resource's `images` has the rest.
    Image,
    /// An integer within a range, or nothing.
    OptionalInteger { min: i32, max: i32 },
    /// A number from 0.5 in halves, or nothing.
    Halves { max: i32 },
    /// Text of at most `max` characters on several lines.
    LongText { max: usize },
    /// A checkbox: `on` or empty.
    Boolean,
    /// One of a fixed list of choices. The value of an empty choice is empty.
    OneOf(FixedChoices),
    /// Any number of fixed choices, in groups with a heading.
    AnyOf(&'static [(&'static str, FixedChoices)]),
    /// A row of a resource, as (app, name): one of the resource's choices for this field.
    Choice(&'static str, &'static str),
    /// Any number of rows of another resource, as (app, name), whose list has the choices.
    MultipleChoice(&'static str, &'static str),
    /// Any number of permissions.
    Permissions,
    /// A row of another resource, as (app, name), or nothing. The other resource's list has the choices.
    Related(&'static str, &'static str),
    /// A date and a time (UTC), in two parts: `NAME_0` and `NAME_1`.
    DateTime { required: bool },
}

impl FieldKind {
    /// The fixed choices; empty for other fields.
    pub fn fixed_choices(self) -> Vec<Choice> {
        let lists = match self {
            Self::OneOf(choices) => vec![choices],
            Self::AnyOf(groups) => groups.iter().map(|(_, choices)| *choices).collect(),
            _ => Vec::new(),
        };
        let choices = lists.into_iter().flatten();
        choices
            .map(|(value, label)| Choice::new(value, *label))
            .collect()
    }

    /// Whether the field has choices.
    pub fn has_choices(self) -> bool {
        matches!(
            self,
            Self::Choice(..)
                | Self::MultipleChoice(..)
                | Self::Permissions
                | Self::OneOf(_)
                | Self::AnyOf(_)
                | Self::Related(..)
        )
    }
}
