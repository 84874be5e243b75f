//! Small requests that could cost a lot: each is answered in a bounded time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::connect;
use crate::admin::Browser;
use crate::support::{TestSite, letting};

/// Far more than any of them takes, also in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(5);

/// Header fields and body of a form with that many bytes of tiny parts.
fn multipart(length: usize) -> (String, String) {
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let body = part.repeat(length / part.len()) + "--x--\r\n";
    let head = "Content-Type: multipart/form-data; boundary=x\r\n".to_owned();
    (head, body)
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn small_requests_cost_little() -> Result<()> {
    let site = TestSite::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")])?;
    letting(&mut site.database()?, "Lakeside flat")?;
    let mut boss = Browser::superuser(&site, "boss")?;
    boss.get("/admin/lettings/letting/")?;
    let cookie = format!("Cookie: {}\r\n", boss.cookies());
    let token = format!("csrfmiddlewaretoken={}", boss.token());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let list = "/admin/lettings/letting/";
    let import = format!("{list}import/");
    let selected = |count: usize| {
        let rows = "&_selected_action=9223372036854775807".repeat(count);
        format!("{token}&action=delete_selected{rows}")
    };
    let query = |name: &str, part: &str| format!("{name}={}", part.repeat(8_000 / part.len()));
    let (parts, many_parts) = multipart(8 << 20);
    let (_, some_parts) = multipart(60_000);

    for (name, method, target, fields, body, statuses) in [
        (
            "tiny fields at the login",
            "POST",
            "/admin/login/",
            form.to_owned(),
            "a&".repeat(32_000),
            &[400][..],
        ),
        (
            "tiny parts at the login",
            "POST",
            "/admin/login/",
            parts.clone(),
            some_parts,
            &[400],
        ),
        (
            "tiny fields without a session",
            "POST",
            list,
            form.to_owned(),
            "a&".repeat(4 << 20),
            &[302, 400, 403],
        ),
        (
            "tiny fields",
            "POST",
            list,
            format!("{form}{cookie}"),
            "a&".repeat(4_000_000),
            &[400],
        ),
        (
            "tiny parts",
            "POST",
            list,
            format!("{parts}{cookie}"),
            many_parts.clone(),
            &[400],
        ),
        (
            "tiny parts of an import",
            "POST",
            &import,
            format!("{parts}{cookie}"),
            many_parts,
            &[400],
        ),
        (
            "one huge field",
            "POST",
            list,
            format!("{form}{cookie}"),
            format!("{token}&a={}", "%41".repeat(2 << 20)),
            &[200, 303, 400],
        ),
        (
            "many selected rows",
            "POST",
            list,
            format!("{form}{cookie}"),
            selected(990),
            &[200, 302, 303],
        ),
        (
            "too many selected rows",
            "POST",
            list,
            format!("{form}{cookie}"),
            selected(100_000),
            &[400],
        ),
        (
            "many cookies",
            "GET",
            "/admin/",
            format!("Cookie: {}\r\n", "a=b; ".repeat(6_000)),
            String::new(),
            &[302],
        ),
        (
            "many sort columns",
            "GET",
            &format!("{list}?{}", query("o", "-1.2.")),
            cookie.clone(),
            String::new(),
            &[200, 302],
        ),
        (
            "long search of staff",
            "GET",
            &format!("{list}?{}", query("q", "a+")),
            cookie.clone(),
            String::new(),
            &[200],
        ),
        (
            "one long word",
            "GET",
            &format!("{list}?{}", query("q", "%25")),
            cookie.clone(),
            String::new(),
            &[200],
        ),
        (
            "many filters",
            "GET",
            &format!("{list}?{}", query("q", "a&address__city__exact=b&q=")),
            cookie.clone(),
            String::new(),
            &[200, 302],
        ),
        (
            "many choices",
            "GET",
            &format!("/admin/autocomplete/?{}", query("term", "a+")),
            cookie.clone(),
            String::new(),
            &[200, 400, 403, 404],
        ),
        (
            "long search of visitors",
            "GET",
            &format!("/lettings/?{}", query("q", "a+")),
            String::new(),
            String::new(),
            &[200],
        ),
        (
            "long search for wildcards",
            "GET",
            &format!("/lettings/?{}", query("q", "%25_")),
            String::new(),
            String::new(),
            &[200],
        ),
        (
            "long page number",
            "GET",
            &format!("/lettings/?{}", query("page", "9")),
            String::new(),
            String::new(),
            &[200, 404],
        ),
        (
            "deep path",
            "GET",
            &"/a".repeat(4_000),
            String::new(),
            String::new(),
            &[404],
        ),
        (
            "many entity tags",
            "GET",
            "/",
            format!("If-None-Match: {}\"z\"\r\n", "\"a\", ".repeat(6_000)),
            String::new(),
            &[200, 304],
        ),
        (
            "many encodings",
            "GET",
            "/",
            format!("Accept-Encoding: {}br\r\n", "x;q=0.1,".repeat(3_500)),
            String::new(),
            &[200],
        ),
        (
            "many languages",
            "GET",
            "/",
            format!("Accept-Language: {}en\r\n", "x;q=0.1,".repeat(3_500)),
            String::new(),
            &[200],
        ),
        (
            "many forwarding proxies",
            "GET",
            "/",
            format!("X-Forwarded-For: {}::1\r\n", "127.0.0.1, ".repeat(2_700)),
            String::new(),
            &[200],
        ),
        (
            "many forwarded pairs",
            "GET",
            "/",
            format!("Forwarded: {}for=x\r\n", "for=\"[::1]\",".repeat(2_300)),
            String::new(),
            &[200],
        ),
    ] {
        let bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();

        let answer = connect(&site, bytes.as_bytes())?
            .answer(true)
            .context(name)?;

        let took = began.elapsed();
        assert!(
            statuses.contains(&answer.status),
            "{name}: {}",
            answer.status
        );
        assert!(took < LONGEST, "{name} took {took:?}");
    }
    Ok(())
}
