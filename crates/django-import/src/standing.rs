//! What stands in the database already, in short.

use std::collections::HashMap;

use anyhow::Context;
use oc_core::DbConnection;
use serde_json::Value;

use super::target::{Spec, Target};
use transfer::batch::Batch;
use transfer::table::Table;
use transfer::{catalog, rows, sequences};

/// The rows of the tables that are filled: their ids, and marks of what they hold.
#[derive(Debug, Default)]
pub(super) struct Standing(HashMap<Target, Rows>);

/// The rows of one table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// What each row is known by and what else it tells, by id.
    pub(super) by_id: HashMap<i64, (u128, u128)>,
    /// The ids of the rows that are known by a mark; none for tables without ids.
    pub(super) by_mark: HashMap<u128, Vec<i64>>,
    /// The accounts, by what their names look like.
    pub(super) by_look: HashMap<u128, i64>,
    /// The hashes of passwords as Django wrote them, by account. What was chosen or rehashed here is none.
    pub(super) hashes: HashMap<i64, u128>,
    /// The lettings, by address.
    pub(super) by_address: HashMap<i64, i64>,
    /// The largest id that was ever given out.
    pub(super) last_id: i64,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.by_mark.is_empty()
    }
}

/// The tables that are filled, with the columns that are.
pub(super) fn tables(conn: &mut DbConnection) -> anyhow::Result<HashMap<Target, Table>> {
    let tables = catalog::tables(conn, None)?;
    Target::ALL
        .into_iter()
        .map(|target| Ok((target, target.table(&tables)?)))
        .collect()
}

impl Standing {
    /// What stands, of a database that was migrated.
    pub(super) fn load(
        conn: &mut DbConnection,
        tables: &HashMap<Target, Table>,
    ) -> anyhow::Result<Self> {
        let mut standing = Self::default();
        for target in Target::ALL {
            let table = &tables[&target];
            let mut found = Rows {
                last_id: sequences::last_id(conn, table)?,
                ..Rows::default()
            };
            if rows::any(conn, table)? {
                rows::read(conn, table, &mut |batch| found.take(target.spec(), &batch))?;
            }
            standing.0.insert(target, found);
        }
        Ok(standing)
    }

    pub(super) fn rows(&self, target: Target) -> Option<&Rows> {
        self.0.get(&target).filter(|rows| !rows.is_empty())
    }

    pub(super) fn last_id(&self, target: Target) -> i64 {
        self.0.get(&target).map_or(0, |rows| rows.last_id)
    }
}

impl Rows {
    fn take(&mut self, spec: &Spec, batch: &Batch) -> anyhow::Result<()> {
        for line in lines(batch) {
            let values: Vec<Value> =
                serde_json::from_slice(line).context("a row is no list of values")?;
            let mark = spec.mark(spec.natural, &values);
            let ids = self.by_mark.entry(mark).or_default();
            let Some(id) = spec.id_place().and_then(|place| values[place].as_i64()) else {
                continue;
            };
            ids.push(id);
            self.by_id
                .insert(id, (mark, spec.mark(spec.facts, &values)));
            if spec.name == "users" {
                self.by_look.insert(spec.look(&values), id);
                let hash = values[spec.place("password")].as_str().unwrap_or_default();
                if !hash.starts_with('$') {
                    self.hashes.insert(id, spec.mark(&["password"], &values));
                }
            }
            if spec.name == "lettings"
                && let Some(address) = values[spec.place("address_id")].as_i64()
            {
                self.by_address.insert(address, id);
            }
        }
        Ok(())
    }
}

/// The lines of a batch, a row each.
pub(super) fn lines(batch: &Batch) -> impl Iterator<Item = &[u8]> {
    batch
        .lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}
