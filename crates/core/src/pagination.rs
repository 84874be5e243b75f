//! Pagination.

use diesel::result::QueryResult;

/// Rows on a page of the public lists.
pub const PAGE_SIZE: i64 = 24;

/// Matches of a search or filter are counted up to this number; [`MAX_COUNT`] + 1 means any larger one.
pub const MAX_COUNT: i64 = 10_000;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paginated<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Page number, from 1.
    pub number: i64,
    /// Number of pages, at least 1.
    pub count: i64,
    /// Number of rows on all pages.
    pub total: i64,
}

impl<T> Paginated<T> {
    /// Page `number` of a list of `total` rows; `None` if there is no such page.
    ///
    /// `load` receives the offset of the first row. The first page always exists, even if it is empty. A total of
    /// [`MAX_COUNT`] + 1 may be more, so later pages exist if they have rows.
    pub fn load(
        number: i64,
        total: i64,
        load: impl FnOnce(i64) -> QueryResult<Vec<T>>,
    ) -> QueryResult<Option<Self>> {
        let count = (total.max(1) - 1) / PAGE_SIZE + 1;
        let is_counted = total != MAX_COUNT + 1;
        if number < 1 || (is_counted && number > count) {
            return Ok(None);
        }
        let rows = load((number - 1).saturating_mul(PAGE_SIZE))?;
        if number > count && rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            rows,
            number,
            count: count.max(number),
            total,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_contains_the_last_row() {
        for (total, count) in [(0, 1), (1, 1), (24, 1), (25, 2), (48, 2), (49, 3)] {
            let page = Paginated::<i64>::load(1, total, |_| Ok(vec![])).unwrap();
            assert_eq!(page.map(|page| page.count), Some(count));
        }
    }

    #[test]
    fn there_is_no_page_before_the_first_or_past_the_last() {
        let load = |number| Paginated::load(number, 30, |offset| Ok(vec![offset])).unwrap();

        assert_eq!(load(2).map(|page| page.rows), Some(vec![24]));
        for number in [i64::MIN, -1, 0, 3, i64::MAX] {
            assert_eq!(load(number), None);
        }
    }

    #[test]
    fn more_rows_than_are_counted_can_be_reached() {
        let load = |number, rows| Paginated::load(number, MAX_COUNT + 1, |_| Ok(rows)).unwrap();

        assert_eq!(load(500, vec![1]).map(|page| page.count), Some(500));
        assert_eq!(load(500, vec![]), None);
        assert_eq!(load(1, vec![1]).map(|page| page.count), Some(417));
    }
}
