//! Autocomplete: the choices of a field that match a search, for the script.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use oc_core::admin::{Choice, ChoicePage, ChoiceQuery, FieldKind};
use oc_core::search::SearchTerms;
use oc_http::{Db, PageError};
use serde::{Deserialize, Serialize};

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::form::choices::MAX_CHOICES;

/// The query, with the parameters of Django's admin.
#[derive(Deserialize)]
pub(crate) struct AutocompleteQuery {
    app_label: String,
    model_name: String,
    field_name: String,
    #[serde(default)]
    term: String,
    /// The id of the object in the form.
    row: Option<i64>,
}

/// The response, in the format of Django's admin.
#[derive(Serialize)]
struct AutocompleteResponse {
    results: Vec<Choosable>,
    pagination: Pagination,
    /// The number of matches.
    found: i64,
}

#[derive(Serialize)]
struct Choosable {
    id: String,
    text: String,
}

#[derive(Serialize)]
struct Pagination {
    more: bool,
}

/// The first matches, for users who may add or change.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    query: Result<Query<AutocompleteQuery>, actix_web::Error>,
) -> Result<HttpResponse, PageError> {
    let query = query.map_err(|_| PageError::BadRequest)?.into_inner();
    let model = request
        .registry()
        .find(&query.app_label, &query.model_name)
        .ok_or(PageError::NotFound)?;
    let mut fields = model.fields.iter();
    let field = fields
        .find(|field| field.name == query.field_name)
        .filter(|field| matches!(field.kind, FieldKind::Choice { .. }))
        .ok_or(PageError::NotFound)?;
    let may = |verb| user.rights.may(verb, model.app, model.name);
    if !may(Verb::Add) && !may(Verb::Change) {
        return Err(PageError::Forbidden);
    }
    let offer = db
        .read(move |conn| {
            let wanted = ChoiceQuery {
                terms: SearchTerms::parse(&query.term),
                ..ChoiceQuery::first(field.name, query.row, MAX_CHOICES)
            };
            Ok((model.choices)(conn, &wanted)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(response(offer)))
}

fn response(ChoicePage { choices, found }: ChoicePage) -> AutocompleteResponse {
    let is_part = i64::try_from(choices.len()).is_ok_and(|count| count < found);
    let choosable = |choice: Choice| Choosable {
        id: choice.value,
        text: choice.label,
    };
    AutocompleteResponse {
        results: choices.into_iter().map(choosable).collect(),
        pagination: Pagination { more: is_part },
        found,
    }
}
