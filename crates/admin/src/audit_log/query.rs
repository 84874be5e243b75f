//! Query of the audit log.

use accounts::Permissions;
use audit::{AUTH, AuditFilter, Event};
use chrono::{Days, NaiveDate};
use form_urlencoded::Serializer;
use oc_core::admin::Resource;
use oc_core::search::SearchTerms;

use crate::audit_log::entry_view::AUTH_LABEL;
use crate::editor::Editor;
use crate::ui::field::ChoiceView;
use crate::ui::links::{capitalized, with_query};

/// Actions and their labels.
const ACTIONS: [(&str, &str); 6] = [
    ("added", "Added"),
    ("changed", "Changed"),
    ("deleted", "Deleted"),
    ("restored", "Restored"),
    ("not restored", "Not restored"),
    ("password", "Password changed"),
];

/// The query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuditLogQuery {
    pub(crate) q: String,
    pub(crate) user: String,
    pub(crate) model: String,
    pub(crate) action: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// `None` if it is invalid.
    pub(crate) page: Option<i64>,
}

impl AuditLogQuery {
    /// Parses a query. It never fails: unknown parameters are ignored.
    pub(crate) fn parse(query: &str) -> Self {
        let mut parsed = Self {
            page: Some(1),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // PostgreSQL rejects NUL, which no stored text contains.
            let value = value.trim().replace('\0', "\u{fffd}");
            match name.as_ref() {
                "q" => parsed.q = SearchTerms::parse(&value).to_string(),
                "user" => parsed.user = value,
                "model" => parsed.model = value,
                "action" => parsed.action = value,
                "from" => parsed.from = value,
                "to" => parsed.to = value,
                "p" if value.is_empty() => parsed.page = Some(1),
                "p" => parsed.page = value.parse().ok().filter(|page| *page >= 1),
                _ => {}
            }
        }
        parsed
    }

    /// The entries that the user may see: superusers all, others those of resources that they may view. `None` if
    /// there are none of these.
    pub(crate) fn filter(&self, editor: &Editor) -> Option<AuditFilter> {
        let are_all = editor.permissions.are_all();
        let visible: Option<Vec<String>> =
            (!are_all).then(|| editor.visible().map(Resource::key).collect());
        if visible.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let set = |text: &String| (!text.is_empty()).then(|| text.clone());
        Some(AuditFilter {
            visible,
            terms: SearchTerms::parse(&self.q),
            username: set(&self.user),
            model: set(&self.model),
            action: set(&self.action),
            since: day(&self.from).map(|day| editor.registry.time_zone.start_of(day)),
            until: day(&self.to)
                .and_then(|day| day.checked_add_days(Days::new(1)))
                .map(|day| editor.registry.time_zone.start_of(day)),
        })
    }

    /// The fields with an invalid date.
    pub(crate) fn invalid_dates(&self) -> Vec<&'static str> {
        [("from", &self.from), ("to", &self.to)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty() && day(text).is_none())
            .map(|(name, _)| name)
            .collect()
    }

    /// Whether a filter is set.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.query(1).is_empty()
    }

    /// The address of a page.
    pub(crate) fn href(&self, path: &str, page: i64) -> String {
        with_query(path, &self.query(page))
    }

    fn query(&self, page: i64) -> String {
        let mut query = Serializer::new(String::new());
        let fields = [
            ("q", &self.q),
            ("user", &self.user),
            ("model", &self.model),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ];
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        if page > 1 {
            query.append_pair("p", &page.to_string());
        }
        query.finish()
    }

    /// The choices of resources.
    pub(crate) fn models(&self, editor: &Editor) -> Vec<ChoiceView> {
        let models = editor.visible();
        let models = models.map(|model| (model.key(), capitalized(model.plural)));
        let auth = editor
            .permissions
            .are_all()
            .then(|| (AUTH.to_owned(), AUTH_LABEL.to_owned()));
        ChoiceView::filter_options(models.chain(auth), &self.model)
    }

    /// The choices of actions.
    pub(crate) fn actions(&self, permissions: &Permissions) -> Vec<ChoiceView> {
        let own = ACTIONS.map(|(word, label)| (word.to_owned(), label.to_owned()));
        let events = Event::ALL.map(|event| (event.action().to_owned(), event.label().to_owned()));
        let events = events.into_iter().filter(|_| permissions.are_all());
        ChoiceView::filter_options(own.into_iter().chain(events), &self.action)
    }
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
    use crate::ui::links::LOG_PATH;

    #[test]
    fn a_query_survives_a_round_trip() {
        let text = "q=pier&user=ada&model=library.book&action=deleted&from=2026-01-02";
        let query = AuditLogQuery::parse(&format!("{text}&to=&p=3&other=1"));

        assert_eq!(query.page, Some(3));
        assert_eq!(query.href(LOG_PATH, 1), format!("{LOG_PATH}?{text}"));
        assert_eq!(AuditLogQuery::parse("").href(LOG_PATH, 1), LOG_PATH);
        assert!(query.is_filtered() && !AuditLogQuery::parse("p=2").is_filtered());
    }

    #[test]
    fn invalid_values_are_reported_or_ignored() {
        for date in [
            "x",
            "2026-02-30",
            "+12345-01-01",
            "0000-01-01",
            "2026-1-1-1",
        ] {
            let query = AuditLogQuery::parse(&format!("from={}", date.replace('+', "%2B")));
            assert_eq!(query.invalid_dates(), ["from"], "{date}");
        }
        assert!(
            AuditLogQuery::parse("from=2026-01-02&to=9999-12-30")
                .invalid_dates()
                .is_empty()
        );
        for page in ["0", "-1", "x", "99999999999999999999"] {
            assert_eq!(
                AuditLogQuery::parse(&format!("p={page}")).page,
                None,
                "{page}"
            );
        }
        assert_eq!(AuditLogQuery::parse("user=a%00b").user, "a\u{fffd}b");
    }
}
