//! Actions on the selected objects of a list.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use oc_core::admin::Resource;
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::delete::cascade::Cascade;
use crate::delete::execute::execute;
use crate::delete::page::{self, Question, SHOWN};
use crate::list_query::AdminListQuery;
use crate::registry::may_view;
use crate::ui::csv;
use crate::ui::field::Hidden;
use crate::ui::links::{list_path, see_other};
use crate::ui::submission::Submission;

/// The most objects that one action takes.
const MAX_SELECTED: i64 = 100_000;

/// The actions.
const ACTIONS: [&str; 2] = ["delete_selected", "export_selected"];

/// Runs an action on the selected objects, or on all that match the list's filters.
pub(crate) async fn run_action(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept_or_cancelled(&user, fields)?;
    let registry = request.registry();
    let model = registry.find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if !may_view(&user.permissions, model)
        && !user.permissions.may(Verb::Delete, model.app, model.name)
    {
        return Err(PageError::Forbidden);
    }
    // After a cancelled re-authentication the question is asked again.
    let is_confirmed = fields.text("post") == "yes" && !fields.is_cancelled;
    if fields.text("action") == "delete_selected"
        && is_confirmed
        && registry.access(model).is_some()
        && let Some(page) = reauth.require(&request, &user, &fields).await?
    {
        return Ok(page);
    }
    let ids = selected_ids(&request, &db, model, &fields).await?;
    // The first page, because the current one may no longer exist afterwards.
    let back = AdminListQuery::new(&request, model).href(&list_path(model), 1);
    let refuse = |text: &str| {
        request.session.add_message("warning", text.to_owned());
        Ok(see_other(&back))
    };
    let action = fields.text("action");
    if !ACTIONS.contains(&action) {
        return refuse("Choose an action.");
    }
    if ids.is_empty() {
        return refuse("Select at least one item.");
    }
    if i64::try_from(ids.len()).is_ok_and(|count| count > MAX_SELECTED) {
        return refuse("Too many items are selected. Use a filter to select fewer.");
    }
    match action {
        "delete_selected" if user.permissions.may(Verb::Delete, model.app, model.name) => {
            // «Select all» is resolved when the question is asked, so that nothing is deleted that it didn't show.
            let was_asked = fields.text("select_across") != "1" || fields.has(SHOWN);
            let question = Question {
                hidden: hidden_fields(&ids),
                back_href: back.clone(),
            };
            if !is_confirmed || !was_asked {
                let permissions = user.permissions.clone();
                let cascade = db
                    .read(move |conn| Ok(Cascade::new(conn, registry, model, &ids, &permissions)?))
                    .await?;
                if cascade.rows.is_empty() {
                    return refuse("Select at least one item.");
                }
                return page::show(&request, &user, &cascade, question);
            }
            let titles = match execute(&request, &user, &db, model, ids, &fields, question).await? {
                Ok(titles) => titles,
                Err(page) => return Ok(page),
            };
            let text = match titles.as_slice() {
                [] => "Select at least one item.".to_owned(),
                [title] => format!("Deleted {} \"{title}\".", model.singular),
                titles => format!("Deleted {} {}.", titles.len(), model.plural),
            };
            request.session.add_message("success", text);
            Ok(see_other(&back))
        }
        "export_selected" if may_view(&user.permissions, model) => {
            let text = db
                .read_long(move |conn| csv::records(conn, model, &ids))
                .await?;
            Ok(csv::download(model.plural, text))
        }
        _ => Err(PageError::Forbidden),
    }
}

/// The hidden fields of the question: the action and the ids.
fn hidden_fields(ids: &[i64]) -> Vec<Hidden> {
    // The ids are one field, because a form has at most a thousand fields.
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let fields = [
        ("action", "delete_selected".to_owned()),
        ("_selected_action", ids.join(",")),
    ];
    let hidden = fields.map(|(name, value)| Hidden {
        name: name.to_owned(),
        value,
    });
    hidden.into()
}

/// The ids of the selected objects.
async fn selected_ids(
    request: &AdminRequest,
    db: &Db,
    model: &'static Resource,
    fields: &Submission,
) -> Result<Vec<i64>, PageError> {
    // Django's admin sends 0 for a selection of single rows.
    if fields.text("select_across") == "1" {
        let listing = AdminListQuery::new(request, model).first(MAX_SELECTED + 1);
        let list = db
            .read(move |conn| Ok((model.list)(conn, &listing)?))
            .await?;
        return Ok(list.rows.into_iter().map(|row| row.id).collect());
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
