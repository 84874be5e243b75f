//! Autocomplete: the choices of a field that match a search, for the script.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::Query;
use oc_core::admin::{ChoicePage, ChoiceQuery, FieldKind};
use oc_core::search::SearchTerms;
use oc_http::{PageError, PageResult};
use serde::Deserialize;
use serde_json::json;

use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::form::choices::MAX_CHOICES;

/// The query, with the parameters of Django's admin.
#[derive(Deserialize)]
pub(crate) struct AutocompleteQuery {
    app_label: String,
    model_name: String,
    field_name: String,
    #[serde(default)]
    term: String,
    row: Option<i64>,
}

/// The first matches, for users who may add or change.
pub(crate) async fn show(
    staff: StaffRequest,
    query: Result<Query<AutocompleteQuery>, actix_web::Error>,
) -> PageResult {
    let query = query.map_err(|_| PageError::BadRequest)?.into_inner();
    let registry = staff.registry();
    let resource = registry
        .find(&query.app_label, &query.model_name)
        .ok_or(PageError::NotFound)?;
    let mut fields = resource.fields.iter();
    let field = fields
        .find(|field| field.name == query.field_name)
        .filter(|field| {
            matches!(
                field.kind,
                FieldKind::Choice { .. } | FieldKind::Related(..)
            )
        })
        .ok_or(PageError::NotFound)?;
    forbid_unless(staff.user.may(Verb::Add, resource) || staff.user.may(Verb::Change, resource))?;
    let page = staff
        .read(move |conn| {
            let query = ChoiceQuery {
                terms: SearchTerms::parse(&query.term),
                ..ChoiceQuery::first(field.name, query.row, MAX_CHOICES)
            };
            registry.choices(conn, resource, field, &query)
        })
        .await?;
    let ChoicePage { choices, found } = page;
    let more = i64::try_from(choices.len()).is_ok_and(|count| count < found);
    let results = choices.into_iter();
    let results = results.map(|choice| json!({"id": choice.value, "text": choice.label}));
    // As in Django's admin, and the number of matches.
    Ok(HttpResponse::Ok().json(json!({
        "results": results.collect::<Vec<_>>(),
        "pagination": {"more": more},
        "found": found,
    })))
}
