//! Tests of the admin resource of groups.

use oc_core::search::SearchTerms;
use oc_core::testing::on_both;

use super::*;

fn values(name: &str, codes: &[&str]) -> FormValues {
    let codes = codes.iter().map(|code| (*code).to_owned()).collect();
    FormValues::default()
        .with("name", name)
        .with_list("permissions", codes)
}

fn names(conn: &mut DbConnection, listing: ListQuery) -> QueryResult<Vec<String>> {
    let listing = ListQuery {
        limit: 100,
        ..listing
    };
    let rows = (GROUP.list)(conn, &listing)?.rows;
    Ok(rows.into_iter().flat_map(|row| row.cells).collect())
}

#[test]
fn a_group_is_saved_with_its_permissions() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = (GROUP.save)(conn, None, &values(" editors ", &["a.view_a"]))?;
        (GROUP.save)(conn, Some(id), &values("authors", &["b.add_b", "a.view_a"]))?;

        let object = GROUP.load(conn, id)?.expect("it is there");
        assert_eq!(object.title, "authors");
        assert_eq!(object.values, values("authors", &["a.view_a", "b.add_b"]));
        assert!(matches!(
            (GROUP.save)(conn, Some(id + 1), &values("readers", &[])),
            Err(SaveError::Missing)
        ));
        Ok(())
    })
}

#[test]
fn validation_errors_are_reported_together() -> anyhow::Result<()> {
    on_both(|conn| {
        (GROUP.save)(conn, None, &values("editors", &[]))?;
        let mut refusal = |name: &str, codes: &[&str]| {
            conn.write(|conn| (GROUP.save)(conn, None, &values(name, codes)))
                .map_err(|error| error.to_string())
        };

        assert_eq!(
            refusal("", &["nonsense"]),
            Err("Name is required. Permissions: select a valid choice.".to_owned())
        );
        assert_eq!(
            refusal("editors", &[]),
            Err("That name is already taken.".to_owned())
        );
        assert_eq!(
            refusal(" editors ", &["nonsense"]),
            Err("Permissions: select a valid choice. That name is already taken.".to_owned())
        );
        assert_eq!(
            refusal("a\0b", &[]),
            Err("Name contains a character that is not allowed.".to_owned())
        );
        Ok(())
    })
}

#[test]
fn groups_are_listed_by_name() -> anyhow::Result<()> {
    on_both(|conn| {
        for name in ["beta", "Alpha", "gamma"] {
            (GROUP.save)(conn, None, &values(name, &[]))?;
        }
        let order = |order: &[(usize, bool)]| ListQuery {
            order: order.to_vec(),
            ..ListQuery::default()
        };

        assert_eq!(names(conn, order(&[]))?, ["Alpha", "beta", "gamma"]);
        assert_eq!(
            names(conn, order(&[(0, true)]))?,
            ["gamma", "beta", "Alpha"]
        );
        let search = ListQuery {
            terms: SearchTerms::parse("ALPH"),
            ..ListQuery::default()
        };
        assert_eq!(names(conn, search)?, ["Alpha"]);
        Ok(())
    })
}

#[test]
fn a_deleted_group_is_restored_with_its_id() -> anyhow::Result<()> {
    on_both(|conn| {
        let id = (GROUP.save)(conn, None, &values("editors", &["a.view_a"]))?;
        let stored = GROUP.load(conn, id)?.expect("it is there");
        (GROUP.delete)(conn, &[id])?;

        (GROUP.restore)(conn, &[(id, &stored.values)])?;

        assert_eq!(GROUP.load(conn, id)?, Some(stored));
        assert!((GROUP.save)(conn, None, &values("next", &[]))? > id);
        Ok(())
    })
}
