//! What is told of an import, for eyes and for machines.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

use oc_core::DatabaseUrl;
use serde::Serialize;

use super::compare::Compared;
use super::file::DjangoFile;
use super::findings::{Findings, Problem};
use super::layout::{Layout, LeftAlone};
use super::plan::Counts;
use super::target::Target;

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Outcome {
    /// It was written.
    Imported,
    /// It would be written.
    Tried,
    /// It stands already.
    Stands(String),
    /// Nothing was written, and the reason.
    Refused(String),
}

/// What became of the rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The table in the file.
    pub table: String,
    /// The table that its rows go to.
    pub into: String,
    /// Rows read.
    pub read: u64,
    /// Rows imported; of a dry run, rows that would be.
    pub imported: u64,
    /// Rows that stand already.
    pub standing: u64,
    /// Rows left out: for what is wrong with them, since others say the same, or since something else stands there.
    pub skipped: u64,
    /// Rows that break no rule.
    #[serde(skip)]
    pub(super) good: u64,
    #[serde(skip)]
    target: Option<Target>,
}

/// A table of the file that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// All that is told of an import.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// What it is.
    pub format: &'static str,
    /// Which tables hold the site's rows.
    pub layout: String,
    /// The database.
    pub database: String,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Rows, by table.
    pub tables: Vec<Moved>,
    /// Rows that break a rule, and which.
    pub problems: Vec<Problem>,
    /// Rows in whose place something else stands, or that were stored in another way than in the file.
    pub conflicts: Vec<Problem>,
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// Tables that are left alone.
    pub tables_left_alone: Vec<Left>,
    /// Columns that are left alone.
    pub columns_left_alone: Vec<String>,
    /// Both sides, read again.
    pub check: Vec<Compared>,
    /// What tells these rows from those of another file.
    pub fingerprint: String,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    pub(super) fn new(
        path: &Path,
        file: &DjangoFile,
        layout: &Layout,
        left: LeftAlone,
        url: &DatabaseUrl,
        dry_run: bool,
    ) -> Self {
        let tables = left.tables.into_iter();
        Self {
            file: path.display().to_string(),
            format: if file.is_dump {
                "dumpdata JSON"
            } else {
                "SQLite database"
            },
            layout: layout.told(),
            database: url.to_string(),
            dry_run,
            outcome: Outcome::Tried,
            tables: Vec::new(),
            problems: Vec::new(),
            conflicts: Vec::new(),
            warnings: Vec::new(),
            tables_left_alone: tables.map(|(table, rows)| Left { table, rows }).collect(),
            columns_left_alone: left.columns,
            check: Vec::new(),
            fingerprint: String::new(),
            seconds: 0.0,
        }
    }

    pub(super) fn take(&mut self, findings: Findings) {
        self.problems = findings.problems;
        self.warnings = findings.warnings;
        self.tables = findings
            .tallies
            .into_iter()
            .map(|(target, tally)| Moved {
                table: tally.table,
                into: target.spec().name.to_owned(),
                read: tally.read,
                skipped: tally.read - tally.good,
                good: tally.good,
                target: Some(target),
                ..Moved::default()
            })
            .collect();
    }

    /// Takes in what was decided.
    pub(super) fn count(&mut self, counts: &BTreeMap<Target, Counts>) {
        for table in &mut self.tables {
            let counts = table.target.and_then(|target| counts.get(&target));
            let counts = counts.copied().unwrap_or_default();
            table.imported = counts.stored;
            table.standing = counts.standing;
            table.skipped = table.read - table.good + counts.conflicts;
        }
    }

    /// Says of every row that it was left out: nothing is imported.
    pub(super) fn all_skipped(&mut self) {
        for table in &mut self.tables {
            table.skipped = table.read;
        }
    }

    /// Takes back what would have been stored.
    pub(super) fn nothing_stored(&mut self) {
        for table in &mut self.tables {
            table.skipped += table.imported;
            table.imported = 0;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "File: {} ({})", self.file, self.format)?;
        writeln!(f, "Layout: {}", self.layout)?;
        writeln!(f, "Database: {}", self.database)?;
        if self.dry_run {
            writeln!(f, "Dry run: nothing is written.")?;
        }
        self.write_tables(f)?;
        write_problems(f, "Problems", &self.problems)?;
        write_problems(f, "Conflicts", &self.conflicts)?;
        if !self.warnings.is_empty() {
            writeln!(f, "\nWarnings ({}):", self.warnings.len())?;
            for warning in &self.warnings {
                writeln!(f, "  {warning}")?;
            }
        }
        self.write_left(f)?;
        self.write_check(f)?;
        writeln!(f, "\n{}", self.conclusion())
    }
}

impl Report {
    fn write_tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["table", "into", "read", "imported", "standing", "skipped"].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.tables.iter().map(|table| {
            [
                table.table.clone(),
                table.into.clone(),
                table.read.to_string(),
                table.imported.to_string(),
                table.standing.to_string(),
                table.skipped.to_string(),
            ]
        }));
        writeln!(f)?;
        write_columns(f, &lines, 2)
    }

    fn write_left(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tables_left_alone.is_empty() && self.columns_left_alone.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nLeft alone:")?;
        for left in &self.tables_left_alone {
            writeln!(f, "  table {} ({} rows)", left.table, left.rows)?;
        }
        for column in &self.columns_left_alone {
            writeln!(f, "  column {column}")?;
        }
        Ok(())
    }

    fn write_check(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.check.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nCheck, both sides read again:")?;
        let lines: Vec<[String; 3]> = self
            .check
            .iter()
            .map(|table| {
                let verdict = if table.equal { "equal" } else { "DIFFERENT" };
                [
                    table.table.clone(),
                    table.rows_in_database.to_string(),
                    format!("rows {verdict}  sha256 {}", table.checksum_of_database),
                ]
            })
            .collect();
        write_columns(f, &lines, 1)
    }

    /// The last line.
    pub fn conclusion(&self) -> String {
        let rows: u64 = self.tables.iter().map(|table| table.imported).sum();
        let skipped: u64 = self.tables.iter().map(|table| table.skipped).sum();
        let mut line = match &self.outcome {
            Outcome::Imported => {
                format!("Imported {rows} rows, skipped {skipped}; every checksum is right.")
            }
            Outcome::Tried => {
                format!("Would import {rows} rows and skip {skipped}; nothing was written.")
            }
            Outcome::Stands(why) => why.clone(),
            Outcome::Refused(why) => format!("Refused: {why}."),
        };
        let _ = write!(line, " ({:.1} s)", self.seconds);
        line
    }
}

fn write_problems(f: &mut fmt::Formatter<'_>, title: &str, problems: &[Problem]) -> fmt::Result {
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title} ({}):", problems.len())?;
    for problem in problems {
        writeln!(
            f,
            "  {} {}: {}: {}",
            problem.table, problem.id, problem.column, problem.reason
        )?;
    }
    Ok(())
}

/// Writes lines in columns: the first `texts` to the left, the others to the right.
fn write_columns<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    lines: &[[String; N]],
    texts: usize,
) -> fmt::Result {
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for line in lines {
        let mut text = String::new();
        for (column, value) in line.iter().enumerate() {
            let width = widths[column];
            if column < texts {
                write!(text, "  {value:<width$}")?;
            } else {
                write!(text, "  {value:>width$}")?;
            }
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}
