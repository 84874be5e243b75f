//! Actions on the selected objects of a list.

use accounts::Verb;
use audit::ChangeSet;
use oc_core::admin::{BulkAction, FormValues, Resource, SaveError};
use oc_http::{PageError, PageResult};

use crate::auth::staff_request::StaffRequest;
use crate::delete::handlers::{Confirmation, FINGERPRINT_FIELD, confirmation_page, execute};
use crate::editor::Editor;
use crate::list::bulk_edit::{self, MAX_EDITED, NotSaved, Selection, invalid_notice};
use crate::list_query::AdminListQuery;
use crate::ui::csv::{self, MAX_EXPORTED};
use crate::ui::links::{counted, list_path, see_other};
use crate::ui::submission::Submission;

const DELETE: &str = "delete_selected";
const EXPORT: &str = "export_selected";

pub(super) const TOO_MANY: &str = "Too many items are selected. Use a filter to select fewer.";

const NONE_SELECTED: &str = "Select at least one item.";

/// Name and label of each action that the permissions allow.
pub(super) fn permitted_actions(user: &Editor, model: &'static Resource) -> Vec<[&'static str; 2]> {
    let may = |verb| user.may(verb, model);
    let may_edit = may(Verb::Change) && bulk_edit::fields(model).next().is_some();
    let actions = [
        (may(Verb::Delete), [DELETE, "Delete selected"]),
        (may_edit, [bulk_edit::ACTION, "Edit selected"]),
        (true, [EXPORT, "Export selected"]),
    ];
    let declared = model.actions.iter();
    let declared = declared.map(|action| (may(Verb::Change), [action.name, action.label]));
    let all = declared.chain(actions);
    all.filter_map(|(is_allowed, action)| is_allowed.then_some(action))
        .collect()
}

/// Runs an action on the selected objects, or on all that match the list's filters.
pub(crate) async fn run_action(staff: StaffRequest, fields: Submission) -> PageResult {
    let fields = staff.accept_or_cancelled(fields)?;
    let (registry, model) = (staff.registry(), staff.resource()?);
    if !staff.user.may(Verb::Delete, model) {
        staff.require(Verb::View, model)?;
    }
    let action = fields.text("action");
    if action == DELETE && is_confirmed(&fields) && registry.access(model).is_some() {
        staff.require_reauth(&fields).await?;
    }
    let selection = Selection {
        ids: selected_ids(&staff, model, &fields).await?,
        // The first page, because the current one may no longer exist afterwards.
        back: AdminListQuery::new(&staff, model).href(&list_path(model), 1),
        staff,
        model,
        submission: fields,
    };
    let staff = &selection.staff;
    let refuse = |text: &str| Ok(staff.warn(text, &selection.back));
    let action = selection.submission.text("action");
    let bulk = model.actions.iter().find(|bulk| bulk.name == action);
    let (verb, limit) = match action {
        DELETE => (Verb::Delete, MAX_EXPORTED),
        EXPORT => (Verb::View, MAX_EXPORTED),
        bulk_edit::ACTION => (Verb::Change, MAX_EDITED),
        _ if bulk.is_some() => (Verb::Change, MAX_EXPORTED),
        _ => return refuse("Choose an action."),
    };
    if selection.ids.is_empty() {
        return refuse(NONE_SELECTED);
    }
    staff.require(verb, model)?;
    if i64::try_from(selection.ids.len()).is_ok_and(|count| count > limit) {
        return refuse(TOO_MANY);
    }
    match (action, bulk) {
        (_, Some(bulk)) => selection.set(bulk).await,
        (DELETE, _) => selection.delete().await,
        (bulk_edit::ACTION, _) => selection.edit().await,
        // EXPORT: other actions were refused above.
        _ => {
            let (editor, ids) = (staff.editor(), selection.ids.clone());
            let read = move |conn: &mut _| csv::records(conn, &editor, model, &ids);
            let text = staff.db.read_long(read).await?;
            Ok(csv::download(model.plural, text))
        }
    }
}

impl Selection {
    async fn delete(&self) -> PageResult {
        let (staff, model, ids) = (&self.staff, self.model, self.ids.clone());
        let submission = &self.submission;
        let confirmation = Confirmation {
            hidden: self.hidden(),
            back_href: self.back.clone(),
        };
        // «Select all» is resolved for the confirmation page, so that nothing is deleted that it didn't show.
        let was_asked =
            submission.text("select_across") != "1" || submission.has(FINGERPRINT_FIELD);
        let outcome = if is_confirmed(submission) && was_asked {
            execute(staff, model, ids, submission, confirmation).await
        } else {
            let page = confirmation_page(staff, model, ids, confirmation).await;
            page.map(Some)
        };
        match outcome {
            Ok(Some(page)) => Ok(page),
            Ok(None) => Ok(see_other(&self.back)),
            Err(PageError::NotFound) => Ok(staff.warn(NONE_SELECTED, &self.back)),
            Err(error) => Err(error),
        }
    }

    /// Sets fields. Each change is in the history of its object.
    async fn set(&self, bulk: &BulkAction) -> PageResult {
        let (staff, model, back) = (&self.staff, self.model, &self.back);
        let values = bulk.values.iter();
        let values = values.fold(FormValues::default(), |values, (field, value)| {
            values.with(field, *value)
        });
        match self.set_values(values, ChangeSet::none(), |_| true).await? {
            Ok(changed) => {
                let text = format!("{} {}.", bulk.done, counted(model, changed));
                Ok(staff.succeed(text, back))
            }
            Err(NotSaved::Unconfirmed(..)) => Ok(staff.succeed("Nothing to change.", back)),
            Err(NotSaved::Invalid(title, errors)) => {
                let text = invalid_notice(model, &title, SaveError::Invalid(errors));
                Ok(staff.warn(text, back))
            }
        }
    }
}

/// Whether the deletion was confirmed. After a cancelled re-authentication it is to be confirmed again.
fn is_confirmed(fields: &Submission) -> bool {
    fields.text("post") == "yes" && !fields.is_cancelled
}

async fn selected_ids(
    staff: &StaffRequest,
    model: &'static Resource,
    fields: &Submission,
) -> Result<Vec<i64>, PageError> {
    // Django's admin sends 0 for a selection of single rows.
    if fields.text("select_across") == "1" {
        let listing = AdminListQuery::new(staff, model).first(MAX_EXPORTED + 1);
        let list = staff.read(move |conn| (model.list)(conn, &listing));
        return Ok(list.await?.rows.into_iter().map(|row| row.id).collect());
    }
    let mut ids: Vec<i64> = fields
        .list("_selected_action")
        .iter()
        .flat_map(|ids| ids.split(','))
        .filter_map(|id| id.parse().ok())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
