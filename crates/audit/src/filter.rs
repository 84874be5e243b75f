//! Filtered audit log.

use chrono::NaiveDateTime;
use diesel::dsl::{IntoBoxed, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oc_core::search::{SearchTerms, fold};
use oc_core::{Backend, DbConnection};

use crate::AuditEntry;
use crate::schema::changes;

/// Filter of the audit log; all given conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Keys of the resources that the viewer may see; `None` for all, including sign-in events.
    pub visible: Option<Vec<String>>,
    /// Search terms; all must match in title, username or address.
    pub terms: SearchTerms,
    /// Username.
    pub username: Option<String>,
    /// Key of the resource.
    pub model: Option<String>,
    /// Stored action.
    pub action: Option<String>,
    /// Earliest time, inclusive (UTC).
    pub since: Option<NaiveDateTime>,
    /// Latest time, exclusive (UTC).
    pub until: Option<NaiveDateTime>,
}

type Entries<'a> = IntoBoxed<'a, changes::table, Backend>;

impl AuditFilter {
    /// Everything that the viewer may see.
    pub fn visible_only(&self) -> Self {
        Self {
            visible: self.visible.clone(),
            ..Self::default()
        }
    }

    /// Number of matching entries.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<i64> {
        self.matching().count().get_result(conn)
    }

    /// Matching entries after another one, newest first.
    pub fn entries(
        &self,
        conn: &mut DbConnection,
        after: Option<&AuditEntry>,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<AuditEntry>> {
        let mut query = self.matching();
        if let Some(last) = after {
            let as_old = changes::changed_at.eq(last.changed_at);
            let older = changes::changed_at.lt(last.changed_at);
            query = query.filter(older.or(as_old.and(changes::id.lt(last.id))));
        }
        query
            .order((changes::changed_at.desc(), changes::id.desc()))
            .offset(offset.max(0))
            .limit(limit.max(0))
            .select(AuditEntry::as_select())
            .load(conn)
    }

    fn matching(&self) -> Entries<'_> {
        let mut query = changes::table.into_boxed::<Backend>();
        if let Some(models) = &self.visible {
            query = query.filter(changes::model.eq_any(models));
        }
        for pattern in self.terms.patterns() {
            let text = changes::title
                .concat(" ")
                .concat(changes::username)
                .concat(" ")
                .concat(changes::address);
            query = query.filter(fold(text).like(pattern).escape('\\'));
        }
        if let Some(username) = &self.username {
            query = query.filter(changes::username.eq(username));
        }
        if let Some(model) = &self.model {
            query = query.filter(changes::model.eq(model));
        }
        if let Some(action) = &self.action {
            query = query.filter(changes::action.eq(action));
        }
        if let Some(since) = self.since {
            query = query.filter(changes::changed_at.ge(since));
        }
        if let Some(until) = self.until {
            query = query.filter(changes::changed_at.lt(until));
        }
        query
    }
}

impl AuditEntry {
    /// Number of deleted rows of a resource.
    pub fn count_deleted(conn: &mut DbConnection, model: &str) -> QueryResult<i64> {
        deleted(model).count().get_result(conn)
    }

    /// The deletions of rows that were not restored, newest first.
    pub fn deleted(
        conn: &mut DbConnection,
        model: &str,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<Self>> {
        deleted(model)
            .order((changes::changed_at.desc(), changes::id.desc()))
            .offset(offset.max(0))
            .limit(limit.max(0))
            .select(Self::as_select())
            .load(conn)
    }
}

/// Deletions with a snapshot that are the last entry of their row. Imported deletions have no snapshot.
fn deleted(model: &str) -> Entries<'_> {
    changes::table
        .filter(changes::model.eq(model))
        .filter(changes::action.eq("deleted"))
        .filter(changes::before.ne(""))
        .filter(sql::<Bool>(
            "NOT EXISTS (SELECT 1 FROM changes AS later WHERE later.model = changes.model \
             AND later.object_id = changes.object_id AND later.id <> changes.id \
             AND (later.changed_at > changes.changed_at \
                  OR later.changed_at = changes.changed_at AND later.id > changes.id))",
        ))
        .into_boxed()
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, Utc};
    use oc_core::testing::on_both;

    use crate::fixtures::ADA;
    use crate::{Event, NewAuditEntry, NewEvent};

    use super::*;

    fn record(conn: &mut DbConnection) -> anyhow::Result<()> {
        for (model, object_id, title, action) in [
            ("a.letting", 1, "Pier House", "added"),
            ("a.letting", 1, "Pier House", "deleted"),
            ("a.letting", 2, "Émile's 100% flat", "deleted"),
            ("a.letting", 1, "Pier House", "restored"),
            ("a.address", 1, "1 Pier Road", "changed"),
        ] {
            let new = NewAuditEntry {
                actor: (model == "a.letting").then_some(ADA),
                model,
                object_id: Some(object_id),
                title,
                action,
                before: "{}",
                ..NewAuditEntry::default()
            };
            new.insert(conn)?;
        }
        let event = NewEvent {
            event: Event::LoginRefused,
            actor: None,
            about: "ada",
            address: "192.0.2.7",
        };
        Ok(event.insert(conn)?)
    }

    fn titles(conn: &mut DbConnection, filter: &AuditFilter) -> QueryResult<Vec<String>> {
        let lines = filter.entries(conn, None, 0, 100)?;
        assert_eq!(filter.count(conn)?, i64::try_from(lines.len()).unwrap());
        Ok(lines.into_iter().map(|line| line.title).collect())
    }

    #[test]
    fn filters_are_combined() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let all = AuditFilter::default;
            let some = |text: &str| Some(text.to_owned());

            assert_eq!(titles(conn, &all())?.len(), 6);
            let by_ada = AuditFilter {
                username: some("ada"),
                action: some("deleted"),
                ..all()
            };
            assert_eq!(titles(conn, &by_ada)?, ["Émile's 100% flat", "Pier House"]);
            let pier = AuditFilter {
                terms: SearchTerms::parse("PIER road"),
                ..all()
            };
            assert_eq!(titles(conn, &pier)?, ["1 Pier Road"]);
            for (words, found) in [("éMILE 100%", 1), ("192.0.2", 1), ("ada", 5), ("10_%", 0)] {
                let filter = AuditFilter {
                    terms: SearchTerms::parse(words),
                    ..all()
                };
                assert_eq!(titles(conn, &filter)?.len(), found, "{words}");
            }
            let model = AuditFilter {
                model: some("a.address"),
                ..all()
            };
            assert_eq!(titles(conn, &model)?, ["1 Pier Road"]);
            Ok(())
        })
    }

    #[test]
    fn a_period_includes_its_start_and_excludes_its_end() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let now = Utc::now().naive_utc();
            let mut found = |since: Option<i64>, until: Option<i64>| {
                let at = |minutes| now + Duration::minutes(minutes);
                let filter = AuditFilter {
                    since: since.map(at),
                    until: until.map(at),
                    ..AuditFilter::default()
                };
                filter.count(conn)
            };

            assert_eq!(found(Some(-1), Some(1))?, 6);
            assert_eq!(found(Some(1), None)?, 0);
            assert_eq!(found(None, Some(-1))?, 0);
            Ok(())
        })
    }

    #[test]
    fn only_visible_entries_are_found_and_paginated() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let filter = AuditFilter {
                visible: Some(vec!["a.letting".to_owned()]),
                model: None,
                ..AuditFilter::default()
            };

            let first = filter.entries(conn, None, 0, 3)?;
            let rest = filter.entries(conn, first.last(), 0, 3)?;

            assert_eq!((first.len(), rest.len()), (3, 1));
            assert_eq!(rest[0].action, "added");
            let beyond = AuditFilter {
                model: Some("a.address".to_owned()),
                ..filter
            };
            assert_eq!(beyond.count(conn)?, 0);
            Ok(())
        })
    }

    #[test]
    fn restored_rows_are_no_longer_listed_as_deleted() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;

            let deleted = AuditEntry::deleted(conn, "a.letting", 0, 10)?;

            assert_eq!(AuditEntry::count_deleted(conn, "a.letting")?, 1);
            assert_eq!(deleted[0].object_id, Some(2));
            Ok(())
        })
    }
}
