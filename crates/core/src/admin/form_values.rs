//! Field values of a row, as forms and snapshots use them.

use std::collections::BTreeMap;

use crate::validation::{FieldError, Violation};

/// Field values by name. A field with one value has a list of one; an empty field has an empty text or, for multiple
/// choices, an empty list. A date and a time are two values, `NAME_0` and `NAME_1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormValues(pub BTreeMap<String, Vec<String>>);

impl FormValues {
    /// The value of a field; empty if it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .and_then(|values| values.last())
            .map_or("", String::as_str)
    }

    /// All values of a field.
    pub fn list(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a boolean field is true. Browsers leave out unchecked boxes; scripts may send words that mean
    /// false.
    pub fn is_yes(&self, name: &str) -> bool {
        let value = self.text(name).trim().to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "false" | "no" | "off")
    }

    /// These values, with defaults for missing fields.
    pub fn with_defaults(&self, mut defaults: Self) -> Self {
        defaults.0.extend(self.0.clone());
        defaults
    }

    /// Adds a value for a field.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), vec![value.into()]);
        self
    }

    /// Adds a boolean for a field.
    pub fn with_yes(self, name: &str, yes: bool) -> Self {
        self.with(name, if yes { "on" } else { "" })
    }

    /// Adds several values for a field.
    pub fn with_list(mut self, name: &str, values: Vec<String>) -> Self {
        self.0.insert(name.to_owned(), values);
        self
    }
}

/// The submitted id of a choice field.
pub fn required_id(
    values: &FormValues,
    field: &'static str,
    label: &'static str,
) -> Result<i64, Vec<FieldError>> {
    let error = |violation| Err(vec![FieldError::new(field, violation)]);
    match values.text(field).trim() {
        text if text.contains('\0') => error(Violation::Unstorable { label }),
        "" => error(Violation::Required { label }),
        text => text.parse().or_else(|_| error(Violation::Choice { label })),
    }
}

/// The submitted id of an optional choice field.
pub fn optional_id(
    values: &FormValues,
    field: &'static str,
    label: &'static str,
) -> Result<Option<i64>, Vec<FieldError>> {
    match values.text(field).trim() {
        "" => Ok(None),
        _ => required_id(values, field, label).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkbox_is_true_unless_its_value_means_false() {
        let is_yes = |value: &str| FormValues::default().with("box", value).is_yes("box");

        assert!(["on", "True", "1", "yes"].into_iter().all(is_yes));
        assert!(!["", " ", "0", "False", "no", "off"].into_iter().any(is_yes));
        assert!(!FormValues::default().is_yes("box"));
    }
}
