//! A list as a file: all rows that its search and filters let through.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::admin::auth::current_user::SignedIn;
use crate::admin::list::csv;
use crate::admin::list::query::Asked;
use crate::admin::registry::{self, list_path};
use crate::admin::ui::messages;
use crate::admin::ui::request::{Visit, see_other};
use crate::db::Db;
use crate::error::PageError;

/// The most rows that one file has.
const MOST: i64 = 100_000;

/// The rows in the order of the list.
pub(crate) async fn show(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = registry::visible(&user.rights, &path.0, &path.1)?;
    let asked = Asked::of(&visit, model);
    let listing = asked.whole(MOST);
    let text = db
        .read_long(move |conn| {
            let list = (model.list)(conn, &listing)?;
            if list.found > MOST {
                return Ok(None);
            }
            let ids: Vec<i64> = list.rows.into_iter().map(|row| row.id).collect();
            csv::of(conn, model, &ids).map(Some)
        })
        .await?;
    let Some(text) = text else {
        let text = "Too many items are selected. Use a filter to select fewer.";
        messages::add(&visit.session, "warning", text.to_owned());
        return Ok(see_other(&asked.href(&list_path(model), 1)));
    };
    Ok(csv::answer(model, text))
}
