//! Validation of new users.

use diesel::prelude::*;
use email_address::EmailAddress;
use oc_core::text::normalize_line;
use oc_core::validation::{Checker, FieldError, Violation};
use unicode_normalization::UnicodeNormalization;

use crate::schema::users;

/// Maximum length of a username, first name and last name, in characters.
pub(crate) const LONGEST_NAME: usize = 150;
/// Maximum length of an e-mail address, in characters (RFC 5321, erratum 1690).
pub(crate) const LONGEST_EMAIL: usize = 254;

/// Unvalidated user.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of the stored row, as typed")]
pub struct UserDraft {
    pub username: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
}

/// A valid user without a password; only [`UserDraft::check`] creates it.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct NewUser {
    username: String,
    first_name: String,
    last_name: String,
    email: String,
}

impl UserDraft {
    /// Validates the draft; the only way to get a [`NewUser`].
    pub fn check(&self) -> Result<NewUser, Vec<FieldError>> {
        let mut checker = Checker::default();
        let username = normalize_username(&self.username);
        let is_allowed = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
        if !username.contains('\0') && !username.chars().all(is_allowed) {
            checker.reject("username", Violation::Username);
        }
        let mut name =
            |field, label, text, min| checker.text(field, label, text, min, LONGEST_NAME);
        let username = name("username", "Username", &username, 1);
        let first_name = name("first_name", "First name", &self.first_name, 0);
        let last_name = name("last_name", "Last name", &self.last_name, 0);
        let email = checker.text("email", "Email address", &self.email, 0, LONGEST_EMAIL);
        if !email.is_empty() && !EmailAddress::is_valid(&email) {
            checker.reject("email", Violation::Email);
        }
        checker.finish(NewUser {
            username,
            first_name,
            last_name,
            email,
        })
    }
}

impl NewUser {
    /// The username as stored.
    pub fn username(&self) -> &str {
        &self.username
    }
}

/// A username as stored: trimmed, and in Unicode's NFKC, so that equal-looking spellings are one user.
pub fn normalize_username(username: &str) -> String {
    normalize_line(username).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_is_valid_or_empty() {
        let check = |email: &str| {
            UserDraft {
                username: "ada".to_owned(),
                email: email.to_owned(),
                ..UserDraft::default()
            }
            .check()
            .map_err(|errors| errors[0].to_string())
        };

        assert!(check("").is_ok() && check("ada@example.org").is_ok());
        for email in ["ada", "ada@", "@example.org", "a b@example.org"] {
            assert_eq!(
                check(email),
                Err("Enter a valid email address.".to_owned()),
                "{email}"
            );
        }
    }

    #[test]
    fn equivalent_spellings_are_one_username() {
        let check = |username: &str| {
            UserDraft {
                username: username.to_owned(),
                ..UserDraft::default()
            }
            .check()
        };

        assert_eq!(check("Ze\u{301}"), check("Z\u{e9}"));
        assert!(check("\u{fb01}n").is_ok_and(|user| user.username == "fin"));
    }

    #[test]
    fn usernames_consist_of_letters_of_any_script_digits_and_five_symbols() {
        let check = |username: &str| {
            UserDraft {
                username: username.to_owned(),
                ..UserDraft::default()
            }
            .check()
        };

        for username in ["4meRomance", "Жанна", "a@b.c+d-e_f"] {
            assert!(check(username).is_ok(), "{username}");
        }
        for username in ["", "a b", "a/b", "a\0b", "<b>"] {
            assert!(check(username).is_err(), "{username}");
        }
    }
}
