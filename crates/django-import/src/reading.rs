//! One reading of the whole file: every table in its turn, every row by the rules.

use std::collections::{BTreeMap, HashSet};

use oc_core::validation::FieldError;

use super::file::DjangoFile;
use super::findings::{Findings, Problem, Tally, counted};
use super::layout::Layout;
use super::row::Row;
use super::sink::Sink;
use super::target::Target;
use super::{accounts, log, places, profiles, rights};
use transfer::progress::Progress;

/// What every reading of one file needs, and finds the same in.
pub(super) struct Book {
    pub(super) file: DjangoFile,
    pub(super) layout: Layout,
    /// Whether profiles show their e-mail addresses.
    pub(super) show_emails: bool,
    /// The accounts that must choose another password, with their names; found by the first reading.
    pub(super) must_change: BTreeMap<i64, String>,
}

/// The ids of a table's rows that were read.
#[derive(Debug, Default)]
pub(super) struct Ids {
    good: HashSet<i64>,
    bad: HashSet<i64>,
}

impl Ids {
    /// Notes a row; refuses an id that was there before.
    pub(super) fn note(&mut self, id: i64, row: &mut Row<'_>) {
        if row.problems.is_empty() && self.good.contains(&id) {
            row.refuse("id", "another row has this id");
        } else if row.problems.is_empty() {
            self.good.insert(id);
        } else {
            self.bad.insert(id);
        }
    }

    /// Refuses a row that refers to none of these.
    pub(super) fn expect(&self, row: &mut Row<'_>, column: &str, what: &str) -> i64 {
        let id = row.whole(column);
        if !self.good.contains(&id) {
            let shown = row.shown(column);
            if self.bad.contains(&id) {
                row.refuse(
                    column,
                    format!("refers to the {what} {shown}, which cannot be imported"),
                );
            } else {
                row.refuse(
                    column,
                    format!("refers to the {what} {shown}, which does not exist"),
                );
            }
        }
        id
    }
}

/// What a reading remembers of the rows that it read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) groups: Ids,
    pub(super) users: Ids,
    pub(super) addresses: Ids,
    pub(super) lettings: Ids,
    pub(super) profiles: Ids,
}

/// A reading that goes on.
pub(super) struct Reading<'a> {
    pub(super) book: &'a mut Book,
    pub(super) seen: Seen,
    pub(super) notes: Notes<'a>,
    pub(super) sink: &'a mut dyn Sink,
}

/// Where a reading tells what it finds; only the first one does.
pub(super) struct Notes<'a> {
    findings: Option<&'a mut Findings>,
    progress: Progress,
    /// Texts that were missing and are taken for empty, by table and column.
    empty: BTreeMap<(&'static str, &'static str), u64>,
}

impl Notes<'_> {
    /// A row of the table that goes to `target` was read.
    pub(super) fn read(&mut self, target: Target) {
        self.progress.add(1);
        if let Some(tally) = self.tally(target) {
            tally.read += 1;
        }
    }

    fn tally(&mut self, target: Target) -> Option<&mut Tally> {
        self.findings.as_mut()?.tallies.get_mut(&target)
    }

    /// Whether a row may be handed on; tells what is wrong with it otherwise.
    pub(super) fn passes(&mut self, target: Target, problems: Vec<Problem>) -> bool {
        let good = problems.is_empty();
        if let Some(findings) = &mut self.findings {
            findings.problems.extend(problems);
        }
        if good && let Some(tally) = self.tally(target) {
            tally.good += 1;
        }
        good
    }

    /// Text that may be empty: what is missing is taken for that.
    pub(super) fn text_or_empty(
        &mut self,
        row: &mut Row<'_>,
        what: &'static str,
        column: &'static str,
    ) -> String {
        if row.is_null(column) {
            *self.empty.entry((what, column)).or_default() += 1;
            return String::new();
        }
        row.text(column)
    }

    fn tell_of_empty(&mut self) {
        for ((what, column), rows) in std::mem::take(&mut self.empty) {
            self.warn(|| {
                let rows = counted(rows, "row", "rows");
                format!("In {rows} of {what} {column} is missing (NULL); taken for empty.")
            });
        }
    }

    pub(super) fn warn(&mut self, warning: impl FnOnce() -> String) {
        if let Some(findings) = &mut self.findings {
            findings.warn(warning());
        }
    }

    /// Whether this is the reading that finds out.
    pub(super) fn is_first(&self) -> bool {
        self.findings.is_some()
    }
}

/// Reads the whole file once.
pub(super) fn read(
    book: &mut Book,
    doing: &'static str,
    findings: Option<&mut Findings>,
    sink: &mut dyn Sink,
) -> anyhow::Result<()> {
    let mut rows = 0;
    let mut findings = findings;
    for (target, table) in book.tables() {
        rows += book.file.count(&table)?;
        if let Some(findings) = &mut findings {
            let tally = findings.tallies.entry(target).or_default();
            tally.table = table;
        }
    }
    let mut reading = Reading {
        book,
        seen: Seen::default(),
        notes: Notes {
            findings,
            progress: Progress::new(doing, rows),
            empty: BTreeMap::new(),
        },
        sink,
    };
    accounts::groups(&mut reading)?;
    accounts::users(&mut reading)?;
    places::addresses(&mut reading)?;
    places::lettings(&mut reading)?;
    profiles::profiles(&mut reading)?;
    rights::memberships(&mut reading)?;
    rights::of_users(&mut reading)?;
    rights::of_groups(&mut reading)?;
    log::lines(&mut reading)?;
    reading.notes.tell_of_empty();
    Ok(())
}

impl Book {
    /// The tables that are read, by the table that their rows go to.
    pub(super) fn tables(&self) -> BTreeMap<Target, String> {
        let all = [
            (Target::Groups, Some("auth_group")),
            (Target::Users, Some("auth_user")),
            (Target::Addresses, self.layout.table("address")),
            (Target::Lettings, self.layout.table("letting")),
            (Target::Profiles, self.layout.table("profile")),
            (Target::UserGroups, Some("auth_user_groups")),
            (Target::UserRights, Some("auth_user_user_permissions")),
            (Target::GroupRights, Some("auth_group_permissions")),
            (Target::Changes, Some("django_admin_log")),
        ];
        all.into_iter()
            .filter_map(|(target, table)| Some((target, table?.to_owned())))
            .filter(|(_, table)| self.file.has(table))
            .collect()
    }
}

/// The errors of some fields, without those that somebody else judges.
pub(super) fn without<T>(
    outcome: Result<T, Vec<FieldError>>,
    fields: &[&str],
) -> Result<(), Vec<FieldError>> {
    let Err(mut errors) = outcome else {
        return Ok(());
    };
    errors.retain(|error| !fields.contains(&error.field));
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}
