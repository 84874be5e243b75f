//! Validation of new users.

use diesel::prelude::*;
use email_address::EmailAddress;
use oc_core::validation::{Checker, FieldError, Violation};

use crate::schema::users;
use crate::user::normalized;

use super::password;

/// The longest username, first name and last name (characters).
pub(crate) const LONGEST_NAME: usize = 150;
/// The longest e-mail address (characters; RFC 5321 with its erratum 1690).
pub(crate) const LONGEST_EMAIL: usize = 254;

/// What was typed about a new account.
#[derive(Debug, Clone, Default)]
pub struct UserDraft {
    /// The name to log in with.
    pub username: String,
    /// Maybe empty.
    pub first_name: String,
    /// Maybe empty.
    pub last_name: String,
    /// Maybe empty.
    pub email: String,
}

/// An account that keeps every rule, made by [`UserDraft::check`] alone. Nobody can log in to it yet.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct NewUser {
    pub(super) username: String,
    password: &'static str,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) email: String,
}

impl UserDraft {
    /// Validates the draft; the only way to get a [`NewUser`].
    pub fn check(&self) -> Result<NewUser, Vec<FieldError>> {
        let mut checker = Checker::default();
        let username = checked_username(&mut checker, &normalized(&self.username));
        let email = checker.text("email", "Email address", &self.email, 0, LONGEST_EMAIL);
        if !email.is_empty() && !EmailAddress::is_valid(&email) {
            checker.refuse("email", Violation::Email);
        }
        let user = NewUser {
            username,
            password: password::UNUSABLE,
            first_name: checker.text(
                "first_name",
                "First name",
                &self.first_name,
                0,
                LONGEST_NAME,
            ),
            last_name: checker.text("last_name", "Last name", &self.last_name, 0, LONGEST_NAME),
            email,
        };
        checker.finish(user)
    }
}

/// Checks a username to the letter, neither trimmed nor normalized: the account comes from elsewhere with it.
pub fn check_username(username: &str) -> Result<(), Vec<FieldError>> {
    let mut checker = Checker::default();
    checked_username(&mut checker, username);
    checker.finish(())
}

fn checked_username(checker: &mut Checker, username: &str) -> String {
    let is_allowed = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
    if !username.contains('\0') && !username.chars().all(is_allowed) {
        checker.refuse("username", Violation::Username);
    }
    checker.text("username", "Username", username, 1, LONGEST_NAME)
}

impl NewUser {
    /// The name, as it will be stored.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_has_the_form_of_one_or_is_empty() {
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
    fn letters_written_in_two_ways_are_one_username() {
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
    fn a_username_holds_letters_of_any_script_and_five_signs() {
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
