//! Health checks.

use anyhow::Result;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use oc_core::DbConnection;
use oc_core::testing::TestDb;
use serde_json::json;

use crate::admin::Browser;
use crate::support::{TestSite, letting, pairs};

#[test]
fn healthz_returns_ok_and_the_version() -> Result<()> {
    let site = TestSite::start()?;

    let response = site.get("/healthz")?;

    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("etag"), None);
    let health = response.json()?;
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_ne!(health["revision"].as_str().unwrap_or_default(), "");

    Ok(())
}

#[test]
fn readyz_fails_if_the_database_is_deleted() -> Result<()> {
    for site in TestSite::on_each()? {
        let response = site.get("/readyz")?;

        assert_eq!(response.status, 200);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let mut checks = json!({ "database": "ok", "migrations": "ok", "tables": "ok" });
        if site.db().url().file().is_some() {
            checks["disk"] = "ok".into();
        }
        assert_eq!(
            response.json()?,
            json!({ "status": "ok", "checks": checks })
        );
        // objectstack-ai/objectstack#15374.
        if let Some(file) = site.db().url().file() {
            std::fs::remove_file(file)?;
            let response = site.get("/readyz")?;
            assert_eq!(response.json()?["checks"]["disk"], "missing");
            assert_eq!(response.status, 503);
        }
    }
    Ok(())
}

/// windmill-labs/windmill#9722, brettwooldridge/HikariCP#1556: a standby, or a server with a full disk.
#[test]
fn readyz_fails_on_a_read_only_server() -> Result<()> {
    for site in TestSite::on_postgres()? {
        letting(&mut site.database()?, "Lakeside flat")?;
        let mut boss = Browser::superuser(&site, "boss")?;
        boss.get("/admin/")?;
        let conn = &mut site.database()?;
        let set = |conn: &mut DbConnection, value: &str| {
            // Only new sessions have it.
            conn.batch_execute(&format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {value}', \
                 current_database()); END $$; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ))
        };
        set(conn, "on")?;

        let ready = site.get("/readyz")?;
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()?["checks"]["database"], "read-only");
        assert_eq!(site.get("/lettings/1/")?.status, 200);
        let form = boss.get("/admin/lettings/letting/1/change/")?;
        let saved = boss.post("/admin/lettings/letting/1/delete/", &[("post", "yes")])?;
        assert_eq!((form.status, saved.status), (200, 503));
        let reader = site.beside_with(&[("READ_ONLY", "true")])?;
        assert_eq!(reader.get("/readyz")?.json()?["checks"]["database"], "ok");

        set(conn, "off")?;
        assert_eq!(site.get("/readyz")?.status, 200);
    }
    Ok(())
}

#[test]
fn readyz_fails_if_a_column_is_missing_but_not_for_queued_mail() -> Result<()> {
    let settings = pairs("SMTP_URL=smtp://127.0.0.1:1&MAIL_FROM=site@example.org");
    let run = |site: &TestSite, statement: &str| -> Result<()> {
        diesel::sql_query(statement).execute(&mut site.database()?)?;
        Ok(())
    };
    for db in TestDb::each()? {
        let url = db.url().clone();
        let site = TestSite::on_with(db, &settings)?;
        run(
            &site,
            "INSERT INTO outgoing_mails (recipient, subject, body, created_at, attempts, next_attempt_at) \
             VALUES ('ada@example.org', '', '', '2026-11-29 00:00:00', 1, '9999-01-01 00:00:00')",
        )?;
        let delayed = site.get("/readyz")?;
        assert_eq!(delayed.status, 200, "{url}");
        assert_eq!(delayed.json()?["checks"]["mail"], "delayed");

        let site = site.beside()?;
        run(&site, "ALTER TABLE profiles DROP COLUMN show_email")?;
        let incomplete = site.get("/readyz")?;
        assert_eq!(incomplete.status, 503, "{url}");
        assert_eq!(incomplete.json()?["checks"]["tables"], "incomplete");
    }
    Ok(())
}

#[test]
fn readyz_fails_while_a_migration_is_pending() -> Result<()> {
    for site in TestSite::on_each()? {
        diesel::sql_query(
            "DELETE FROM __diesel_schema_migrations WHERE version = \
             (SELECT max(version) FROM __diesel_schema_migrations)",
        )
        .execute(&mut site.database()?)?;

        let response = site.get("/readyz")?;

        assert_eq!(response.status, 503);
        assert!(response.header("retry-after").is_some());
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let readiness = response.json()?;
        assert_eq!(readiness["status"], "failed");
        assert_eq!(readiness["checks"]["database"], "ok");
        assert_eq!(readiness["checks"]["migrations"], "pending");
        assert_eq!(site.get("/healthz")?.status, 200);
    }
    Ok(())
}

#[test]
fn readyz_fails_on_an_incompatible_newer_database() -> Result<()> {
    for site in TestSite::on_each()? {
        diesel::sql_query(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')",
        )
        .execute(&mut site.database()?)?;

        let response = site.get("/readyz")?;

        assert_eq!(response.status, 503);
        assert_eq!(response.json()?["checks"]["migrations"], "failed");

        // If the newer migration is marked as compatible, a release can be rolled back.
        diesel::sql_query(
            "INSERT INTO compatible_migrations (version, since) \
             SELECT '99991231000000', max(version) FROM __diesel_schema_migrations WHERE version < '9999'",
        )
        .execute(&mut site.database()?)?;

        let response = site.get("/readyz")?;

        assert_eq!(response.status, 200);
        assert_eq!(response.json()?["checks"]["migrations"], "ok");
    }
    Ok(())
}
