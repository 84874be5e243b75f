//! Size limits of requests.

use anyhow::{Context, Result};

use super::{FORM, assert_rejected, connect};
use crate::http::request;
use crate::support::{TestSite, pairs};

#[test]
fn too_large_request_is_rejected_with_a_page() -> Result<()> {
    let site = TestSite::with(&pairs(
        "PUBLIC_URL=http://homes.example&TRUSTED_PROXIES=127.0.0.0/8",
    ))?;
    let long = |length: usize| "a".repeat(length);
    let get =
        |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{more}");
    let post = |target: &str, length: usize| {
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n")
    };
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(8_000));
    let fields = format!("X-Many: {}\r\n", long(400)).repeat(90);
    let chunk = format!("10001\r\n{}\r\n0\r\n\r\n", long(65_537));

    for (head, body, status) in [
        (get(&format!("/?q={}", long(9_000)), ""), "", 414),
        (get(&format!("/lettings/?q={}", long(60_000)), ""), "", 414),
        (get("/", &format!("X-Long: {}\r\n", long(33_000))), "", 431),
        (get("/", &cookies), "", 431),
        (get("/", &fields), "", 431),
        (post("/", 65_537), "", 413),
        (post("/admin/login/", 65_537), "", 413),
        (post("/admin/lettings/letting/import/", 8_388_609), "", 413),
        (
            format!("{FORM}Transfer-Encoding: chunked\r\n"),
            &*chunk,
            413,
        ),
    ] {
        let bytes = format!("{head}X-Forwarded-Proto: https\r\n\r\n{body}");
        let name = &head[..head.len().min(60)];

        let response = connect(&site, bytes.as_bytes())?
            .response(true)
            .context(name.to_owned())?;

        assert_rejected(&response, status).context(name.to_owned())?;
        assert!(
            response.header("strict-transport-security").is_some(),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn head_too_large_for_the_parser_is_rejected() -> Result<()> {
    let site = TestSite::start()?;
    let long = "a".repeat(140_000);

    let rest = "HTTP/1.1\r\nHost: localhost\r\n";
    for (bytes, status) in [
        (format!("GET /?q={long}"), 431),
        (format!("GET /?q={} {rest}\r\n", &long[..70_000]), 400),
        (format!("GET / {rest}X-Long: {long}"), 431),
        (format!("GET / {rest}{}\r\n", "X: y\r\n".repeat(100)), 431),
    ] {
        let response = connect(&site, bytes.as_bytes())?.response(true)?;

        assert_eq!(response.status, status, "{}", &bytes[..20]);
    }
    Ok(())
}

#[test]
fn body_within_the_limit_of_its_path_is_read() -> Result<()> {
    let site = TestSite::start()?;

    for (target, length) in [
        ("/admin/login/", 65_536),
        ("/admin/lettings/letting/add/", 3 << 20),
        ("/admin/lettings/letting/import/", 8 << 20),
    ] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut connection = connect(&site, head.as_bytes())?;
        for part in "x".repeat(length).as_bytes().chunks(100_003) {
            connection.write(part)?;
        }

        // Without a session it is rejected for another reason; the connection stays open.
        let status = connection.response(true)?.status;
        assert!(matches!(status, 302 | 403), "{target}: {status}");
        connection.write(&request("GET", "/healthz", &[]))?;
        assert_eq!(connection.response(true)?.status, 200, "{target}");
    }
    Ok(())
}
