//! The history of an object: its audit entries, with the versions to restore.

use std::collections::BTreeMap;

use accounts::Permissions;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::AuditEntry;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource};
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::audit_log::entry_view::{EntryView, object_name};
use crate::audit_log::snapshot::Snapshot;
use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::history::restore::{self, restore_revision};
use crate::history::revision::{self, Revision, object_of};
use crate::registry::{Registry, may_view};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{
    capitalized, change_path, history_path, list_path, with_filters, with_query,
};
use crate::ui::submission::Submission;

/// Suffix of the entry's id for the version before it.
const BEFORE: &str = "-before";

#[derive(Serialize)]
struct HistoryPage {
    heading: String,
    rows: Vec<HistoryRow>,
    back_href: String,
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "admin/history.html";
}

#[derive(Serialize)]
struct HistoryRow {
    #[serde(flatten)]
    entry: EntryView,
    /// Other objects of the same change set.
    notes: Vec<RelatedEntry>,
    restore: Vec<RestoreOption>,
}

/// Another object of the same change set.
#[derive(Serialize)]
struct RelatedEntry {
    text: &'static str,
    title: String,
    href: Option<String>,
}

/// A version that can be restored.
#[derive(Serialize)]
struct RestoreOption {
    value: String,
    label: &'static str,
}

/// The history of an object, oldest entry first; also of a deleted one.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let registry = request.registry();
    let model = registry.find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(request.unknown_object(model, &path.2));
    };
    if !may_view(&user.permissions, model) {
        return Err(PageError::Forbidden);
    }
    let history = db
        .read(move |conn| Ok(ObjectHistory::load(conn, registry, model, id)?))
        .await?;
    let title = match (&history.object, history.entries.last()) {
        (Some(object), _) => object.title.clone(),
        (None, Some(entry)) => entry.title.clone(),
        (None, None) => return Ok(request.unknown_object(model, id)),
    };
    let exists = history.object.is_some();
    let (plural, list) = (capitalized(model.plural), list_path(model));
    let filters = request.filters();
    let change = with_filters(change_path(model, id), &filters);
    let steps = [(&*plural, &*list), (&*title, &*change)];
    let crumbs = Breadcrumb::trail(if exists { &steps } else { &steps[..1] }, "History");
    let heading = format!("History of {title}");
    let page = HistoryPage {
        heading: heading.clone(),
        rows: history.rows(model, &user.permissions),
        back_href: if exists {
            change.clone()
        } else {
            with_query(&list, &filters)
        },
    };
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Restores an earlier version, or a deleted object with what was deleted with it.
pub(crate) async fn restore(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    let model = request.registry().find(&path.0, &path.1);
    let model = model.ok_or(PageError::NotFound)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(request.unknown_object(model, &path.2));
    };
    let value = fields.text("restore");
    let before = value.strip_suffix(BEFORE);
    let entry_id: i64 = before
        .unwrap_or(value)
        .parse()
        .map_err(|_| PageError::BadRequest)?;
    let entries = db
        .read(move |conn| {
            let entries = AuditEntry::for_object(conn, &model.key(), id)?;
            let is_known = !entries.is_empty() || (model.load)(conn, id)?.is_some();
            Ok(is_known.then_some(entries))
        })
        .await?;
    let Some(entries) = entries else {
        return Ok(request.unknown_object(model, id));
    };
    let entry = entries.into_iter().find(|entry| entry.id == entry_id);
    let mut revision = Revision::new(entry.ok_or(PageError::NotFound)?);
    revision.is_before |= before.is_some();
    let done = if may_view(&user.permissions, model) {
        with_filters(change_path(model, id), &request.filters())
    } else {
        "/admin/".to_owned()
    };
    let paths = (&*done, &*request.target());
    restore::restore(&request, &user, &db, paths, move |conn, editor| {
        restore_revision(conn, editor, revision)
    })
    .await
}

/// The audit entries of an object.
struct ObjectHistory {
    registry: Registry,
    object: Option<Record>,
    /// The stored version.
    stored: Option<Snapshot>,
    entries: Vec<AuditEntry>,
    /// Entries of objects that were deleted or changed with this one.
    children: Vec<AuditEntry>,
    /// Entries of objects that this one was deleted or changed with.
    parents: BTreeMap<i64, AuditEntry>,
}

impl ObjectHistory {
    fn load(
        conn: &mut DbConnection,
        registry: Registry,
        model: &Resource,
        id: i64,
    ) -> QueryResult<Self> {
        let object = (model.load)(conn, id)?;
        let stored = match &object {
            Some(object) => Some(Snapshot::new(conn, model, object)?),
            None => None,
        };
        let entries = AuditEntry::for_object(conn, &model.key(), id)?;
        let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
        let parents: Vec<i64> = entries.iter().filter_map(|entry| entry.parent_id).collect();
        let parents = AuditEntry::find_all(conn, &parents)?.into_iter();
        Ok(Self {
            registry,
            object,
            stored,
            entries,
            children: AuditEntry::children_of(conn, &ids)?,
            parents: parents.map(|entry| (entry.id, entry)).collect(),
        })
    }

    /// Each entry with the versions that can be restored: the one after it, and the one before it if no earlier entry has
    /// it, because the object is older than the log or was changed without it.
    fn rows(&self, model: &Resource, permissions: &Permissions) -> Vec<HistoryRow> {
        let mut known = Snapshot::default();
        let mut rows = Vec::new();
        for entry in &self.entries {
            let mut revisions = vec![Revision::new(entry.clone())];
            let before = Snapshot::from_text(&entry.before);
            if entry.action != "deleted" && before.values() != known.values() {
                let (entry, is_before) = (entry.clone(), true);
                revisions.insert(0, Revision { entry, is_before });
            }
            // An entry on images that belong to the object says nothing of its fields.
            if !(entry.before.is_empty() && entry.after.is_empty()) {
                known = Snapshot::from_text(&entry.after);
            }
            revisions.retain(|revision| self.may_restore(revision, model, permissions));
            rows.push(HistoryRow {
                entry: EntryView::new(entry.clone(), self.registry, permissions),
                notes: self.related(entry, permissions),
                restore: revisions.iter().map(RestoreOption::new).collect(),
            });
        }
        rows
    }

    fn children(&self, entry: &AuditEntry) -> impl Iterator<Item = &AuditEntry> {
        let children = self.children.iter();
        children.filter(|child| child.parent_id == Some(entry.id))
    }

    /// The other objects of an entry's change set.
    fn related(&self, entry: &AuditEntry, permissions: &Permissions) -> Vec<RelatedEntry> {
        let related = |text, other: &AuditEntry| RelatedEntry {
            text,
            title: object_name(self.registry, other),
            href: object_of(self.registry, other)
                .filter(|(model, _)| may_view(permissions, model))
                .map(|(model, id)| history_path(model, id)),
        };
        let children = self.children(entry).map(|child| {
            let is_same = child.action == entry.action;
            related(if is_same { "With" } else { "Changed" }, child)
        });
        let parent = entry.parent_id.and_then(|id| self.parents.get(&id));
        let parent = parent.map(|parent| related("Along with", parent));
        children.chain(parent).collect()
    }

    /// Whether a version differs from the stored one, and the user may restore it.
    fn may_restore(
        &self,
        revision: &Revision,
        model: &Resource,
        permissions: &Permissions,
    ) -> bool {
        let stored = self.stored.as_ref().map(Snapshot::values);
        let is_other = |text| stored != Some(Snapshot::from_text(text).values());
        let entry = &revision.entry;
        revision.snapshot_text().is_some_and(is_other)
            && revision::may_restore(self.registry, permissions, model, self.object.is_some())
            && (self.object.is_some()
                || entry.action != "deleted"
                || revision::may_add_all(self.registry, permissions, self.children(entry)))
    }
}

impl RestoreOption {
    fn new(revision: &Revision) -> Self {
        let id = revision.entry.id.to_string();
        let (value, label) = match (revision.entry.action.as_str(), revision.is_before) {
            ("deleted", _) => (id, "Restore"),
            (_, false) => (id, "Restore this version"),
            (_, true) => (id + BEFORE, "Restore the previous version"),
        };
        Self { value, label }
    }
}
