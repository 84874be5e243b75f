//! Everything that happened to a row, and the way back.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::accounts::Rights;
use oc_core::admin::{Model, Object};
use oc_core::changes::Change;
use serde::Serialize;

use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Visit, see_other};
use crate::admin::fresh::{Posted, Prover};
use crate::admin::line::{changes, date, has_before, history_path, told, who};
use crate::admin::messages;
use crate::admin::models::{self, capitalized, change_path, list_path, may_view};
use crate::admin::record::{FieldChange, Snapshot};
use crate::admin::restore::{self, State, Unrestored};
use crate::admin::signed_in::SignedIn;
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

#[derive(Serialize)]
struct HistoryPage {
    heading: String,
    rows: Vec<Line>,
    back_href: String,
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "admin/history.html";
}

#[derive(Serialize)]
struct Line {
    date: String,
    user: String,
    action: String,
    /// What went with it, or what it went with.
    notes: Vec<Note>,
    changes: Vec<FieldChange>,
    restore: Vec<Restore>,
}

/// Another row that the same act was about.
#[derive(Serialize)]
struct Note {
    text: &'static str,
    title: String,
    href: Option<String>,
}

/// A state that one can go back to.
#[derive(Serialize)]
struct Restore {
    value: String,
    label: &'static str,
}

/// What the record tells of a row.
struct Told {
    object: Option<Object>,
    /// The row as it is now.
    now: Option<Snapshot>,
    lines: Vec<Change>,
    /// The lines of rows that this one took along.
    along: Vec<Change>,
    /// The lines of rows that took this one along.
    causes: BTreeMap<i64, Change>,
}

impl Told {
    fn of(conn: &mut DbConnection, model: &Model, id: i64) -> QueryResult<Self> {
        let object = (model.load)(conn, id)?;
        let now = object.as_ref();
        let now = now.map(|object| Snapshot::of(conn, model, object));
        let now = now.transpose()?;
        let lines = Change::of_object(conn, &model.key(), id)?;
        let ids: Vec<i64> = lines.iter().map(|line| line.id).collect();
        let along = Change::all_along(conn, &ids)?;
        let causes: Vec<i64> = lines.iter().filter_map(|line| line.cause).collect();
        let causes = Change::find_all(conn, &causes)?.into_iter();
        Ok(Self {
            object,
            now,
            lines,
            along,
            causes: causes.map(|line| (line.id, line)).collect(),
        })
    }

    /// Each line with the states that one can go back to: what the row held after it, and also what it held before
    /// where no line before tells of that, since it was there before the record or changed beside it.
    fn rows(&self, model: &Model, rights: &Rights) -> Vec<Line> {
        let mut known = Snapshot::default();
        let mut rows = Vec::new();
        for line in &self.lines {
            let (before, after) = (
                Snapshot::from_text(&line.before),
                Snapshot::from_text(&line.after),
            );
            let mut states = vec![State::of(line.clone())];
            if line.action != "deleted" && before.values() != known.values() {
                let (line, is_before) = (line.clone(), true);
                states.insert(0, State { line, is_before });
            }
            known = after;
            let states = states
                .into_iter()
                .filter(|state| self.may_restore(state, model, rights))
                .map(|state| Restore::of(&state));
            rows.push(self.line(line, states.collect(), model, rights));
        }
        rows
    }

    fn along(&self, line: &Change) -> impl Iterator<Item = &Change> {
        self.along.iter().filter(|row| row.cause == Some(line.id))
    }

    fn line(&self, line: &Change, restore: Vec<Restore>, model: &Model, rights: &Rights) -> Line {
        let changes = changes(line, model);
        let cause = line.cause.and_then(|cause| self.causes.get(&cause));
        let with = self.along(line).map(|row| {
            let went = row.action == line.action;
            Note::of(if went { "With" } else { "Changed" }, row, rights)
        });
        let after = cause.map(|row| Note::of("Along with", row, rights));
        Line {
            date: date(line),
            user: who(line),
            action: told(line, &changes),
            notes: with.chain(after).collect(),
            changes: if has_before(line) {
                changes
            } else {
                Vec::new()
            },
            restore,
        }
    }

    /// Whether a state is another than today's, and these rights suffice to go back to it.
    fn may_restore(&self, state: &State, model: &Model, rights: &Rights) -> bool {
        let now = self.now.as_ref().map(Snapshot::values);
        let is_other = |text| now != Some(Snapshot::from_text(text).values());
        state.text().is_some_and(is_other)
            && restore::may(rights, model, self.object.is_some())
            && (self.object.is_some()
                || state.line.action != "deleted"
                || restore::may_add_all(rights, self.along(&state.line)))
    }
}

/// What follows the line's id where the state before it is meant.
const BEFORE: &str = "-before";

impl Restore {
    fn of(state: &State) -> Self {
        let id = state.line.id;
        match (state.line.action.as_str(), state.is_before) {
            ("deleted", _) => Self {
                value: id.to_string(),
                label: "Restore",
            },
            (_, false) => Self {
                value: id.to_string(),
                label: "Restore this version",
            },
            (_, true) => Self {
                value: format!("{id}{BEFORE}"),
                label: "Restore the version before",
            },
        }
    }
}

impl Note {
    fn of(text: &'static str, line: &Change, rights: &Rights) -> Self {
        let model = models::by_key(&line.model);
        let known = model.zip(line.object_id);
        Self {
            text,
            title: match model {
                Some(model) => format!("{} \"{}\"", model.singular, line.title),
                None => line.title.clone(),
            },
            href: known
                .filter(|(model, _)| may_view(rights, model))
                .map(|(model, id)| history_path(model, id)),
        }
    }
}

/// The record of a row, the oldest line first; of a deleted one too.
pub(in crate::admin) async fn show(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let (app, name, id) = path.into_inner();
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &id));
    };
    if !may_view(&user.rights, model) {
        return Err(PageError::Forbidden);
    }
    let told = db.read(move |conn| Ok(Told::of(conn, model, id)?)).await?;
    let title = match (&told.object, told.lines.last()) {
        (Some(object), _) => object.title.clone(),
        (None, Some(line)) => line.title.clone(),
        (None, None) => return Ok(super::unknown(&visit, model, id)),
    };
    let is_there = told.object.is_some();
    let rows = told.rows(model, &user.rights);
    let list = list_path(model);
    let plural = capitalized(model.plural);
    let change = change_path(model, id);
    let steps = [
        (plural.as_str(), list.as_str()),
        (title.as_str(), change.as_str()),
    ];
    let crumbs = Crumb::way(if is_there { &steps } else { &steps[..1] }, "History");
    let heading = format!("History of {title}");
    let page = HistoryPage {
        heading: heading.clone(),
        rows,
        back_href: if is_there {
            change.clone()
        } else {
            list.clone()
        },
    };
    visit.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Goes back to an earlier state of a row, or brings back one that was deleted, with its id and what it took along.
pub(in crate::admin) async fn restore(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let posted = Posted::of(&visit, &user, fields)?;
    if let Some(page) = prover.ask(&visit, &user, &posted).await? {
        return Ok(page);
    }
    let fields = posted.form;
    let (app, name, id) = path.into_inner();
    let model = models::find(&app, &name).ok_or(PageError::NotFound)?;
    let Ok(id) = id.parse::<i64>() else {
        return Ok(super::unknown(&visit, model, &id));
    };
    let value = fields.text("restore");
    let before = value.strip_suffix(BEFORE);
    let line: i64 = before
        .unwrap_or(value)
        .parse()
        .map_err(|_| PageError::BadRequest)?;
    let is_before = before.is_some();
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    let outcome = db
        .run(move |conn| {
            let line = Change::find(conn, line)?;
            if line.model != model.key() || line.object_id != Some(id) {
                return Err(PageError::Forbidden);
            }
            let state = match State::of(line) {
                state if is_before => State { is_before, ..state },
                state => state,
            };
            match conn.write(|conn| restore::of_state(conn, &actor, &rights, state)) {
                Ok(restored) => Ok(Ok(restored)),
                Err(Unrestored::Broken(broken)) => Ok(Err(broken)),
                Err(Unrestored::Forbidden) => Err(PageError::Forbidden),
                Err(Unrestored::Database(error)) => Err(error.into()),
            }
        })
        .await?;
    match outcome {
        Ok(restored) => {
            for (level, text) in restored.words() {
                messages::add(&visit.session, level, text);
            }
            let is_seen = may_view(&user.rights, model);
            let path = if is_seen {
                change_path(model, id)
            } else {
                "/admin/".to_owned()
            };
            Ok(see_other(&path))
        }
        Err(broken) => {
            messages::add(&visit.session, "error", broken.words());
            let mut response = see_other(visit.request.uri().path());
            broken.leave_refusal(&mut response);
            Ok(response)
        }
    }
}
