//! The real site on its own database, and fixtures.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use accounts::{User, UserDraft};
use anyhow::{Context, Result};
use diesel::QueryResult;
use lettings::AddressDraft;
pub(crate) use lettings::testing::address_draft as address;
use lettings::testing::{insert_address, insert_letting, letting_draft};
use oc_core::testing::TestDb;
use oc_core::{DbConnection, Pool};
use oc_http::server::CancellationToken;
use profiles::ProfileDraft;
use web::config::Config;

use crate::html::Html;
use crate::http::{Connection, Response, request};

/// Settings that differ from the defaults of development.
const SETTINGS: [(&str, &str); 5] = [
    ("PORT", "0"),
    ("WORKERS", "2"),
    ("DATABASE_POOL_SIZE", "2"),
    // Tests write rows over their own connections, which a cache notices a moment later.
    ("PAGE_CACHE_SIZE", "0"),
    ("PUBLIC_URL", "https://homes.example"),
];

pub(crate) struct TestSite {
    db: Arc<TestDb>,
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl TestSite {
    pub(crate) fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// A site whose first letting is “Pier House”.
    pub(crate) fn with_letting() -> Result<Self> {
        let site = Self::start()?;
        letting(&mut site.database()?, "Pier House")?;
        Ok(site)
    }

    /// A site with the letting “Lakeside flat” and the profile `AirWow`.
    pub(crate) fn with_letting_and_profile() -> Result<Self> {
        let site = Self::start()?;
        let conn = &mut site.database()?;
        letting(conn, "Lakeside flat")?;
        profile(conn, "AirWow")?;
        Ok(site)
    }

    pub(crate) fn with(settings: &[(&str, &str)]) -> Result<Self> {
        Self::run(Arc::new(TestDb::sqlite()?), settings)
    }

    pub(crate) fn on(db: TestDb) -> Result<Self> {
        Self::run(Arc::new(db), &[])
    }

    pub(crate) fn on_with(db: TestDb, settings: &[(&str, &str)]) -> Result<Self> {
        Self::run(Arc::new(db), settings)
    }

    /// A second node on the same database.
    pub(crate) fn beside(&self) -> Result<Self> {
        self.beside_with(&[])
    }

    pub(crate) fn beside_with(&self, settings: &[(&str, &str)]) -> Result<Self> {
        Self::run(Arc::clone(&self.db), settings)
    }

    /// An empty site on each available database.
    pub(crate) fn on_each() -> Result<Vec<Self>> {
        TestDb::each()?.into_iter().map(Self::on).collect()
    }

    /// An empty site on PostgreSQL, if it is available.
    pub(crate) fn on_postgres() -> Result<Vec<Self>> {
        TestDb::postgres()?.into_iter().map(Self::on).collect()
    }

    fn run(db: Arc<TestDb>, settings: &[(&str, &str)]) -> Result<Self> {
        let given = settings.iter().chain(&SETTINGS);
        let mut config = Config::from_lookup(&|name| {
            let mut given = given.clone();
            let (_, value) = given.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })?;
        if config.database_direct_url.is_none() {
            config.database_url = db.url().clone();
        }
        let pool = config.pool()?;

        let (sender, receiver) = mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::spawn(move || serve(&config, pool, &stopped, &sender));
        let address = receiver.recv().context("the site did not start")??;
        Ok(Self {
            db,
            address,
            stop,
            thread: Some(thread),
        })
    }

    pub(crate) fn db(&self) -> &TestDb {
        &self.db
    }

    pub(crate) fn database(&self) -> Result<DbConnection> {
        self.db.connect()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn get(&self, target: &str) -> Result<Response> {
        self.send("GET", target, &[])
    }

    pub(crate) fn page(&self, target: &str) -> Result<Html> {
        self.get(target)?.html()
    }

    /// The paths of the pages in the sitemap.
    pub(crate) fn public_pages(&self) -> Result<Vec<String>> {
        let urls = self.get("/sitemap.xml")?.xml_texts("loc")?;
        let path = |url: &String| -> Result<String> {
            let path = url.strip_prefix("https://homes.example");
            Ok(path.context("a URL of another host")?.to_owned())
        };
        urls.iter().map(path).collect()
    }

    pub(crate) fn page_text(&self, target: &str) -> Result<String> {
        self.get(target)?.page_text()
    }

    /// The response to a request with these headers; Host is `localhost` unless they have one.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response> {
        let mut connection = Connection::open(self.address)?;
        connection.write(&request(method, target, headers))?;
        connection
            .response(method != "HEAD")
            .with_context(|| format!("{method} {target} on {}", self.db.url()))
    }
}

fn serve(
    config: &Config,
    pool: Pool,
    stop: &CancellationToken,
    sender: &mpsc::Sender<Result<SocketAddr>>,
) {
    let outcome = actix_web::rt::System::new().block_on(async {
        match web::server::start(config, pool, false, CancellationToken::new()) {
            Ok(server) => {
                sender.send(Ok(server.address)).ok();
                let ended = stop.run_until_cancelled(server.run()).await;
                ended.unwrap_or(Ok(()))
            }
            Err(error) => {
                sender.send(Err(error)).ok();
                Ok(())
            }
        }
    });
    if let Err(error) = outcome {
        eprintln!("the site ended with {error}");
    }
}

impl Drop for TestSite {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Inserts a letting with this title in Gull Lane, Dana Point; returns its id.
pub(crate) fn letting(conn: &mut DbConnection, title: &str) -> QueryResult<i64> {
    letting_at(conn, title, &address())
}

/// Inserts a letting with this title in this city; returns its id.
pub(crate) fn letting_in(conn: &mut DbConnection, title: &str, city: &str) -> QueryResult<i64> {
    let draft = AddressDraft {
        city: city.to_owned(),
        ..address()
    };
    letting_at(conn, title, &draft)
}

/// Inserts a letting with this title at this address; returns its id.
pub(crate) fn letting_at(
    conn: &mut DbConnection,
    title: &str,
    address: &AddressDraft,
) -> QueryResult<i64> {
    let address_id = insert_address(conn, address)?;
    insert_letting(conn, &letting_draft(title, address_id))
}

/// Inserts a profile of Ada Paul with the favorite city Dana Point and a hidden email address.
pub(crate) fn profile(conn: &mut DbConnection, username: &str) -> QueryResult<i64> {
    let draft = ProfileDraft {
        favorite_city: "Dana Point".to_owned(),
        ..ProfileDraft::default()
    };
    let user = UserDraft {
        username: username.to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Paul".to_owned(),
        email: "ada@example.org".to_owned(),
    };
    profile_of(conn, &user, &draft)
}

/// Inserts a profile of this new user; returns its id.
pub(crate) fn profile_of(
    conn: &mut DbConnection,
    user: &UserDraft,
    profile: &ProfileDraft,
) -> QueryResult<i64> {
    let user_id = User::insert(conn, &user.check().expect("the user keeps the rules"))?;
    let draft = ProfileDraft {
        user_id,
        ..profile.clone()
    };
    let profile = draft.check().expect("the profile keeps the rules");
    profile.insert(conn)
}

/// Names and values of a text such as `title=Pier House&address=1`.
pub(crate) fn pairs(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.split('&').map(|pair| pair.split_once('='));
    pairs.map(|pair| pair.expect("NAME=VALUE")).collect()
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, words: &str) {
    assert!(text.contains(words), "no {words:?} in {text}");
}

/// Asserts that a text contains all of these words, separated by `|`.
#[track_caller]
pub(crate) fn assert_contains_all(text: &str, all: &str) {
    for words in all.split(" | ") {
        assert_contains(text, words);
    }
}

/// Asserts that a text contains none of these words, separated by `|`.
#[track_caller]
pub(crate) fn assert_contains_none(text: &str, none: &str) {
    for words in none.split('|').map(str::trim) {
        assert!(!text.contains(words), "{words:?} in {text}");
    }
}

#[track_caller]
pub(crate) fn assert_header(response: &Response, name: &str, value: &str) {
    assert_eq!(response.header(name), Some(value), "{name}");
}

#[track_caller]
pub(crate) fn assert_redirect(response: &Response, status: u16, location: &str) {
    let found = (response.status, response.header("location"));
    assert_eq!(found, (status, Some(location)));
}
