//! Query of the audit log: that of a list, with filters of its own.

use accounts::Permissions;
use audit::{AUTH, AuditFilter, Event};
use chrono::{Days, NaiveDate};
use oc_core::admin::Resource;

use crate::audit_log::entry_view::AUTH_LABEL;
use crate::audit_log::snapshot::action_label;
use crate::editor::Editor;
use crate::list_query::AdminListQuery;
use crate::ui::field::ChoiceView;
use crate::ui::links::capitalized;

const PARAMETERS: [&str; 5] = ["user", "model", "action", "from", "to"];

const ACTIONS: [&str; 6] = [
    "added",
    "changed",
    "deleted",
    "restored",
    "not restored",
    "password",
];

/// Parses a query. It never fails: unknown parameters are ignored.
pub(crate) fn parse(query: &str) -> AdminListQuery {
    AdminListQuery::with_filters(query, &PARAMETERS, 0)
}

/// The entries that the user may see: superusers all, others those of resources that they may view. `None` if there are
/// none of these.
pub(super) fn filter(query: &AdminListQuery, editor: &Editor) -> Option<AuditFilter> {
    let are_all = editor.permissions.are_all();
    let visible: Option<Vec<String>> =
        (!are_all).then(|| editor.viewable_resources().map(Resource::key).collect());
    if visible.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let set = |name: &str| Some(query.filter(name).to_owned()).filter(|text| !text.is_empty());
    let zone = editor.registry.time_zone;
    let until = day(query.filter("to")).and_then(|day| day.checked_add_days(Days::new(1)));
    Some(AuditFilter {
        visible,
        terms: query.list.terms.clone(),
        username: set("user"),
        model: set("model"),
        action: set("action"),
        since: day(query.filter("from")).map(|day| zone.start_of(day)),
        until: until.map(|day| zone.start_of(day)),
    })
}

pub(super) fn invalid_dates(query: &AdminListQuery) -> Vec<&'static str> {
    let mut dates = vec!["from", "to"];
    dates.retain(|name| !query.filter(name).is_empty() && day(query.filter(name)).is_none());
    dates
}

pub(super) fn models(query: &AdminListQuery, editor: &Editor) -> Vec<ChoiceView> {
    let models = editor.viewable_resources();
    let models = models.map(|model| (model.key(), capitalized(model.plural)));
    let auth = (AUTH.to_owned(), AUTH_LABEL.to_owned());
    let auth = editor.permissions.are_all().then_some(auth);
    ChoiceView::filter_options(models.chain(auth), query.filter("model"))
}

pub(super) fn actions(query: &AdminListQuery, permissions: &Permissions) -> Vec<ChoiceView> {
    let events = Event::ALL.iter().filter(|_| permissions.are_all());
    let actions = ACTIONS
        .into_iter()
        .chain(events.map(|event| event.action()));
    let choices = actions.map(|action| (action.to_owned(), action_label(action)));
    ChoiceView::filter_options(choices, query.filter("action"))
}

/// A date with a four-digit year, which both databases support.
fn day(text: &str) -> Option<NaiveDate> {
    let (first, last) = (
        NaiveDate::from_ymd_opt(1, 1, 2)?,
        NaiveDate::from_ymd_opt(9999, 12, 30)?,
    );
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (first..=last).contains(&date).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_dates_are_reported() {
        for date in "x 2026-02-30 %2B12345-01-01 0000-01-01 2026-1-1-1".split(' ') {
            let query = parse(&format!("from={date}&to=9999-12-30"));
            assert_eq!(invalid_dates(&query), ["from"], "{date}");
        }
        assert!(invalid_dates(&parse("from=2026-01-02&to=")).is_empty());
    }
}
