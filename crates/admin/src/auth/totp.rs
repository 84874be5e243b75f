//! Two-factor authentication: secrets of authenticator apps, and checking codes.

use accounts::User;
use accounts::{RecoveryCode, SecondFactor, totp};
use chrono::NaiveDateTime;
use data_encoding::BASE32_NOPAD;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_http::SITE_NAME;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{Color, QrCode};
use serde::Serialize;

use crate::secret_key::SecretKey;

const PURPOSE: &str = "second factor";

/// The secret of an authenticator app.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    pub(crate) fn random() -> Self {
        let mut bytes = vec![0; totp::SECRET_SIZE];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        Self(bytes)
    }

    /// The sealed secret: as stored, and in the setup page until the first code was right.
    pub(crate) fn sealed(&self, key: &SecretKey, user_id: i64) -> String {
        key.seal(PURPOSE, &user_id.to_string(), &self.0)
    }

    pub(crate) fn open(key: &SecretKey, user_id: i64, sealed: &str) -> Option<Self> {
        key.open(PURPOSE, &user_id.to_string(), sealed).map(Self)
    }

    /// The secret to type into an app, in groups of four.
    pub(crate) fn text(&self) -> String {
        let text = BASE32_NOPAD.encode(&self.0);
        let groups: Vec<&str> = (0..text.len())
            .step_by(4)
            .map(|start| &text[start..text.len().min(start + 4)])
            .collect();
        groups.join(" ")
    }

    /// The otpauth URI that apps read from the QR code.
    pub(crate) fn uri(&self, user: &User) -> String {
        let issuer = utf8_percent_encode(SITE_NAME, NON_ALPHANUMERIC);
        let username = utf8_percent_encode(&user.username, NON_ALPHANUMERIC);
        let secret = BASE32_NOPAD.encode(&self.0);
        // Without parameters, apps use the default algorithm, digits and period.
        format!("otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}")
    }

    pub(crate) fn step_of(&self, typed: &str, now: NaiveDateTime) -> Option<i64> {
        totp::matching_step(&self.0, &without_blanks(typed), now)
    }
}

fn without_blanks(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A QR code as an SVG path: a square for each dark module.
#[derive(Serialize)]
pub(crate) struct Qr {
    path: String,
    /// Width and height, including the quiet zone of four modules.
    size: usize,
}

impl Qr {
    pub(crate) fn new(secret: &Secret, user: &User) -> Option<Self> {
        const QUIET: usize = 4;
        let code = QrCode::new(secret.uri(user)).ok()?;
        let width = code.width();
        let colors = code.to_colors();
        let dark = colors
            .iter()
            .enumerate()
            .filter(|(_, color)| **color == Color::Dark);
        let square = |(index, _)| {
            let (x, y) = (index % width + QUIET, index / width + QUIET);
            format!("M{x} {y}h1v1h-1z")
        };
        Some(Self {
            path: dark.map(square).collect(),
            size: width + 2 * QUIET,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeKind {
    App,
    Recovery,
}

/// Checks a code and consumes it, so that it is valid once. Requires a transaction.
pub(crate) fn consume_code(
    conn: &mut DbConnection,
    key: &SecretKey,
    user: &User,
    typed: &str,
    now: NaiveDateTime,
) -> QueryResult<Option<CodeKind>> {
    let typed = without_blanks(typed);
    let Some(factor) = SecondFactor::find(conn, user.id)? else {
        return Ok(None);
    };
    if typed.len() != totp::DIGITS {
        let is_valid = RecoveryCode::consume(conn, user.id, &typed)?;
        return Ok(is_valid.then_some(CodeKind::Recovery));
    }
    let Some(secret) = Secret::open(key, user.id, &factor.secret) else {
        log::warn!(
            "the second factor of user {} was sealed with another SECRET_KEY: only a recovery code opens that account, \
             or `oc-lettings resetfactor`",
            user.id
        );
        return Ok(None);
    };
    let Some(step) = secret.step_of(&typed, now) else {
        return Ok(None);
    };
    let is_first = SecondFactor::consume_step(conn, user.id, step)?;
    Ok(is_first.then_some(CodeKind::App))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_in_groups_and_opens_for_its_user() {
        let key = SecretKey::random();
        let secret = Secret(b"12345678901234567890".to_vec());

        let sealed = secret.sealed(&key, 7);

        assert_eq!(secret.text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(Secret::open(&key, 7, &sealed).is_some_and(|opened| opened.0 == secret.0));
        assert!(Secret::open(&key, 8, &sealed).is_none());
        assert_ne!(Secret::random().0, Secret::random().0);
    }
}
