//! Tests of the admin resource of lettings.

use diesel::prelude::*;
use oc_core::admin::{Choice, ChoiceQuery, ListQuery, SaveError};
use oc_core::search::SearchTerms;
use oc_core::testing::on_both;

use super::super::{ADDRESS, LETTING};
use crate::schema::lettings;

use super::{
    address, address_values, by, letting, letting_values, names, refusal, search, some, with,
};

#[test]
fn a_letting_is_saved_and_changed() -> anyhow::Result<()> {
    on_both(|conn| {
        let first = address(conn, "7217", "Bedford Street")?;
        let second = address(conn, "1", "Gull Lane")?;
        let id = letting(conn, " Lakeside flat ", first)?;

        let object = LETTING.load(conn, id)?.expect("it is there");
        let path = LETTING.public_page.expect("lettings are public").path;
        assert_eq!(object.title, "Lakeside flat");
        assert_eq!(path(&object), Some(format!("/lettings/{id}/")));
        let draft = oc_core::admin::Record {
            values: object.values.with("status", "draft"),
            ..object
        };
        assert_eq!(path(&draft), None);

        let values = letting_values("Flat", &second.to_string());
        assert_eq!((LETTING.save)(conn, Some(id), &values)?, id);
        let object = LETTING.load(conn, id)?.expect("it is there");
        assert_eq!(object.values.text("title"), "Flat");
        assert_eq!(object.values.text("address"), second.to_string());
        assert_eq!(LETTING.load(conn, id + 1)?, None);
        assert!(matches!(
            (LETTING.save)(conn, Some(id + 1), &letting_values("x", "1")),
            Err(SaveError::Missing)
        ));
        Ok(())
    })
}

#[test]
fn free_addresses_and_the_current_one_can_be_chosen() -> anyhow::Result<()> {
    on_both(|conn| {
        let own = address(conn, "7217", "Bedford Street")?;
        let taken = address(conn, "2", "Gull Lane")?;
        let free = address(conn, "1", "Gull Lane")?;
        let id = letting(conn, "One", own)?;
        letting(conn, "Two", taken)?;
        let free = Choice::new(free, "1 Gull Lane, Brea, CA 02134");
        let own = Choice::new(own, "7217 Bedford Street, Brea, CA 02134");

        let mut offered = |wanted: &ChoiceQuery<'_>| LETTING.choices.unwrap()(conn, wanted);
        let searched = ChoiceQuery {
            terms: SearchTerms::parse("lane BREA ca 02134"),
            ..ChoiceQuery::first("address", Some(id), 9)
        };

        assert_eq!(
            offered(&ChoiceQuery::first("address", None, 9))?.choices,
            std::slice::from_ref(&free)
        );
        let both = offered(&ChoiceQuery::first("address", Some(id), 9))?;
        assert_eq!(both.choices, [own.clone(), free.clone()]);
        let one = offered(&ChoiceQuery::first("address", Some(id), 1))?;
        assert_eq!((one.choices, one.found), (vec![own], 2));
        assert_eq!(offered(&searched)?.choices, [free]);
        Ok(())
    })
}

#[test]
fn an_address_in_use_has_a_label() -> anyhow::Result<()> {
    on_both(|conn| {
        let taken = address(conn, "2", "Gull Lane")?;
        letting(conn, "Two", taken)?;

        let values = [taken.to_string(), "99".to_owned(), "x".to_owned()];
        let labels = LETTING.labels.unwrap()(conn, &values)?;

        let expected = Choice::new(taken, "2 Gull Lane, Brea, CA 02134");
        assert_eq!(labels, [expected]);
        Ok(())
    })
}

#[test]
fn errors_use_the_labels_of_the_form() -> anyhow::Result<()> {
    on_both(|conn| {
        let first = address(conn, "7217", "Bedford Street")?;
        let second = address(conn, "1", "Gull Lane")?;
        letting(conn, "One", first)?;
        let id = letting(conn, "Two", second)?;
        let taken = letting_values("Two", &first.to_string());

        for id in [None, Some(id)] {
            assert_eq!(
                refusal(conn, &LETTING, id, &taken),
                "Another letting already has this address."
            );
        }
        assert_eq!(
            refusal(conn, &LETTING, None, &letting_values("Two", "1\0")),
            "Address contains a character that is not allowed."
        );
        for address in ["99", "x", "99999999999999999999"] {
            assert_eq!(
                refusal(conn, &LETTING, None, &letting_values("Two", address)),
                "Address: select a valid choice."
            );
        }
        assert_eq!(
            refusal(conn, &LETTING, None, &letting_values("\0", "")),
            "Title contains a character that is not allowed. Address is required."
        );
        assert_eq!(
            refusal(
                conn,
                &ADDRESS,
                None,
                &address_values("1e3", "x\0", " ", "C")
            ),
            "Number must be a whole number. Street contains a character that is not allowed. \
             City is required. State must be exactly 2 characters; you entered 1."
        );
        assert!(matches!(
            (ADDRESS.save)(conn, Some(99), &address_values("1", "x", "y", "CA")),
            Err(SaveError::Missing)
        ));
        Ok(())
    })
}

#[test]
fn lettings_are_listed_newest_first_searched_and_filtered() -> anyhow::Result<()> {
    on_both(|conn| {
        some(conn)?;
        let mut names = |listing| names(conn, &LETTING, listing);

        assert_eq!(names(by(&[]))?, "gamma, Alpha, beta");
        assert_eq!(names(by(&[(0, false)]))?, "Alpha, beta, gamma");
        assert_eq!(names(by(&[(1, true)]))?, "beta, gamma, Alpha");
        assert_eq!(names(by(&[(2, false), (3, true)]))?, "Alpha, beta, gamma");
        assert_eq!(names(search("GULL orange"))?, "Alpha");
        assert_eq!(
            names(with("address__city__exact", "Orange"))?,
            "Alpha, beta"
        );
        assert_eq!(names(with("address__state__exact", "NV"))?, "gamma");
        assert_eq!(names(with("unknown", "x"))?, "gamma, Alpha, beta");
        assert_eq!(names(with("status__exact", "draft"))?, "");
        assert_eq!(names(with("missing", "price"))?, "gamma, Alpha, beta");
        assert_eq!(names(with("missing", "photo"))?, "gamma, Alpha, beta");

        diesel::update(lettings::table)
            .set(lettings::address_shown.eq(false))
            .execute(conn)?;
        crate::index::catch_up(conn)?;
        assert_eq!(
            super::names(conn, &LETTING, search("GULL orange"))?,
            "Alpha"
        );
        Ok(())
    })
}

#[test]
fn a_page_of_a_list_has_the_total() -> anyhow::Result<()> {
    on_both(|conn| {
        some(conn)?;
        let listing = ListQuery {
            offset: 1,
            limit: 1,
            ..with("address__city__exact", "Orange")
        };
        let list = (LETTING.list)(conn, &listing)?;

        assert_eq!((list.found, list.total), (2, 3));
        assert_eq!(list.rows.len(), 1);
        assert_eq!(
            list.rows[0].cells[..5],
            ["beta", "7 Pier Road", "Orange", "CA", "Published"]
        );
        Ok(())
    })
}
