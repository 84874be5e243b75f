//! Reading the record of changes over all rows: by who, when, what, and of which kind; and what is deleted now.

use chrono::NaiveDateTime;
use diesel::dsl::{IntoBoxed, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::changes::Change;
use crate::connection::{Backend, DbConnection};
use crate::schema::changes;
use crate::search::{Words, fold};

/// What of the record is wanted; all of it that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// The kinds of rows that may be told of; `None` for every kind, and what happened at the door.
    pub visible: Option<Vec<String>>,
    /// All of these stand in the title, the name of who did it or the address.
    pub words: Words,
    /// Who did it.
    pub username: Option<String>,
    /// The kind of row.
    pub model: Option<String>,
    /// What was done, in the word of the record.
    pub action: Option<String>,
    /// Not before this moment (UTC).
    pub since: Option<NaiveDateTime>,
    /// Before this moment (UTC).
    pub until: Option<NaiveDateTime>,
}

type Lines<'a> = IntoBoxed<'a, changes::table, Backend>;

impl LogFilter {
    /// The same without what was asked for: everything that may be told of.
    #[must_use]
    pub fn unasked(&self) -> Self {
        Self {
            visible: self.visible.clone(),
            ..Self::default()
        }
    }

    /// How many lines pass.
    pub fn count(&self, conn: &mut DbConnection) -> QueryResult<i64> {
        self.matching().count().get_result(conn)
    }

    /// The lines that pass, the newest first. Lines that were brought from elsewhere may be older than their ids.
    pub fn lines(
        &self,
        conn: &mut DbConnection,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<Change>> {
        self.matching()
            .order((changes::changed_at.desc(), changes::id.desc()))
            .offset(offset.max(0))
            .limit(limit.max(0))
            .select(Change::as_select())
            .load(conn)
    }

    /// The newest lines that pass, or those after the last of a part: so a long record can be read in parts while it
    /// grows.
    pub fn part(
        &self,
        conn: &mut DbConnection,
        after: Option<&Change>,
        limit: i64,
    ) -> QueryResult<Vec<Change>> {
        let mut query = self.matching();
        if let Some(last) = after {
            let as_old = changes::changed_at.eq(last.changed_at);
            let older = changes::changed_at.lt(last.changed_at);
            query = query.filter(older.or(as_old.and(changes::id.lt(last.id))));
        }
        query
            .order((changes::changed_at.desc(), changes::id.desc()))
            .limit(limit.max(0))
            .select(Change::as_select())
            .load(conn)
    }

    fn matching(&self) -> Lines<'_> {
        let mut query = changes::table.into_boxed::<Backend>();
        if let Some(models) = &self.visible {
            query = query.filter(changes::model.eq_any(models));
        }
        for pattern in self.words.patterns() {
            let text = changes::title
                .concat(" ")
                .concat(changes::username)
                .concat(" ")
                .concat(changes::address);
            query = query.filter(fold(text).like(fold(pattern)).escape('\\'));
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

impl Change {
    /// How many rows of a kind were deleted and have not come back.
    pub fn count_deleted(conn: &mut DbConnection, model: &str) -> QueryResult<i64> {
        deleted(model).count().get_result(conn)
    }

    /// The lines by which rows of a kind were deleted that have not come back, the newest first.
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

/// What was deleted here (elsewhere nothing of it was kept) and of which the record tells nothing later.
fn deleted(model: &str) -> Lines<'_> {
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

    use super::*;
    use crate::accounts::User;
    use crate::changes::NewChange;
    use crate::events::{Event, NewEvent};
    use crate::testing::{on_both, user};

    fn record(conn: &mut DbConnection) -> anyhow::Result<()> {
        let id = user(conn, "ada")?;
        let ada = User::find(conn, id)?;
        for (model, object_id, title, action) in [
            ("a.letting", 1, "Pier House", "added"),
            ("a.letting", 1, "Pier House", "deleted"),
            ("a.letting", 2, "Émile's 100% flat", "deleted"),
            ("a.letting", 1, "Pier House", "restored"),
            ("a.address", 1, "1 Pier Road", "changed"),
        ] {
            let new = NewChange {
                user: (model == "a.letting").then_some(&ada),
                model,
                object_id: Some(object_id),
                title,
                action,
                before: "{}",
                after: "",
            };
            Change::insert(conn, &new)?;
        }
        let event = NewEvent {
            event: Event::LoginRefused,
            user: None,
            about: "ada",
            address: "192.0.2.7",
        };
        Ok(event.insert(conn)?)
    }

    fn titles(conn: &mut DbConnection, filter: &LogFilter) -> QueryResult<Vec<String>> {
        let lines = filter.lines(conn, 0, 100)?;
        assert_eq!(filter.count(conn)?, i64::try_from(lines.len()).unwrap());
        Ok(lines.into_iter().map(|line| line.title).collect())
    }

    #[test]
    fn filters_are_combined() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let all = LogFilter::default;
            let some = |text: &str| Some(text.to_owned());

            assert_eq!(titles(conn, &all())?.len(), 6);
            let by_ada = LogFilter {
                username: some("ada"),
                action: some("deleted"),
                ..all()
            };
            assert_eq!(titles(conn, &by_ada)?, ["Émile's 100% flat", "Pier House"]);
            let pier = LogFilter {
                words: Words::parse("PIER road"),
                ..all()
            };
            assert_eq!(titles(conn, &pier)?, ["1 Pier Road"]);
            for (words, found) in [("éMILE 100%", 1), ("192.0.2", 1), ("ada", 5), ("10_%", 0)] {
                let filter = LogFilter {
                    words: Words::parse(words),
                    ..all()
                };
                assert_eq!(titles(conn, &filter)?.len(), found, "{words}");
            }
            let model = LogFilter {
                model: some("a.address"),
                ..all()
            };
            assert_eq!(titles(conn, &model)?, ["1 Pier Road"]);
            Ok(())
        })
    }

    #[test]
    fn a_span_of_time_begins_with_its_start_and_ends_before_its_end() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let now = Utc::now().naive_utc();
            let mut found = |since: Option<i64>, until: Option<i64>| {
                let at = |minutes| now + Duration::minutes(minutes);
                let filter = LogFilter {
                    since: since.map(at),
                    until: until.map(at),
                    ..LogFilter::default()
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
    fn only_what_may_be_told_of_is_found_and_read_in_parts() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;
            let filter = LogFilter {
                visible: Some(vec!["a.letting".to_owned()]),
                model: None,
                ..LogFilter::default()
            };

            let first = filter.part(conn, None, 3)?;
            let rest = filter.part(conn, first.last(), 3)?;

            assert_eq!((first.len(), rest.len()), (3, 1));
            assert_eq!(rest[0].action, "added");
            let beyond = LogFilter {
                model: Some("a.address".to_owned()),
                ..filter
            };
            assert_eq!(beyond.count(conn)?, 0);
            Ok(())
        })
    }

    #[test]
    fn what_came_back_is_no_longer_deleted() -> anyhow::Result<()> {
        on_both(|conn| {
            record(conn)?;

            let deleted = Change::deleted(conn, "a.letting", 0, 10)?;

            assert_eq!(Change::count_deleted(conn, "a.letting")?, 1);
            assert_eq!(deleted[0].object_id, Some(2));
            Ok(())
        })
    }
}
