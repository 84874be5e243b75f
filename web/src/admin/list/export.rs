//! A list as a file: all rows that its search and filters let through.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::list::csv;
use crate::admin::list::query::AdminListQuery;
use crate::admin::registry::{self, list_path};
use crate::admin::ui::messages;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::db::Db;
use crate::error::PageError;

/// The most rows that one file has.
const MAX_ROWS: i64 = 100_000;

/// The rows in the order of the list.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = registry::visible(&user.rights, &path.0, &path.1)?;
    let query = AdminListQuery::of(&request, model);
    let listing = query.whole(MAX_ROWS);
    let text = db
        .read_long(move |conn| {
            let list = (model.list)(conn, &listing)?;
            if list.found > MAX_ROWS {
                return Ok(None);
            }
            let ids: Vec<i64> = list.rows.into_iter().map(|row| row.id).collect();
            csv::of(conn, model, &ids).map(Some)
        })
        .await?;
    let Some(text) = text else {
        let text = "Too many items are selected. Use a filter to select fewer.";
        messages::add(&request.session, "warning", text.to_owned());
        return Ok(see_other(&query.href(&list_path(model), 1)));
    };
    Ok(csv::answer(model, text))
}
