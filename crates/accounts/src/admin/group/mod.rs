//! Admin resource of groups.

use diesel::dsl::IntoBoxed;
use diesel::prelude::*;
use oc_core::admin::{
    Choice, ChoicePage, ChoiceQuery, DeletedRow, Field, FieldKind, FormValues, ListPage, ListQuery,
    ListRow, Record, Resource, SaveError, combine, one_by_one, restored_already,
    with_constraint_error,
};
use oc_core::search::{fold, lower};
use oc_core::text::normalize_line;
use oc_core::validation::{FieldError, Violation};
use oc_core::{Backend, DbConnection};

use crate::group::LONGEST_NAME;
use crate::schema::groups;
use crate::{Group, GroupDraft, NewGroup};

use super::{APP, APP_LABEL, rights};

/// The label of the rights, in the form and in its errors.
const PERMISSIONS: &str = "Permissions";

/// Admin resource of groups.
pub const MODEL: Resource = Resource {
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
        Field::new(
            "name",
            "Name",
            FieldKind::Text {
                min: 1,
                max: LONGEST_NAME,
            },
        ),
        Field::new("permissions", PERMISSIONS, FieldKind::MultipleChoice),
    ],
    inlines: &[],
    references: &[],
    export_note: "",
    public_path: None,
    list,
    load,
    load_all: |conn, ids| one_by_one(conn, ids, load),
    save,
    restore,
    delete: Group::delete,
    choices,
    labels: |_, field, codes| Ok(labels(field, codes)),
};

fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = groups::table.count().get_result(conn)?;
    let found = if listing.terms.is_empty() {
        total
    } else {
        matching(listing).count().get_result(conn)?
    };
    let rows: Vec<Group> = sorted(matching(listing), &listing.order)
        .offset(listing.offset.max(0))
        .limit(listing.limit.max(0))
        .select(Group::as_select())
        .load(conn)?;
    let row = |group: Group| ListRow {
        id: group.id,
        cells: vec![group.name],
    };
    Ok(ListPage {
        rows: rows.into_iter().map(row).collect(),
        found,
        total,
    })
}

type Groups<'a> = IntoBoxed<'a, groups::table, Backend>;

fn matching(listing: &ListQuery) -> Groups<'static> {
    let mut query = groups::table.into_boxed::<Backend>();
    for pattern in listing.terms.patterns() {
        query = query.filter(fold(groups::name).like(fold(pattern)).escape('\\'));
    }
    query
}

/// By name, in whatever order it is asked for.
fn sorted<'a>(query: Groups<'a>, order: &[(usize, bool)]) -> Groups<'a> {
    if order.iter().find(|(column, _)| *column == 0) == Some(&(0, true)) {
        query.order((lower(groups::name).desc(), groups::id.desc()))
    } else {
        query.order((lower(groups::name).asc(), groups::id.asc()))
    }
}

fn load(conn: &mut DbConnection, id: i64) -> QueryResult<Option<Record>> {
    let Some(group) = Group::find(conn, id).optional()? else {
        return Ok(None);
    };
    Ok(Some(Record {
        id,
        values: FormValues::default()
            .with("name", &group.name)
            .with_list("permissions", Group::rights(conn, id)?),
        title: group.name,
    }))
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let (group, codes) = check(values).map_err(|errors| {
        with_constraint_error(conn, errors, "name", |conn| {
            let name = normalize_line(values.text("name"));
            let holder = Group::find_by_name(conn, &name).optional()?;
            Ok(holder.filter(|holder| Some(holder.id) != id).map(|_| TAKEN))
        })
    })?;
    let id = match id {
        None => Group::insert(conn, &group).map_err(refused)?,
        Some(id) if Group::update(conn, id, &group).map_err(refused)? => id,
        Some(_) => return Err(SaveError::Missing),
    };
    Group::set_rights(conn, id, &codes)?;
    Ok(id)
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    for (id, values) in rows {
        let (group, codes) = check(values)?;
        if Group::find(conn, *id).optional()?.is_some() {
            return Err(SaveError::Invalid(vec![restored_already("name")]));
        }
        Group::restore(conn, *id, &group).map_err(refused)?;
        Group::set_rights(conn, *id, &codes)?;
    }
    Ok(())
}

fn choices(conn: &mut DbConnection, wanted: &ChoiceQuery<'_>) -> QueryResult<ChoicePage> {
    match wanted.field {
        "permissions" => Ok(ChoicePage::of(rights::known(conn)?, wanted)),
        _ => Ok(ChoicePage::default()),
    }
}

fn labels(field: &str, codes: &[String]) -> Vec<Choice> {
    match field {
        "permissions" => rights::labels(codes),
        _ => Vec::new(),
    }
}

fn check(values: &FormValues) -> Result<(NewGroup, Vec<String>), Vec<FieldError>> {
    let draft = GroupDraft {
        name: values.text("name").to_owned(),
    };
    combine(
        draft.check(),
        rights::chosen(values, "permissions", PERMISSIONS),
    )
}

const TAKEN: Violation = Violation::Taken("That name is already taken.");

fn refused(error: diesel::result::Error) -> SaveError {
    let taken = FieldError {
        field: "name",
        violation: TAKEN,
    };
    SaveError::of(error, taken, None)
}

#[cfg(test)]
mod tests;
