//! Moving a file over that is good: decide, write, compare.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, bail};
use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamp};
use oc_core::{DbConnection, migrations};
use serde_json::json;

use super::Options;
use super::compare::{Adder, Writer, compare};
use super::digest::Sum;
use super::findings::counted;
use super::plan::{Counts, Plan};
use super::reading::{self, Book};
use super::report::{Outcome, Report};
use super::standing::{self, Standing};
use super::target::Target;
use transfer::table::Table;
use transfer::{lock, sequences};

/// The model and the action of the line in the record that tells of an import.
const MODEL: &str = "django.import";
const ACTION: &str = "imported";

/// What stands in the database, and what was decided from it.
struct Database<'a> {
    conn: &'a mut DbConnection,
    tables: HashMap<Target, Table>,
    standing: Standing,
}

/// A file that is good, on its way.
pub(super) struct Moving<'a> {
    pub(super) options: Options,
    pub(super) book: &'a mut Book,
    pub(super) last_ids: HashMap<Target, i64>,
    /// What the file's addresses tell, by their ids.
    pub(super) addresses: &'a HashMap<i64, u128>,
    pub(super) report: &'a mut Report,
}

impl<'a> Moving<'a> {
    /// All or nothing; `open` opens the database.
    pub(super) fn move_over(
        &mut self,
        open: &dyn Fn() -> anyhow::Result<Option<DbConnection>>,
    ) -> anyhow::Result<()> {
        let Some(mut conn) = open()? else {
            // A dry run into a database that is not there yet: everything would be stored.
            return self.decide(&Standing::default()).map(drop);
        };
        let conn = &mut conn;
        if self.options.dry_run {
            if migrations::status(conn)?.brand_new {
                return self.decide(&Standing::default()).map(drop);
            }
            let tables = standing::tables(conn)
                .context("the database is not up to date; run `oc-lettings migrate` first")?;
            if self.was_done(conn)? {
                return Ok(());
            }
            let standing = Standing::load(conn, &tables)?;
            return self.decide(&standing).map(drop);
        }
        migrations::migrate_exactly(conn).context("cannot bring the database up to date")?;
        let tables = standing::tables(conn)?;
        conn.write(|conn| {
            let all: Vec<Table> = Target::ALL
                .iter()
                .map(|target| tables[target].clone())
                .collect();
            lock(conn, &all)?;
            if self.was_done(conn)? {
                return Ok(());
            }
            let standing = Standing::load(conn, &tables)?;
            let database = Database {
                conn,
                tables,
                standing,
            };
            self.write(database)
        })
    }

    /// Whether just this was imported before: then there is nothing to do, whatever staff did to it since.
    fn was_done(&mut self, conn: &mut DbConnection) -> anyhow::Result<bool> {
        let pattern = format!("%{}%", self.report.fingerprint);
        let found: Option<Done> = diesel::sql_query(match conn {
            DbConnection::Postgres(_) => {
                "SELECT changed_at FROM changes WHERE model = $1 AND after LIKE $2 ORDER BY id LIMIT 1"
            }
            DbConnection::Sqlite(_) => {
                "SELECT changed_at FROM changes WHERE model = ? AND after LIKE ? ORDER BY id LIMIT 1"
            }
        })
        .bind::<Text, _>(MODEL)
        .bind::<Text, _>(pattern)
        .get_result(conn)
        .optional()?;
        if let Some(done) = &found {
            self.report.outcome = Outcome::Stands(format!(
                "The same rows were imported at {} UTC; nothing was changed.",
                done.changed_at.format("%Y-%m-%d %H:%M:%S")
            ));
            for table in &mut self.report.tables {
                table.standing = table.good;
            }
        }
        Ok(found.is_some())
    }

    /// Decides about every row, and puts it into the report; gives what the rows to store amount to.
    fn decide(&mut self, standing: &Standing) -> anyhow::Result<Option<BTreeMap<Target, Sum>>> {
        let mut adder = Adder::new(Some(self.plan(standing)));
        reading::read(self.book, "deciding", None, &mut adder)?;
        let plan = adder.plan.expect("the adder was given a plan");
        let others: Vec<(Target, u64)> = [Target::Lettings, Target::Addresses, Target::Profiles]
            .map(|target| (target, plan.others(target)))
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .collect();
        let total = total(&plan.counts);
        self.report.count(&plan.counts);
        let is_stored = |id: i64| !plan.is_standing(Target::Users, id);
        warn_of_published(self.book, self.report, is_stored);
        if !self.options.merge && (!others.is_empty() || total.conflicts > 0) {
            let held = others.iter().map(|(target, rows)| {
                let (one, many) = target.spec().called;
                counted(*rows, &format!("other {one}"), &format!("other {many}"))
            });
            let conflicts = counted(total.conflicts, "conflict", "conflicts");
            let conflicts = (total.conflicts > 0).then_some(conflicts);
            let told: Vec<String> = held.chain(conflicts).collect();
            self.report.conflicts = plan.conflicts;
            self.report.outcome = Outcome::Refused(format!(
                "the database holds rows that are not of this file ({}); nothing was imported",
                told.join(", ")
            ));
            self.report.nothing_stored();
            return Ok(None);
        }
        if self.options.show_emails && plan.stands_any(Target::Profiles) {
            self.report.warnings.push(
                "Profiles that stand show their email addresses or not as before; --show-emails is for those that are \
                 imported."
                    .to_owned(),
            );
        }
        self.report.conflicts = plan.conflicts;
        self.report.outcome = if total.stored == 0 {
            Outcome::Stands(
                "Everything stands in the database already; nothing was changed.".to_owned(),
            )
        } else if self.options.dry_run {
            Outcome::Tried
        } else {
            Outcome::Imported
        };
        Ok((total.stored > 0).then_some(adder.sums))
    }

    fn plan<'s>(&self, standing: &'s Standing) -> Plan<'s>
    where
        'a: 's,
    {
        let mut plan = Plan::new(standing, self.options.merge, self.addresses);
        for (target, last_id) in &self.last_ids {
            plan.reserve(*target, *last_id);
        }
        plan
    }

    /// Writes what is to be stored and holds both sides against each other; all of it goes with the transaction.
    fn write(&mut self, database: Database<'_>) -> anyhow::Result<()> {
        let Database {
            conn,
            tables,
            standing,
        } = database;
        let Some(expected) = self.decide(&standing)? else {
            return Ok(());
        };
        let mut writer = Writer::new(conn, &tables, &standing, self.plan(&standing));
        reading::read(self.book, "writing", None, &mut writer)?;
        writer.flush()?;
        let written = std::mem::take(&mut writer.written);
        drop(writer);
        // The file once more, so that both sides are compared as they are now.
        let mut adder = Adder::new(Some(self.plan(&standing)));
        reading::read(self.book, "reading again", None, &mut adder)?;
        anyhow::ensure!(
            adder.sums == expected,
            "the file does not read as it did before; nothing was imported"
        );
        self.report.check = compare(conn, &tables, &standing, &written, &adder.sums)?;
        if let Some(table) = self.report.check.iter().find(|table| !table.equal) {
            bail!(
                "the table {} does not hold what the file holds ({} rows of {}); nothing was imported",
                table.table,
                table.rows_in_database,
                table.rows_in_file
            );
        }
        for (target, table) in &tables {
            let last_id = self.last_ids.get(target).copied().unwrap_or_default();
            sequences::advance(conn, table, last_id)?;
        }
        self.note(conn)
    }

    /// Notes in the record what was imported, so that it is known again.
    fn note(&self, conn: &mut DbConnection) -> anyhow::Result<()> {
        let stored: BTreeMap<&str, u64> = self
            .report
            .tables
            .iter()
            .map(|table| (table.into.as_str(), table.imported))
            .collect();
        let after = json!({ "fingerprint": self.report.fingerprint, "stored": stored });
        let title: String = self.report.file.chars().take(512).collect();
        let query = match conn {
            DbConnection::Postgres(_) => {
                "INSERT INTO changes (changed_at, username, model, title, action, after, words) \
                 VALUES ($1, '', $2, $3, $4, $5, $6)"
            }
            DbConnection::Sqlite(_) => {
                "INSERT INTO changes (changed_at, username, model, title, action, after, words) \
                 VALUES (?, '', ?, ?, ?, ?, ?)"
            }
        };
        let words = "Imported from a Django edition.";
        diesel::sql_query(query)
            .bind::<Timestamp, _>(Utc::now().naive_utc())
            .bind::<Text, _>(MODEL)
            .bind::<Text, _>(title)
            .bind::<Text, _>(ACTION)
            .bind::<Text, _>(after.to_string())
            .bind::<Text, _>(words)
            .execute(conn)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Timestamp)]
    changed_at: NaiveDateTime,
}

/// Names the superusers whose passwords anybody can read, of those that are stored.
pub(super) fn warn_of_published(book: &Book, report: &mut Report, is_stored: impl Fn(i64) -> bool) {
    for (id, username) in book.must_change.iter().filter(|(id, _)| is_stored(**id)) {
        report.warnings.push(format!(
            "The superuser {username} (user {id}) has a password that the public repositories of the site print; \
             it must be changed at the first login."
        ));
    }
}

fn total(counts: &BTreeMap<Target, Counts>) -> Counts {
    let mut total = Counts::default();
    for count in counts.values() {
        total.stored += count.stored;
        total.standing += count.standing;
        total.conflicts += count.conflicts;
    }
    total
}
