//! A database that somebody else holds: what can be read is read, and nobody hangs.

use anyhow::Result;
use diesel::connection::SimpleConnection;

use crate::admin::{ADDRESS_FORM, Browser, with};
use crate::support::{TestSite, assert_contains_all, letting};

#[test]
fn while_saves_wait_pages_are_served_and_a_refused_change_comes_back_as_it_was_typed() -> Result<()>
{
    for site in TestSite::on_each()? {
        let mut holder = site.database()?;
        letting(&mut holder, "Lakeside flat")?;
        let mut boss = Browser::superuser(&site, "boss")?;
        let target = "/admin/lettings/address/1/change/";
        let version = boss.version(target)?;
        let changed = [
            ("street", "Heron Way"),
            ("_version", &version),
            ("_save", "1"),
        ];
        let fields = with(&ADDRESS_FORM, &changed);

        holder.batch_execute("BEGIN; UPDATE addresses SET city = city")?;
        for target in ["/", "/lettings/1/", "/readyz", "/admin/lettings/letting/"] {
            assert_eq!(boss.get(target)?.status, 200, "{target}");
        }
        let refused = boss.post(target, &fields)?;
        holder.batch_execute("ROLLBACK")?;
        let page = refused.text()?;
        let saved = boss.post(target, &fields)?;

        assert_eq!(refused.status, 503, "{page}");
        assert!(refused.header("retry-after").is_some());
        let words = "Your changes have not been saved | value=\"Heron Way\"";
        assert_contains_all(&page, &format!("{words} | {version}"));
        assert_eq!(saved.status, 303, "{}", saved.text()?);
    }
    Ok(())
}

#[test]
fn a_table_that_somebody_locked_is_waited_for_only_so_long() -> Result<()> {
    for site in TestSite::on_postgres()? {
        let mut holder = site.database()?;
        letting(&mut holder, "Lakeside flat")?;

        holder.batch_execute("BEGIN; LOCK TABLE lettings IN ACCESS EXCLUSIVE MODE")?;
        let refused = site.get("/lettings/1/")?;
        let (others, ready) = (site.get("/profiles/")?, site.get("/readyz")?);
        holder.batch_execute("ROLLBACK")?;
        let after = site.get("/lettings/1/")?;

        assert_eq!(refused.status, 503);
        assert!(refused.header("retry-after").is_some());
        assert_eq!(refused.html()?.texts("h1"), ["Temporarily unavailable"]);
        assert_eq!((others.status, ready.status, after.status), (200, 200, 200));
    }
    Ok(())
}
