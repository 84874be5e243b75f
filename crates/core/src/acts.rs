//! Lines of the record of changes that belong together.

use diesel::prelude::*;

use crate::changes::{NewChange, Place};
use crate::connection::DbConnection;
use crate::schema::changes;

/// Lines that are one act, because they were done at one go. All of them are added in one write.
#[derive(Debug)]
pub struct Act {
    is_several: bool,
    first: Option<i64>,
}

impl Act {
    /// An act that will have so many lines. One line alone needs nothing that holds it together.
    #[must_use]
    pub fn of(lines: usize) -> Self {
        Self {
            is_several: lines > 1,
            first: None,
        }
    }

    /// Adds a line, and says its id. `cause` is the line of the row that took this one along.
    pub fn insert(
        &mut self,
        conn: &mut DbConnection,
        new: &NewChange<'_>,
        cause: Option<i64>,
    ) -> QueryResult<i64> {
        let place = Place {
            act: self.first,
            cause,
            ..Place::default()
        };
        let id = new.insert(conn, place)?;
        if self.is_several && self.first.is_none() {
            // An act is called by its first line, whose id is known only now.
            diesel::update(changes::table.find(id))
                .set(changes::act.eq(id))
                .execute(conn)?;
            self.first = Some(id);
        }
        Ok(id)
    }

    /// Adds lines at one go, some hundred of them, each with the line of the row that took it along; and says their
    /// ids in their order.
    pub fn insert_all(
        &mut self,
        conn: &mut DbConnection,
        new: &[(NewChange<'_>, Option<i64>)],
    ) -> QueryResult<Vec<i64>> {
        let mut ids = Vec::new();
        let mut rest = new;
        if self.first.is_none()
            && let Some(((first, cause), others)) = new.split_first()
        {
            ids.push(self.insert(conn, first, *cause)?);
            rest = others;
        }
        if rest.is_empty() {
            return Ok(ids);
        }
        let mut lines = Vec::new();
        for (new, cause) in rest {
            lines.push(new.line(Place {
                act: self.first,
                cause: *cause,
                ..Place::default()
            }));
        }
        let insert = diesel::insert_into(changes::table)
            .values(&lines)
            .returning(changes::id);
        let mut added: Vec<i64> = match conn {
            DbConnection::Postgres(conn) => insert.get_results(conn)?,
            DbConnection::Sqlite(conn) => insert.get_results(conn)?,
        };
        // Both give ids in the order of the lines, but need not tell them in that order.
        added.sort_unstable();
        ids.extend(added);
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::Change;
    use crate::testing::on_both;

    fn new(title: &str) -> NewChange<'_> {
        NewChange {
            user: None,
            model: "lettings.address",
            object_id: Some(1),
            title,
            action: "deleted",
            before: "",
            after: "",
        }
    }

    #[test]
    fn lines_that_are_added_at_one_go_read_like_those_that_are_added_one_by_one()
    -> anyhow::Result<()> {
        on_both(|conn| {
            let mut act = Act::of(4);

            let rows = act.insert_all(conn, &[(new("first"), None), (new("second"), None)])?;
            let along = [
                (new("of second"), Some(rows[1])),
                (new("of first"), Some(rows[0])),
            ];
            let along = act.insert_all(conn, &along)?;
            let single = Act::of(1).insert_all(conn, &[(new("single"), None)])?;

            let all = Change::of_act(conn, rows[0])?;
            let titles: Vec<&str> = all.iter().map(|line| line.title.as_str()).collect();
            assert_eq!(titles, ["first", "of first", "second", "of second"]);
            assert_eq!(Change::find(conn, along[0])?.title, "of second");
            assert_eq!(Change::find(conn, single[0])?.act, None);
            Ok(())
        })
    }

    #[test]
    fn an_act_holds_its_lines_and_what_each_row_took_along() -> anyhow::Result<()> {
        on_both(|conn| {
            let mut act = Act::of(3);
            let first = act.insert(conn, &new("first"), None)?;
            act.insert(conn, &new("along"), Some(first))?;
            act.insert(conn, &new("second"), None)?;
            let other = Act::of(1).insert(conn, &new("other"), None)?;
            assert_eq!(Change::find(conn, other)?.act, None);
            let titles = |lines: Vec<Change>| lines.into_iter().map(|line| line.title);

            let all = titles(Change::of_act(conn, first)?).collect::<Vec<_>>();
            let along = titles(Change::along(conn, first)?).collect::<Vec<_>>();

            assert_eq!(all, ["first", "along", "second"]);
            assert_eq!(along, ["along"]);
            Ok(())
        })
    }
}
