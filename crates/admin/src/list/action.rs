//! Actions on the selected objects of a list.

use accounts::Verb;
use audit::ChangeSet;
use oc_core::admin::{BulkAction, FormValues, Resource, SaveError};
use oc_http::{PageError, PageResult};

use crate::auth::staff_request::StaffRequest;
use crate::delete::handlers::{Confirmation, FINGERPRINT_FIELD, confirmation_page, execute};
use crate::editor::Editor;
use crate::list::bulk_edit::{self, BulkEdit, MAX_EDITED, NotSaved, invalid_notice, set_values};
use crate::list_query::AdminListQuery;
use crate::ui::csv::{self, MAX_EXPORTED};
use crate::ui::field::Hidden;
use crate::ui::links::{counted, list_path, see_other};
use crate::ui::submission::Submission;

const DELETE: &str = "delete_selected";
const EXPORT: &str = "export_selected";
const MAX_SELECTED: i64 = MAX_EXPORTED;

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
    let actions = declared
        .chain(actions)
        .filter(|(is_allowed, _)| *is_allowed);
    actions.map(|(_, action)| action).collect()
}

/// Runs an action on the selected objects, or on all that match the list's filters.
pub(crate) async fn run_action(staff: StaffRequest, fields: Submission) -> PageResult {
    let fields = staff.accept_or_cancelled(fields)?;
    let (registry, model) = (staff.registry(), staff.resource()?);
    if !staff.user.may(Verb::Delete, model) {
        staff.require(Verb::View, model)?;
    }
    let action = fields.text("action");
    if action == DELETE
        && is_confirmed(&fields)
        && registry.access(model).is_some()
        && let Some(page) = staff.require_reauth(&fields).await?
    {
        return Ok(page);
    }
    let ids = selected_ids(&staff, model, &fields).await?;
    // The first page, because the current one may no longer exist afterwards.
    let back = AdminListQuery::new(&staff, model).href(&list_path(model), 1);
    let refuse = |text: &str| Ok(staff.warn(text, &back));
    let bulk = model.actions.iter().find(|bulk| bulk.name == action);
    let verb = match action {
        DELETE => Verb::Delete,
        EXPORT => Verb::View,
        bulk_edit::ACTION => Verb::Change,
        _ if bulk.is_some() => Verb::Change,
        _ => return refuse("Choose an action."),
    };
    if ids.is_empty() {
        return refuse(NONE_SELECTED);
    }
    if i64::try_from(ids.len()).is_ok_and(|count| count > MAX_SELECTED) {
        return refuse(TOO_MANY);
    }
    staff.require(verb, model)?;
    if let Some(bulk) = bulk {
        return run_bulk_action(&staff, model, bulk, ids, &back).await;
    }
    match action {
        DELETE => delete_selected(&staff, model, ids, &fields, &back).await,
        bulk_edit::ACTION => {
            if ids.len() > MAX_EDITED {
                return refuse(TOO_MANY);
            }
            let edit = BulkEdit {
                staff: &staff,
                model,
                hidden: hidden_fields(action, &ids),
                ids,
                submission: &fields,
                back: &back,
            };
            edit.run().await
        }
        // EXPORT: other actions were refused above.
        _ => {
            let editor = staff.editor();
            let read = move |conn: &mut _| csv::records(conn, &editor, model, &ids);
            let text = staff.db.read_long(read).await?;
            Ok(csv::download(model.plural, text))
        }
    }
}

/// Whether the deletion was confirmed. After a cancelled re-authentication it is to be confirmed again.
fn is_confirmed(fields: &Submission) -> bool {
    fields.text("post") == "yes" && !fields.is_cancelled
}

async fn delete_selected(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    fields: &Submission,
    back: &str,
) -> PageResult {
    let confirmation = Confirmation {
        hidden: hidden_fields(DELETE, &ids),
        back_href: back.to_owned(),
    };
    // «Select all» is resolved for the confirmation page, so that nothing is deleted that it didn't show.
    let was_asked = fields.text("select_across") != "1" || fields.has(FINGERPRINT_FIELD);
    let outcome = if is_confirmed(fields) && was_asked {
        execute(staff, model, ids, fields, confirmation).await
    } else {
        confirmation_page(staff, model, ids, confirmation)
            .await
            .map(Some)
    };
    match outcome {
        Ok(Some(page)) => Ok(page),
        Ok(None) => Ok(see_other(back)),
        Err(PageError::NotFound) => Ok(staff.warn(NONE_SELECTED, back)),
        Err(error) => Err(error),
    }
}

/// The hidden fields of the confirmation page: the action and the ids.
fn hidden_fields(action: &str, ids: &[i64]) -> Vec<Hidden> {
    // The ids are one field, because a form has at most a thousand fields.
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    vec![
        Hidden::new("action", action),
        Hidden::new("_selected_action", ids.join(",")),
    ]
}

async fn selected_ids(
    staff: &StaffRequest,
    model: &'static Resource,
    fields: &Submission,
) -> Result<Vec<i64>, PageError> {
    // Django's admin sends 0 for a selection of single rows.
    if fields.text("select_across") == "1" {
        let listing = AdminListQuery::new(staff, model).first(MAX_SELECTED + 1);
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

/// Sets fields of the selected objects. Each change is in the history of its object.
async fn run_bulk_action(
    staff: &StaffRequest,
    model: &'static Resource,
    bulk: &BulkAction,
    ids: Vec<i64>,
    back: &str,
) -> PageResult {
    let values = bulk.values.iter();
    let values = values.fold(FormValues::default(), |values, (field, value)| {
        values.with(field, *value)
    });
    let change = set_values(staff, model, ids, values, ChangeSet::none(), |_| true);
    match change.await? {
        Ok(changed) => {
            let text = format!("{} {}.", bulk.done, counted(model, changed));
            Ok(staff.succeed(text, back))
        }
        Err(NotSaved::Unconfirmed(..)) => Ok(staff.succeed("Nothing to change.", back)),
        Err(NotSaved::Invalid(title, errors)) => Ok(staff.warn(
            invalid_notice(model, &title, SaveError::Invalid(errors)),
            back,
        )),
    }
}
