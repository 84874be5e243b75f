//! Everything that goes when rows are deleted, and the question before.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use diesel::QueryResult;
use oc_core::accounts::{Rights, Verb};
use oc_core::admin::{Model, Object};
use oc_core::changes::{Act, NewChange};
use oc_core::{DbConnection, User};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::field::Hidden;
use super::form::Fields;
use super::frame::{Crumb, Visit};
use super::grants::covers;
use super::models::{self, capitalized, change_path, list_path, may_view};
use super::record::Snapshot;
use super::signed_in::SignedIn;
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

/// A row that goes, and what hangs on it.
pub(super) struct Going {
    object: Object,
    along: Vec<(&'static Model, Object)>,
}

/// Everything that goes when rows are deleted: the rows, and what hangs on them.
pub(super) struct Cascade {
    model: &'static Model,
    pub(super) rows: Vec<Going>,
    /// Whether an account is among the rows that has more rights than who asks.
    beyond: bool,
}

impl Cascade {
    /// What goes with the rows of these ids; ids of no row are left out.
    pub(super) fn of(
        conn: &mut DbConnection,
        model: &'static Model,
        ids: &[i64],
        rights: &Rights,
    ) -> QueryResult<Self> {
        let mut rows = Vec::new();
        let mut beyond = false;
        for id in ids {
            let Some(object) = (model.load)(conn, *id)? else {
                continue;
            };
            beyond |= !covers(conn, rights, model, *id)?;
            let mut along = Vec::new();
            for row in (model.along)(conn, *id)? {
                let Some(model) = models::find(row.app, row.model) else {
                    continue;
                };
                if let Some(object) = (model.load)(conn, row.id)? {
                    along.push((model, object));
                }
            }
            rows.push(Going { object, along });
        }
        Ok(Self {
            model,
            rows,
            beyond,
        })
    }

    /// Every row with its model.
    fn all(&self) -> impl Iterator<Item = (&'static Model, &Object)> {
        self.rows.iter().flat_map(|row| {
            let along = row.along.iter().map(|(model, object)| (*model, object));
            [(self.model, &row.object)].into_iter().chain(along)
        })
    }

    /// A mark of all that goes, so that nothing goes that nobody was asked about.
    fn mark(&self) -> String {
        let mut keys: Vec<String> = self
            .all()
            .map(|(model, object)| format!("{} {}", model.key(), object.id))
            .collect();
        keys.sort_unstable();
        hex::encode(&Sha256::digest(keys.join("\n"))[..16])
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

    /// Deletes everything, and records each row with what it took along, all as one act. Call it within a write.
    fn delete(&self, conn: &mut DbConnection, actor: &User) -> QueryResult<()> {
        let mut act = Act::of(self.all().count());
        for Going { object, along } in &self.rows {
            let cause = record(conn, actor, &mut act, (self.model, object), None)?;
            for row in along {
                record(conn, actor, &mut act, (row.0, &row.1), Some(cause))?;
            }
            // What hangs on others goes first.
            for (model, object) in along {
                (model.delete)(conn, object.id)?;
            }
            (self.model.delete)(conn, object.id)?;
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

/// Records that a row goes, as long as it is there to be told of.
fn record(
    conn: &mut DbConnection,
    actor: &User,
    act: &mut Act,
    (model, object): (&Model, &Object),
    cause: Option<i64>,
) -> QueryResult<i64> {
    let new = NewChange {
        user: Some(actor),
        model: &model.key(),
        object_id: Some(object.id),
        title: &object.title,
        action: "deleted",
        before: &Snapshot::of(conn, model, object)?.to_text(),
        after: "",
    };
    act.insert(conn, &new, cause)
}

/// The field that says what the question showed.
const SHOWN: &str = "_shown";

/// What became of an order to delete.
pub(super) enum Outcome {
    /// The rows are gone; they were called so.
    Deleted(Vec<String>),
    /// The rights do not suffice.
    Refused,
    /// Something else would go than the question showed.
    Other(Cascade),
}

/// Deletes these rows with all that goes along, if that is what the question showed, or nothing.
pub(super) async fn carry_out(
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    ids: Vec<i64>,
    sent: &Fields,
) -> Result<Outcome, PageError> {
    let shown = sent.has(SHOWN).then(|| sent.text(SHOWN).to_owned());
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            let cascade = Cascade::of(conn, model, &ids, &rights)?;
            if !cascade.blocked(&rights).is_empty() {
                return Ok::<_, diesel::result::Error>(Outcome::Refused);
            }
            if shown.is_some_and(|shown| shown != cascade.mark()) && !cascade.rows.is_empty() {
                return Ok(Outcome::Other(cascade));
            }
            cascade.delete(conn, &actor)?;
            let titles = cascade.rows.into_iter().map(|row| row.object.title);
            Ok(Outcome::Deleted(titles.collect()))
        })?)
    })
    .await
}

/// What is told above a question that is asked again.
pub(super) const CHANGED: &str =
    "What would go has changed since you were asked. Nothing was deleted yet.";

/// The question before rows are deleted.
pub(super) fn show(
    visit: &Visit,
    user: &SignedIn,
    cascade: &Cascade,
    mut hidden: Vec<Hidden>,
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
    hidden.push(Hidden {
        name: SHOWN.to_owned(),
        value: cascade.mark(),
    });
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
