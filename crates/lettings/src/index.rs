//! Search index of addresses and lettings, and totals per town.
//!
//! Triggers note which addresses have changed; `update` indexes them in the transaction of the change. What other
//! tools, a restore or an import have changed is indexed by `catch_up`.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::dsl::{exists, not, select, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use oc_core::{Backend, DbConnection, content_version, locks, text};

use crate::facts::PUBLISHED;
use crate::schema::{addresses, lettings, search_index, search_queue, town_totals};

/// Addresses per batch.
const BATCH: i64 = 1_000;

/// With more addresses than this to index, everything is indexed again, which is faster.
const BULK: i64 = 20_000;

/// Index entry of an address and its letting, if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = search_index)]
struct IndexEntry {
    address_id: i64,
    /// The letting, if it is published.
    letting_id: Option<i64>,
    city: String,
    state: String,
    text: String,
}

/// Everything that a search covers. A migration that adds to it must queue every address.
#[derive(Queryable, Selectable)]
#[diesel(table_name = addresses)]
struct Searched {
    id: i64,
    number: i32,
    street: String,
    city: String,
    state: String,
    zip_code: i32,
}

/// Everything about a letting that a search covers.
#[derive(Queryable, Selectable)]
#[diesel(table_name = lettings)]
struct SearchedLetting {
    id: i64,
    status: String,
    title: String,
    summary: String,
    description: String,
    address_shown: bool,
}

impl From<(Searched, Option<SearchedLetting>)> for IndexEntry {
    fn from((row, letting): (Searched, Option<SearchedLetting>)) -> Self {
        let place = format!("{} {:05}", row.city, row.zip_code);
        let street = format!("{} {}", row.number, row.street);
        let text = match &letting {
            None => format!("{street} {place}"),
            Some(letting) => {
                let street = if letting.address_shown { &*street } else { "" };
                let words = [&letting.title, &letting.summary, &letting.description];
                format!("{} {street} {place}", words.map(String::as_str).join(" "))
            }
        };
        let published = letting.filter(|letting| letting.status == PUBLISHED);
        Self {
            address_id: row.id,
            letting_id: published.map(|letting| letting.id),
            text: text::fold(&text),
            city: row.city,
            state: row.state,
        }
    }
}

/// Indexes what this transaction has changed. Call it after every write.
pub(crate) fn update(conn: &mut DbConnection) -> QueryResult<()> {
    index_newest(conn).map(drop)
}

/// Indexes everything that has changed; returns whether anything had. For bulk commands, at the start, and now and then
/// for rows that other tools change.
pub fn catch_up(conn: &mut DbConnection) -> QueryResult<bool> {
    let is_behind = !is_current(conn)?;
    if is_behind {
        conn.write(index_all)?;
    }
    Ok(is_behind)
}

/// As [`catch_up`], and indexes again what a node of another version has folded differently during an upgrade.
pub fn refold(conn: &mut DbConnection) -> QueryResult<bool> {
    // Every version folds ASCII alike, except `; folding all of a million texts would take long.
    let may_differ = || sql::<Bool>("(octet_length(text) <> length(text) OR text LIKE '%`%')");
    let mut last = i64::MIN;
    loop {
        let batch: Vec<(i64, String)> = search_index::table
            .filter(search_index::address_id.gt(last).and(may_differ()))
            .order(search_index::address_id)
            .select((search_index::address_id, search_index::text))
            .limit(5 * BATCH)
            .load(conn)?;
        let Some((id, _)) = batch.last() else { break };
        last = *id;
        let outdated = batch.iter().filter(|(_, text)| text::fold(text) != *text);
        let queue = outdated.map(|(id, _)| search_queue::address_id.eq(*id));
        let queue: Vec<_> = queue.collect();
        if !queue.is_empty() {
            conn.insert_rows(diesel::insert_into(search_queue::table).values(&queue))?;
        }
    }
    catch_up(conn)
}

/// Whether everything is indexed.
pub fn is_current(conn: &mut DbConnection) -> QueryResult<bool> {
    let queued = search_queue::table.select(search_queue::id);
    select(not(exists(queued))).get_result(conn)
}

/// As [`catch_up`], in a transaction.
pub(crate) fn index_all(conn: &mut DbConnection) -> QueryResult<()> {
    locks::lock_all(conn, "search_index")?;
    let queue = search_queue::table.select(search_queue::id);
    let queued: Vec<i64> = queue.limit(BULK + 1).load(conn)?;
    if i64::try_from(queued.len()).is_ok_and(|count| count > BULK) {
        rebuild(conn)?;
    } else {
        while index_newest(conn)? {}
    }
    // Pages that were rendered meanwhile are out of date.
    content_version::increment(conn)
}

/// Whether searches can use trigrams. On PostgreSQL they need an extension that not every role may create; this tries
/// again.
pub fn has_trigrams(conn: &mut DbConnection) -> QueryResult<bool> {
    match conn {
        DbConnection::Postgres(_) => {
            sql::<Bool>("SELECT create_search_trigrams()").get_result(conn)
        }
        DbConnection::Sqlite(_) => Ok(true),
    }
}

/// Indexes the newest batch of the queue; false if that is empty.
fn index_newest(conn: &mut DbConnection) -> QueryResult<bool> {
    let queued: Vec<(i64, i64)> = search_queue::table
        .select((search_queue::id, search_queue::address_id))
        .order(search_queue::id.desc())
        .limit(BATCH)
        .load(conn)?;
    let (numbers, ids): (Vec<i64>, BTreeSet<i64>) = queued.into_iter().unzip();
    if ids.is_empty() {
        return Ok(false);
    }
    let ids: Vec<i64> = ids.into_iter().collect();
    let after = entries(conn, |query| {
        query.filter(addresses::id.eq_any(ids.clone()))
    })?;
    let before = search_index::table
        .filter(search_index::address_id.eq_any(ids))
        .load::<IndexEntry>(conn)?;
    let mut towns = Towns::default();
    // Deletions first: a letting that moves to another address must not be in two entries.
    for entry in before.iter().filter(|entry| !after.contains(entry)) {
        entry.delete(conn)?;
        towns.add(entry, -1);
    }
    for entry in after.iter().filter(|entry| !before.contains(entry)) {
        entry.insert(conn)?;
        towns.add(entry, 1);
    }
    towns.store(conn)?;
    diesel::delete(search_queue::table.filter(search_queue::id.eq_any(numbers))).execute(conn)?;
    Ok(true)
}

type AddressQuery<'a> =
    diesel::dsl::IntoBoxed<'a, diesel::dsl::LeftJoin<addresses::table, lettings::table>, Backend>;

/// The entries of some addresses, by id.
fn entries(
    conn: &mut DbConnection,
    select: impl FnOnce(AddressQuery<'static>) -> AddressQuery<'static>,
) -> QueryResult<Vec<IndexEntry>> {
    let query = addresses::table.left_join(lettings::table).into_boxed();
    let rows: Vec<(Searched, Option<SearchedLetting>)> = select(query)
        .order(addresses::id)
        .select((
            Searched::as_select(),
            Option::<SearchedLetting>::as_select(),
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(IndexEntry::from).collect())
}

impl IndexEntry {
    /// Deletes the entry.
    fn delete(&self, conn: &mut DbConnection) -> QueryResult<()> {
        self.change_trigrams(
            conn,
            "INSERT INTO search_trigrams (search_trigrams, rowid, text) VALUES ('delete', $1, $2)",
        )?;
        diesel::delete(search_index::table.find(self.address_id)).execute(conn)?;
        Ok(())
    }

    /// Inserts the entry, or updates it, because another node may index the same row.
    fn insert(&self, conn: &mut DbConnection) -> QueryResult<()> {
        self.change_trigrams(
            conn,
            "INSERT INTO search_trigrams (rowid, text) VALUES ($1, $2)",
        )?;
        diesel::sql_query(
            "INSERT INTO search_index (address_id, letting_id, city, state, text) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (address_id) DO UPDATE SET \
             letting_id = excluded.letting_id, city = excluded.city, state = excluded.state, \
             text = excluded.text",
        )
        .bind::<BigInt, _>(self.address_id)
        .bind::<Nullable<BigInt>, _>(self.letting_id)
        .bind::<Text, _>(&self.city)
        .bind::<Text, _>(&self.state)
        .bind::<Text, _>(&self.text)
        .execute(conn)?;
        Ok(())
    }

    /// PostgreSQL has an index instead of a table.
    fn change_trigrams(&self, conn: &mut DbConnection, statement: &str) -> QueryResult<()> {
        if let DbConnection::Sqlite(sqlite) = conn {
            diesel::sql_query(statement)
                .bind::<BigInt, _>(self.address_id)
                .bind::<Text, _>(&self.text)
                .execute(sqlite)?;
        }
        Ok(())
    }
}

/// Changes of the totals of towns (city and state): addresses and published lettings.
#[derive(Default)]
struct Towns(BTreeMap<(String, String), (i64, i64)>);

impl Towns {
    fn add(&mut self, entry: &IndexEntry, number: i64) {
        let town = (entry.city.clone(), entry.state.clone());
        let (addresses, lettings) = self.0.entry(town).or_default();
        *addresses += number;
        *lettings += number * i64::from(entry.letting_id.is_some());
    }

    /// In the same order everywhere, so that transactions don't wait for each other in a circle.
    fn store(self, conn: &mut DbConnection) -> QueryResult<()> {
        for ((city, state), (addresses, lettings)) in self.0 {
            if (addresses, lettings) != (0, 0) {
                diesel::sql_query(
                    "INSERT INTO town_totals (city, state, addresses, lettings) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (city, state) DO UPDATE SET \
                     addresses = town_totals.addresses + excluded.addresses, \
                     lettings = town_totals.lettings + excluded.lettings",
                )
                .bind::<Text, _>(city)
                .bind::<Text, _>(state)
                .bind::<BigInt, _>(addresses)
                .bind::<BigInt, _>(lettings)
                .execute(conn)?;
            }
        }
        diesel::delete(town_totals::table.filter(town_totals::addresses.eq(0))).execute(conn)?;
        Ok(())
    }
}

/// Indexes everything again, with the trigrams at the end, which is much faster.
fn rebuild(conn: &mut DbConnection) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        postgres.batch_execute("DROP INDEX IF EXISTS search_trigrams")?;
    }
    diesel::delete(search_queue::table).execute(conn)?;
    diesel::delete(search_index::table).execute(conn)?;
    diesel::delete(town_totals::table).execute(conn)?;
    let mut last = i64::MIN;
    loop {
        let batch = entries(conn, |query| {
            query.filter(addresses::id.gt(last)).limit(5 * BATCH)
        })?;
        let Some(entry) = batch.last() else { break };
        last = entry.address_id;
        conn.insert_rows(diesel::insert_into(search_index::table).values(&batch))?;
    }
    conn.batch_execute(
        "INSERT INTO town_totals (city, state, addresses, lettings) \
         SELECT city, state, count(*), count(letting_id) FROM search_index GROUP BY city, state",
    )?;
    match conn {
        // Autovacuum collects statistics a minute later; until then, every page would scan the tables.
        DbConnection::Postgres(conn) => conn.batch_execute(
            "SET LOCAL maintenance_work_mem = '256MB'; SELECT create_search_trigrams(); \
             ANALYZE addresses, lettings, search_index",
        ),
        DbConnection::Sqlite(conn) => {
            conn.batch_execute("INSERT INTO search_trigrams (search_trigrams) VALUES ('rebuild')")
        }
    }
}

#[cfg(test)]
mod tests {
    use oc_core::search::SearchTerms;
    use oc_core::testing::on_both;

    use super::*;
    use crate::listed_letting::ListedLetting;
    use crate::testing::{address, letting, letting_draft};
    use crate::{Letting, LettingFilter, Town};

    fn found(conn: &mut DbConnection, words: &str) -> QueryResult<Vec<String>> {
        let filter = LettingFilter {
            terms: SearchTerms::parse(words),
            ..LettingFilter::default()
        };
        let page = ListedLetting::page(conn, &filter, 1)?.expect("there is a first page");
        Ok(page.rows.into_iter().map(|row| row.title).collect())
    }

    #[test]
    fn a_letting_can_move_to_an_older_address() -> anyhow::Result<()> {
        on_both(|conn| {
            let older = address(conn, "Pier Lane", "Irvine", "CA")?;
            let id = letting(conn, "Pier House", "Gull Lane", "Brea")?;
            let moved = letting_draft("Pier House", older);

            assert!(Letting::update(conn, id, &moved.check().unwrap())?);

            assert_eq!(found(conn, "irvine")?, ["Pier House"]);
            assert!(found(conn, "brea")?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn rows_that_other_tools_change_are_found_after_catching_up() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "Pier House", "Gull Lane", "Brea")?;
            let gone = letting(conn, "Old Mill", "Gull Lane", "Tustin")?;
            assert!(is_current(conn)?);

            // No statement of another tool needs a function or a tokenizer of this program.
            conn.batch_execute("UPDATE lettings SET title = 'Casa B\u{e9}atrice' WHERE id = 1")?;
            diesel::delete(addresses::table.filter(addresses::city.eq("Tustin"))).execute(conn)?;
            assert!(catch_up(conn)?);

            assert_eq!(found(conn, "beatri")?, ["Casa B\u{e9}atrice"]);
            assert_eq!(found(conn, "BE\u{301}A 926")?, ["Casa B\u{e9}atrice"]);
            assert!(found(conn, "pier")?.is_empty());
            assert!(found(conn, "mill")?.is_empty(), "{gone}");
            assert_eq!(Letting::count(conn)?, 1);
            assert_eq!(Town::all(conn)?.len(), 1);
            assert!(!catch_up(conn)?);
            Ok(())
        })
    }

    #[test]
    fn text_that_an_older_version_folded_is_found_after_refolding() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "Villa \u{d8}resund", "Gull Lane", "Brea")?;
            letting(conn, "Pier House", "Gull Lane", "Brea")?;
            let new: IndexEntry = search_index::table.find(1).first(conn)?;
            let old = IndexEntry {
                text: new.text.replace("oresund", "\u{f8}resund"),
                ..new.clone()
            };
            new.delete(conn)?;
            old.insert(conn)?;
            assert!(found(conn, "oresund")?.is_empty());

            assert!(refold(conn)?);

            assert_eq!(found(conn, "oresund")?, ["Villa \u{d8}resund"]);
            assert!(!refold(conn)?);
            Ok(())
        })
    }

    #[test]
    fn a_rebuilt_index_equals_one_that_was_kept_up_to_date() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "Pier House", "Gull Lane", "Brea")?;
            letting(conn, "Gull House", "Pier Lane", "Brea")?;
            address(conn, "Gull Lane", "Irvine", "CA")?;
            let state = |conn: &mut DbConnection| -> QueryResult<_> {
                let entries: Vec<IndexEntry> = search_index::table
                    .order(search_index::address_id)
                    .load(conn)?;
                let towns: Vec<(String, String, i64, i64)> =
                    town_totals::table.order(town_totals::city).load(conn)?;
                Ok((entries, towns, found(conn, "gull pier")?))
            };
            let before = state(conn)?;

            conn.write(rebuild)?;

            assert_eq!(state(conn)?, before);
            assert_eq!(before.2, ["Pier House", "Gull House"]);
            if let DbConnection::Postgres(_) = conn {
                let counted = "SELECT reltuples = 2 FROM pg_class WHERE relname = 'lettings'";
                assert!(sql::<Bool>(counted).get_result::<bool>(conn)?);
            }
            Ok(())
        })
    }

    #[test]
    fn postgres_finds_long_terms_with_trigrams() -> anyhow::Result<()> {
        let Some(db) = oc_core::testing::TestDb::postgres()? else {
            return Ok(());
        };
        let mut conn = db.connect()?;
        assert!(has_trigrams(&mut conn)?);
        conn.batch_execute("SET enable_seqscan = off")?;

        let explain = "EXPLAIN SELECT letting_id FROM search_index WHERE text LIKE '%gull%'";
        let plan: Vec<String> = sql::<Text>(explain).load(&mut conn)?;

        let plan = plan.join("\n");
        assert!(
            plan.contains("Bitmap Index Scan on search_trigrams"),
            "{plan}"
        );
        Ok(())
    }
}
