//! What is to be done with each row, given what stands in the database already.

mod ids;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::findings::Problem;
use super::standing::{Rows, Standing};
use super::target::{Spec, Target};

/// What is to be done with a row.
#[derive(Debug)]
pub(super) enum Decision {
    /// Store it, with these values.
    Store(Vec<Value>),
    /// Nothing: it stands already.
    Stands,
    /// Nothing: something else stands in its place.
    Conflict,
}

/// How many rows of a table are stored, stand already, or cannot be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) stored: u64,
    pub(super) standing: u64,
    pub(super) conflicts: u64,
}

/// Decides row by row, the same each time that the file is read.
pub(super) struct Plan<'a> {
    standing: &'a Standing,
    merge: bool,
    /// The ids under which rows of the file stand or are stored, where they are others than in the file.
    moved: HashMap<(Target, i64), i64>,
    /// Rows of the file that something else stands in the place of.
    dropped: HashSet<(Target, i64)>,
    /// Rows of the file that stand already.
    stands: HashSet<(Target, i64)>,
    /// Rows of the database that are rows of the file.
    claimed: HashSet<(Target, i64)>,
    /// What the file's own addresses tell, by their ids.
    addresses: &'a HashMap<i64, u128>,
    /// Groups of the database that were told to take accounts in.
    joined: HashSet<i64>,
    /// The last ids that were made up.
    next_id: HashMap<Target, i64>,
    pub(super) counts: BTreeMap<Target, Counts>,
    /// What could not be stored as it is in the file, or stands with other facts.
    pub(super) conflicts: Vec<Problem>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        standing: &'a Standing,
        merge: bool,
        addresses: &'a HashMap<i64, u128>,
    ) -> Self {
        Self {
            standing,
            merge,
            addresses,
            joined: HashSet::new(),
            moved: HashMap::new(),
            dropped: HashSet::new(),
            stands: HashSet::new(),
            claimed: HashSet::new(),
            next_id: HashMap::new(),
            counts: BTreeMap::new(),
            conflicts: Vec::new(),
        }
    }

    /// How many rows of a table stand that are none of the file's.
    pub(super) fn others(&self, target: Target) -> u64 {
        let rows = self
            .standing
            .rows(target)
            .map_or(0, |rows| rows.by_id.len());
        let claimed = self.claimed.iter().filter(|(of, _)| *of == target).count();
        rows.saturating_sub(claimed) as u64
    }

    /// Whether a row of the file stands already.
    pub(super) fn is_standing(&self, target: Target, id: i64) -> bool {
        self.stands.contains(&(target, id))
    }

    /// Whether any row of the file stands already.
    pub(super) fn stands_any(&self, target: Target) -> bool {
        self.stands.iter().any(|(of, _)| *of == target)
    }

    pub(super) fn decide(&mut self, target: Target, values: Vec<Value>) -> Decision {
        let decision = self.decision(target, values);
        let counts = self.counts.entry(target).or_default();
        match decision {
            Decision::Store(_) => counts.stored += 1,
            Decision::Stands => counts.standing += 1,
            Decision::Conflict => counts.conflicts += 1,
        }
        decision
    }

    fn decision(&mut self, target: Target, mut values: Vec<Value>) -> Decision {
        let spec = target.spec();
        let source = spec.id_place().and_then(|place| values[place].as_i64());
        let mut owner_stands = false;
        for (index, (column, to)) in spec.refers.iter().enumerate() {
            let place = spec.place(column);
            let Some(id) = values[place].as_i64() else {
                continue;
            };
            if target != Target::Changes && self.dropped.contains(&(*to, id)) {
                let reason = format!("the {} it refers to is not imported", to.spec().called.0);
                return self.refuse(target, source, column, reason);
            }
            owner_stands |= index == 0 && self.stands.contains(&(*to, id));
            values[place] = json!(self.place_of(*to, id));
        }
        if target == Target::Changes {
            self.follow_object(&mut values);
        } else if source.is_none() {
            return self.pair(target, values, owner_stands);
        }
        let Some(rows) = self.standing.rows(target) else {
            return Decision::Store(values);
        };
        match source {
            Some(id) if target != Target::Changes => self.row(target, rows, id, values),
            _ => self.line(rows, values),
        }
    }

    /// A line of the record follows the row that it tells of.
    fn follow_object(&self, values: &mut [Value]) {
        let spec = Target::Changes.spec();
        let place = spec.place("object_id");
        let model = values[spec.place("model")]
            .as_str()
            .and_then(Target::of_model);
        if let (Some(model), Some(id)) = (model, values[place].as_i64()) {
            values[place] = json!(self.place_of(model, id));
        }
    }

    fn row(&mut self, target: Target, rows: &Rows, id: i64, mut values: Vec<Value>) -> Decision {
        let spec = target.spec();
        let mark = spec.mark(spec.natural, &values);
        let found = rows.by_id.get(&id).filter(|(known, _)| *known == mark);
        let same = found.map(|_| id).filter(|id| self.is_free(target, *id));
        let alike = rows.by_mark.get(&mark).into_iter().flatten().copied();
        // Of addresses that read the same, one that is the file's own under its id waits for that row.
        let is_own =
            |id: i64| target == Target::Addresses && self.addresses.get(&id) == Some(&mark);
        let alike = alike
            .filter(|id| self.is_free(target, *id) && !is_own(*id))
            .min();
        match (same, alike) {
            (Some(standing), _) => return self.claim(target, rows, (id, standing), &values),
            (None, Some(standing)) if self.merge => {
                return self.claim(target, rows, (id, standing), &values);
            }
            // Two addresses may read the same and be two.
            (None, Some(standing)) if target != Target::Addresses => {
                let reason = format!("stands under the id {standing}");
                return self.refuse(target, Some(id), "id", reason);
            }
            _ => {}
        }
        if target == Target::Lettings
            && let Some(other) = values[spec.place("address_id")]
                .as_i64()
                .and_then(|address| rows.by_address.get(&address))
        {
            let reason = format!("Another letting already has this address: letting {other}.");
            return self.refuse(target, Some(id), "address_id", reason);
        }
        if rows.by_id.contains_key(&id) {
            let called = spec.called.0;
            if !self.merge {
                let reason = format!("another {called} has this id");
                return self.refuse(target, Some(id), "id", reason);
            }
            let moved = self.next_id(target, rows);
            self.moved.insert((target, id), moved);
            let place = spec.place("id");
            values[place] = json!(moved);
            let reason = format!("another {called} has this id; stored under {moved}");
            self.tell(spec, Some(id), "id", reason);
        }
        if target == Target::Users
            && let Some(other) = rows.by_look.get(&spec.look(&values))
        {
            let reason = format!("looks like the name of user {other} here; both are kept");
            self.tell(spec, Some(id), "username", reason);
        }
        Decision::Store(values)
    }

    /// A pair, of a user and a group say. Nothing is added to who stands already: nobody shall gain a right by it.
    fn pair(&mut self, target: Target, values: Vec<Value>, owner_stands: bool) -> Decision {
        let spec = target.spec();
        if let Some(rows) = self.standing.rows(target)
            && rows.by_mark.contains_key(&spec.mark(spec.natural, &values))
        {
            return Decision::Stands;
        }
        if owner_stands {
            let (column, to) = spec.refers[0];
            let reason = format!(
                "nothing is added to a {} that stands already",
                to.spec().called.0
            );
            let shown = values.iter().map(Value::to_string).collect::<Vec<_>>();
            self.conflicts.push(Problem {
                table: spec.name.to_owned(),
                id: shown.join(" "),
                column: column.to_owned(),
                reason,
            });
            return Decision::Conflict;
        }
        self.tell_of_group(target, &values);
        Decision::Store(values)
    }

    /// Whoever joins a group that stands has the rights that it has here, be they more than in the file.
    fn tell_of_group(&mut self, target: Target, values: &[Value]) {
        if target != Target::UserGroups {
            return;
        }
        let group = values[target.spec().place("group_id")].as_i64();
        if let Some(group) = group.filter(|id| self.claimed.contains(&(Target::Groups, *id)))
            && self.joined.insert(group)
        {
            let reason =
                "stands; accounts of the file that join it have the rights that it has here";
            self.tell(Target::Groups.spec(), Some(group), "id", reason.to_owned());
        }
    }

    fn line(&mut self, rows: &Rows, mut values: Vec<Value>) -> Decision {
        let spec = Target::Changes.spec();
        let alike = rows.by_mark.get(&spec.mark(spec.natural, &values));
        let free = alike
            .into_iter()
            .flatten()
            .find(|id| self.is_free(Target::Changes, **id));
        if let Some(id) = free {
            self.claimed.insert((Target::Changes, *id));
            return Decision::Stands;
        }
        let place = spec.place("id");
        values[place] = json!(self.next_id(Target::Changes, rows));
        Decision::Store(values)
    }

    fn refuse(
        &mut self,
        target: Target,
        id: Option<i64>,
        column: &str,
        reason: String,
    ) -> Decision {
        if let Some(id) = id {
            self.dropped.insert((target, id));
        }
        self.tell(target.spec(), id, column, reason);
        Decision::Conflict
    }

    fn tell(&mut self, spec: &Spec, id: Option<i64>, column: &str, reason: String) {
        self.conflicts.push(Problem {
            table: spec.name.to_owned(),
            id: id.map(|id| id.to_string()).unwrap_or_default(),
            column: column.to_owned(),
            reason,
        });
    }
}
