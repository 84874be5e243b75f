//! The report of an import.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::layout::Model;
use super::row::Problem;

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

/// What rows become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Groups,
    Users,
    Memberships,
    Permissions,
    Addresses,
    Lettings,
    Profiles,
    LogEntries,
}

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
    pub(crate) counts: BTreeMap<Target, Counts>,
    /// Rows that can't be imported.
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
    /// Permissions that this site does not have.
    pub(crate) unknown_permissions: BTreeSet<String>,
    /// Tables or models that are not imported, and their rows.
    pub(crate) not_imported: Vec<(String, u64)>,
}

impl Target {
    pub(crate) const ALL: [Self; 8] = [
        Self::Groups,
        Self::Users,
        Self::Memberships,
        Self::Permissions,
        Self::Addresses,
        Self::Lettings,
        Self::Profiles,
        Self::LogEntries,
    ];

    /// Its name in the report and, for rows that keep their ids, the table here and the model there.
    fn spec(self) -> (&'static str, Option<(&'static str, Model)>) {
        match self {
            Self::Groups => ("groups", Some(("groups", Model::Group))),
            Self::Users => ("users", Some(("users", Model::User))),
            Self::Memberships => ("group memberships", None),
            Self::Permissions => ("permissions", None),
            Self::Addresses => ("addresses", Some(("addresses", Model::Address))),
            Self::Lettings => ("lettings", Some(("lettings", Model::Letting))),
            Self::Profiles => ("profiles", Some(("profiles", Model::Profile))),
            Self::LogEntries => ("log entries", Some(("changes", Model::LogEntry))),
        }
    }

    pub(crate) fn table(self) -> Option<&'static str> {
        self.spec().1.map(|(table, _)| table)
    }

    pub(crate) fn model(self) -> Option<Model> {
        self.spec().1.map(|(_, model)| model)
    }

    pub(crate) fn for_model(model: Model) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|target| target.model() == Some(model))
    }
}

impl Report {
    pub(crate) fn new(source: String) -> Self {
        Self {
            source,
            outcome: Outcome::DryRun,
            counts: Target::ALL.map(|target| (target, Counts::default())).into(),
            problems: Vec::new(),
            warnings: Vec::new(),
            unknown_permissions: BTreeSet::new(),
            not_imported: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, target: Target, is_imported: bool) {
        let counts = self.counts.entry(target).or_default();
        counts.read += 1;
        counts.imported += u64::from(is_imported);
    }

    pub(crate) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
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
        for (target, counts) in &self.counts {
            let imported = match self.outcome {
                Outcome::Rejected => 0,
                Outcome::Imported | Outcome::DryRun => counts.imported,
            };
            rows += imported;
            let skipped = counts.read - imported;
            writeln!(
                f,
                "{:<18}{:>10}{imported:>10}{skipped:>10}",
                target.spec().0,
                counts.read
            )?;
        }
        let problem =
            |row: &Problem| format!("{} {}, {}: {}", row.table, row.id, row.field, row.reason);
        let problems = self.problems.iter().map(problem).collect();
        let unknown = self.unknown_permissions.iter().map(|permission| {
            format!("This site has no permission {permission}; it was left out.")
        });
        let not_imported = self.not_imported.iter();
        let not_imported = not_imported.map(|(table, rows)| format!("{table} ({rows} rows)"));
        let sections: [(String, Vec<String>); 3] = [
            (format!("Problems ({})", self.problems.len()), problems),
            (
                "Warnings".to_owned(),
                self.warnings.iter().cloned().chain(unknown).collect(),
            ),
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
