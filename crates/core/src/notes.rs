//! A table for tests of this crate.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::connection::DbConnection;

diesel::table! {
    notes (text) {
        text -> Text,
    }
}

pub(crate) fn create(conn: &mut DbConnection) -> QueryResult<()> {
    conn.batch_execute("CREATE TABLE notes (text TEXT PRIMARY KEY)")
}

pub(crate) fn insert(conn: &mut DbConnection, text: &str) -> QueryResult<()> {
    diesel::insert_into(notes::table)
        .values(notes::text.eq(text))
        .execute(conn)
        .map(drop)
}

pub(crate) fn all(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    notes::table
        .select(notes::text)
        .order(notes::text)
        .load(conn)
}
