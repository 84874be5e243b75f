//! Demo lettings: invented houses in real towns of Orange County, California. Deterministic.

use chrono::{Duration, NaiveDate, NaiveDateTime};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use oc_core::{DbConnection, sequence};

use crate::address::{AddressDraft, NewAddress};
use crate::index;
use crate::letting_draft::{LettingDraft, NewLetting};
use crate::photo::PhotoError;
use crate::schema::{addresses, lettings};

mod data;
mod photos;

use data::{ADDRESSES, TOWNS, WAYS, WORDS};

/// Default number of demo lettings.
pub const LETTINGS: i64 = 28;

/// Rows per statement: as many as fit well below SQLite's limit of 32 766 parameters.
const BATCH: i64 = 1_500;

/// SQLite's cache size while inserting (KiB).
const CACHE: u32 = 128 * 1024;

const VALID: &str = "the tests check the demo lettings";

/// The letting at an index (from 0), with its address.
///
/// The first ones are handwritten, the others generated from word lists.
fn letting(index: i64) -> (NewLetting, NewAddress) {
    let handwritten = usize::try_from(index)
        .ok()
        .and_then(|i| data::LETTINGS.get(i).zip(ADDRESSES.get(i)));
    let (letting, address) = match handwritten {
        Some((letting, address)) => (letting.clone(), address.clone()),
        None => invented(index.unsigned_abs()),
    };
    let mut towns = TOWNS.iter();
    let town = towns.find(|(city, _)| *city == address.city);
    let letting = LettingDraft {
        address_id: index + 1,
        ..letting
    };
    let address = AddressDraft {
        state: "CA".to_owned(),
        zip_code: town.expect(VALID).1.clone(),
        country_iso_code: "USA".to_owned(),
        ..address
    };
    (letting.check().expect(VALID), address.check().expect(VALID))
}

/// When the letting at an index was added: a fixed day, plus twenty seconds per letting.
fn created_at(index: i64) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 3, 1)
        .and_then(|day| day.and_hms_opt(9, 0, 0))
        .map_or(NaiveDateTime::MIN, |start| {
            start + Duration::seconds(20 * index)
        })
}

/// Fills the database up to the first `count` demo lettings; calls `progress` with the number of lettings so far.
///
/// If it contains the beginning of the demo already, only the rest is added.
///
/// # Errors
/// [`Error::Occupied`] if it contains other lettings; nothing is changed.
pub fn fill(
    conn: &mut DbConnection,
    count: i64,
    mut progress: impl FnMut(i64),
) -> Result<(), Error> {
    if let DbConnection::Sqlite(sqlite) = conn {
        // Four indexes grow at random places; the default cache of 2 MB would thrash.
        sqlite.batch_execute(&format!("PRAGMA cache_size = -{CACHE}"))?;
    }
    conn.write(|conn| {
        let start = held(conn)?;
        let mut done = start;
        while done < count {
            let end = count.min(done + BATCH);
            insert(conn, done..end)?;
            done = end;
            progress(done);
        }
        sequence::advance(conn, "addresses")?;
        sequence::advance(conn, "lettings")?;
        // A large demo is for measuring and stays small.
        if count <= LETTINGS {
            photos::insert(conn, &(start..count))?;
        }
        index::index_all(conn)?;
        Ok(())
    })
}

/// Why the demo data was not added.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database contains lettings that are not demo data.
    #[error("the database holds other lettings; demo data is only put into an empty database")]
    Occupied,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    /// A photo could not be added.
    #[error(transparent)]
    Photo(#[from] PhotoError),
}

/// Number of demo lettings in the database; `None` if it contains others.
fn held(conn: &mut DbConnection) -> Result<i64, Error> {
    let addresses: i64 = addresses::table.count().get_result(conn)?;
    let lettings: i64 = lettings::table.count().get_result(conn)?;
    if addresses != lettings {
        return Err(Error::Occupied);
    }
    for start in (0..lettings).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let rows: Vec<(i64, NewLetting, NewAddress)> = lettings::table
            .inner_join(addresses::table)
            .select((
                lettings::id,
                NewLetting::as_select(),
                NewAddress::as_select(),
            ))
            .order(lettings::id)
            .offset(start)
            .limit(BATCH)
            .load(conn)?;
        let is_demo = |(mut row, index): ((i64, NewLetting, NewAddress), i64)| {
            // Hosts are added later.
            row.1.host_id = None;
            let (letting, address) = letting(index);
            row == (index + 1, letting, address)
        };
        if !rows.into_iter().zip(start..).all(is_demo) {
            return Err(Error::Occupied);
        }
    }
    Ok(lettings)
}

/// Gives the demo lettings with facts these hosts in turn, unless they have one.
pub fn add_hosts(conn: &mut DbConnection, profile_ids: &[i64]) -> QueryResult<()> {
    conn.write(|conn| {
        for (index, host) in data::indexes().zip(profile_ids.iter().cycle()) {
            let demo = lettings::table
                .find(index + 1)
                .filter(lettings::host_id.is_null());
            diesel::update(demo)
                .set(lettings::host_id.eq(host))
                .execute(conn)?;
        }
        index::index_all(conn)
    })
}

fn insert(conn: &mut DbConnection, range: std::ops::Range<i64>) -> QueryResult<()> {
    let rows = range.map(|index| {
        let (letting, address) = letting(index);
        let (id, at) = (index + 1, created_at(index));
        let times = (lettings::created_at.eq(at), lettings::updated_at.eq(at));
        (
            (addresses::id.eq(id), address),
            (lettings::id.eq(id), letting, times),
        )
    });
    let (new_addresses, new_lettings): (Vec<_>, Vec<_>) = rows.unzip();
    conn.insert_rows(diesel::insert_into(addresses::table).values(new_addresses))?;
    conn.insert_rows(diesel::insert_into(lettings::table).values(new_lettings))
}

/// A letting generated from the word lists; duplicates are unlikely.
fn invented(index: u64) -> (LettingDraft, AddressDraft) {
    let mut dice = index;
    let title = format!(
        "{} {} {}",
        pick(&mut dice, &WORDS).mood,
        pick(&mut dice, &WORDS).kind,
        pick(&mut dice, &WORDS).place
    );
    let street = format!(
        "{} {}",
        pick(&mut dice, &WORDS).street,
        pick(&mut dice, &WAYS)
    );
    let (city, _) = pick(&mut dice, &TOWNS).clone();
    let number = (1 + roll(&mut dice) % 9_800).to_string();
    let letting = LettingDraft {
        title,
        ..LettingDraft::default()
    };
    let address = AddressDraft {
        number,
        street,
        city,
        ..AddressDraft::default()
    };
    (letting, address)
}

fn pick<'a, T>(dice: &mut u64, list: &'a [T]) -> &'a T {
    let place = roll(dice) % list.len() as u64;
    &list[usize::try_from(place).unwrap_or(0)]
}

/// Next number of a deterministic sequence (`SplitMix64`; Steele, Lea and Flood 2014).
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::address::Address;
    use crate::letting::Letting;
    use crate::photo::Photo;

    #[test]
    fn every_demo_letting_is_valid() {
        for index in (0..5_000).chain((0..100_000_000).step_by(50_000)) {
            letting(index);
        }
    }

    #[test]
    fn the_demo_is_deterministic_and_can_be_extended() -> anyhow::Result<()> {
        on_both(|conn| {
            fill(conn, LETTINGS, |_| {})?;
            fill(conn, LETTINGS, |_| panic!("nothing was left to do"))?;
            let photos = Photo::covers(conn, &[1, 2, 3, 28])?;
            assert_eq!(photos.into_keys().collect::<Vec<_>>(), [1, 2]);
            let mut told = 0;
            fill(conn, 2_100, |done| told = done)?;

            assert_eq!((told, Letting::count(conn)?), (2_100, 2_100));
            Ok(())
        })
    }

    #[test]
    fn later_ids_come_after_the_demo() -> anyhow::Result<()> {
        on_both(|conn| {
            fill(conn, 3, |_| {})?;
            let (_, address) = letting(3);

            let id = Address::insert(conn, &address)?;

            assert!(id > 3, "{id}");
            Ok(())
        })
    }

    #[test]
    fn other_lettings_are_left_alone() -> anyhow::Result<()> {
        on_both(|conn| {
            let (_, address) = letting(7);
            Address::insert(conn, &address)?;

            assert!(matches!(fill(conn, LETTINGS, |_| {}), Err(Error::Occupied)));
            assert_eq!(Letting::count(conn)?, 0);
            Ok(())
        })
    }
}
