//! The report of an import.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::row::Problem;
use super::source::Source;

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything in the report was imported.
    Imported,
    /// A dry run: nothing was written.
    DryRun,
    /// Nothing was imported because of the problems in the report.
    Rejected,
}

/// What is counted, in the order of the report.
const COUNTED: [&str; 8] = [
    "groups",
    "users",
    "group memberships",
    "permissions",
    "addresses",
    "lettings",
    "profiles",
    "log entries",
];

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read: u64,
    pub(crate) imported: u64,
}

/// The report of an import, for standard output.
#[derive(Debug)]
pub struct Report {
    /// What was read, such as “SQLite database, split apps”.
    pub(crate) source: String,
    /// How the import ended.
    pub outcome: Outcome,
    pub(crate) counts: BTreeMap<&'static str, Counts>,
    /// Rows that can't be imported.
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
    /// Log entries of users that don't exist.
    pub(crate) orphans: u64,
    /// Permissions that this site does not have.
    pub(crate) unknown_permissions: BTreeSet<String>,
    /// Tables or models that are not imported, and their rows.
    pub(crate) not_imported: Vec<(String, u64)>,
}

impl Report {
    pub(crate) fn new(source: &Source) -> Self {
        Self {
            source: source.description(),
            outcome: Outcome::DryRun,
            counts: COUNTED.map(|name| (name, Counts::default())).into(),
            problems: Vec::new(),
            warnings: Vec::new(),
            orphans: 0,
            unknown_permissions: BTreeSet::new(),
            not_imported: source.not_imported(),
        }
    }

    pub(crate) fn count(&mut self, name: &'static str, is_imported: bool) {
        let counts = self.counts.entry(name).or_default();
        counts.read += 1;
        counts.imported += u64::from(is_imported);
    }

    /// Number of problems.
    pub fn problems(&self) -> usize {
        self.problems.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Source: {}", self.source)?;
        writeln!(
            f,
            "\n{:<18}{:>10}{:>10}{:>10}",
            "", "read", "imported", "skipped"
        )?;
        let mut rows = 0;
        for name in COUNTED {
            let counts = self.counts[name];
            let imported = match self.outcome {
                Outcome::Rejected => 0,
                Outcome::Imported | Outcome::DryRun => counts.imported,
            };
            rows += imported;
            let (read, skipped) = (counts.read, counts.read - imported);
            writeln!(f, "{name:<18}{read:>10}{imported:>10}{skipped:>10}")?;
        }
        let problem =
            |row: &Problem| format!("{} {}, {}: {}", row.table, row.id, row.field, row.reason);
        let problems = self.problems.iter().map(problem).collect();
        let unknown = self.unknown_permissions.iter().map(|permission| {
            format!("This site has no permission {permission}; it was left out.")
        });
        let orphans = (self.orphans > 0).then(|| {
            let orphans = self.orphans;
            format!("Log entries of deleted users, kept without the account: {orphans}")
        });
        let warnings = self.warnings.iter().cloned().chain(orphans).chain(unknown);
        let not_imported = self.not_imported.iter();
        let not_imported = not_imported.map(|(table, rows)| format!("{table} ({rows} rows)"));
        let sections: [(String, Vec<String>); 3] = [
            (format!("Problems ({})", self.problems.len()), problems),
            ("Warnings".to_owned(), warnings.collect()),
            ("Not imported".to_owned(), not_imported.collect()),
        ];
        for (heading, lines) in sections {
            if !lines.is_empty() {
                writeln!(f, "\n{heading}:\n  {}", lines.join("\n  "))?;
            }
        }
        match self.outcome {
            Outcome::Imported => writeln!(f, "\nImported {rows} rows."),
            Outcome::DryRun => writeln!(
                f,
                "\nDry run: would import {rows} rows. Nothing was written."
            ),
            Outcome::Rejected => writeln!(f, "\nNothing was imported."),
        }
    }
}
