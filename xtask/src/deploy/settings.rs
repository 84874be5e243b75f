//! What the environment tells a deploy, looked through before anything is asked. No error shows a value: all of them
//! come out of a store of secrets, and one may have got into the wrong field.

use anyhow::{Context, Result, ensure};
use ureq::http::Uri;

use crate::http::Http;
use crate::machine::Machine;
use crate::variables::Variable;

/// A variable that has to be set.
pub(super) fn required(machine: &Machine, variable: &Variable) -> Result<String> {
    machine.variable(variable).with_context(|| {
        format!("{variable} is not set; docs/delivery.md says where it comes from")
    })
}

/// A variable that has to be set and is never shown.
pub(super) fn secret(machine: &Machine, http: &Http, variable: &Variable) -> Result<String> {
    let value = required(machine, variable)?;
    http.hide(&value);
    Ok(value)
}

/// A secret that goes into a header.
pub(super) fn token(machine: &Machine, http: &Http, variable: &Variable) -> Result<String> {
    let value = secret(machine, http, variable)?;
    check_token(variable, &value)?;
    Ok(value)
}

/// Makes sure that a text can go into a header.
pub(crate) fn check_token(variable: &Variable, value: &str) -> Result<()> {
    ensure!(
        value.chars().all(|c| c.is_ascii_graphic()),
        "{variable} must be one word of letters, digits and signs: it holds a blank, a line break or another character \
         that no key has"
    );
    Ok(())
}

/// The parts of an address, which has no login and no fragment.
fn parts<'a>(variable: &Variable, address: &'a str) -> Result<(&'a str, Option<&'a str>)> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let rest = rest
        .with_context(|| format!("{variable} must be an address: https://HOST, or http://HOST"))?;
    ensure!(
        !rest.contains('#'),
        "{variable} must be an address without a fragment (#…)"
    );
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let host = place.split('/').next().unwrap_or_default();
    ensure!(
        !host.contains('@'),
        "{variable} must be an address without a login (NAME:PASSWORD@): it is shown, and gets into other logs"
    );
    let is_address = address
        .parse::<Uri>()
        .is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    ensure!(
        is_address,
        "{variable} must be an address, such as https://www.example.org: it holds a character that no address has, or \
         no host"
    );
    Ok((place, query))
}

/// An address to which paths are added.
pub(super) fn base<'a>(variable: &Variable, address: &'a str) -> Result<&'a str> {
    let (_, query) = parts(variable, address)?;
    ensure!(
        query.is_none(),
        "{variable} must be an address without a query (?…): paths are added to it"
    );
    Ok(address.trim_end_matches('/'))
}

/// An address that is asked as it is.
pub(super) fn check_address(variable: &Variable, address: &str) -> Result<()> {
    parts(variable, address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::APP_URL;

    #[test]
    fn paths_are_added_to_a_plain_address() -> Result<()> {
        for plain in [
            "https://www.example.org",
            "http://127.0.0.1:8000",
            "http://[::1]:8000",
            "https://example.org/under/@ada",
        ] {
            assert_eq!(base(&APP_URL, plain)?, plain);
            assert_eq!(base(&APP_URL, &format!("{plain}/"))?, plain);
        }
        Ok(())
    }

    #[test]
    fn an_address_has_nothing_but_a_place() {
        for (wrong, rule) in [
            ("www.example.org", "must be an address: https://"),
            ("ftp://example.org", "must be an address: https://"),
            ("bob:hunter2@example.org", "must be an address: https://"),
            ("https://", "no host"),
            ("https:///path", "no host"),
            ("https://exa mple.org", "no address has"),
            ("https://example.org/\n/", "no address has"),
            ("https://bob:hunter2@example.org", "without a login"),
            ("https://hunter2@example.org/", "without a login"),
            ("https://example.org?key=hunter2", "without a query"),
            ("https://example.org/#hunter2", "without a fragment"),
        ] {
            let refused = base(&APP_URL, wrong).unwrap_err().to_string();
            assert!(refused.starts_with("APP_URL must be"), "{refused}");
            assert!(refused.contains(rule), "{wrong}: {refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
