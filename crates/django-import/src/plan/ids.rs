//! Under which ids rows stand or are stored.

use serde_json::Value;

use super::{Decision, Plan};
use crate::standing::Rows;
use crate::target::Target;

impl Plan<'_> {
    /// The id under which a row of the file is known here. One that is gone, or was left out, keeps its own unless
    /// another row has that: then there is none.
    pub(super) fn place_of(&self, target: Target, id: i64) -> Option<i64> {
        if let Some(moved) = self.moved.get(&(target, id)) {
            return Some(*moved);
        }
        let rows = self.standing.rows(target);
        let is_taken = rows.is_some_and(|rows| rows.by_id.contains_key(&id));
        (!is_taken || self.stands.contains(&(target, id))).then_some(id)
    }

    pub(super) fn is_free(&self, target: Target, id: i64) -> bool {
        !self.claimed.contains(&(target, id))
    }

    pub(super) fn claim(
        &mut self,
        target: Target,
        rows: &Rows,
        (id, standing): (i64, i64),
        values: &[Value],
    ) -> Decision {
        let spec = target.spec();
        self.claimed.insert((target, standing));
        self.stands.insert((target, id));
        if id != standing {
            self.moved.insert((target, id), standing);
        }
        let facts = rows.by_id.get(&standing).map(|(_, facts)| *facts);
        if facts != Some(spec.mark(spec.facts, values)) {
            let reason = format!("stands with other facts ({}); kept", spec.facts.join(", "));
            self.tell(spec, Some(id), "id", reason);
        }
        if target == Target::Users
            && let Some(hash) = rows.hashes.get(&standing)
            && *hash != spec.mark(&["password"], values)
        {
            let reason = "stands with another password; kept".to_owned();
            self.tell(spec, Some(id), "password", reason);
        }
        Decision::Stands
    }

    /// An id that neither the database nor the file has given out.
    pub(super) fn next_id(&mut self, target: Target, rows: &Rows) -> i64 {
        let next = self.next_id.entry(target).or_insert(rows.last_id);
        *next += 1;
        *next
    }

    /// Keeps the ids that are made up away from those of the file.
    pub(crate) fn reserve(&mut self, target: Target, last_id: i64) {
        let last_id = last_id.max(self.standing.last_id(target));
        self.next_id.insert(target, last_id);
    }
}
