//! Reading the environment. Nothing else in the program does.

use std::collections::HashMap;
use std::env::VarError;
use std::fs::File;
use std::io::{ErrorKind, Read};

use anyhow::{Context, anyhow, bail, ensure};
use clap::builder::PossibleValue;
use clap::{Command, CommandFactory, FromArgMatches};
use encoding_rs_io::DecodeReaderBytes;

use super::settings::{Config, Environment};

/// Settings without a safe default, and what production requires.
const REQUIRED_IN_PRODUCTION: [(&str, &str); 2] = [
    (
        "ALLOWED_HOSTS",
        "production requires the host names of the site, such as www.example.org",
    ),
    (
        "SECRET_KEY",
        "production requires a secret of 32 bytes or more; generate one with `openssl rand -hex 32`",
    ),
];

impl Config {
    /// Reads the environment and, in development, the file `.env`.
    ///
    /// # Errors
    /// Names every wrong setting with its value and what is allowed.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::from_lookup(&lookup()?)
    }

    /// Reads the settings from a function, so that a test needs no environment.
    ///
    /// # Errors
    /// Names every wrong setting with its value and what is allowed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let (mut config, mut problems) = read(lookup);
        let is_production = config.environment == Environment::Production;
        for (name, allowed) in REQUIRED_IN_PRODUCTION {
            let is_set = lookup(name).is_some_and(|value| !value.trim().is_empty());
            if is_production && !is_set {
                problems.push(problem(name, None, allowed));
            }
        }
        if is_production && !cfg!(feature = "postgres-tls") && config.database_url.is_remote() {
            let allowed = "this build has no TLS for a PostgreSQL server on another machine; \
                           build it with `--features postgres-tls`";
            problems.push(problem("DATABASE_URL", Some(HIDDEN), allowed));
        }
        if config.public_url.is_empty() {
            match config.allowed_hosts.first() {
                _ if !is_production => {
                    config.public_url = format!("http://localhost:{}", config.port);
                }
                Some(host) => config.public_url = format!("https://{host}"),
                None => {
                    let allowed = "it is required where ALLOWED_HOSTS contains only patterns";
                    problems.push(problem("PUBLIC_URL", None, allowed));
                }
            }
        }
        if config.mail.smtp_url.is_some() && config.mail.mail_from.is_none() {
            problems.push(problem("MAIL_FROM", None, "SMTP_URL requires a sender"));
        }
        if config.sentry.environment.is_empty() {
            config.sentry.environment = config.environment.to_string();
        }
        ensure!(problems.is_empty(), Problems(problems));
        Ok(config)
    }
}

/// Several reasons for a failure, reported one per line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct Problems(pub(crate) Vec<String>);

/// The problem of one setting: its name, its value unless that is secret, and what is allowed.
pub(super) fn problem(name: &str, value: Option<&str>, allowed: &str) -> String {
    match value {
        Some(value) => format!("{name} is {value:?}: {allowed}"),
        None => format!("{name} is not set: {allowed}"),
    }
}

/// Settings whose values are never printed.
const SECRETS: [&str; 4] = ["DATABASE_URL", "SECRET_KEY", "SENTRY_DSN", "SMTP_URL"];

/// Printed in place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";

/// Reads the settings. A wrong one has its default, and its problem is returned.
pub(super) fn read(lookup: &dyn Fn(&str) -> Option<String>) -> (Config, Vec<String>) {
    let command = Config::command();
    let mut valid = Vec::new();
    let mut problems = Vec::new();
    for argument in command.get_arguments() {
        let name = argument.get_long().unwrap_or_default();
        // An empty variable counts as unset.
        let value = lookup(name).unwrap_or_default();
        let value = without_line_end(&value).trim();
        if value.is_empty() {
            continue;
        }
        let option = format!("--{name}={value}");
        // Each one alone: clap stops at the first error.
        let alone = Command::new("setting").no_binary_name(true);
        match alone.arg(argument.clone()).try_get_matches_from([&option]) {
            Ok(_) => valid.push(option),
            Err(error) => {
                let shown = if SECRETS.contains(&name) {
                    HIDDEN
                } else {
                    value
                };
                let allowed = std::error::Error::source(&error).map(ToString::to_string);
                let allowed = allowed.unwrap_or_else(|| {
                    let values = argument.get_possible_values();
                    let values: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
                    format!("it must be {}", values.join(" or "))
                });
                problems.push(problem(name, Some(shown), &allowed));
            }
        }
    }
    let config = Config::from_arg_matches(&command.get_matches_from(valid));
    (
        config.expect("each setting is valid or has a default"),
        problems,
    )
}

/// Looks a variable up in the environment and, in development, in the file `.env`.
#[expect(clippy::disallowed_methods, reason = "settings are read here")]
pub(super) fn lookup() -> anyhow::Result<impl Fn(&str) -> Option<String>> {
    let invalid: Vec<String> = Config::command()
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| matches!(std::env::var(name), Err(VarError::NotUnicode(_))))
        .map(|name| format!("{name} is not valid UTF-8"))
        .collect();
    ensure!(invalid.is_empty(), Problems(invalid));
    let app_env = std::env::var("APP_ENV").unwrap_or_default();
    let file = match app_env.trim() {
        "production" => HashMap::new(),
        app_env => {
            let file = read_dot_env()?;
            let in_file = file.get("APP_ENV").map(|value| value.trim());
            if app_env.is_empty() && in_file == Some("production") {
                bail!(
                    "APP_ENV is \"production\" in the file .env, which production doesn't read: \
                     set all settings in the environment instead"
                );
            }
            file
        }
    };
    Ok(move |name: &str| std::env::var(name).ok().or_else(|| file.get(name).cloned()))
}

/// The variables in the file `.env` of the working directory, if there is one.
fn read_dot_env() -> anyhow::Result<HashMap<String, String>> {
    let mut text = String::new();
    // Windows PowerShell writes UTF-16.
    let read =
        File::open(".env").and_then(|file| DecodeReaderBytes::new(file).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context("cannot read the file .env")
        }
        _ => parse_dot_env(&text),
    }
}

/// Parses lines `NAME=VALUE`. A value in quotes may have several lines; in double quotes `\n`, `\"`, `\$` and `\\` are
/// escapes. `$` is literal: variables are not expanded.
fn parse_dot_env(text: &str) -> anyhow::Result<HashMap<String, String>> {
    let mut variables = HashMap::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself may contain a secret.
        let error = || anyhow!("cannot read line {number} of the file .env: it must be NAME=VALUE");
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or_else(error)?;
        let name = name.trim();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(is_name, error());
        let unquoted = value.trim_start().strip_prefix(['"', '\'']);
        let value = if let Some(start) = unquoted {
            let quote = value.trim_start().chars().next().unwrap_or_default();
            let mut more = lines.by_ref().map(|(line, _)| line);
            let (text, rest) = unquote(quote, start, &mut more).ok_or_else(error)?;
            let rest = rest.split('#').next().unwrap_or_default();
            ensure!(rest.trim().is_empty(), error());
            text
        } else {
            let comment = value.find(" #").unwrap_or(value.len());
            value[..comment].trim().replace("\\$", "$")
        };
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

/// The text up to the closing quote, which may be in one of the next lines, and what is behind it.
fn unquote<'a>(
    quote: char,
    start: &'a str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Option<(String, &'a str)> {
    let (mut text, mut chars) = (String::new(), start.chars());
    loop {
        match chars.next() {
            Some(c) if c == quote => return Some((text, chars.as_str())),
            Some('\\') if quote == '"' => {
                let (c, rest) = match chars.as_str().as_bytes().first() {
                    Some(b'n') => ('\n', 1),
                    Some(c @ (b'\\' | b'"' | b'$')) => ((*c).into(), 1),
                    _ => ('\\', 0),
                };
                text.push(c);
                chars = chars.as_str()[rest..].chars();
            }
            Some(c) => text.push(c),
            None => {
                text.push('\n');
                chars = lines.next()?.chars();
            }
        }
    }
}

/// The text of a file that a secret is mounted from: without a byte order mark and the newline at its end.
pub(crate) fn without_line_end(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_end_matches(['\r', '\n'])
}

/// The length of a line in `--help`, as clap's.
const HELP_WIDTH: usize = 100;

/// The settings as a table, for the end of every `--help`.
pub(crate) fn help() -> String {
    let mut text = "Settings (environment; in development also a file .env):\n".to_owned();
    for argument in Config::command().get_arguments() {
        let name = argument.get_long().unwrap_or_default();
        let mut meaning = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if let [default] = argument.get_default_values()
            && !default.is_empty()
        {
            meaning = format!("{meaning} [default: {}]", default.display());
        }
        let mut line = format!("  {name:<25}");
        for word in meaning.split(' ') {
            if line.len() + word.len() >= HELP_WIDTH {
                text += &(line + "\n");
                line = format!("{:27}", "");
            }
            line.extend([" ", word]);
        }
        text += &(line + "\n");
    }
    text + "\nExit codes: 0 done, 1 failed, 2 wrong usage."
}

/// The account for `createsuperuser` and `changepassword` with `--no-input`; empty where not set.
#[derive(Default)]
pub(crate) struct Superuser {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Superuser {
    /// Reads `SUPERUSER_USERNAME`, `SUPERUSER_EMAIL` and `SUPERUSER_PASSWORD`.
    #[expect(clippy::disallowed_methods, reason = "settings are read here")]
    pub(crate) fn from_env() -> Self {
        let variable = |name| without_line_end(&std::env::var(name).unwrap_or_default()).to_owned();
        Self {
            username: variable("SUPERUSER_USERNAME"),
            email: variable("SUPERUSER_EMAIL"),
            password: variable("SUPERUSER_PASSWORD"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sample_file_has_every_setting() {
        let sample = include_str!("../../../.env.sample");
        let command = Config::command();
        let names: Vec<&str> = command
            .get_arguments()
            .filter_map(|a| a.get_long())
            .collect();

        for name in &names {
            assert!(sample.contains(&format!("{name}=")), "{name} is missing");
        }
        let is_setting = |line: &&str| !line.is_empty() && !line.starts_with("# ");
        assert_eq!(sample.lines().filter(is_setting).count(), names.len());
    }

    #[test]
    fn a_file_from_windows_is_read() -> anyhow::Result<()> {
        let variables = parse_dot_env("\u{feff}PORT=80\r\nHOST='::1'\r\n\r\n# comment\r\n")?;

        assert_eq!(variables.len(), 2);
        assert_eq!((&*variables["PORT"], &*variables["HOST"]), ("80", "::1"));
        Ok(())
    }

    /// dotenv-rs/dotenv#46, allan2/dotenvy#11, theskumar/python-dotenv#277, tonerdo/dotnet-env#109, nodejs/node#53461.
    #[test]
    fn values_are_literal() -> anyhow::Result<()> {
        for (line, value) in [
            ("K=a$b${HOME}c", "a$b${HOME}c"),
            ("K=\"a$b c\"", "a$b c"),
            ("K='a$b\\c'", "a$b\\c"),
            ("K=a\\$b", "a$b"),
            ("export K = a#b # comment", "a#b"),
            ("K=a==b", "a==b"),
            ("K=Holiday Homes", "Holiday Homes"),
            ("K= \"a, b\"", "a, b"),
            ("K=a, b;c|d", "a, b;c|d"),
            ("K=it's 5\" `x`", "it's 5\" `x`"),
            ("K=\"a b\"  ", "a b"),
            ("K='a # b'# comment", "a # b"),
            ("K=\"a\nb=c\nd\" # comment", "a\nb=c\nd"),
            ("K=C:\\homes", "C:\\homes"),
            ("K='a\\$b\\'", "a\\$b\\"),
            ("K=\"C:\\\\homes\\\\\"", "C:\\homes\\"),
            ("K=\"C:\\homes\\nx\"", "C:\\homes\nx"),
            ("K=\"say \\\"a\\\"\"", "say \"a\""),
            ("K=", ""),
            ("K= # comment", ""),
        ] {
            assert_eq!(parse_dot_env(line)?["K"], value, "{line}");
        }
        Ok(())
    }

    #[test]
    fn an_unreadable_line_is_reported_by_its_number() {
        for text in [
            "PORT=80\nSECRET_KEY hunter2\n",
            "PORT=80\r\nSECRET_KEY='hunter2\r\nHOST=::1",
            "PORT=80\nSECRET_KEY=\"hunter2\" hunter2\n",
            "PORT=80\n\u{0}SECRET_KEY=hunter2\n",
            "PORT=80\n=hunter2\n",
        ] {
            let error = parse_dot_env(text).map(drop).unwrap_err().to_string();

            assert!(
                error.contains("line 2 ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    /// Kind of fault: the way in which a file or a pipe ends becomes part of a secret.
    #[test]
    fn the_end_of_a_file_is_not_part_of_a_secret() -> Result<(), Box<dyn std::error::Error>> {
        const SECRET: &str = " 0123456789abcdef 0123456789abcdef";
        for (start, end) in [
            // linuxserver/docker-bookstack#122: an editor adds a newline.
            ("", "\n"),
            // docker/docs#18204: a file from Windows.
            ("", "\r\n"),
            // linuxserver/docker-hedgedoc#31: `echo` and a block scalar of YAML.
            ("", "\n\n"),
            // linuxserver/docker-speedtest-tracker#23: nothing at the end.
            ("", ""),
            // PowerShell/PowerShell#8592, lima-vm/lima#5281: a byte order mark.
            ("\u{feff}", "\r\n"),
        ] {
            let text = format!("{start}{SECRET}{end}");

            assert_eq!(without_line_end(&text), SECRET, "{text:?}");
            let config = Config::from_lookup(&|name| match name {
                "SECRET_KEY" => Some(text.clone()),
                "DATABASE_URL" => Some(format!("{start}postgres://oc:a b@db/oc{end}")),
                _ => None,
            })?;
            let clean = Config::from_lookup(&|name| (name == "SECRET_KEY").then(|| SECRET.into()))?;
            let sign = |config: &Config| config.secret_key.sign("test", &[]);
            assert_eq!(sign(&config), sign(&clean), "{text:?}");
            assert_eq!(config.database_url.to_string(), "postgres://oc@db/oc");
        }
        // Spaces are part of a password.
        assert_eq!(without_line_end("a b \n"), "a b ");
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_file_makes_the_parser_panic_or_print_a_value(
            text in "(PORT|HOST|=|'|\"|#|\\$\\{|\\}|\\\\|\n|\r\n| |export |\\PC){0,40}",
        ) {
            let text = format!("{text}\nSECRET_KEY hunter2\n");
            if let Err(error) = parse_dot_env(&text) {
                let shown = format!("{error:#}");
                prop_assert!(!shown.contains("hunter2"));
            }
        }
    }
}
