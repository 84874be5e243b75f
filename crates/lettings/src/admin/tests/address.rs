//! Tests of the admin resource of addresses.

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, ListPage, ListQuery, Resource};
use oc_core::testing::on_both;

use super::super::{ADDRESS, LETTING};
use super::{
    address, address_values, by, letting, letting_values, list, names, search, some, with,
};
use crate::schema::lettings;

#[test]
fn only_a_change_updates_the_time_of_the_letting() -> anyhow::Result<()> {
    on_both(|conn| {
        let home = address(conn, "1", "Gull Lane")?;
        let id = letting(conn, "One", home)?;
        let long_ago = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let mut noted = |model: Resource, id: i64, values: &FormValues| -> anyhow::Result<bool> {
            diesel::update(lettings::table)
                .set(lettings::updated_at.eq(long_ago))
                .execute(conn)?;
            (model.save)(conn, Some(id), values)?;
            let noted = lettings::table.select(lettings::updated_at);
            Ok(noted.first::<chrono::NaiveDateTime>(conn)? > long_ago)
        };
        let title = |title| letting_values(title, &home.to_string());
        let city = |city| address_values("1", "Gull Lane", city, "CA");

        assert!(!noted(LETTING, id, &title("One"))?);
        assert!(noted(LETTING, id, &title("Two"))?);
        assert!(!noted(ADDRESS, home, &city("Brea"))?);
        assert!(noted(ADDRESS, home, &city("Irvine"))?);
        Ok(())
    })
}

#[test]
fn addresses_are_listed_with_their_lettings() -> anyhow::Result<()> {
    on_both(|conn| {
        some(conn)?;
        let cells = |list: ListPage| list.rows.into_iter().map(|row| row.cells);
        let rows: Vec<_> = cells(list(conn, &ADDRESS, ListQuery::default())?).collect();
        let mut names = |listing| names(conn, &ADDRESS, listing);

        assert_eq!(rows[0], ["1 Free Street", "Boise", "ID", "02134", ""]);
        assert_eq!(rows[1], ["3 gull lane", "Reno", "NV", "02134", "gamma"]);
        assert_eq!(
            names(by(&[(0, false)]))?,
            "1 Free Street, 3 gull lane, 12 Gull Lane, 7 Pier Road"
        );
        assert_eq!(
            names(by(&[(4, false)]))?,
            "1 Free Street, 12 Gull Lane, 7 Pier Road, 3 gull lane"
        );
        assert_eq!(
            names(by(&[(3, true), (1, true)]))?,
            "3 gull lane, 12 Gull Lane, 7 Pier Road, 1 Free Street"
        );
        assert_eq!(names(search("02134 GULL"))?, "3 gull lane, 12 Gull Lane");
        assert_eq!(names(search("7 pier"))?, "7 Pier Road");
        assert_eq!(names(with("state__exact", "ID"))?, "1 Free Street");
        assert_eq!(
            names(with("city__exact", "Orange"))?,
            "12 Gull Lane, 7 Pier Road"
        );
        Ok(())
    })
}

#[test]
fn filters_offer_existing_values() -> anyhow::Result<()> {
    on_both(|conn| {
        some(conn)?;
        let mut offered = |model: Resource, filter: usize| -> QueryResult<Vec<String>> {
            let choices = (model.filters[filter].choices)(conn)?;
            Ok(choices.into_iter().map(|choice| choice.value).collect())
        };

        assert_eq!(offered(LETTING, 0)?, ["CA", "NV", "TX"]);
        assert_eq!(offered(LETTING, 1)?, ["Orange", "Reno"]);
        assert_eq!(offered(ADDRESS, 0)?, ["CA", "ID", "NV", "TX"]);
        assert_eq!(offered(ADDRESS, 1)?, ["Boise", "Orange", "Reno"]);
        Ok(())
    })
}

#[test]
fn an_address_and_its_letting_are_restored_with_their_ids() -> anyhow::Result<()> {
    on_both(|conn| {
        let home = address(conn, "1", "Gull Lane")?;
        let id = letting(conn, "One", home)?;
        let home_before = ADDRESS.load(conn, home)?.expect("it is there");
        let before = LETTING.load(conn, id)?.expect("it is there");
        let restore = |conn: &mut DbConnection, model: Resource, id, values: &FormValues| {
            conn.write(|conn| (model.restore)(conn, &[(id, values)]))
                .map_err(|error| error.to_string())
        };

        let referring = LETTING.references[0].referring(conn, &[home])?;
        (ADDRESS.delete)(conn, &[home])?;
        assert_eq!(referring, [(home, id)]);
        assert_eq!(LETTING.load(conn, id)?, None);
        assert_eq!(
            restore(conn, LETTING, id, &before.values),
            Err("Address: select a valid choice.".to_owned())
        );

        assert_eq!(restore(conn, ADDRESS, home, &home_before.values), Ok(()));
        assert_eq!(restore(conn, LETTING, id, &before.values), Ok(()));
        assert_eq!(ADDRESS.load(conn, home)?, Some(home_before));
        assert_eq!(LETTING.load(conn, id)?, Some(before.clone()));
        assert_eq!(
            restore(conn, LETTING, id + 9, &before.values),
            Err("Another letting already has this address.".to_owned())
        );
        assert!(address(conn, "2", "Gull Lane")? > home);
        Ok(())
    })
}
