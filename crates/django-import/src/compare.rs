//! Writing the rows, and reading both sides again.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Context;
use oc_core::DbConnection;
use serde::Serialize;
use serde_json::Value;

use super::digest::Sum;
use super::file::LARGEST_ID;
use super::plan::{Decision, Plan};
use super::sink::Sink;
use super::standing::{Standing, lines};
use super::target::{Spec, Target};
use transfer::batch::{BATCH, Batch};
use transfer::progress::Progress;
use transfer::rows;
use transfer::table::Table;

/// Columns that make no other file: a login changes the one, an option the other.
const FLEETING: [&str; 2] = ["last_login", "show_email"];

/// A table's rows on both sides, after the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The table.
    pub table: String,
    /// Rows in the file that were imported.
    pub rows_in_file: u64,
    /// Of these, rows found in the database.
    pub rows_in_database: u64,
    /// What the file's rows amount to.
    pub checksum_of_file: String,
    /// What the database's rows amount to.
    pub checksum_of_database: String,
    /// Whether both are the same.
    pub equal: bool,
}

/// Adds up the rows that a plan stores.
pub(super) struct Adder<'a> {
    pub(super) plan: Option<Plan<'a>>,
    pub(super) sums: BTreeMap<Target, Sum>,
    /// The same without what changes by itself, or by an option; added up without a plan alone.
    pub(super) facts: BTreeMap<Target, Sum>,
    /// The largest ids of rows that the record tells of, though they may be gone.
    pub(super) last_ids: HashMap<Target, i64>,
    /// What the addresses tell, by their ids; noted without a plan alone.
    pub(super) addresses: HashMap<i64, u128>,
    line: Vec<u8>,
}

impl<'a> Adder<'a> {
    /// Without a plan every row counts, as it is in the file.
    pub(super) fn new(plan: Option<Plan<'a>>) -> Self {
        Self {
            plan,
            sums: BTreeMap::new(),
            facts: BTreeMap::new(),
            last_ids: HashMap::new(),
            addresses: HashMap::new(),
            line: Vec::new(),
        }
    }

    fn note(&mut self, target: Target, spec: &Spec, values: &[Value]) {
        let id_at = |column: &str| values[spec.place(column)].as_i64();
        if target == Target::Addresses
            && let Some(id) = id_at("id")
        {
            self.addresses.insert(id, spec.mark(spec.natural, values));
        }
        if target == Target::Changes {
            let model = values[spec.place("model")].as_str();
            let told = [
                (model.and_then(Target::of_model), id_at("object_id")),
                (Some(Target::Users), id_at("user_id")),
            ];
            for (of, id) in told {
                if let (Some(of), Some(id)) = (of, id.filter(|id| *id <= LARGEST_ID)) {
                    let last = self.last_ids.entry(of).or_default();
                    *last = id.max(*last);
                }
            }
        }
    }
}

impl Sink for Adder<'_> {
    fn row(&mut self, target: Target, values: Vec<Value>) -> anyhow::Result<()> {
        let spec = target.spec();
        let values = match &mut self.plan {
            None => {
                self.note(target, spec, &values);
                let facts = values
                    .iter()
                    .zip(spec.columns)
                    .filter(|(_, column)| !FLEETING.contains(column));
                let facts: Vec<&Value> = facts.map(|(value, _)| value).collect();
                self.line.clear();
                serde_json::to_writer(&mut self.line, &facts)?;
                self.facts.entry(target).or_default().add(&self.line);
                values
            }
            Some(plan) => match plan.decide(target, values) {
                Decision::Store(values) => values,
                Decision::Stands | Decision::Conflict => return Ok(()),
            },
        };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &values)?;
        self.sums.entry(target).or_default().add(&self.line);
        Ok(())
    }
}

/// Puts the rows that a plan stores into the database.
pub(super) struct Writer<'a> {
    conn: &'a mut DbConnection,
    tables: &'a HashMap<Target, Table>,
    standing: &'a Standing,
    pub(super) plan: Plan<'a>,
    batch: Option<(Target, Batch)>,
    /// The rows that were written, of tables that held others before.
    pub(super) written: HashMap<Target, HashSet<u128>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        conn: &'a mut DbConnection,
        tables: &'a HashMap<Target, Table>,
        standing: &'a Standing,
        plan: Plan<'a>,
    ) -> Self {
        Self {
            conn,
            tables,
            standing,
            plan,
            batch: None,
            written: HashMap::new(),
        }
    }

    /// Writes what is left.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        match self.batch.take() {
            Some((target, batch)) => rows::insert(self.conn, &self.tables[&target], batch),
            None => Ok(()),
        }
    }
}

impl Sink for Writer<'_> {
    fn row(&mut self, target: Target, values: Vec<Value>) -> anyhow::Result<()> {
        let Decision::Store(values) = self.plan.decide(target, values) else {
            return Ok(());
        };
        if self.standing.rows(target).is_some() {
            let key = key(target.spec(), &values);
            self.written.entry(target).or_default().insert(key);
        }
        if self
            .batch
            .as_ref()
            .is_some_and(|(of, batch)| *of != target || batch.rows >= BATCH)
        {
            self.flush()?;
        }
        let (_, batch) = self.batch.get_or_insert_with(|| (target, Batch::default()));
        batch.push(&values)?;
        Ok(())
    }
}

/// What tells a row from all others of its table.
fn key(spec: &Spec, values: &[Value]) -> u128 {
    match spec.id_place().and_then(|place| values[place].as_i64()) {
        Some(id) => u128::from(id.unsigned_abs()),
        None => spec.mark(spec.natural, values),
    }
}

/// Reads every row that was written back, and holds it against what the file's rows amount to.
pub(super) fn compare(
    conn: &mut DbConnection,
    tables: &HashMap<Target, Table>,
    standing: &Standing,
    written: &HashMap<Target, HashSet<u128>>,
    expected: &BTreeMap<Target, Sum>,
) -> anyhow::Result<Vec<Compared>> {
    let progress = Progress::new("comparing", expected.values().map(|sum| sum.rows).sum());
    let mut compared = Vec::new();
    for target in Target::ALL {
        let spec = target.spec();
        let mut found = Sum::default();
        let only = standing.rows(target).map(|_| written.get(&target));
        rows::read(conn, &tables[&target], &mut |batch| {
            for line in lines(&batch) {
                let counts = match only {
                    None => true,
                    Some(None) => false,
                    Some(Some(written)) => {
                        let values: Vec<Value> =
                            serde_json::from_slice(line).context("a row is no list of values")?;
                        written.contains(&key(spec, &values))
                    }
                };
                if counts {
                    found.add(line);
                    progress.add(1);
                }
            }
            Ok(())
        })?;
        let wanted = expected.get(&target).cloned().unwrap_or_default();
        compared.push(Compared {
            table: spec.name.to_owned(),
            rows_in_file: wanted.rows,
            rows_in_database: found.rows,
            checksum_of_file: wanted.hex(),
            checksum_of_database: found.hex(),
            equal: wanted == found,
        });
    }
    Ok(compared)
}
