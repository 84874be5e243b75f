//! One row of the file, taken apart: each value is had or told as a problem.

use chrono::NaiveDateTime;
use oc_core::validation::FieldError;

use super::cells::Cells;
use super::file::LARGEST_ID;
use super::findings::Problem;

/// A row that is being taken apart. Values that are wrong come back empty, and the row counts no more.
pub(super) struct Row<'a> {
    table: &'a str,
    columns: &'static [&'static str],
    cells: &'a Cells,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
}

impl<'a> Row<'a> {
    /// A row whose first column is its id. Beyond the named columns come those that were looked up elsewhere.
    pub(super) fn new(table: &'a str, columns: &'static [&'static str], cells: &'a Cells) -> Self {
        Self {
            table,
            columns,
            cells,
            problems: Vec::new(),
        }
    }

    /// The place of a column: before all lies SQLite's own number of the row.
    fn place(&self, column: &str) -> usize {
        let place = self.columns.iter().position(|name| *name == column);
        place.expect("the column was asked for") + 1
    }

    /// The place of what was looked up elsewhere.
    fn beyond(&self, index: usize) -> usize {
        self.columns.len() + 1 + index
    }

    /// What was looked up elsewhere; `None` where nothing readable was found.
    pub(super) fn looked_up(&self, index: usize) -> Option<&'a str> {
        let place = self.beyond(index);
        self.cells.text(place).ok()
    }

    pub(super) fn refuse(&mut self, column: &str, reason: impl Into<String>) {
        if self.problems.iter().any(|problem| problem.column == column) {
            return;
        }
        self.problems.push(Problem {
            table: self.table.to_owned(),
            id: self.cells.shown(1),
            column: column.to_owned(),
            reason: reason.into(),
        });
    }

    fn take<T: Default>(&mut self, column: &str, value: Result<T, String>) -> T {
        value.unwrap_or_else(|reason| {
            self.refuse(column, format!("{column} {reason}"));
            T::default()
        })
    }

    /// The id: a whole number from 1, with room for the ids of later rows.
    pub(super) fn id(&mut self) -> i64 {
        let column = self.columns[0];
        let id = self.cells.whole(1);
        let id = id.and_then(|id| match id {
            1..=LARGEST_ID => Ok(id),
            _ => Err(format!("must be between 1 and {LARGEST_ID}: {id}")),
        });
        self.take(column, id)
    }

    /// Text that a rule will look at.
    pub(super) fn text(&mut self, column: &str) -> String {
        let text = self.cells.text(self.place(column)).map(str::to_owned);
        self.take(column, text)
    }

    /// Text that no other rule looks at.
    pub(super) fn limited(&mut self, column: &str, longest: usize) -> String {
        let text = self.text(column);
        let length = text.chars().count();
        if text.contains('\0') {
            self.refuse(
                column,
                format!("{column} holds a character that cannot be stored"),
            );
        } else if length > longest {
            self.refuse(
                column,
                format!("{column} must be at most {longest} characters; this has {length}"),
            );
        }
        text
    }

    pub(super) fn is_null(&self, column: &str) -> bool {
        self.cells.is_null(self.place(column))
    }

    pub(super) fn shown(&self, column: &str) -> String {
        self.cells.shown(self.place(column))
    }

    pub(super) fn whole(&mut self, column: &str) -> i64 {
        self.take(column, self.cells.whole(self.place(column)))
    }

    pub(super) fn flag(&mut self, column: &str) -> bool {
        self.take(column, self.cells.flag(self.place(column)))
    }

    pub(super) fn moment(&mut self, column: &str) -> NaiveDateTime {
        self.take(column, self.cells.moment(self.place(column)))
    }

    pub(super) fn moment_or_none(&mut self, column: &str) -> Option<NaiveDateTime> {
        (!self.is_null(column)).then(|| self.moment(column))
    }

    /// What a rule of the site says. A column that could not even be read is told once.
    pub(super) fn checked<T>(&mut self, outcome: Result<T, Vec<FieldError>>) {
        if let Err(errors) = outcome {
            for error in errors {
                self.refuse(error.field, error.to_string());
            }
        }
    }
}
