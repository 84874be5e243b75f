//! The settings as a table.

use super::entry::Entry;
use super::{
    database, environment, limits, listening, logging, metrics, second_factor, secret_key, sentry,
    visitors,
};

/// Every setting, in the order of the help: a file of settings is added here and in `config.rs`.
const GROUPS: [&[Entry]; 10] = [
    environment::ENTRIES,
    database::ENTRIES,
    listening::ENTRIES,
    limits::ENTRIES,
    visitors::ENTRIES,
    secret_key::ENTRIES,
    second_factor::ENTRIES,
    logging::ENTRIES,
    sentry::ENTRIES,
    metrics::ENTRIES,
];

/// The name of every setting.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().copied().flatten().map(|entry| entry.name)
}

/// The settings as a table, for the end of every `--help`.
#[must_use]
pub fn help() -> String {
    let lines: Vec<String> = GROUPS
        .iter()
        .copied()
        .flatten()
        .map(|entry| {
            let Entry {
                name,
                default,
                meaning,
            } = entry;
            format!("  {name:<27}{meaning} [default: {default}]")
        })
        .collect();
    let lines = lines.join("\n");
    format!(
        "Settings (environment; in development also a file .env):\n{lines}\n\n\
         Exit codes: 0 done, 1 failed, 2 wrong usage."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_file_names_every_setting() {
        let sample = include_str!("../../../../.env.sample");

        let names: Vec<&str> = GROUPS
            .iter()
            .copied()
            .flatten()
            .map(|entry| entry.name)
            .collect();

        for name in &names {
            assert!(sample.contains(&format!("{name}=")), "{name} is missing");
        }
        assert_eq!(
            sample.lines().filter(|line| line.contains('=')).count(),
            names.len()
        );
    }
}
