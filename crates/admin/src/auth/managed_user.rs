//! The user that a page about an account is for.

use accounts::User;
use accounts::Verb;
use diesel::OptionalExtension;
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;

/// The user with an id, if the current one may change users and has all of that user's permissions. `None` if there is
/// no such user.
pub(crate) async fn find_managed(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    id: &str,
) -> Result<Option<User>, PageError> {
    let accounts = request.registry().accounts()?;
    if !user.rights.may(Verb::Change, accounts.app, accounts.name) {
        return Err(PageError::Forbidden);
    }
    let Ok(id) = id.parse::<i64>() else {
        return Ok(None);
    };
    let permissions = user.rights.clone();
    db.read(move |conn| {
        let Some(managed) = User::find(conn, id).optional()? else {
            return Ok(None);
        };
        if permissions.cover(conn, &managed)? {
            Ok(Some(managed))
        } else {
            Err(PageError::Forbidden)
        }
    })
    .await
}
