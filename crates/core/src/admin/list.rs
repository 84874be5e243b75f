//! Lists of a resource's rows.

use diesel::QueryResult;

use crate::admin::{Choice, yes_no_choices};
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
    #[must_use]
    pub const fn yes_no(parameter: &'static str, label: &'static str) -> Self {
        Self {
            parameter,
            label,
            choices: |_| Ok(yes_no_choices()),
        }
    }
}

/// Search, filters, order and range of a list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Search terms; all must match.
    pub terms: SearchTerms,
    /// Filter parameters with their values.
    pub filters: Vec<(&'static str, String)>,
    /// Columns to sort by (from 0), and whether descending; the resource's default order if empty.
    pub order: Vec<(usize, bool)>,
    /// Rows to skip.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
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

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Its id.
    pub id: i64,
    /// The text of each column.
    pub cells: Vec<String>,
}
