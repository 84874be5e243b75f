//! Which of several tables that could hold the site's rows do hold them.

use std::collections::BTreeSet;

use anyhow::bail;

use super::file::DjangoFile;
use super::findings::{Findings, counted};
use super::layout::{Kind, has};

/// The one app of the first edition.
const FIRST: &str = "oc_lettings_site";
/// The apps of later ones.
const HEIRS: [&str; 2] = ["lettings", "profiles"];

/// Tables that could hold the rows of some kinds.
#[derive(Debug)]
struct Candidate {
    app: String,
    /// The table of each kind.
    tables: Vec<(&'static str, String)>,
    rows: u64,
    /// What is wrong with them.
    fault: Option<String>,
}

/// What was chosen: the app, and the table of each kind.
pub(super) type Chosen = (String, Vec<(&'static str, String)>);

/// The tables that hold rows of these kinds, where any do. Kinds after the first are in the same app, or where the
/// column named for them leads.
///
/// Where several apps have them: one of the site's known apps; of these the one that has rows; where several have, the
/// one that the last applied migration fills. It is an error if that one lacks a column.
pub(super) fn choose(
    file: &mut DjangoFile,
    kinds: &[Kind],
    newest: &str,
    known: &BTreeSet<String>,
    findings: &mut Findings,
) -> anyhow::Result<Option<Chosen>> {
    let mut found = candidates(file, kinds)?;
    found.retain(|candidate| candidate.fault.is_none() || known.contains(&candidate.app));
    if found.iter().any(|candidate| known.contains(&candidate.app)) {
        found.retain(|candidate| known.contains(&candidate.app));
    }
    if found.is_empty() {
        return Ok(None);
    }
    let (chosen, reason) = last_filled(file, &found, newest)?;
    let chosen = found.swap_remove(chosen);
    if let Some(fault) = chosen.fault {
        bail!("{fault}");
    }
    if !found.is_empty() {
        let others: Vec<String> = found
            .iter()
            .map(|other| {
                let fault = other.fault.as_ref();
                let fault = fault.map_or_else(String::new, |fault| format!(", {fault}"));
                let rows = counted(other.rows, "row", "rows");
                format!("{} ({rows}{fault})", names(&other.tables))
            })
            .collect();
        findings.warn(format!(
            "Several layouts stand: {} was taken, since {reason}; left alone: {}.",
            names(&chosen.tables),
            others.join(", ")
        ));
    }
    Ok(Some((chosen.app, chosen.tables)))
}

fn names(tables: &[(&'static str, String)]) -> String {
    let names: Vec<&str> = tables.iter().map(|(_, table)| table.as_str()).collect();
    names.join(" and ")
}

/// Every app that has a table of the first kind, and tables of the others.
fn candidates(file: &mut DjangoFile, kinds: &[Kind]) -> anyhow::Result<Vec<Candidate>> {
    let suffix = format!("_{}", kinds[0].name);
    let apps: Vec<String> = file
        .tables
        .keys()
        .filter_map(|table| table.strip_suffix(suffix.as_str()))
        .map(str::to_owned)
        .collect();
    let mut found = Vec::new();
    for app in apps {
        let first = format!("{app}{suffix}");
        let mut tables = Vec::new();
        for kind in kinds {
            let led = match kind.led_by {
                Some(column) => file.referred(&first, column)?,
                None => None,
            };
            let table = led.unwrap_or_else(|| format!("{app}_{}", kind.name));
            if file.has(&table) {
                tables.push((kind.name, table));
            }
        }
        if tables.len() < kinds.len() {
            continue;
        }
        let fault = kinds.iter().zip(&tables).find_map(|(kind, (_, table))| {
            let there = &file.tables[table];
            let column = kind.columns.iter().find(|column| !has(there, column))?;
            Some(format!("the table {table} has no column {column}"))
        });
        let mut rows = 0;
        for (_, table) in &tables {
            rows += file.count(table)?;
        }
        tables.sort_unstable();
        found.push(Candidate {
            app,
            tables,
            rows,
            fault,
        });
    }
    Ok(found)
}

/// Which of the candidates holds the site's rows, and why.
fn last_filled(
    file: &mut DjangoFile,
    found: &[Candidate],
    newest: &str,
) -> anyhow::Result<(usize, String)> {
    let place = |app: &str| found.iter().position(|candidate| candidate.app == app);
    let fillers = fillers(file, found)?;
    let last = fillers
        .iter()
        .rev()
        .find_map(|(app, name)| Some((place(app)?, format!("{app}.{name}"))));
    let full: Vec<usize> = (0..found.len()).filter(|i| found[*i].rows > 0).collect();
    Ok(match (full.as_slice(), last) {
        ([only], _) => (*only, "it alone has rows".to_owned()),
        (_, Some((last, name))) => (
            last,
            format!("the last migration that fills one of them is {name}"),
        ),
        _ => (
            place(newest).unwrap_or(0),
            "no migration tells which of them is filled".to_owned(),
        ),
    })
}

/// The migrations that were applied, as app and name, the last one last; without those that by their names take
/// something away, which fill nothing.
fn fillers(file: &mut DjangoFile, found: &[Candidate]) -> anyhow::Result<Vec<(String, String)>> {
    if !file.has("django_migrations") {
        return Ok(Vec::new());
    }
    let rows = file.query(
        "SELECT CAST(app AS BLOB), CAST(name AS BLOB) FROM django_migrations ORDER BY applied, id",
    )?;
    let mut fillers: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let (Ok(app), Ok(name)) = (row.text(0), row.text(1)) else {
            continue;
        };
        let lower = name.to_lowercase();
        let has_any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let has_heirs = fillers.iter().any(|(other, _)| {
            other != app
                && (HEIRS.contains(&other.as_str()) || found.iter().any(|heir| heir.app == *other))
        });
        let takes_away = has_any(&["delete", "remove", "drop", "clean"]);
        // Of the first edition's app, once others stand: rows were moved out of it, and its models taken away in
        // migrations that Django named by their date.
        let hands_over = app == FIRST
            && has_heirs
            && !lower.contains("back")
            && has_any(&["move", "copy", "transfer", "migrate", "split", "_auto_"]);
        if !takes_away && !hands_over {
            fillers.push((app.to_owned(), name.to_owned()));
        }
    }
    Ok(fillers)
}
