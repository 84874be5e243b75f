//! Choices of a field: all if they are few, otherwise the results of a search, for the script by autocomplete.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::Query;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Choice, ChoicePage, ChoiceQuery, Field, FieldKind, Resource};
use oc_core::search::SearchTerms;
use oc_http::{PageError, PageResult};
use serde::Deserialize;
use serde_json::json;

use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::columns::BoundField;
use crate::form::state::FormState;
use crate::ui::field::{RESTORE, SAVE_AS_NEW, SAVE_BUTTONS, SearchView};
use crate::ui::submission::Submission;

/// The most choices that a form shows; more require a search.
const MAX_CHOICES: i64 = 50;

/// The button that searches; its value is the field.
pub(crate) const FIND: &str = "_find";

impl FormState {
    /// The choices of a field, and the search if there are too many to show.
    pub(super) fn choices(
        &self,
        conn: &mut DbConnection,
        bound: BoundField,
    ) -> QueryResult<(Vec<Choice>, Option<SearchView>)> {
        let registry = self.definition.editor.registry;
        let (resource, field) = (bound.resource, bound.field);
        let first = |limit| ChoiceQuery::first(field.name, self.definition.id, limit);
        match field.kind {
            FieldKind::MultipleChoice(..) => {
                let all = registry.choices(conn, resource, field, &first(i64::MAX))?;
                return Ok((all.choices, None));
            }
            FieldKind::Choice(..) | FieldKind::Related(..) => {}
            kind => {
                let Some(suggestions) = field.suggestions else {
                    return Ok((kind.fixed_choices(), None));
                };
                let choice = |value: String| Choice::new(&value, value.clone());
                let choices = suggestions(conn)?.into_iter().map(choice);
                return Ok((choices.collect(), None));
            }
        }
        let mut page = registry.choices(conn, resource, field, &first(MAX_CHOICES))?;
        let sent = self.submission.text(&search_name(bound.name)).trim();
        let searched = (page.found > MAX_CHOICES).then_some(sent);
        if let Some(words) = searched.filter(|words| !words.is_empty()) {
            let query = ChoiceQuery {
                terms: SearchTerms::parse(words),
                ..first(MAX_CHOICES)
            };
            page = registry.choices(conn, resource, field, &query)?;
        }
        let ChoicePage { mut choices, found } = page;
        let more = found - i64::try_from(choices.len()).unwrap_or(found);
        // The chosen value is always shown.
        let chosen = self.values.text(bound.name).trim();
        if !chosen.is_empty() && choices.iter().all(|choice| choice.value != chosen) {
            let known = registry.labels(conn, resource, field, &[chosen.to_owned()])?;
            choices.splice(0..0, known);
        }
        let row = self.definition.id;
        let row = row.map_or_else(String::new, |id| format!("&row={id}"));
        let search = searched.map(|value| SearchView {
            more,
            nothing: choices.is_empty() && !value.is_empty(),
            value: value.to_owned(),
            href: format!(
                "/admin/autocomplete/?app_label={}&model_name={}{row}&field_name={}",
                resource.app, resource.name, field.name
            ),
        });
        Ok((choices, search))
    }
}

pub(crate) fn search_name(field: &str) -> String {
    format!("{FIND}_{field}")
}

/// Whether a submission asks for a search: by its button, or by Enter in the field for search terms, which submits
/// without a named button.
pub(crate) fn is_search(resource: &Resource, sent: &Submission) -> bool {
    let mut buttons = SAVE_BUTTONS.iter().chain([&SAVE_AS_NEW, &RESTORE]);
    let is_saved = buttons.any(|button| sent.has(button.name)) || sent.has("_resolve");
    let is_entered = |field: &Field| {
        let words = sent.text(&search_name(field.name)).trim();
        !words.is_empty() && words != sent.text(&format!("_found_{}", field.name))
    };
    sent.has(FIND) || !is_saved && resource.fields.iter().any(is_entered)
}

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
pub(crate) async fn autocomplete(
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
        .filter(|field| matches!(field.kind, FieldKind::Choice(..) | FieldKind::Related(..)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::BOOK;

    #[test]
    fn enter_in_the_search_field_searches_instead_of_saving() {
        let model = &BOOK;
        let asks = |form: &str| is_search(model, &Submission::parse(form.as_bytes()));

        assert!(asks("title=a&_find=author"));
        assert!(asks("title=a&_find_author=gull&_found_author="));
        assert!(!asks("title=a&_find_author=gull&_found_author=gull"));
        assert!(!asks("title=a&_find_author=gull&_found_author=&_save="));
        assert!(!asks("title=a&author=1"));
    }
}
