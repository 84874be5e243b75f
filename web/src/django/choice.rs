//! Which of several tables that could hold the site's rows do hold them.

use std::collections::BTreeSet;

use anyhow::bail;

use super::file::DjangoFile;
use super::findings::{Findings, counted};
use super::layout::has;

/// The one app of the first edition.
const FIRST: &str = "oc_lettings_site";

/// The app whose tables hold rows of these kinds, where any does.
///
/// Where several apps have them: the one that has rows; where several have, the one that the last applied migration
/// fills. Tables of the site's known apps that lack a column are an error where no others are there.
pub(super) fn choose(
    file: &mut DjangoFile,
    kinds: &[(&'static str, &[&str])],
    newest: &str,
    known: &BTreeSet<String>,
    findings: &mut Findings,
) -> anyhow::Result<Option<String>> {
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut faults: Vec<String> = Vec::new();
    let suffix = format!("_{}", kinds[0].0);
    let names: Vec<String> = file.tables.keys().cloned().collect();
    for app in names
        .iter()
        .filter_map(|table| table.strip_suffix(suffix.as_str()))
    {
        let table = |kind: &str| format!("{app}_{kind}");
        if kinds.iter().any(|(kind, _)| !file.has(&table(kind))) {
            continue;
        }
        let lacking = kinds.iter().find_map(|(kind, columns)| {
            let there = &file.tables[&table(kind)];
            let column = columns.iter().find(|column| !has(there, column))?;
            Some(format!("the table {} has no column {column}", table(kind)))
        });
        if let Some(lacking) = lacking {
            if known.contains(app) {
                faults.push(lacking);
            }
        } else {
            let mut rows = 0;
            for (kind, _) in kinds {
                rows += file.count(&table(kind))?;
            }
            found.push((app.to_owned(), rows));
        }
    }
    match faults.first() {
        Some(fault) if found.is_empty() => bail!("{fault}"),
        Some(_) => findings.warn(format!(
            "Tables were left alone that are not whole: {}.",
            faults.join(", ")
        )),
        None => {}
    }
    if found.len() < 2 {
        return Ok(found.pop().map(|(app, _)| app));
    }
    let fillers = fillers(file)?;
    let last = fillers
        .iter()
        .rev()
        .find(|(app, _)| found.iter().any(|(name, _)| name == app));
    let full: Vec<&(String, u64)> = found.iter().filter(|(_, rows)| *rows > 0).collect();
    let (chosen, reason) = match (full.as_slice(), last) {
        ([(app, _)], _) => (app.clone(), "it alone has rows".to_owned()),
        (_, Some((app, name))) => (
            app.clone(),
            format!("the last migration that fills one of them is {app}.{name}"),
        ),
        _ => {
            let newest = found
                .iter()
                .find(|(app, _)| app == newest)
                .unwrap_or(&found[0]);
            (
                newest.0.clone(),
                "no migration tells which of them is filled".to_owned(),
            )
        }
    };
    let names = |app: &str| {
        kinds
            .iter()
            .map(|(kind, _)| format!("{app}_{kind}"))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let others: Vec<String> = found
        .iter()
        .filter(|(app, _)| *app != chosen)
        .map(|(app, rows)| format!("{} ({})", names(app), counted(*rows, "row", "rows")))
        .collect();
    findings.warn(format!(
        "Several layouts stand: {} was taken, since {reason}; left alone: {}.",
        names(&chosen),
        others.join(", ")
    ));
    Ok(Some(chosen))
}

/// The migrations that were applied, as app and name, the last one last; without those that by their names take
/// something away, which fill nothing.
fn fillers(file: &mut DjangoFile) -> anyhow::Result<Vec<(String, String)>> {
    if !file.has("django_migrations") {
        return Ok(Vec::new());
    }
    let rows = file.query(
        "SELECT CAST(app AS BLOB), CAST(name AS BLOB) FROM django_migrations ORDER BY applied, id",
    )?;
    let takes_away = |app: &str, name: &str| {
        let name = name.to_lowercase();
        let has_any = |words: &[&str]| words.iter().any(|word| name.contains(word));
        has_any(&["delete", "remove", "drop", "clean"])
            // Of the first edition's app: rows were moved out of it, never into it.
            || app == FIRST && has_any(&["move", "copy", "transfer", "migrate", "split"])
    };
    Ok(rows
        .iter()
        .filter_map(|row| Some((row.text(0).ok()?.to_owned(), row.text(1).ok()?.to_owned())))
        .filter(|(app, name)| !takes_away(app, name))
        .collect())
}
