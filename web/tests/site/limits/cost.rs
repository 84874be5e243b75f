//! Small requests that could be expensive: each gets a response in bounded time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use super::connect;
use crate::admin::Browser;
use crate::support::{TestSite, letting};

/// Far more than any of them takes, even in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(5);

const LIST: &str = "/admin/lettings/letting/";
const LOGIN: &str = "/admin/login/";
const USER: &str = "/admin/auth/user/add/";
const LETTING: &str = "/admin/lettings/letting/add/";

const FIELDS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=x";

/// A form of this size (bytes) with tiny parts.
fn parts(length: usize) -> String {
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    part.repeat(length / part.len()) + "--x--\r\n"
}

#[test]
fn small_requests_are_cheap() -> Result<()> {
    let site = TestSite::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")])?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let mut boss = Browser::superuser(&site, "boss")?;
    boss.get(LIST)?;
    let cookie = format!("Cookie: {}\r\n", boss.cookies());
    let (token, import) = (boss.token(), format!("{LIST}import/"));
    let selected = |count: usize| {
        let rows = "&_selected_action=9223372036854775807".repeat(count);
        format!("csrfmiddlewaretoken={token}&action=delete_selected{rows}")
    };
    let typed = |name: &str, part: &str| {
        let value = part.repeat((1 << 20) / part.len());
        format!("csrfmiddlewaretoken={token}&{name}={value}")
    };
    let huge = format!("csrfmiddlewaretoken={token}&a={}", "%41".repeat(2 << 20));

    for (target, kind, is_signed_in, body, statuses) in [
        (LOGIN, FIELDS, false, "a&".repeat(32_000), &[400][..]),
        (LOGIN, PARTS, false, parts(60_000), &[400]),
        (LIST, FIELDS, false, "a&".repeat(4 << 20), &[302, 400, 403]),
        (LIST, FIELDS, true, "a&".repeat(4_000_000), &[400]),
        (LIST, PARTS, true, parts(8 << 20), &[400]),
        (&import, PARTS, true, parts(8 << 20), &[400]),
        (LIST, FIELDS, true, huge, &[200, 303, 400]),
        (LIST, FIELDS, true, selected(990), &[200, 302, 303]),
        (LIST, FIELDS, true, selected(100_000), &[400]),
        // django/django: CVE-2025-27556 (normalisation), CVE-2024-41989 (huge exponents).
        (
            USER,
            FIELDS,
            true,
            typed("username", "%EF%B7%BA%CC%95"),
            &[422],
        ),
        (LETTING, FIELDS, true, typed("bathrooms", "1e9"), &[422]),
    ] {
        let session = if is_signed_in { &*cookie } else { "" };
        let fields = format!("Content-Type: {kind}\r\n{session}");
        assert_cheap(&site, &format!("POST {target}"), &fields, &body, statuses)?;
    }
    for (target, name, part, statuses) in [
        (LIST, "o", "-1.2.", &[200, 302][..]),
        (LIST, "q", "a+", &[200]),
        (LIST, "q", "%25", &[200]),
        (LIST, "q", "a&address__city__exact=b&q=", &[200, 302]),
        ("/admin/autocomplete/", "term", "a+", &[200, 400, 403, 404]),
        ("/lettings/", "q", "a+", &[200]),
        ("/lettings/", "q", "%25_", &[200]),
        ("/lettings/", "city", "%F0%9F%8F%96", &[200]),
        ("/lettings/", "x", "&q=a", &[200]),
        ("/lettings/", "page", "9", &[200, 404]),
    ] {
        let query = part.repeat(8_000 / part.len());
        let line = format!("GET {target}?{name}={query}");
        assert_cheap(&site, &line, &cookie, "", statuses)?;
    }
    for (name, part, count, end, statuses) in [
        ("If-None-Match", "\"a\", ", 6_000, "\"z\"", &[200, 304][..]),
        ("Accept-Encoding", "x;q=0.1,", 3_500, "br", &[200]),
        // apache/skywalking-banyandb#209, akka/akka-http#3924, parse-community/parse-server#10463.
        ("Accept-Language", "x;q=0.1,", 3_500, "en", &[200]),
        ("User-Agent", "(", 30_000, "", &[200]),
        ("User-Agent", "1.", 15_000, "x", &[200]),
        ("X-Forwarded-For", "127.0.0.1, ", 2_700, "::1", &[200]),
        ("Forwarded", "for=\"[::1]\",", 2_300, "for=x", &[200]),
    ] {
        let field = format!("{name}: {}{end}\r\n", part.repeat(count));
        assert_cheap(&site, "GET /", &field, "", statuses)?;
    }
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(6_000));
    assert_cheap(&site, "GET /admin/", &cookies, "", &[302])?;
    let deep = "GET ".to_owned() + &"/a".repeat(4_000);
    assert_cheap(&site, &deep, "", "", &[404])?;
    // hackclub/hcb#14386, toddsundsted/ktistec#50, phpbb/phpbb#6383: an anonymous request stores nothing.
    assert_cheap(&site, "GET /admin/login/", "", "", &[200])?;
    let sessions = diesel::dsl::sql::<BigInt>("SELECT count(*) FROM sessions");
    assert_eq!(sessions.get_result(&mut site.database()?), Ok(1));
    Ok(())
}

/// Asserts that a request quickly gets one of these statuses.
fn assert_cheap(
    site: &TestSite,
    line: &str,
    fields: &str,
    body: &str,
    statuses: &[u16],
) -> Result<()> {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n");
    let name = format!("{line:.60} {fields:.60} {body:.60}");
    let began = Instant::now();

    let response = connect(site, (head + body).as_bytes())?.response(true);

    let (status, took) = (response.context(name.clone())?.status, began.elapsed());
    assert!(statuses.contains(&status), "{name}: {status}");
    assert!(took < LONGEST, "{name} took {took:?}");
    Ok(())
}
