//! Export of all objects that match a list's search and filters.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::list_query::AdminListQuery;
use crate::ui::csv;
use crate::ui::links::{list_path, see_other};

/// The most rows in a file.
const MAX_ROWS: i64 = 100_000;

/// The file, in the order of the list.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = request
        .registry()
        .visible(&user.rights, (&path.0, &path.1))?;
    let query = AdminListQuery::new(&request, model);
    let listing = query.first(MAX_ROWS);
    let text = db
        .read_long(move |conn| {
            let list = (model.list)(conn, &listing)?;
            if list.found > MAX_ROWS {
                return Ok(None);
            }
            let ids: Vec<i64> = list.rows.into_iter().map(|row| row.id).collect();
            csv::records(conn, model, &ids).map(Some)
        })
        .await?;
    let Some(text) = text else {
        let text = "Too many items are selected. Use a filter to select fewer.";
        request.session.add_message("warning", text.to_owned());
        return Ok(see_other(&query.href(&list_path(model), 1)));
    };
    Ok(csv::response(model, text))
}
