//! Fuzzing: malformed requests never get a 5xx.

use anyhow::{Context, Result};
use fastrand::Rng;

use crate::http::Connection;
use crate::support::{TestSite, letting};

/// One of these words.
pub(crate) fn word(random: &mut Rng, words: &'static str) -> &'static str {
    let words: Vec<&str> = words.split_whitespace().collect();
    words[random.usize(..words.len())]
}

const METHODS: &str = "GET GET GET HEAD POST DELETE OPTIONS TRACE";

/// Parts of paths: known ones, broken ones, and what scanners try.
const PATH_PARTS: &str = r"/ / / lettings profiles feed 1 0 -1 01 static admin healthz sitemap-lettings-1.xml robots.txt favicon.ico
    .. . %2e%2e %2F %5C \ %00 % %zz %FF %C3%A9 %F0%9F%8F%96 + * ; @ {} | ' 9223372036854775808 wp-login.php .git ? &";

const QUERY_PARTS: &str = r"q= city= state= sort= page= & & = % %00 %FF %27 + 1 -title a \ _ %25 ?";

/// A request target that the HTTP parser accepts.
fn malformed_target(random: &mut Rng) -> String {
    let mut target = String::from("/");
    for _ in 0..random.usize(..7) {
        target.push_str(word(random, PATH_PARTS));
    }
    if random.usize(..2) == 0 {
        target.push('?');
        for _ in 0..random.usize(..9) {
            target.push_str(word(random, QUERY_PARTS));
        }
    }
    target
}

/// Sends `count` malformed requests over each of several connections, and checks the status of every response.
fn send_malformed(site: &TestSite, connections: usize, count: usize) -> Result<()> {
    let mut random = Rng::with_seed(0x6f63_6c65_7474_696e);
    for _ in 0..connections {
        let mut connection = Connection::open(site.address())?;
        for _ in 0..count {
            let (method, target) = (word(&mut random, METHODS), malformed_target(&mut random));
            let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            connection.write(request.as_bytes())?;
            let response = connection
                .response(method != "HEAD")
                .with_context(|| format!("{method} {target}"))?;
            let status = response.status;
            assert!(status < 500, "{status} to {method} {target}");
        }
    }
    Ok(())
}

#[test]
fn every_malformed_request_gets_a_response() -> Result<()> {
    for site in TestSite::on_each()? {
        letting(&mut site.database()?, "Lakeside flat")?;

        send_malformed(&site, 10, 200)?;

        assert_eq!(site.get("/lettings/1/")?.status, 200);
    }
    Ok(())
}

#[test]
fn random_bytes_never_cause_a_server_error() -> Result<()> {
    let site = TestSite::start()?;
    let mut random = Rng::with_seed(0x6c65_7474_696e_6773);

    for round in 0..6_000 {
        let mut bytes: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
        // Half of them start like a request, so that they get past the parser.
        if round % 2 == 0 {
            let start = format!("GET /{}", word(&mut random, PATH_PARTS));
            bytes.splice(..0, start.into_bytes());
            bytes.extend(b" HTTP/1.1\r\nHost: localhost\r\n");
        }
        bytes.extend(b"\r\n\r\n");
        let mut connection = Connection::open(site.address())?;
        connection.write(&bytes)?;

        let response = connection.finish()?;

        let status = response.get(9..10).unwrap_or_default();
        assert_ne!(status, b"5", "round {round}: {}", bytes.escape_ascii());
    }
    assert_eq!(site.get("/")?.status, 200);
    Ok(())
}
