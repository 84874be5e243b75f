//! The import as a whole: look at the file, then move it over.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use oc_core::{DatabaseUrl, DbConnection};
use sha2::{Digest as _, Sha256};

use super::compare::Adder;
use super::digest::Sum;
use super::file::DjangoFile;
use super::findings::{Findings, counted};
use super::layout::Layout;
use super::moving::{self, Moving};
use super::reading::{self, Book};
use super::report::{Outcome, Report};
use super::target::Target;

/// What an import was told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, and they go together in any way"
)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Write nothing.
    pub dry_run: bool,
    /// Leave out rows that break a rule.
    pub skip_bad: bool,
    /// Add to a database that holds other lettings.
    pub merge: bool,
    /// Show everybody's e-mail address.
    pub show_emails: bool,
}

/// Moves what a file holds into the database, all or nothing. `open` opens it, and is not called before the file is
/// known to be good; for a dry run it may find that there is none yet.
pub fn import(
    path: &Path,
    options: Options,
    url: &DatabaseUrl,
    open: &dyn Fn() -> anyhow::Result<Option<DbConnection>>,
) -> anyhow::Result<Report> {
    let start = Instant::now();
    if is_target(path, url) {
        bail!(
            "{} is the database of DATABASE_URL; name another one to import into",
            path.display()
        );
    }
    let mut file = DjangoFile::open(path)?;
    let mut findings = Findings::default();
    let layout = Layout::of(&mut file, &mut findings)
        .with_context(|| format!("cannot use {}", path.display()))?;
    let left = layout.left_alone(&mut file)?;
    for kind in &file.none {
        findings.warn(format!("There is no {kind} in the dump; none is imported."));
    }
    if file.lacks_ids {
        findings.warn("Some rows have no id in the file; they get new ones, in their order.");
    }
    let mut report = Report::new(path, &file, &layout, left, url, options.dry_run);
    let mut book = Book {
        file,
        layout,
        show_emails: options.show_emails,
        must_change: BTreeMap::new(),
    };
    let mut adder = Adder::new(None);
    reading::read(&mut book, "reading", Some(&mut findings), &mut adder)
        .with_context(|| format!("cannot read {}", path.display()))?;
    report.fingerprint = fingerprint(&adder.facts);
    let mut last_ids = book.last_ids()?;
    for (target, id) in adder.last_ids {
        let last = last_ids.entry(target).or_default();
        *last = id.max(*last);
    }
    let bad = findings.problems.len() as u64;
    report.take(findings);
    if bad > 0 && !options.skip_bad {
        report.all_skipped();
        moving::warn_of_published(&book, &mut report, |_| true);
        report.outcome = Outcome::Refused(format!(
            "{} wrong with {}; nothing was imported",
            counted(bad, "value is", "values are"),
            path.display()
        ));
    } else {
        let mut moving = Moving {
            options,
            book: &mut book,
            last_ids,
            addresses: &adder.addresses,
            report: &mut report,
        };
        moving.move_over(open)?;
    }
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

/// Whether the file is the very database that it would be imported into.
fn is_target(path: &Path, url: &DatabaseUrl) -> bool {
    let Some(target) = url.file() else {
        return false;
    };
    matches!((path.canonicalize(), target.canonicalize()), (Ok(path), Ok(target)) if path == target)
}

impl Book {
    /// The last ids that the old site gave out, to rows that may be gone.
    fn last_ids(&mut self) -> anyhow::Result<HashMap<Target, i64>> {
        let mut last_ids = HashMap::new();
        for (target, table) in self.tables() {
            last_ids.insert(target, self.file.last_id(&table)?);
        }
        Ok(last_ids)
    }
}

/// What tells the rows of one file from those of another.
fn fingerprint(sums: &BTreeMap<Target, Sum>) -> String {
    let mut hasher = Sha256::new();
    for (target, sum) in sums {
        hasher.update(format!(
            "{} {} {}\n",
            target.spec().name,
            sum.rows,
            sum.hex()
        ));
    }
    hex::encode(hasher.finalize())
}
