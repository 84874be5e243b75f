//! Change sets: everything that one action did, and restoring what it deleted.

use actix_web::http::StatusCode;
use audit::AuditEntry;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::editor::Editor;
use crate::history::restore::{self, restore_change_set, without_existing};
use crate::history::revision::{is_delete, may_add_all};
use crate::registry::Registry;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{LOG_PATH, capitalized, counts};
use crate::ui::submission::Submission;

const MAX_ENTRIES: usize = 1_000;

#[derive(Serialize)]
struct ChangeSetPage {
    rows: Vec<EntryView>,
    /// The numbers of entries that are not shown, and of those of objects that the user may not view.
    more: usize,
    unseen: usize,
    may_restore: bool,
    /// Whether everything that was deleted exists again.
    is_restored: bool,
}

impl Page for ChangeSetPage {
    const TEMPLATE: &'static str = "admin/change_set.html";
}

/// The entries of a change set that the user may view, oldest first.
pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    let (mut entries, can_restore) = entries(&staff).await?;
    let count = entries.len();
    let may_restore = is_delete(&entries) && may_add_all(&staff.user, &entries);
    entries.retain(|entry| may_view_entry(&staff.user, entry));
    forbid_unless(!entries.is_empty())?;
    let unseen = count - entries.len();
    let may_restore = may_restore && unseen == 0;
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    let heading = heading(staff.registry(), &entries);
    let rows = entries.into_iter().take(MAX_ENTRIES);
    let page = ChangeSetPage {
        may_restore: may_restore && can_restore,
        is_restored: may_restore && !can_restore,
        more,
        unseen,
        rows: rows
            .map(|entry| EntryView {
                change_set_href: None,
                ..EntryView::new(entry, &staff.user)
            })
            .collect(),
    };
    let crumbs = Breadcrumb::trail(&[("Log", LOG_PATH)], &heading);
    staff.page(StatusCode::OK, &heading, crumbs, page)
}

/// Restores every object that a change set deleted, in one transaction.
pub(crate) async fn restore(staff: StaffRequest, fields: Submission) -> PageResult {
    let fields = staff.accept(fields)?;
    let registry = staff.registry();
    let (entries, _) = entries(&staff).await?;
    let mut all = entries.iter();
    forbid_unless(all.all(|entry| may_view_entry(&staff.user, entry)))?;
    let mut models = entries.iter().filter_map(|it| registry.by_key(&it.model));
    let access = models.find_map(|model| registry.access(model));
    if access.is_some() {
        staff.require_reauth(&fields).await?;
    }
    let path = staff.http.uri().path();
    restore::restore(&staff, (path, path), move |conn, editor| {
        restore_change_set(conn, editor, entries)
    })
    .await
}

/// The entries of a change set, and whether a deleted object is still missing.
async fn entries(staff: &StaffRequest) -> Result<(Vec<AuditEntry>, bool), PageError> {
    let (id, registry) = (staff.id()?, staff.registry());
    let loaded = staff.db.read_long(move |conn| {
        let entries = AuditEntry::in_change_set(conn, id)?;
        let missing = without_existing(conn, registry, entries.clone())?;
        let can_restore = missing.iter().any(|entry| entry.action == "deleted");
        Ok((entries, can_restore))
    });
    let loaded = loaded.await?;
    if loaded.0.is_empty() {
        return Err(PageError::NotFound);
    }
    Ok(loaded)
}

fn may_view_entry(user: &Editor, entry: &AuditEntry) -> bool {
    let model = user.registry.by_key(&entry.model);
    model.map_or(user.permissions.are_all(), |model| user.may_view(model))
}

/// “Deleted 2 authors and 2 books”, or the number of changes if they are of several kinds.
fn heading(registry: Registry, entries: &[AuditEntry]) -> String {
    let action = entries.first().map_or("", |entry| entry.action.as_str());
    // Consequences are not counted.
    let counted = entries
        .iter()
        .filter(|entry| entry.action == action || entry.parent_id.is_none());
    let models = counted.map(|entry| {
        let model = registry.by_key(&entry.model);
        model.filter(|_| entry.action == action)
    });
    match models.collect::<Option<Vec<_>>>() {
        Some(models) => {
            let counts = counts(models.into_iter()).join(" and ");
            format!("{} {counts}", capitalized(action))
        }
        None => format!("{} changes made together", entries.len()),
    }
}
