//! Search in the index of addresses and their lettings.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use oc_core::search::SearchTerms;
use oc_core::{Backend, DbConnection, MAX_COUNT};

/// A search for nothing but one or two characters reads the texts of the newest addresses, at most this many: no index
/// finds so few characters.
const SHORT_SEARCH: i64 = 100_000;

/// Result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hits {
    /// There is nothing to search for.
    All,
    /// These ids.
    Few(Vec<i64>),
    /// More than [`MAX_COUNT`] rows: compare the texts in the order of the list, which soon fills a page.
    Many,
}

/// For staff, the state counts as well.
const TEXT_FOR_STAFF: &str = "search_index.text || ' ' || lower(search_index.state)";

/// Published lettings that match the terms.
pub(crate) fn lettings(conn: &mut DbConnection, terms: &SearchTerms) -> QueryResult<Hits> {
    let id = "search_index.letting_id";
    matches(conn, terms, (id, ""), "search_index.text")
}

/// Lettings of any status that match the terms.
pub(crate) fn lettings_for_staff(
    conn: &mut DbConnection,
    terms: &SearchTerms,
) -> QueryResult<Hits> {
    // One letting for each match, not a join of both tables.
    let join = match conn {
        DbConnection::Postgres(_) => {
            "CROSS JOIN LATERAL (SELECT id FROM lettings \
             WHERE address_id = search_index.address_id LIMIT 1) letting"
        }
        DbConnection::Sqlite(_) => {
            "CROSS JOIN lettings letting ON letting.address_id = search_index.address_id"
        }
    };
    let hits = matches(conn, terms, ("letting.id", join), TEXT_FOR_STAFF)?;
    with_hidden_streets(conn, terms, "lettings.id", hits)
}

/// Addresses that match the terms.
pub(crate) fn addresses(conn: &mut DbConnection, terms: &SearchTerms) -> QueryResult<Hits> {
    let id = "search_index.address_id";
    let hits = matches(conn, terms, (id, ""), TEXT_FOR_STAFF)?;
    with_hidden_streets(conn, terms, "addresses.id", hits)
}

/// Adds what matches with a street that the public doesn't see, which the index leaves out.
fn with_hidden_streets(
    conn: &mut DbConnection,
    terms: &SearchTerms,
    id: &str,
    hits: Hits,
) -> QueryResult<Hits> {
    let Hits::Few(mut ids) = hits else {
        return Ok(hits);
    };
    let patterns: Vec<String> = terms.patterns().collect();
    let condition = |(number, _): (usize, _)| {
        format!(
            " AND {TEXT_FOR_STAFF} || ' ' || addresses.number || ' ' || fold(addresses.street) \
             LIKE ${number} ESCAPE '\\'"
        )
    };
    let conditions: String = (1..).zip(&patterns).map(condition).collect();
    let sql = format!(
        "SELECT {id} AS id FROM lettings JOIN addresses ON addresses.id = lettings.address_id \
         JOIN search_index ON search_index.address_id = addresses.id \
         WHERE NOT address_shown{conditions} LIMIT {MAX_COUNT}"
    );
    let mut query = diesel::sql_query(sql).into_boxed::<Backend>();
    for pattern in patterns {
        query = query.bind::<Text, _>(pattern);
    }
    ids.extend(query.load::<Hit>(conn)?.into_iter().map(|hit| hit.id));
    ids.sort_unstable();
    ids.dedup();
    Ok(Hits::Few(ids))
}

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Short terms are compared with `short_text`. Long ones can't be in what it adds, and an index finds them.
fn matches(
    conn: &mut DbConnection,
    terms: &SearchTerms,
    (id, join): (&'static str, &'static str),
    short_text: &'static str,
) -> QueryResult<Hits> {
    if terms.is_empty() {
        return Ok(Hits::All);
    }
    let mut binds = Vec::new();
    let mut conditions = vec![format!("{id} IS NOT NULL")];
    let tables = match (terms.trigrams(), &conn) {
        (Some(trigrams), DbConnection::Sqlite(_)) => {
            binds.push(trigrams);
            conditions.push("search_trigrams MATCH $1".to_owned());
            // In this order, so that it ends at the limit.
            "search_trigrams CROSS JOIN search_index ON search_index.address_id = search_trigrams.rowid"
        }
        (Some(_), DbConnection::Postgres(_)) => "search_index",
        (None, _) => {
            conditions.push(format!(
                "search_index.address_id > (SELECT max(address_id) FROM search_index) - {SHORT_SEARCH}"
            ));
            "search_index"
        }
    };
    for pattern in terms.patterns() {
        let text = if pattern.chars().count() < 5 {
            short_text
        } else {
            "search_index.text"
        };
        binds.push(pattern);
        conditions.push(format!("{text} LIKE ${} ESCAPE '\\'", binds.len()));
    }
    let sql = format!(
        "SELECT {id} AS id FROM {tables} {join} WHERE {} LIMIT {}",
        conditions.join(" AND "),
        MAX_COUNT + 1
    );
    let mut query = diesel::sql_query(sql).into_boxed::<Backend>();
    for text in binds {
        query = query.bind::<Text, _>(text);
    }
    let mut ids: Vec<i64> = query
        .load::<Hit>(conn)?
        .into_iter()
        .map(|hit| hit.id)
        .collect();
    if i64::try_from(ids.len()).is_ok_and(|count| count > MAX_COUNT) {
        return Ok(Hits::Many);
    }
    ids.sort_unstable();
    Ok(Hits::Few(ids))
}
