//! The order in which the rows of a file are saved, where they hand on values that no two rows may share: who gives one
//! away comes before who gets it.
//!
//! Where they hand them round in a circle, as two that swap, one of them is set aside first. The database has the last
//! word on every row all the same.

use std::collections::BTreeMap;

use diesel::connection::Connection;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, FormValues, Record, Resource, SaveError};

use super::task::PlannedRow;

/// The rows so that each finds its value free, otherwise in the order of the file.
pub(crate) fn sorted(model: &Resource, tasks: Vec<PlannedRow>) -> Vec<PlannedRow> {
    let before = awaited(model, &tasks);
    let mut is_placed = vec![false; tasks.len()];
    let mut is_waiting = vec![false; tasks.len()];
    let mut is_set_aside = vec![false; tasks.len()];
    let mut order = Vec::with_capacity(tasks.len());
    for first in 0..tasks.len() {
        // The chain of rows of which each waits for the next.
        let mut chain = Vec::new();
        let mut next = Some(first);
        while let Some(place) = next.filter(|place| !is_placed[*place]) {
            if is_waiting[place] {
                is_set_aside[place] = true;
                break;
            }
            is_waiting[place] = true;
            chain.push(place);
            next = before[place];
        }
        for place in chain.into_iter().rev() {
            is_placed[place] = true;
            order.push(place);
        }
    }
    let mut tasks: Vec<Option<PlannedRow>> = tasks.into_iter().map(Some).collect();
    let placed = order.into_iter().filter_map(|place| {
        let task = tasks[place].take()?;
        Some(PlannedRow {
            is_set_aside: is_set_aside[place],
            ..task
        })
    });
    placed.collect()
}

/// For each row the one that must give its value away first, if there is one.
fn awaited(model: &Resource, tasks: &[PlannedRow]) -> Vec<Option<usize>> {
    let held = |task: &PlannedRow| {
        let stored = task.stored.as_ref()?;
        Some(value(model, &stored.values))
    };
    let wanted = |task: &PlannedRow| value(model, &task.values);
    let giving = tasks.iter().enumerate().filter_map(|(place, task)| {
        let held = held(task)?;
        (held != wanted(task)).then_some((held, place))
    });
    let giving: BTreeMap<String, usize> = giving.collect();
    let giver = |task: &PlannedRow| giving.get(&wanted(task)).copied();
    tasks.iter().map(giver).collect()
}

/// What a row has of what no two rows may share; nothing where two may share all.
fn value(model: &Resource, values: &FormValues) -> String {
    let text = values.text(model.unique).trim();
    match text.parse::<i64>() {
        // As ids are stored.
        Ok(id) if is_reference(model) => id.to_string(),
        _ => text.to_owned(),
    }
}

/// Whether the value is a reference to another row.
fn is_reference(model: &Resource) -> bool {
    let mut fields = model.fields.iter();
    fields.any(|field| field.name == model.unique && matches!(field.kind, FieldKind::Choice { .. }))
}

/// Whether a row that was set aside is not there until it is saved.
pub(crate) fn is_gone(model: &Resource, task: &PlannedRow) -> bool {
    task.is_set_aside && is_reference(model)
}

/// Makes room: a row that refers to another is taken out, and stored again under its id; another row is called
/// something else meanwhile.
pub(crate) fn set_aside(
    conn: &mut DbConnection,
    model: &Resource,
    tasks: &[PlannedRow],
) -> Result<(), DatabaseError> {
    for task in tasks.iter().filter(|task| task.is_set_aside) {
        let Some(stored) = &task.stored else {
            continue;
        };
        if is_reference(model) {
            (model.delete)(conn, &[stored.id])?;
        } else {
            rename(conn, model, stored)?;
        }
    }
    Ok(())
}

/// Calls a row something else. Where that cannot be, who wants its name is told that it is taken.
fn rename(conn: &mut DbConnection, model: &Resource, stored: &Record) -> Result<(), DatabaseError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has a source of random bytes");
    let other = stored
        .values
        .clone()
        .with(model.unique, hex::encode(random));
    let outcome = conn.transaction(|conn| (model.save)(conn, Some(stored.id), &other));
    match outcome {
        Err(SaveError::Database(error)) => Err(error),
        Ok(_) | Err(SaveError::Invalid(_) | SaveError::Missing) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::registry;

    /// A row of that number, with the addresses that it has and gets.
    fn task(number: usize, held: Option<i64>, wanted: &str) -> PlannedRow {
        PlannedRow {
            number,
            stored: held.map(|held| Record {
                id: 100 + held,
                title: String::new(),
                values: FormValues::default().with("address", held.to_string()),
            }),
            values: FormValues::default().with("address", wanted),
            is_set_aside: false,
        }
    }

    fn order(tasks: Vec<PlannedRow>) -> Vec<(usize, bool)> {
        let model = registry::find("lettings", "letting").unwrap();
        let sorted = sorted(model, tasks).into_iter();
        sorted
            .map(|task| (task.number, task.is_set_aside))
            .collect()
    }

    #[test]
    fn who_gives_a_value_away_comes_first_and_others_stay_where_they_are() {
        let tasks = vec![
            task(2, Some(1), "1"),
            task(3, None, "2"),
            task(4, Some(2), " 03"),
            task(5, Some(3), "9"),
            task(6, None, "9"),
        ];

        let places = order(tasks);

        let aside = false;
        assert_eq!(places, [2, 5, 4, 3, 6].map(|number| (number, aside)));
    }

    #[test]
    fn of_a_circle_one_is_set_aside() {
        let swap = vec![task(2, Some(1), "2"), task(3, Some(2), "1")];
        let circle = vec![
            task(2, None, "1"),
            task(3, Some(1), "2"),
            task(4, Some(2), "3"),
            task(5, Some(3), "1"),
        ];

        assert_eq!(order(swap), [(3, false), (2, true)]);
        assert_eq!(
            order(circle),
            [(5, false), (4, false), (3, true), (2, false)]
        );
    }
}
