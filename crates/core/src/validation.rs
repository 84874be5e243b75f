//! Validation of form fields.

use crate::text;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{violation}")]
pub struct FieldError {
    /// The field's name in the form.
    pub field: &'static str,
    /// The rule, with what was wrong; its words are what the visitor reads.
    pub violation: Violation,
}

/// A rule that a field breaks. `label` is the field's label in the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Nothing was given.
    #[error("{label} is required.")]
    Required {
        /// The field's label.
        label: &'static str,
    },
    /// Not a whole number.
    #[error("{label} must be a whole number.")]
    NotWhole {
        /// The field's label.
        label: &'static str,
    },
    /// A number outside of its range.
    #[error("{label} must be between {min} and {max}.")]
    OutOfRange {
        /// The field's label.
        label: &'static str,
        /// The smallest number allowed.
        min: i32,
        /// The largest number allowed.
        max: i32,
    },
    /// Too many characters.
    #[error("{label} must be {max} characters or fewer; you entered {len}.")]
    TooLong {
        /// The field's label.
        label: &'static str,
        /// How many characters are allowed.
        max: usize,
        /// How many there are.
        len: usize,
    },
    /// More or fewer characters than the one allowed length.
    #[error("{label} must be exactly {exact} characters; you entered {len}.")]
    WrongLength {
        /// The field's label.
        label: &'static str,
        /// How many characters there must be.
        exact: usize,
        /// How many there are.
        len: usize,
    },
    /// A control character.
    #[error("{label} contains a character that is not allowed.")]
    Unstorable {
        /// The field's label.
        label: &'static str,
    },
    /// Not among the choices (any more).
    #[error("{label}: select a valid choice.")]
    Choice {
        /// The field's label.
        label: &'static str,
    },
    /// A right, or what gives rights, that whoever asks for it does not have: to them it is no choice.
    #[error("{label}: select a valid choice.")]
    Ungranted {
        /// The field's label.
        label: &'static str,
    },
    /// Of an account with rights that whoever changes it does not have.
    #[error("{label} cannot be changed: this user has permissions that you don't have.")]
    Beyond {
        /// The field's label.
        label: &'static str,
    },
    /// A rule with a message of its own.
    #[error("{0}")]
    Other(&'static str),
    /// Another row has it already; the words say which.
    #[error("{0}")]
    Taken(&'static str),
    /// No date.
    #[error("Enter a valid date.")]
    Date,
    /// No time.
    #[error("Enter a valid time.")]
    Time,
    /// Not the form of an e-mail address.
    #[error("Enter a valid email address.")]
    Email,
    /// A username with a character that is not allowed.
    #[error("Username can only contain letters, digits and @ . + - _")]
    Username,
}

/// Checks the fields of one form, and keeps every broken rule rather than the first.
#[derive(Debug, Default)]
pub struct Checker {
    errors: Vec<FieldError>,
}

impl Checker {
    /// One line of `min` to `max` characters, normalised.
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
        if text::has_control(&text) {
            self.refuse(field, Violation::Unstorable { label });
        } else if len == 0 && min > 0 {
            self.refuse(field, Violation::Required { label });
        } else if min == max && len != max {
            self.refuse(
                field,
                Violation::WrongLength {
                    label,
                    exact: max,
                    len,
                },
            );
        } else if len > max {
            self.refuse(field, Violation::TooLong { label, max, len });
        }
        text
    }

    /// A whole number from `min` to `max`. Blanks around it, leading zeros and a sign are fine.
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
            self.refuse(field, Violation::Unstorable { label });
        } else if text.is_empty() {
            self.refuse(field, Violation::Required { label });
        } else if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.refuse(field, Violation::NotWhole { label });
        } else {
            // Digits that overflow are a whole number all the same, only not one in the range.
            match text.parse::<i32>() {
                Ok(number) if (min..=max).contains(&number) => return number,
                _ => self.refuse(field, Violation::OutOfRange { label, min, max }),
            }
        }
        min
    }

    /// Notes a broken rule.
    pub fn refuse(&mut self, field: &'static str, violation: Violation) {
        self.errors.push(FieldError { field, violation });
    }

    /// What the form stands for, if no rule was broken.
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
    fn whole_numbers_may_be_written_in_odd_ways() {
        for typed in [" 5 ", "007", "+5", "0"] {
            assert!(whole(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn what_is_no_whole_number_is_told_from_what_is_out_of_range() {
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
}
