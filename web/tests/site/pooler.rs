//! The site behind a real PgBouncer in transaction mode.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, keeps_sessions};
use tempfile::TempDir;

use crate::admin::Browser;
use crate::support::{TestSite, letting};

/// PgBouncer in front of a test database, with fewer connections than the site has.
struct PgBouncer {
    process: Child,
    url: DatabaseUrl,
    folder: TempDir,
}

impl PgBouncer {
    /// `None`, with a message, if it or PostgreSQL is not installed.
    #[expect(clippy::disallowed_methods, reason = "CI must not skip the test")]
    fn start(db: &TestDb) -> Result<Option<Self>> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .find(|path| fs::exists(path).unwrap_or(false));
        let Some(program) = program else {
            ensure!(
                std::env::var_os("CI").is_none(),
                "pgbouncer is not installed"
            );
            eprintln!("not tested: pgbouncer is not installed");
            return Ok(None);
        };
        let conn = &mut db.connect()?;
        let mut ask = |query: &str| sql::<Text>(query).get_result::<String>(conn);
        let host = ask(
            "SELECT coalesce(host(inet_server_addr()), split_part(current_setting('unix_socket_directories'), ',', 1))",
        )?;
        let port = ask("SELECT current_setting('port')")?;
        let (user, name) = (
            ask("SELECT current_user::text")?,
            ask("SELECT current_database()::text")?,
        );

        let folder = tempfile::tempdir()?;
        let directory = folder.path().display();
        // It doesn't run as root.
        let is_root = fs::metadata("/proc/self")?.uid() == 0;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
        let settings = folder.path().join("pgbouncer.ini");
        fs::write(
            &settings,
            format!(
                "[databases]\n{name} = host={host} port={port} user={user}{password}\n\
                 [pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {directory}\n\
                 auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n",
                password = password(db.url()).map_or(String::new(), |it| format!(" password={it}")),
            ),
        )?;
        let mut command = Command::new(program);
        if is_root {
            command.args(["-u", "nobody"]);
        }
        let process = command
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let url = format!(
            "postgres://{user}@{}:6432/{name}",
            directory.to_string().replace('/', "%2F")
        );
        let mut pooler = Self {
            process,
            url: url.parse()?,
            folder,
        };
        let end = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(pooler.folder.path().join(".s.PGSQL.6432")).is_err() {
            if pooler.process.try_wait()?.is_some() || Instant::now() > end {
                bail!("pgbouncer did not start");
            }
            thread::yield_now();
        }
        Ok(Some(pooler))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("could not stop pgbouncer: {error}");
        }
    }
}

/// The password in the URL of a test server.
fn password(url: &DatabaseUrl) -> Option<String> {
    let DatabaseUrl::Postgres(url) = url else {
        return None;
    };
    let (user, _) = url.split_once("://")?.1.split_once('@')?;
    Some(user.split_once(':')?.1.to_owned())
}

fn text(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Postgres(url) => url.clone(),
        DatabaseUrl::Sqlite(_) => url.to_string(),
    }
}

#[test]
fn the_site_works_through_a_pooler_in_transaction_mode() -> Result<()> {
    let Some(db) = TestDb::postgres()? else {
        return Ok(());
    };
    let Some(pooler) = PgBouncer::start(&db)? else {
        return Ok(());
    };
    let direct = db.url().clone();
    assert!(keeps_sessions(&direct)?);
    assert!(!keeps_sessions(&pooler.url)?);

    letting(&mut db.connect()?, "Pier House")?;
    let settings = [
        ("DATABASE_URL", &*text(&pooler.url)),
        ("DATABASE_DIRECT_URL", &text(&direct)),
        ("DATABASE_POOL_SIZE", "6"),
        ("WORKERS", "4"),
    ];
    let site = &TestSite::on_with(db, &settings)?;
    thread::scope(|scope| {
        let visitor = |_| {
            scope.spawn(move || {
                let targets = "/ /lettings/ /lettings/?q=pier /lettings/1/ /profiles/ /readyz";
                for target in targets.split(' ') {
                    for _ in 0..4 {
                        assert_eq!(site.get(target)?.status, 200, "{target}");
                    }
                }
                Ok::<_, anyhow::Error>(())
            })
        };
        let visitors: Vec<_> = (0..6).map(visitor).collect();
        let mut staff = Browser::superuser(site, "root")?;
        for title in ["Gull House", "Crow House"] {
            let response = staff.fill(
                "/admin/lettings/letting/1/change/",
                &[("title", title), ("address", "1"), ("_save", "Save")],
            )?;
            assert_eq!(response.status, 303, "{title}");
            assert!(site.page_text("/lettings/1/")?.contains(title));
        }
        for visitor in visitors {
            visitor.join().ok().context("a visitor failed")??;
        }
        Ok(())
    })
}
