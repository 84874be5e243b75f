//! Who is in which group, and the rights of users and groups: by app, model and codename, never by number.

use std::collections::{BTreeMap, HashSet};

use accounts::Verb;
use serde_json::json;

use super::digest::mark;
use super::file::DjangoFile;
use super::findings::counted;
use super::layout::{GROUP_RIGHT, Layout, USER_GROUP, USER_RIGHT};
use super::places::columns;
use super::reading::{Ids, Notes, Reading};
use super::row::Row;
use super::sink::Sink;
use super::target::Target;

pub(super) fn memberships(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let table = "auth_user_groups";
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let file = &mut reading.book.file;
    if !file.has(table) {
        return Ok(());
    }
    let mut twice = Twice::default();
    file.read(table, &columns(USER_GROUP), &mut |cells| {
        notes.read(Target::UserGroups);
        let mut row = Row::new(table, USER_GROUP, cells);
        let user = seen.users.expect(&mut row, "user_id", "user");
        let group = seen.groups.expect(&mut row, "group_id", "group");
        let counts = !row.problems.is_empty() || twice.is_new(&(user, group));
        if counts && notes.passes(Target::UserGroups, row.problems) {
            sink.row(Target::UserGroups, vec![json!(group), json!(user)])?;
        }
        Ok(())
    })?;
    twice.tell(notes, "memberships");
    Ok(())
}

pub(super) fn of_users(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let owners = Owners {
        table: "auth_user_user_permissions",
        columns: USER_RIGHT,
        owner: ("user_id", "user", "users"),
        target: Target::UserRights,
        ids: &reading.seen.users,
    };
    let book = &mut *reading.book;
    owners.read(
        &mut book.file,
        &book.layout,
        &mut reading.notes,
        reading.sink,
    )
}

pub(super) fn of_groups(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let owners = Owners {
        table: "auth_group_permissions",
        columns: GROUP_RIGHT,
        owner: ("group_id", "group", "groups"),
        target: Target::GroupRights,
        ids: &reading.seen.groups,
    };
    let book = &mut *reading.book;
    owners.read(
        &mut book.file,
        &book.layout,
        &mut reading.notes,
        reading.sink,
    )
}

/// A table of rights: those of users, or those of groups.
struct Owners<'a> {
    table: &'static str,
    columns: &'static [&'static str],
    /// The column that names the owner, and what one and several owners are called.
    owner: (&'static str, &'static str, &'static str),
    target: Target,
    ids: &'a Ids,
}

impl Owners<'_> {
    fn read(
        &self,
        file: &mut DjangoFile,
        layout: &Layout,
        notes: &mut Notes<'_>,
        sink: &mut dyn Sink,
    ) -> anyhow::Result<()> {
        if !file.has(self.table) {
            return Ok(());
        }
        let mut expressions = columns(self.columns);
        expressions.extend(permission(file));
        let mut twice = Twice::default();
        let mut dead: BTreeMap<String, u64> = BTreeMap::new();
        file.read(self.table, &expressions, &mut |cells| {
            notes.read(self.target);
            let mut row = Row::new(self.table, self.columns, cells);
            let (column, one, _) = self.owner;
            let owner = self.ids.expect(&mut row, column, one);
            let right = [row.looked_up(0), row.looked_up(1), row.looked_up(2)];
            let code = if let [Some(app), Some(model), Some(codename)] = right {
                let code = code(layout, app, model, codename);
                code.ok_or_else(|| format!("{app}.{codename}"))
            } else {
                let shown = row.shown("permission_id");
                let reason = format!(
                    "refers to the permission {shown}, which does not exist or has no model"
                );
                row.refuse("permission_id", reason);
                Err(String::new())
            };
            if row.problems.is_empty() {
                match &code {
                    Ok(code) if !twice.is_new(&(owner, code)) => return Ok(()),
                    Ok(_) => {}
                    Err(dead_right) => {
                        *dead.entry(dead_right.clone()).or_default() += 1;
                        return Ok(());
                    }
                }
            }
            if notes.passes(self.target, row.problems) {
                sink.row(
                    self.target,
                    vec![json!(code.unwrap_or_default()), json!(owner)],
                )?;
            }
            Ok(())
        })?;
        let (_, one, many) = self.owner;
        for (right, owners) in dead {
            notes.warn(|| {
                format!(
                    "The right {right} of {} is left out: nothing here answers to it.",
                    counted(owners, one, many)
                )
            });
        }
        twice.tell(notes, &format!("rights of {many}"));
        Ok(())
    }
}

/// Looks up the app, the model and the codename behind a permission's number.
fn permission(file: &DjangoFile) -> [String; 3] {
    if !file.has("auth_permission") || !file.has("django_content_type") {
        return ["NULL", "NULL", "NULL"].map(str::to_owned);
    }
    ["c.app_label", "c.model", "p.codename"].map(|column| {
        format!(
            "(SELECT {column} FROM auth_permission AS p JOIN django_content_type AS c ON c.id = p.content_type_id \
             WHERE p.id = t.permission_id)"
        )
    })
}

/// The code of a right here; `None` for one that nothing here answers to.
fn code(layout: &Layout, app: &str, model: &str, codename: &str) -> Option<String> {
    let (verb, name) = codename.split_once('_')?;
    let verb = Verb::ALL.into_iter().find(|known| known.word() == verb)?;
    let (app, model) = layout
        .model(app, model)
        .filter(|_| name == model)?
        .split_once('.')?;
    Some(verb.on(app, model))
}

/// What was there before: the split of an app leaves every right twice.
#[derive(Default)]
struct Twice {
    seen: HashSet<u128>,
    merged: u64,
}

impl Twice {
    fn is_new(&mut self, what: &impl serde::Serialize) -> bool {
        let is_new = self.seen.insert(mark(what));
        if !is_new {
            self.merged += 1;
        }
        is_new
    }

    fn tell(&self, notes: &mut Notes<'_>, what: &str) {
        if self.merged > 0 {
            notes.warn(|| {
                format!(
                    "Of the {what}, {} merged into one that says the same.",
                    counted(self.merged, "was", "were")
                )
            });
        }
    }
}
