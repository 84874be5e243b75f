//! Admin resource of groups.

use diesel::dsl::IntoBoxed;
use diesel::prelude::*;
use oc_core::admin::{
    DeletedRow, Field, FieldKind, FormValues, ListPage, ListQuery, Record, Resource, SaveError,
    combine, then_order, with_constraint_error,
};
use oc_core::search::{fold, lower};
use oc_core::text::normalize_line;
use oc_core::validation::{FieldError, Violation};
use oc_core::{Backend, DbConnection};

use crate::group::LONGEST_NAME;
use crate::schema::groups;
use crate::{Group, GroupDraft, NewGroup};

use super::permissions::{self, APP, APP_LABEL};

/// Label of the permissions, in the form and in errors.
const PERMISSIONS: &str = "Permissions";

/// Admin resource of groups.
pub const GROUP: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "group",
    table: "groups",
    singular: "group",
    plural: "groups",
    columns: &["Name"],
    filters: &[],
    search_hint: "name",
    fields: &[
        Field::text("name", "Name", 1, LONGEST_NAME),
        Field::new("permissions", PERMISSIONS, FieldKind::Permissions),
    ],
    inlines: &[],
    images: None,
    gallery: None,
    references: &[],
    save_as: false,
    actions: &[],
    export_note: "",
    public_page: None,
    list,
    load_all,
    save,
    restore,
    delete: Group::delete,
    choices: None,
    labels: None,
};

fn list(conn: &mut DbConnection, query: &ListQuery) -> QueryResult<ListPage> {
    let total = groups::table.count().get_result(conn)?;
    let found = matching(query).count().get_result(conn)?;
    let descending = query.order == [(0, true)];
    let by_name = then_order(matching(query), lower(groups::name), descending);
    let rows: Vec<Group> = then_order(by_name, groups::id, descending)
        .offset(query.offset)
        .limit(query.limit)
        .select(Group::as_select())
        .load(conn)?;
    let row = |group: Group| (group.id, vec![group.name]);
    Ok(ListPage::new(found, total, rows, row))
}

fn matching(query: &ListQuery) -> IntoBoxed<'static, groups::table, Backend> {
    let mut matching = groups::table.into_boxed::<Backend>();
    for pattern in query.terms.patterns() {
        matching = matching.filter(fold(groups::name).like(pattern).escape('\\'));
    }
    matching
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let mut groups = Group::find_all(conn, ids)?;
    groups.sort_unstable_by_key(|group| group.id);
    let codes = Group::permissions_of(conn, ids)?;
    let record = |group: Group| {
        let codes = codes.iter().filter(|(id, _)| *id == group.id);
        let codes = codes.map(|(_, code)| code.clone()).collect();
        let values = FormValues::default().with("name", &group.name);
        Record {
            id: group.id,
            values: values.with_list("permissions", codes),
            title: group.name,
        }
    };
    Ok(groups.into_iter().map(record).collect())
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let (group, codes) = check(values).map_err(|errors| {
        with_constraint_error(conn, errors, "name", |conn| {
            let name = normalize_line(values.text("name"));
            let other = Group::find_by_name(conn, &name).optional()?;
            Ok(other.filter(|other| Some(other.id) != id).map(|_| TAKEN))
        })
    })?;
    let id = match id {
        None => Group::insert(conn, &group).map_err(constraint_error)?,
        Some(id) if Group::update(conn, id, &group).map_err(constraint_error)? => id,
        Some(_) => return Err(SaveError::Missing),
    };
    Group::set_permissions(conn, id, &codes)?;
    Ok(id)
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    for (id, values) in rows {
        let (group, codes) = check(values)?;
        Group::restore(conn, *id, &group).map_err(constraint_error)?;
        Group::set_permissions(conn, *id, &codes)?;
    }
    Ok(())
}

fn check(values: &FormValues) -> Result<(NewGroup, Vec<String>), Vec<FieldError>> {
    let name = values.text("name").to_owned();
    combine(
        GroupDraft { name }.check(),
        permissions::parse(values, "permissions", PERMISSIONS),
    )
}

const TAKEN: Violation = Violation::Taken("That name is already taken.");

fn constraint_error(error: diesel::result::Error) -> SaveError {
    let taken = FieldError::new("name", TAKEN);
    SaveError::from_constraint(error, Some(taken), None)
}

#[cfg(test)]
mod tests;
