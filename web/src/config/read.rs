//! Reading one setting at a time.

use std::fmt::Display;
use std::str::FromStr;

/// A setting with a value that will not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {}: {allowed}", .value.as_deref().map_or("not set".to_owned(), |value| format!("{value:?}")))]
pub(super) struct InvalidSetting {
    pub(super) name: &'static str,
    /// The value as it was given, or `None` where there was none.
    pub(super) value: Option<String>,
    /// What it must be.
    pub(super) allowed: String,
}

/// Where settings come from: a function, so that tests need no environment.
pub(super) struct Source<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Source<'_> {
    /// A setting's text. One that is set but empty counts as not set, as is usual in files of settings.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// A setting read as a `T`, or `default`.
    pub(super) fn parse<T: FromStr>(
        &self,
        name: &'static str,
        default: T,
        allowed: &str,
    ) -> Result<T, InvalidSetting> {
        self.parse_if(name, default, allowed, |_| true)
    }

    /// A setting read as a `T` that must also pass a test, or `default`.
    pub(super) fn parse_if<T: FromStr>(
        &self,
        name: &'static str,
        default: T,
        allowed: &str,
        test: impl Fn(&T) -> bool,
    ) -> Result<T, InvalidSetting> {
        let Some(value) = self.text(name) else {
            return Ok(default);
        };
        match value.parse() {
            Ok(parsed) if test(&parsed) => Ok(parsed),
            _ => Err(refuse(name, Some(value), allowed)),
        }
    }

    /// A switch in any of the usual words, or `default`.
    pub(super) fn switch(&self, name: &'static str, default: bool) -> Result<bool, InvalidSetting> {
        let Some(value) = self.text(name) else {
            return Ok(default);
        };
        match value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Ok(true),
            "no" | "false" | "off" | "0" => Ok(false),
            _ => Err(refuse(name, Some(value), "it must be true or false")),
        }
    }

    /// A setting whose values have names of their own, or the first of them.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<T, InvalidSetting> {
        let value = self.text(name);
        let wanted = value.as_deref().unwrap_or(choices[0].0);
        choices
            .iter()
            .find(|(text, _)| *text == wanted)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(text, _)| *text).collect();
                refuse(
                    name,
                    value.clone(),
                    format!("it must be {}", names.join(" or ")),
                )
            })
    }
}

/// What is wrong with a setting.
pub(super) fn refuse(
    name: &'static str,
    value: Option<String>,
    allowed: impl Display,
) -> InvalidSetting {
    InvalidSetting {
        name,
        value,
        allowed: allowed.to_string(),
    }
}
