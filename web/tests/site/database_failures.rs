//! Failures of the database.

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, DbConnection, open};

use crate::headers::assert_security_headers;
use crate::support::{TestSite, assert_contains_none, letting};

#[test]
fn a_server_error_reveals_nothing_internal() -> Result<()> {
    for site in TestSite::on_each()? {
        let conn = &mut site.database()?;
        conn.batch_execute("ALTER TABLE lettings RENAME TO a; ALTER TABLE profiles RENAME TO b")?;

        for target in "/ /lettings/ /lettings/1/ /profiles/ /profiles/x/".split(' ') {
            let response = site.get(target)?;

            assert_eq!(response.status, 500, "{target}");
            assert_security_headers(&response, target);
            assert_eq!(response.header("cache-control"), Some("no-store"));
            let page = response.html()?;
            assert_eq!(page.texts("h1"), ["Something went wrong"]);
            assert!(!page.text().contains("notified"));
            assert!(page.has_link("Home", "/"));
            assert_contains_none(
                &page.text(),
                "table | relation | SQL | diesel | panic | .rs",
            );
        }
        for target in ["/lettings/feed/", "/sitemap.xml", "/sitemap-lettings-1.xml"] {
            assert_eq!(site.get(target)?.status, 500, "{target}");
        }
        assert_eq!(site.get("/healthz")?.status, 200);
        assert_eq!(site.get("/robots.txt")?.status, 200);
    }
    Ok(())
}

#[test]
fn the_site_recovers_after_a_database_outage() -> Result<()> {
    for site in TestSite::on_postgres()? {
        letting(&mut site.database()?, "Lakeside flat")?;
        assert_eq!(site.get("/lettings/1/")?.status, 200);

        let server = Server::for_test_db(site.db())?;
        server.shut()?;
        let page = site.get("/lettings/1/")?;
        let ready = site.get("/readyz")?;
        let alive = site.get("/healthz")?;
        server.open()?;
        let after = site.get("/lettings/1/")?;

        assert_eq!(page.status, 503);
        assert!(page.header("retry-after").is_some());
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.header("content-security-policy").is_some());
        assert_eq!(page.html()?.texts("h1"), ["Temporarily unavailable"]);
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()?["checks"]["database"], "failed");
        assert_eq!(alive.status, 200);
        assert_eq!(after.status, 200);
    }
    Ok(())
}

#[test]
fn a_broken_idle_connection_is_replaced() -> Result<()> {
    for site in TestSite::on_postgres()? {
        letting(&mut site.database()?, "Lakeside flat")?;
        assert_eq!(site.get("/lettings/")?.status, 200);

        Server::for_test_db(site.db())?.end_connections()?;

        assert_eq!(site.get("/lettings/")?.status, 200);
    }
    Ok(())
}

/// The server of a test database, and the name of the database.
pub(crate) struct Server {
    admin: DatabaseUrl,
    name: String,
}

impl Server {
    pub(crate) fn for_test_db(db: &TestDb) -> Result<Self> {
        let DatabaseUrl::Postgres(url) = db.url() else {
            anyhow::bail!("{} is no server", db.url());
        };
        let (path, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (server, name) = path.rsplit_once('/').context("no database is named")?;
        Ok(Self {
            admin: format!("{server}/postgres?{parameters}").parse()?,
            name: name.to_owned(),
        })
    }

    /// Rejects new connections and ends open ones.
    pub(crate) fn shut(&self) -> Result<()> {
        let name = &self.name;
        self.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))?;
        self.end_connections()
    }

    pub(crate) fn open(&self) -> Result<()> {
        let name = &self.name;
        self.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    }

    fn end_connections(&self) -> Result<()> {
        let name = &self.name;
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
    }

    fn execute(&self, statement: &str) -> Result<()> {
        let mut conn: DbConnection = open(&self.admin)?;
        Ok(conn.batch_execute(statement)?)
    }
}
