//! Deleting rows, with all that goes along.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use diesel::QueryResult;
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Model, Object};
use oc_core::changes::{Change, NewChange};
use oc_core::{DbConnection, User};
use serde::Serialize;

use super::list::Hidden;
use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Visit, see_other};
use crate::admin::grants::covers;
use crate::admin::messages;
use crate::admin::models::{self, capitalized, change_path, list_path, may_view};
use crate::admin::record::Snapshot;
use crate::admin::signed_in::SignedIn;
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

#[derive(Serialize)]
struct DeletePage {
    heading: String,
    counts: Vec<String>,
    groups: Vec<Gone>,
    blocked: Vec<String>,
    hidden: Vec<Hidden>,
    back_href: String,
}

impl Page for DeletePage {
    const TEMPLATE: &'static str = "admin/delete.html";
}

/// Rows of one kind that go.
#[derive(Serialize)]
struct Gone {
    label: String,
    objects: Vec<GoneObject>,
}

#[derive(Serialize)]
struct GoneObject {
    title: String,
    href: Option<String>,
}

/// Everything that goes when rows are deleted: the rows, and what hangs on them.
pub(in crate::admin) struct Cascade {
    model: &'static Model,
    pub(in crate::admin) rows: Vec<Object>,
    along: Vec<(&'static Model, Object)>,
    /// Whether an account is among the rows that has more rights than who asks.
    beyond: bool,
}

impl Cascade {
    /// What goes with the rows of these ids; ids of no row are left out.
    pub(in crate::admin) fn of(
        conn: &mut DbConnection,
        model: &'static Model,
        ids: &[i64],
        rights: &Rights,
    ) -> QueryResult<Self> {
        let (mut rows, mut along) = (Vec::new(), Vec::new());
        let mut beyond = false;
        for id in ids {
            let Some(object) = (model.load)(conn, *id)? else {
                continue;
            };
            beyond |= !covers(conn, rights, model, *id)?;
            rows.push(object);
            for row in (model.along)(conn, *id)? {
                let Some(model) = models::find(row.app, row.model) else {
                    continue;
                };
                if let Some(object) = (model.load)(conn, row.id)? {
                    along.push((model, object));
                }
            }
        }
        Ok(Self {
            model,
            rows,
            along,
            beyond,
        })
    }

    /// Every row with its model, in the order in which they can go: what hangs on others first.
    fn all(&self) -> impl Iterator<Item = (&'static Model, &Object)> {
        let along = self.along.iter().map(|(model, object)| (*model, object));
        along.chain(self.rows.iter().map(|object| (self.model, object)))
    }

    /// The kinds that may not be deleted.
    fn blocked(&self, rights: &Rights) -> Vec<String> {
        let mut kinds: Vec<String> = self
            .all()
            .filter(|(model, _)| !rights.may(Verb::Delete, model.app, model.name))
            .map(|(model, _)| model.singular.to_owned())
            .collect();
        if self.beyond {
            kinds.push(self.model.singular.to_owned());
        }
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Deletes everything and records each row. Call it within a write.
    fn delete(&self, conn: &mut DbConnection, actor: &User) -> QueryResult<()> {
        for (model, object) in self.all() {
            let before = Snapshot::of(conn, model, object)?.to_text();
            (model.delete)(conn, object.id)?;
            let (key, title) = (model.key(), object.title.as_str());
            let new = NewChange {
                user: Some(actor),
                model: &key,
                object_id: Some(object.id),
                title,
                action: "deleted",
                before: &before,
                after: "",
            };
            Change::insert(conn, &new)?;
        }
        Ok(())
    }

    fn counts(&self) -> BTreeMap<String, (&'static Model, Vec<&Object>)> {
        let mut kinds: BTreeMap<String, (&'static Model, Vec<&Object>)> = BTreeMap::new();
        for (model, object) in self.all() {
            kinds
                .entry(model.key())
                .or_insert_with(|| (model, Vec::new()))
                .1
                .push(object);
        }
        kinds
    }
}

/// Asks, and shows all that goes along.
pub(in crate::admin) async fn ask(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &path.2));
    };
    let rights = user.rights.clone();
    let cascade = db
        .run(move |conn| Ok(Cascade::of(conn, model, &[id], &rights)?))
        .await?;
    if cascade.rows.is_empty() {
        return Ok(super::unknown(&visit, model, id));
    }
    show(&visit, &user, &cascade, Vec::new(), change_path(model, id))
}

/// Deletes.
pub(in crate::admin) async fn delete(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let model = allowed(&user, &path.0, &path.1)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &path.2));
    };
    if fields.text("post") != "yes" {
        return Ok(see_other(visit.request.uri().path()));
    }
    let Some(done) = carry_out(&user, &db, model, vec![id]).await? else {
        return Err(PageError::Forbidden);
    };
    let [title] = done.as_slice() else {
        return Ok(super::unknown(&visit, model, id));
    };
    messages::add(
        &visit.session,
        "success",
        format!("Deleted {} \"{title}\".", model.singular),
    );
    Ok(see_other(&after(&visit, &user, model)))
}

/// The list that one came from, or the index for who may not see it.
fn after(visit: &Visit, user: &SignedIn, model: &Model) -> String {
    let (list, filters) = (list_path(model), visit.filters());
    match (may_view(&user.rights, model), filters.is_empty()) {
        (false, _) => "/admin/".to_owned(),
        (true, true) => list,
        (true, false) => format!("{list}?{filters}"),
    }
}

/// Deletes these rows and says what they were called; `None`, and nothing done, where the rights do not suffice.
pub(in crate::admin) async fn carry_out(
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    ids: Vec<i64>,
) -> Result<Option<Vec<String>>, PageError> {
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            let cascade = Cascade::of(conn, model, &ids, &rights)?;
            if !cascade.blocked(&rights).is_empty() {
                return Ok::<_, diesel::result::Error>(None);
            }
            cascade.delete(conn, &actor)?;
            Ok(Some(
                cascade
                    .rows
                    .into_iter()
                    .map(|object| object.title)
                    .collect(),
            ))
        })?)
    })
    .await
}

/// The question before rows are deleted.
pub(in crate::admin) fn show(
    visit: &Visit,
    user: &SignedIn,
    cascade: &Cascade,
    hidden: Vec<Hidden>,
    back_href: String,
) -> Result<HttpResponse, PageError> {
    let model = cascade.model;
    let what = match cascade.rows.len() {
        1 => model.singular.to_owned(),
        count => format!("{count} {}", model.plural),
    };
    let blocked = cascade.blocked(&user.rights);
    let heading = if blocked.is_empty() {
        format!("Delete {what}?")
    } else {
        format!("Cannot delete {what}")
    };
    let kinds = cascade.counts();
    let count = |(model, objects): &(&Model, Vec<&Object>)| {
        let word = if objects.len() == 1 {
            model.singular
        } else {
            model.plural
        };
        format!("{} {word}", objects.len())
    };
    let gone = |(model, objects): &(&'static Model, Vec<&Object>)| Gone {
        label: capitalized(if objects.len() == 1 {
            model.singular
        } else {
            model.plural
        }),
        objects: objects
            .iter()
            .map(|object| GoneObject {
                title: object.title.clone(),
                href: may_view(&user.rights, model).then(|| change_path(model, object.id)),
            })
            .collect(),
    };
    let page = DeletePage {
        counts: kinds.values().map(count).collect(),
        groups: kinds.values().map(gone).collect(),
        blocked,
        hidden,
        back_href,
        heading: heading.clone(),
    };
    let plural = capitalized(model.plural);
    let list = list_path(model);
    let crumbs = Crumb::way(&[(plural.as_str(), list.as_str())], "Delete");
    visit.page(StatusCode::OK, Some(user), &heading, crumbs, page)
}

fn allowed(user: &SignedIn, app: &str, name: &str) -> Result<&'static Model, PageError> {
    let model = models::find(app, name).ok_or(PageError::NotFound)?;
    if user.rights.may(Verb::Delete, app, name) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}
