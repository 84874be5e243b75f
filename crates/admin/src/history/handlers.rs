//! The history of an object: its audit entries, with the versions to restore.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use audit::AuditEntry;
use chrono::NaiveDateTime;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Record, Resource, id_in};
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::audit_log::entry_view::{EntryView, object_name};
use crate::audit_log::snapshot::Snapshot;
use crate::auth::staff_request::StaffRequest;
use crate::editor::Editor;
use crate::history::restore::{self, restore_revision};
use crate::history::revision::{self, Revision, object_of};
use crate::registry::Registry;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{
    capitalized, change_path, history_path, list_path, with_filters, with_query,
};
use crate::ui::submission::Submission;

/// Suffix of the entry's id for the version before it.
const BEFORE: &str = "-before";

#[derive(Serialize)]
struct HistoryPage {
    rows: Vec<HistoryRow>,
    back_href: String,
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "admin/history.html";
}

#[derive(Serialize)]
struct HistoryRow {
    #[serde(skip)]
    order: EntryOrder,
    #[serde(flatten)]
    entry: EntryView,
    /// Other objects of the same change set.
    notes: Vec<RelatedEntry>,
    /// The value of the button, if its version can be restored.
    restore: Option<String>,
    is_deletion: bool,
}

/// Another object of the same change set.
#[derive(Serialize)]
struct RelatedEntry {
    text: String,
    title: String,
    href: Option<String>,
}

/// The history of an object and of those that are edited with it, oldest entry first; also of a deleted one.
pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    let (model, id) = (staff.viewable_resource()?, staff.id()?);
    let registry = staff.registry();
    let (history, mut inlines) = staff
        .read(move |conn| {
            let history = ObjectHistory::load(conn, registry, model, id)?;
            let inlines = history.of_inlines(conn)?;
            Ok((history, inlines))
        })
        .await?;
    let mut rows = history.rows(&staff.user);
    inlines.retain(|inline| staff.user.may_view(inline.model));
    for inline in &inlines {
        for mut row in inline.rows(&staff.user) {
            let object = RelatedEntry {
                text: capitalized(inline.model.singular),
                title: row.entry.title.clone(),
                href: row.entry.href.clone(),
            };
            row.notes.insert(0, object);
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| row.order);
    let title = match (&history.object, history.entries.last()) {
        (Some(object), _) => object.title.clone(),
        (None, Some(entry)) => entry.title.clone(),
        (None, None) => return Err(PageError::NotFound),
    };
    let exists = history.object.is_some();
    let (plural, list) = (capitalized(model.plural), list_path(model));
    let filters = staff.filters();
    let change = with_filters(change_path(model, id), &filters);
    let steps = [(&*plural, &*list), (&*title, &*change)];
    let crumbs = Breadcrumb::trail(if exists { &steps } else { &steps[..1] }, "History");
    let heading = format!("History of {title}");
    let page = HistoryPage {
        rows,
        back_href: if exists {
            change.clone()
        } else {
            with_query(&list, &filters)
        },
    };
    staff.page(StatusCode::OK, &heading, crumbs, page)
}

/// Restores an earlier version, or a deleted object with what was deleted with it.
pub(crate) async fn restore(staff: StaffRequest, fields: Submission) -> PageResult {
    let fields = staff.accept(fields)?;
    let (model, id) = (staff.resource()?, staff.id()?);
    if staff.registry().access(model).is_some() {
        staff.require_reauth(&fields).await?;
    }
    let value = fields.text("restore");
    let before = value.strip_suffix(BEFORE);
    let entry_id = before.unwrap_or(value).parse::<i64>();
    let entry_id = entry_id.map_err(|_| PageError::BadRequest)?;
    let entries = staff.db.read(move |conn| {
        let entries = AuditEntry::for_object(conn, &model.key(), id)?;
        if entries.is_empty() && model.load(conn, id)?.is_none() {
            return Err(PageError::NotFound);
        }
        Ok(entries)
    });
    let mut entries = entries.await?.into_iter();
    let entry = entries.find(|entry| entry.id == entry_id);
    let mut revision = Revision::new(entry.ok_or(PageError::BadRequest)?);
    revision.is_before |= before.is_some();
    let done = staff.object_href(model, id);
    let done = done.map_or_else(
        || "/admin/".to_owned(),
        |href| with_filters(href, &staff.filters()),
    );
    let paths = (&*done, &*staff.target());
    restore::restore(&staff, paths, move |conn, editor| {
        restore_revision(conn, editor, revision)
    })
    .await
}

struct ObjectHistory {
    registry: Registry,
    model: &'static Resource,
    object: Option<Record>,
    entries: Vec<AuditEntry>,
    /// Entries of objects that were deleted or changed with this one.
    children: Vec<AuditEntry>,
    /// Entries of objects that this one was deleted or changed with.
    parents: BTreeMap<i64, AuditEntry>,
}

/// The order of entries: by time, because imported entries have newer ids than dates.
type EntryOrder = (NaiveDateTime, i64);

fn order(entry: &AuditEntry) -> EntryOrder {
    (entry.changed_at, entry.id)
}

fn has_snapshot(entry: &AuditEntry) -> bool {
    !(entry.before.is_empty() && entry.after.is_empty())
}

impl ObjectHistory {
    fn load(
        conn: &mut DbConnection,
        registry: Registry,
        model: &'static Resource,
        id: i64,
    ) -> QueryResult<Self> {
        let object = model.load(conn, id)?;
        let entries = AuditEntry::for_object(conn, &model.key(), id)?;
        let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
        let parents: Vec<i64> = entries.iter().filter_map(|entry| entry.parent_id).collect();
        let parents = AuditEntry::find_all(conn, &parents)?.into_iter();
        Ok(Self {
            registry,
            model,
            object,
            entries,
            children: AuditEntry::children_of(conn, &ids)?,
            parents: parents.map(|entry| (entry.id, entry)).collect(),
        })
    }

    /// The histories of the objects that are edited inline, each for the time in which this object refers to it.
    fn of_inlines(&self, conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        let mut histories = Vec::new();
        for inline in self.model.inlines {
            let referred = self.referred_ids(inline.field);
            let ids: BTreeSet<i64> = referred.iter().filter_map(|(_, id)| *id).collect();
            for id in ids {
                let mut history = Self::load(conn, self.registry, inline.resource, id)?;
                history.entries.retain(|entry| {
                    // The object may have been added just before the reference to it. The first has no key, so that
                    // `next` is at least 1.
                    let next = referred.partition_point(|(key, _)| *key <= Some(order(entry)));
                    let mut around = referred[next - 1..].iter().take(2);
                    around.any(|(_, known)| *known == Some(id))
                });
                histories.push(history);
            }
        }
        Ok(histories)
    }

    /// The ids that a field referred to, each with the entry from which on; `None` from the start.
    fn referred_ids(&self, field: &str) -> Vec<(Option<EntryOrder>, Option<i64>)> {
        let id = |text: &str| id_in(&Snapshot::from_text(text).values(), field);
        let current = self
            .object
            .as_ref()
            .and_then(|object| id_in(&object.values, field));
        let entries = || self.entries.iter().filter(|entry| has_snapshot(entry));
        let first = entries().next().map_or(current, |entry| id(&entry.before));
        let later = entries().map(|entry| (Some(order(entry)), id(&entry.after)));
        [(None, first)].into_iter().chain(later).collect()
    }

    /// A row for each entry, and for each version before an entry that no earlier one has: the object is older than the
    /// log, or was changed without it. The last row of each version that isn't stored can restore it.
    fn rows(&self, user: &Editor) -> Vec<HistoryRow> {
        let mut known = Snapshot::default();
        let mut revisions = Vec::new();
        for entry in &self.entries {
            let before = Snapshot::from_text(&entry.before);
            if entry.action != "deleted"
                && !entry.before.is_empty()
                && before.values() != known.values()
            {
                revisions.push(Revision {
                    entry: entry.clone(),
                    is_before: true,
                });
            }
            // An entry on images that belong to the object says nothing of its fields.
            if has_snapshot(entry) {
                known = Snapshot::from_text(&entry.after);
            }
            revisions.push(Revision::new(entry.clone()));
        }
        let places = revisions.iter().enumerate();
        let last_places: BTreeMap<_, _> = places
            .map(|(place, revision)| (revision.snapshot_text(), place))
            .collect();
        let row = |(place, revision): (usize, &Revision)| {
            let is_deletion = revision.entry.action == "deleted";
            let is_last = last_places[&revision.snapshot_text()] == place;
            let mut row = HistoryRow {
                order: order(&revision.entry),
                entry: EntryView::new(revision.entry.clone(), user),
                notes: self.related(&revision.entry, user),
                restore: (is_last && self.may_restore(revision, user))
                    .then(|| revision.entry.id.to_string()),
                is_deletion,
            };
            if revision.is_before && !is_deletion {
                row.entry.date.insert_str(0, "Before ");
                row.entry.user.clear();
                "Earlier version.".clone_into(&mut row.entry.action);
                row.entry.changes.clear();
                row.notes.clear();
                row.restore = row.restore.map(|id| id + BEFORE);
            }
            row
        };
        revisions.iter().enumerate().map(row).collect()
    }

    fn children(&self, entry: &AuditEntry) -> impl Iterator<Item = &AuditEntry> {
        let children = self.children.iter();
        children.filter(|child| child.parent_id == Some(entry.id))
    }

    /// The other objects of an entry's change set.
    fn related(&self, entry: &AuditEntry, user: &Editor) -> Vec<RelatedEntry> {
        let related = |text: &str, other: &AuditEntry| RelatedEntry {
            text: text.to_owned(),
            title: object_name(self.registry, other),
            href: object_of(self.registry, other)
                .filter(|(model, _)| user.may_view(model))
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
    fn may_restore(&self, revision: &Revision, user: &Editor) -> bool {
        let stored = self.object.as_ref().map(|object| &object.values);
        let is_other = |text| stored != Some(&Snapshot::from_text(text).values());
        let entry = &revision.entry;
        let exists = stored.is_some();
        revision.snapshot_text().is_some_and(is_other)
            && revision::may_restore(user, self.model, exists)
            && (exists
                || entry.action != "deleted"
                || revision::may_add_all(user, self.children(entry)))
    }
}
