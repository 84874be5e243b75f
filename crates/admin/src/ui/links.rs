//! Addresses of the admin, redirects, and words for counts.

use actix_web::HttpResponse;
use actix_web::http::header;
use form_urlencoded::Serializer;
use oc_core::admin::Resource;

pub(crate) const LOG_PATH: &str = "/admin/log/";

pub(crate) const DIAGNOSTICS_PATH: &str = "/admin/diagnostics/";

pub(crate) fn list_path(model: &Resource) -> String {
    format!("/admin/{}/{}/", model.app, model.name)
}

pub(crate) fn change_path(model: &Resource, id: i64) -> String {
    format!("{}{id}/change/", list_path(model))
}

pub(crate) fn thumbnail_path(resource: &Resource, value: &str) -> String {
    format!("{}image/{value}/", list_path(resource))
}

pub(crate) fn history_path(model: &Resource, id: i64) -> String {
    format!("{}{id}/history/", list_path(model))
}

/// A path with the query of the list that the user came from.
pub(crate) fn with_filters(path: String, filters: &str) -> String {
    if filters.is_empty() {
        return path;
    }
    let query = Serializer::new(String::new())
        .append_pair("_changelist_filters", filters)
        .finish();
    format!("{path}?{query}")
}

/// A path with a query, unless that is empty.
pub(crate) fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// Redirects to another page after a POST (303).
pub(crate) fn see_other(href: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, href))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

pub(crate) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// “one”, “one and two”, “one, two and three”.
pub(crate) fn enumerated(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// “book” for one, “books” for any other number.
pub(crate) fn noun(model: &Resource, count: usize) -> &'static str {
    if count == 1 {
        model.singular
    } else {
        model.plural
    }
}

/// “1 book”, “2 books”.
pub(crate) fn counted(model: &Resource, count: usize) -> String {
    format!("{count} {}", noun(model, count))
}

/// The number of objects of each model, such as “2 addresses”, in the order of their first appearance.
pub(crate) fn counts<'a>(models: impl Iterator<Item = &'a Resource>) -> Vec<String> {
    let groups = by_resource(models.map(|model| (model, ())));
    let words = |(model, objects): (&Resource, Vec<()>)| counted(model, objects.len());
    groups.into_iter().map(words).collect()
}

/// The objects of each resource, in the order of their first appearance.
pub(crate) fn by_resource<'a, T>(
    objects: impl Iterator<Item = (&'a Resource, T)>,
) -> Vec<(&'a Resource, Vec<T>)> {
    let mut groups: Vec<(&Resource, Vec<T>)> = Vec::new();
    for (model, object) in objects {
        let mut known = groups.iter_mut();
        match known.find(|(known, _)| known.key() == model.key()) {
            Some((_, group)) => group.push(object),
            None => groups.push((model, vec![object])),
        }
    }
    groups
}
