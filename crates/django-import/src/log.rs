//! The old admin's log, which becomes lines of the record of changes.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::accounts::time;
use super::file::{DjangoFile, quoted};
use super::findings::counted;
use super::layout::{LOG, Layout, has};
use super::places::columns;
use super::reading::Reading;
use super::row::Row;
use super::target::Target;
use super::words;

/// The longest title, username and model that the record keeps (characters).
const LONGEST_TITLE: usize = 512;
const LONGEST_NAME: usize = 150;
const LONGEST_MODEL: usize = 100;
/// What stands for the model of a line whose content type is gone.
const UNKNOWN: &str = "unknown";

/// Places of what is looked up: the user's name, the app and the model.
const USERNAME: usize = 0;
const APP: usize = 1;
const MODEL: usize = 2;

pub(super) fn lines(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let table = "django_admin_log";
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let (file, layout) = (&mut reading.book.file, &reading.book.layout);
    if !file.has(table) {
        return Ok(());
    }
    let mut expressions = columns(LOG);
    expressions.push("(SELECT u.username FROM auth_user AS u WHERE u.id = t.user_id)".to_owned());
    let has_types = file.has("django_content_type") && file.count("django_content_type")? > 0;
    for column in ["app_label", "model"] {
        expressions.push(if has_types {
            format!(
                "(SELECT c.{column} FROM django_content_type AS c WHERE c.id = t.content_type_id)"
            )
        } else {
            "NULL".to_owned()
        });
    }
    let others = Others::find(file, layout)?;
    let mut cut = 0;
    let mut foreign: BTreeMap<String, u64> = BTreeMap::new();
    file.read(table, &expressions, &mut |cells| {
        notes.read(Target::Changes);
        let mut row = Row::new(table, LOG, cells);
        let id = row.id();
        let changed_at = row.moment("action_time");
        let title = row.limited("object_repr", LONGEST_TITLE);
        let message = row.limited("change_message", usize::MAX);
        let user_id = row.whole("user_id");
        if row.looked_up(USERNAME).is_none() && row.problems.is_empty() {
            seen.users.expect(&mut row, "user_id", "user");
        }
        let mut object_id = object_id(&mut row);
        if let (Some(app), Some(model), Some(id)) =
            (row.looked_up(APP), row.looked_up(MODEL), object_id)
            && others.have(app, model, id)
        {
            object_id = None;
            cut += 1;
        }
        let model = if let (Some(app), Some(model)) = (row.looked_up(APP), row.looked_up(MODEL)) {
            let known = layout.model(app, model);
            known.map_or_else(|| format!("{app}.{model}"), str::to_owned)
        } else {
            if has_types && !row.is_null("content_type_id") {
                let shown = row.shown("content_type_id");
                let reason = format!("refers to the content type {shown}, which does not exist");
                row.refuse("content_type_id", reason);
            }
            UNKNOWN.to_owned()
        };
        let length = model.chars().count();
        if length > LONGEST_MODEL {
            let reason = format!(
                "the model's name must be at most {LONGEST_MODEL} characters; this has {length}"
            );
            row.refuse("content_type_id", reason);
        }
        let (action, words) = words::told(row.whole("action_flag"), &message, model == "auth.user");
        // Of an account that cannot be imported, as much as can be kept.
        let username = row.looked_up(USERNAME).unwrap_or_default();
        let username = username.chars().filter(|c| *c != '\0');
        let username: String = username.take(LONGEST_NAME).collect();
        if notes.passes(Target::Changes, row.problems) {
            if Target::of_model(&model).is_none() {
                *foreign.entry(model.clone()).or_default() += 1;
            }
            let values = vec![
                json!(action),
                json!(time(changed_at)),
                json!(id),
                json!(model),
                json!(object_id),
                json!(title),
                json!(user_id),
                json!(username),
                json!(words),
            ];
            sink.row(Target::Changes, values)?;
        }
        Ok(())
    })?;
    if cut > 0 {
        notes.warn(|| {
            format!(
                "{} of the log about rows of an older layout whose ids other rows have in the one that was taken; kept in \
                 the record without the object.",
                counted(cut, "line", "lines")
            )
        });
    }
    for (model, lines) in foreign {
        notes.warn(|| {
            format!(
                "{} of the log about {model}, which is not kept here; kept in the record all the same.",
                counted(lines, "line", "lines")
            )
        });
    }
    Ok(())
}

/// The ids that rows of the tables that were taken have, and other rows had in a table that was left behind, by the
/// app and the model of that one.
struct Others(HashMap<(String, &'static str), HashSet<i64>>);

impl Others {
    fn find(file: &mut DjangoFile, layout: &Layout) -> anyhow::Result<Self> {
        let mut others = HashMap::new();
        for (app, model, table) in layout.left_behind(file) {
            let fact = match model {
                "letting" => "title",
                "address" => "street",
                _ => "user_id",
            };
            let columns = &file.tables[&table];
            // What cannot be compared is taken for another row.
            let unless_same = if has(columns, "id") && has(columns, fact) {
                format!(
                    "LEFT JOIN {} AS old ON old.id = new.id AND old.{fact} IS new.{fact} WHERE old.id IS NULL",
                    quoted(&table)
                )
            } else {
                String::new()
            };
            let rows = file.query(&format!(
                "SELECT CAST(new.id AS BLOB) FROM {} AS new {unless_same}",
                quoted(layout.table(model).unwrap_or_default())
            ))?;
            let ids = rows.iter().filter_map(|row| row.whole(0).ok()).collect();
            others.insert((app, model), ids);
        }
        Ok(Self(others))
    }

    /// Whether a line about that row would be told of another row with the same id.
    fn have(&self, app: &str, model: &str, id: i64) -> bool {
        self.0
            .iter()
            .any(|((of, name), ids)| of == app && *name == model && ids.contains(&id))
    }
}

/// The object's id, where it is a number as all of the site's are.
fn object_id(row: &mut Row<'_>) -> Option<i64> {
    if row.is_null("object_id") {
        return None;
    }
    row.text("object_id").parse().ok()
}
