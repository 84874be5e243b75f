//! Lists of a resource's rows.

use diesel::dsl::{Asc, Desc};
use diesel::query_dsl::methods::ThenOrderDsl;
use diesel::{ExpressionMethods, QueryResult};

use crate::admin::Choice;
use crate::connection::DbConnection;
use crate::search::SearchTerms;

/// A filter of a list.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Query parameter, such as `address__state__exact`.
    pub parameter: &'static str,
    /// Label.
    pub label: &'static str,
    /// The values to choose from.
    pub choices: fn(&mut DbConnection) -> QueryResult<Vec<Choice>>,
}

impl Filter {
    /// A filter of a boolean column.
    pub const fn yes_no(parameter: &'static str, label: &'static str) -> Self {
        Self {
            parameter,
            label,
            choices: |_| Ok(vec![Choice::new(1, "Yes"), Choice::new(0, "No")]),
        }
    }
}

/// Search, filters, order and range of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Search terms; all must match.
    pub terms: SearchTerms,
    /// Filter parameters with their values. A value is never empty and contains no NUL.
    pub filters: Vec<(&'static str, String)>,
    /// Columns to sort by (from 0), and whether descending; the resource's default order if empty.
    pub order: Vec<(usize, bool)>,
    /// Rows to skip.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
}

impl ListQuery {
    /// Sorts a query by the columns, which `by` adds to its order, then by id: newest first unless sorted otherwise.
    pub fn sort<Q, Id>(&self, query: Q, id: Id, by: impl Fn(Q, usize, bool) -> Q) -> Q
    where
        Id: ExpressionMethods,
        Q: ThenOrderDsl<Asc<Id>, Output = Q> + ThenOrderDsl<Desc<Id>, Output = Q>,
    {
        let columns = self.order.iter();
        let query = columns.fold(query, |query, (column, descending)| {
            by(query, *column, *descending)
        });
        let newest_first = self.order.last().is_none_or(|(_, descending)| *descending);
        then_order(query, id, newest_first)
    }
}

/// A query with a further column to sort by.
pub fn then_order<Q, Column>(query: Q, column: Column, descending: bool) -> Q
where
    Column: ExpressionMethods,
    Q: ThenOrderDsl<Asc<Column>, Output = Q> + ThenOrderDsl<Desc<Column>, Output = Q>,
{
    if descending {
        query.then_order_by(column.desc())
    } else {
        query.then_order_by(column.asc())
    }
}

/// The rows of one page, with counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The rows.
    pub rows: Vec<ListRow>,
    /// Number of rows that match search and filters.
    pub found: i64,
    /// Number of rows in the table.
    pub total: i64,
}

impl ListPage {
    /// A page with these rows, each as its id and the text of each column.
    pub fn new<T>(
        found: i64,
        total: i64,
        rows: Vec<T>,
        row: impl Fn(T) -> (i64, Vec<String>),
    ) -> Self {
        let rows = rows.into_iter().map(row);
        let rows = rows.map(|(id, cells)| ListRow { id, cells }).collect();
        Self { rows, found, total }
    }
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Its id.
    pub id: i64,
    /// The text of each column.
    pub cells: Vec<String>,
}
