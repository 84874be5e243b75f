//! Choices of a field: all if they are few, otherwise the results of a search, for the script by autocomplete.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::web::Query;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Choice, ChoicePage, ChoiceQuery, Field, FieldKind, FormValues, Resource};
use oc_core::search::SearchTerms;
use oc_http::{PageError, PageResult};
use serde::Deserialize;
use serde_json::json;

use crate::audit_log::snapshot::display_text;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::columns::BoundField;
use crate::form::definition::FormDefinition;
use crate::ui::submission::Submission;

/// The most choices that a form shows; more require a search.
const MAX_CHOICES: i64 = 50;

/// The button that searches; its value is the field.
pub(crate) const FIND: &str = "_find";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldChoices {
    pub(crate) choices: Vec<Choice>,
    /// The search terms, if there are too many choices to show.
    pub(crate) searched: Option<String>,
    pub(crate) more: i64,
    /// Permissions that come from groups as well, as pairs of (code, name of the group).
    pub(crate) inherited: Vec<(String, String)>,
    /// The text of the value, if the form is read-only.
    pub(crate) shown: String,
    /// Existing values that a text field suggests.
    pub(crate) suggestions: Vec<String>,
}

impl FieldChoices {
    pub(crate) fn load(
        conn: &mut DbConnection,
        definition: &FormDefinition,
        bound: BoundField,
        values: &FormValues,
        sent: &Submission,
    ) -> QueryResult<Self> {
        let (name, row) = (bound.field.name, definition.id);
        let registry = definition.registry();
        if definition.read_only {
            let (resource, field) = (bound.resource, bound.field);
            // An empty choice has a label of its own, which the form leaves out.
            let chosen = values.list(bound.name).iter();
            let chosen: Vec<_> = chosen.filter(|value| !value.is_empty()).cloned().collect();
            let shown = display_text(conn, registry, resource, field, &chosen)?;
            return Ok(Self {
                shown,
                ..Self::default()
            });
        }
        if let Some(rules) = registry.access(bound.resource)
            && rules.permission_field == name
        {
            return Ok(Self {
                inherited: (rules.inherited)(conn, values)?,
                ..Self::all(registry.permissions())
            });
        }
        let choices = |conn: &mut DbConnection, wanted: &ChoiceQuery<'_>| {
            registry.choices(conn, bound.resource, bound.field, wanted)
        };
        match bound.field.kind {
            FieldKind::MultipleChoice => {
                let offer = choices(conn, &ChoiceQuery::first(name, row, i64::MAX))?;
                return Ok(Self::all(offer.choices));
            }
            FieldKind::Choice(..) | FieldKind::Related(..) => {}
            kind => {
                let suggestions = bound.field.suggestions.map(|load| load(conn));
                return Ok(Self {
                    suggestions: suggestions.transpose()?.unwrap_or_default(),
                    ..Self::all(kind.fixed_choices())
                });
            }
        }
        let first = ChoiceQuery::first(name, row, MAX_CHOICES);
        let mut offer = choices(conn, &first)?;
        let searched =
            (offer.found > MAX_CHOICES).then(|| sent.text(&search_name(bound.name)).trim());
        if let Some(words) = searched.filter(|words| !words.is_empty()) {
            let terms = SearchTerms::parse(words);
            offer = choices(conn, &ChoiceQuery { terms, ..first })?;
        }
        let ChoicePage { mut choices, found } = offer;
        let more = found - i64::try_from(choices.len()).unwrap_or(found);
        // The chosen value is always shown.
        let chosen = values.text(bound.name).trim();
        if !chosen.is_empty() && choices.iter().all(|choice| choice.value != chosen) {
            let known = registry.labels(conn, bound.resource, bound.field, &[chosen.to_owned()])?;
            choices.splice(0..0, known);
        }
        Ok(Self {
            choices,
            searched: searched.map(str::to_owned),
            more,
            ..Self::default()
        })
    }

    fn all(choices: Vec<Choice>) -> Self {
        Self {
            choices,
            ..Self::default()
        }
    }
}

pub(crate) fn search_name(field: &str) -> String {
    format!("{FIND}_{field}")
}

/// Whether a submission asks for a search: by its button, or by Enter in the field for search terms, which submits
/// without a named button.
pub(crate) fn is_search(resource: &Resource, sent: &Submission) -> bool {
    let is_saved = [
        "_save",
        "_addanother",
        "_continue",
        "_saveasnew",
        "_resolve",
        "_restore",
    ];
    let is_entered = |field: &Field| {
        let words = sent.text(&search_name(field.name)).trim();
        !words.is_empty() && words != sent.text(&format!("_found_{}", field.name))
    };
    sent.has(FIND)
        || !is_saved.iter().any(|button| sent.has(button)) && resource.fields.iter().any(is_entered)
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
    fn enter_in_the_field_for_words_searches_and_does_not_save() {
        let model = &BOOK;
        let asks = |form: &str| is_search(model, &Submission::parse(form.as_bytes()));

        assert!(asks("title=a&_find=author"));
        assert!(asks("title=a&_find_author=gull&_found_author="));
        assert!(!asks("title=a&_find_author=gull&_found_author=gull"));
        assert!(!asks("title=a&_find_author=gull&_found_author=&_save="));
        assert!(!asks("title=a&author=1"));
    }
}
