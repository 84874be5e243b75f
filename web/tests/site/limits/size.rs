//! How much a client may send at once.

use anyhow::Result;

use super::{FORM, assert_refused, connect};
use crate::http::request;
use crate::support::TestSite;

#[test]
fn a_head_that_is_too_large_is_refused_before_it_ends() -> Result<()> {
    let site = TestSite::start()?;
    let long = "a".repeat(100_000);

    for (bytes, status, heading) in [
        (format!("GET /?q={long}"), 414, "Address too long"),
        ("\r\n".repeat(50_000), 431, "Request too large"),
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}"),
            431,
            "Request too large",
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}",
                "X: y\r\n".repeat(100)
            ),
            431,
            "Request too large",
        ),
    ] {
        let answer = connect(&site, bytes.as_bytes())?.answer(true)?;

        assert_refused(&answer, status, heading)?;
    }
    Ok(())
}

#[test]
fn a_body_that_is_too_large_is_refused() -> Result<()> {
    let site = TestSite::with(&[("MAX_BODY_SIZE", "2000")])?;
    let head = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";

    let told = connect(
        &site,
        format!("{head}Content-Length: 2001\r\n\r\n").as_bytes(),
    )?;
    let chunk = format!("7d1\r\n{}\r\n0\r\n\r\n", "a".repeat(2001));
    let found = connect(
        &site,
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes(),
    )?;
    // What is announced is not waited for.
    let announced = ["7d1\r\n", "fffffffffffffffffffff\r\n"].map(|chunk| {
        connect(
            &site,
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes(),
        )
    });
    let [announced, uncountable] = announced;
    let fits = "a".repeat(2000);
    let passed = connect(
        &site,
        format!("{head}Content-Length: 2000\r\n\r\n{fits}").as_bytes(),
    )?;

    for mut connection in [told, found, announced?, uncountable?] {
        assert_refused(&connection.answer(true)?, 413, "Too large")?;
    }
    // The form has no token; but it was read.
    assert_eq!({ passed }.answer(true)?.status, 403);
    Ok(())
}

#[test]
fn a_large_form_arrives_whole_however_slowly_it_is_cut() -> Result<()> {
    let site = TestSite::start()?;
    let body = format!("username=ada&password={}", "x".repeat(3 << 20));
    let head = format!(
        "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = connect(&site, head.as_bytes())?;

    for part in body.as_bytes().chunks(100_003) {
        connection.write(part)?;
    }

    // It has no token; what matters is that it was read to its end, and that the connection can go on.
    assert_eq!(connection.answer(true)?.status, 403);
    connection.write(&request("GET", "/healthz", &[]))?;
    assert_eq!(connection.answer(true)?.status, 200);
    Ok(())
}

#[test]
fn a_refusal_knows_how_it_was_asked_for() -> Result<()> {
    let site = TestSite::with(&[
        ("PUBLIC_URL", "http://homes.example"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("MAX_BODY_SIZE", "2000"),
    ])?;
    let https = "X-Forwarded-Proto: https\r\nTransfer-Encoding: chunked\r\n\r\n";
    let large = format!("7d1\r\n{}", "a".repeat(2001));

    for (chunks, status) in [("3 x\r\na=b", 400), (&*large, 413)] {
        let answer = connect(&site, format!("{FORM}{https}{chunks}").as_bytes())?.answer(true)?;
        assert_eq!(answer.status, status);
        assert!(
            answer.header("strict-transport-security").is_some(),
            "{status}"
        );
    }
    let long = "a".repeat(100_000);
    let https = "Host: localhost\r\nX-Forwarded-Proto: https\r\n\r\n";
    for (beginning, status) in [
        (format!("GET /{long} HTTP/1.1\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nX-Long: {long}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(100)), 431),
    ] {
        for (rest, is_https) in [(https, true), ("X-Forwarded-Proto: http\r\n\r\n", false)] {
            let answer = connect(&site, format!("{beginning}{rest}").as_bytes())?.answer(true)?;
            assert_eq!(answer.status, status);
            let told = answer.header("strict-transport-security");
            assert_eq!(told.is_some(), is_https, "{status}");
        }
    }
    let mut head = connect(&site, format!("\r\nHEAD /?q={long}").as_bytes())?;
    assert_eq!(head.answer(false)?.status, 414);
    assert_eq!(head.rest()?, b"");
    Ok(())
}
