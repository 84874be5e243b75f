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

    let case =
        |name: &'static str, line: String, fields: &str, body: &str, statuses: &'static [u16]| {
            let head = format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {}",
                body.len()
            );
            (name, format!("{head}\r\n\r\n{body}"), statuses)
        };
    let get = |name, target: &str, fields: &str, statuses| {
        case(name, format!("GET {target}"), fields, "", statuses)
    };
    let post = |name, target: &str, fields: &str, body: &str, statuses| {
        case(name, format!("POST {target}"), fields, body, statuses)
    };
    let signed_in = format!("{form}{cookie}");
    let signed_in_parts = format!("{parts}{cookie}");

    for (name, bytes, statuses) in [
        post(
            "tiny fields at the login",
            "/admin/login/",
            form,
            &"a&".repeat(32_000),
            &[400],
        ),
        post(
            "tiny parts at the login",
            "/admin/login/",
            &parts,
            &some_parts,
            &[400],
        ),
        post(
            "tiny fields without a session",
            list,
            form,
            &"a&".repeat(4 << 20),
            &[302, 400, 403],
        ),
        post(
            "tiny fields",
            list,
            &signed_in,
            &"a&".repeat(4_000_000),
            &[400],
        ),
        post("tiny parts", list, &signed_in_parts, &many_parts, &[400]),
        post(
            "tiny parts of an import",
            &import,
            &signed_in_parts,
            &many_parts,
            &[400],
        ),
        post(
            "one huge field",
            list,
            &signed_in,
            &format!("{token}&a={}", "%41".repeat(2 << 20)),
            &[200, 303, 400],
        ),
        post(
            "many selected rows",
            list,
            &signed_in,
            &selected(990),
            &[200, 302, 303],
        ),
        post(
            "too many selected rows",
            list,
            &signed_in,
            &selected(100_000),
            &[400],
        ),
        get(
            "many cookies",
            "/admin/",
            &format!("Cookie: {}\r\n", "a=b; ".repeat(6_000)),
            &[302],
        ),
        get(
            "many sort columns",
            &format!("{list}?{}", query("o", "-1.2.")),
            &cookie,
            &[200, 302],
        ),
        get(
            "long search of staff",
            &format!("{list}?{}", query("q", "a+")),
            &cookie,
            &[200],
        ),
        get(
            "one long word",
            &format!("{list}?{}", query("q", "%25")),
            &cookie,
            &[200],
        ),
        get(
            "many filters",
            &format!("{list}?{}", query("q", "a&address__city__exact=b&q=")),
            &cookie,
            &[200, 302],
        ),
        get(
            "many choices",
            &format!("/admin/autocomplete/?{}", query("term", "a+")),
            &cookie,
            &[200, 400, 403, 404],
        ),
        get(
            "long search of visitors",
            &format!("/lettings/?{}", query("q", "a+")),
            "",
            &[200],
        ),
        get(
            "long search for wildcards",
            &format!("/lettings/?{}", query("q", "%25_")),
            "",
            &[200],
        ),
        get(
            "long page number",
            &format!("/lettings/?{}", query("page", "9")),
            "",
            &[200, 404],
        ),
        get("deep path", &"/a".repeat(4_000), "", &[404]),
        get(
            "many entity tags",
            "/",
            &format!("If-None-Match: {}\"z\"\r\n", "\"a\", ".repeat(6_000)),
            &[200, 304],
        ),
        get(
            "many encodings",
            "/",
            &format!("Accept-Encoding: {}br\r\n", "x;q=0.1,".repeat(3_500)),
            &[200],
        ),
        get(
            "many languages",
            "/",
            &format!("Accept-Language: {}en\r\n", "x;q=0.1,".repeat(3_500)),
            &[200],
        ),
        get(
            "many forwarding proxies",
            "/",
            &format!("X-Forwarded-For: {}::1\r\n", "127.0.0.1, ".repeat(2_700)),
            &[200],
        ),
        get(
            "many forwarded pairs",
            "/",
            &format!("Forwarded: {}for=x\r\n", "for=\"[::1]\",".repeat(2_300)),
            &[200],
        ),
    ] {
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
