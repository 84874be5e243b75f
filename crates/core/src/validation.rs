//! Validation of form fields.

use crate::text;

/// A field with its error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{violation}")]
pub struct FieldError {
    /// The field's name in the form.
    pub field: &'static str,
    /// The error; its `Display` is the message in the form.
    pub violation: Violation,
}

impl FieldError {
    /// The error of a field.
    pub fn new(field: &'static str, violation: Violation) -> Self {
        Self { field, violation }
    }
}

/// A rule that a field breaks. `label` is the field's label in the form; lengths are in characters, bounds inclusive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "their messages explain them")]
pub enum Violation {
    #[error("{label} is required.")]
    Required { label: &'static str },
    #[error("{label} must be a whole number.")]
    NotWhole { label: &'static str },
    #[error("{label} must be between {min} and {max}.")]
    OutOfRange {
        label: &'static str,
        min: i32,
        max: i32,
    },
    #[error("{label} must be between 0.5 and {max}, in halves.")]
    Halves { label: &'static str, max: i32 },
    #[error("{label} must be {max} characters or fewer; you entered {len}.")]
    TooLong {
        label: &'static str,
        max: usize,
        len: usize,
    },
    #[error("{label} must be exactly {exact} characters; you entered {len}.")]
    WrongLength {
        label: &'static str,
        exact: usize,
        len: usize,
    },
    #[error("{label} contains a character that is not allowed.")]
    Unstorable { label: &'static str },
    #[error("{label}: select a valid choice.")]
    Choice { label: &'static str },
    /// A permission, or a source of permissions, that the user can't grant because they don't have it.
    #[error("{label}: select a valid choice.")]
    Ungranted { label: &'static str },
    /// A permission that the user can't revoke because they don't have it.
    #[error("You can't grant, or take from others, a permission that you don't have.")]
    Unrevocable,
    /// A field of an object that has permissions which the user lacks.
    #[error("{label} cannot be changed: this {model} has permissions that you don't have.")]
    Beyond {
        label: &'static str,
        model: &'static str,
    },
    /// A file that is rejected; the message names it.
    #[error("{0}")]
    File(String),
    /// A rule with its own message.
    #[error("{0}")]
    Other(&'static str),
    /// Unique value that another row has; the message names the rows.
    #[error("{0}")]
    Taken(&'static str),
    #[error("Enter a valid date.")]
    Date,
    #[error("Enter a valid time.")]
    Time,
    #[error("Enter a valid email address.")]
    Email,
    #[error("Username can only contain letters, digits and @ . + - _")]
    Username,
}

/// Choices that never change, with their labels.
pub type FixedChoices = &'static [(&'static str, &'static str)];

/// Checks the fields of a form and collects all errors.
#[derive(Debug, Default)]
pub struct Checker {
    errors: Vec<FieldError>,
}

impl Checker {
    /// A line of text of `min` to `max` characters, normalised.
    pub fn text(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        min: usize,
        max: usize,
    ) -> String {
        let text = text::normalize_line(typed);
        let len = text.chars().count();
        let exact = max;
        let violation = if text::has_control(&text) {
            Violation::Unstorable { label }
        } else if len == 0 && min > 0 {
            Violation::Required { label }
        } else if min == exact && len != exact {
            Violation::WrongLength { label, exact, len }
        } else if len > max {
            Violation::TooLong { label, max, len }
        } else {
            return text;
        };
        self.reject(field, violation);
        text
    }

    /// An integer from `min` to `max`. Surrounding whitespace, leading zeros and a plus sign are accepted.
    pub fn whole(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        min: i32,
        max: i32,
    ) -> i32 {
        let text = text::trim(typed);
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if text.contains('\0') {
            self.reject(field, Violation::Unstorable { label });
        } else if text.is_empty() {
            self.reject(field, Violation::Required { label });
        } else if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.reject(field, Violation::NotWhole { label });
        } else {
            // Digits that overflow are an integer out of range.
            match text.parse::<i32>() {
                Ok(number) if (min..=max).contains(&number) => return number,
                _ => self.reject(field, Violation::OutOfRange { label, min, max }),
            }
        }
        min
    }

    /// An integer from `min` to `max`, or nothing.
    pub fn optional_whole(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        min: i32,
        max: i32,
    ) -> Option<i32> {
        let is_given = !text::trim(typed).is_empty();
        is_given.then(|| self.whole(field, label, typed, min, max))
    }

    /// A number from 0.5 to `max` in halves, as a number of halves, or nothing.
    pub fn halves(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        max: i32,
    ) -> Option<i32> {
        let text = text::trim(typed);
        if text.is_empty() {
            return None;
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let half = match fraction.trim_end_matches('0') {
            "" => Some(0),
            "5" => Some(1),
            _ => None,
        };
        let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let whole = whole.parse::<i32>().ok().filter(|_| is_number);
        let halves = whole
            .zip(half)
            .and_then(|(whole, half)| whole.checked_mul(2)?.checked_add(half));
        let halves = halves.filter(|halves| (1..=2 * max).contains(halves));
        if halves.is_none() {
            self.reject(field, Violation::Halves { label, max });
        }
        halves
    }

    /// Text of up to `max` characters on several lines, normalised.
    pub fn paragraphs(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        max: usize,
    ) -> String {
        let text = text::normalize_paragraphs(typed);
        let len = text.chars().count();
        if text.contains(|c: char| c.is_control() && c != '\n') {
            self.reject(field, Violation::Unstorable { label });
        } else if len > max {
            self.reject(field, Violation::TooLong { label, max, len });
        }
        text
    }

    /// One of a list of choices.
    pub fn one_of(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &str,
        choices: FixedChoices,
    ) -> String {
        let value = typed.trim();
        if choices.iter().all(|(choice, _)| *choice != value) {
            self.reject(field, Violation::Choice { label });
        }
        value.to_owned()
    }

    /// Any of the choices, in their order and each once, with a space between them.
    pub fn any_of<'c>(
        &mut self,
        field: &'static str,
        label: &'static str,
        typed: &[String],
        choices: impl Iterator<Item = &'c (&'static str, &'static str)>,
    ) -> String {
        let typed = typed.iter().map(|value| value.trim());
        let typed: Vec<&str> = typed.filter(|value| !value.is_empty()).collect();
        let choices = choices.map(|(choice, _)| *choice);
        let chosen: Vec<&str> = choices.filter(|choice| typed.contains(choice)).collect();
        if !typed.iter().all(|value| chosen.contains(value)) {
            self.reject(field, Violation::Choice { label });
        }
        chosen.join(" ")
    }

    /// Adds an error.
    pub fn reject(&mut self, field: &'static str, violation: Violation) {
        self.errors.push(FieldError { field, violation });
    }

    /// The result, if there are no errors.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(self.errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(typed: &str, min: usize, max: usize) -> Result<String, String> {
        let mut checker = Checker::default();
        let text = checker.text("street", "Street", typed, min, max);
        checker.finish(text).map_err(|errors| errors[0].to_string())
    }

    fn whole(typed: &str) -> Result<i32, String> {
        let mut checker = Checker::default();
        let number = checker.whole("number", "Number", typed, 0, 9999);
        checker
            .finish(number)
            .map_err(|errors| errors[0].to_string())
    }

    #[test]
    fn text_is_trimmed_and_measured_in_characters() {
        assert_eq!(
            text("  Allée des Pins\n", 1, 14),
            Ok("Allée des Pins".to_owned())
        );
        assert_eq!(text("  ", 0, 64), Ok(String::new()));
        assert_eq!(text("  ", 1, 64), Err("Street is required.".to_owned()));
        assert_eq!(
            text(&"é".repeat(65), 1, 64),
            Err("Street must be 64 characters or fewer; you entered 65.".to_owned())
        );
        assert_eq!(
            text("C", 2, 2),
            Err("Street must be exactly 2 characters; you entered 1.".to_owned())
        );
        assert_eq!(
            text("a\0b", 1, 64),
            Err("Street contains a character that is not allowed.".to_owned())
        );
    }

    #[test]
    fn integers_may_have_spaces_zeros_and_a_sign() {
        for typed in [" 5 ", "007", "+5", "0"] {
            assert!(whole(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn invalid_integers_and_integers_out_of_range_differ() {
        for typed in ["1.5", "1e3", "1,000", "0x10", "five", "+", "٣"] {
            assert_eq!(
                whole(typed),
                Err("Number must be a whole number.".to_owned()),
                "{typed}"
            );
        }
        for typed in ["-1", "10000", "99999999999999999999"] {
            assert_eq!(
                whole(typed),
                Err("Number must be between 0 and 9999.".to_owned()),
                "{typed}"
            );
        }
        assert_eq!(whole(" "), Err("Number is required.".to_owned()));
    }

    #[test]
    fn a_number_in_halves_may_be_missing() {
        let halves = |typed: &str| {
            let mut checker = Checker::default();
            let number = checker.halves("bathrooms", "Bathrooms", typed, 20);
            checker
                .finish(number)
                .map_err(|errors| errors[0].to_string())
        };

        let numbers = [" ", "0.5", "1", "1.0", "1.50", " 2.5 ", "20"].map(halves);
        let expected = [None, Some(1), Some(2), Some(2), Some(3), Some(5), Some(40)];
        assert_eq!(numbers, expected.map(Ok));
        for typed in "0 1.2 20.5 -1 1,5 one .5. 9999999999 1\0".split(' ') {
            let error = "Bathrooms must be between 0.5 and 20, in halves.".to_owned();
            assert_eq!(halves(typed), Err(error), "{typed}");
        }
    }

    #[test]
    fn choices_keep_their_order_and_unknown_ones_are_rejected() {
        const CHOICES: FixedChoices = &[("pool", "Pool"), ("wifi", "Wifi")];
        let any_of = |typed: &[&str]| {
            let mut checker = Checker::default();
            let typed: Vec<String> = typed.iter().map(|value| (*value).to_owned()).collect();
            let chosen = checker.any_of("features", "Features", &typed, CHOICES.iter());
            checker.one_of("best", "Best", "pool", CHOICES);
            checker
                .finish(chosen)
                .map_err(|errors| errors[0].to_string())
        };

        assert_eq!(
            any_of(&["wifi", "", "pool", "wifi"]),
            Ok("pool wifi".to_owned())
        );
        let error = "Features: select a valid choice.".to_owned();
        assert_eq!(any_of(&["wifi", "moat"]), Err(error));
    }
}
