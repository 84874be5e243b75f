//! Reports to Sentry, as a server receives them.

use super::fake_sentry::{Behavior, Sentry};
use super::program::{Program, Serving, setting};
use crate::admin::{Browser, PASSWORD, superuser};
use crate::http::request;
use crate::support::{assert_contains, assert_contains_none, letting, pairs};
use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;
use serde_json::Value;

pub(super) fn serve(db: &TestDb, sentry: &Sentry, settings: &[(&str, &str)]) -> Result<Serving> {
    let (url, dsn) = (setting(db), sentry.dsn());
    let given = [
        ("DATABASE_URL", url.as_str()),
        ("SENTRY_DSN", dsn.as_str()),
        ("SENTRY_ENVIRONMENT", "harbor"),
        ("SENTRY_RELEASE", "r7"),
    ];
    let settings: Vec<_> = given.iter().chain(settings).copied().collect();
    Program::with(&settings)?.serve(&[])
}

/// Stops the program, which sends its remaining reports.
pub(super) fn end(serving: Serving) -> Result<()> {
    let (code, log) = serving.end("TERM")?;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
    Ok(())
}

/// Raises a test error as a superuser; returns the error page.
pub(super) fn raise(db: &TestDb, serving: &Serving, kind: &str) -> Result<String> {
    superuser(&mut db.connect()?, "root")?;
    let mut root = Browser::for_address(serving.address());
    assert_eq!(root.log_in("root", PASSWORD)?.status, 303);
    root.get("/admin/diagnostics/")?;
    let response = root.post("/admin/diagnostics/?token=topsecret&q=a", &[("kind", kind)])?;
    assert_eq!(response.status, 500);
    response.text()
}

/// The number of requests with this outcome in Sentry's sessions.
fn count_requests(sentry: &Sentry, end: &str) -> Result<u64> {
    let sessions = sentry.items("sessions")?;
    let counts = sessions.iter();
    Ok(counts
        .filter_map(|item| item.content["aggregates"][0][end].as_u64())
        .sum())
}

/// The functions in the stack trace of an event's last exception.
fn stack(event: &Value) -> Vec<&str> {
    let exceptions = event["exception"]["values"].as_array();
    let frames = exceptions
        .and_then(|all| all.last())
        .and_then(|last| last["stacktrace"]["frames"].as_array());
    let functions = frames.into_iter().flatten();
    functions
        .filter_map(|frame| frame["function"].as_str())
        .collect()
}

#[test]
fn an_error_is_reported_with_stack_request_and_user_id() -> Result<()> {
    for db in TestDb::each()? {
        let sentry = Sentry::listen(Behavior::Accepts)?;
        let settings = pairs("SENTRY_SEND_DEFAULT_PII=true&RUST_LIB_BACKTRACE=1");
        let serving = serve(&db, &sentry, &settings)?;
        let page = raise(&db, &serving, "error")?;
        assert_contains(&page, "and we have been notified.");
        end(serving)?;

        let event = sentry.only("event")?;

        assert_eq!(event["release"], "r7");
        assert_eq!(event["environment"], "harbor");
        assert_eq!(event["transaction"], "POST /admin/diagnostics/");
        let exceptions = event["exception"]["values"].to_string();
        assert_contains(&exceptions, "test error from the diagnostics page");
        let stack = event["exception"]["values"][0]["stacktrace"].to_string();
        assert_contains(&stack, "admin/src/diagnostics.rs");
        let reported = &event["request"];
        assert_eq!(reported["method"], "POST");
        assert_eq!(reported["url"], "http://localhost:0/admin/diagnostics/");
        assert!(event["user"]["id"].is_string());
        assert_eq!(event["user"]["ip_address"], "127.0.0.1");
        assert!(event["tags"]["request_id"].is_string());
        let before = event["breadcrumbs"]["values"].to_string();
        assert_contains(&before, "raising a test error");
        let logs = sentry.items("log")?;
        assert_contains(&format!("{logs:?}"), "test error from the diagnostics page");
    }
    Ok(())
}

#[test]
fn a_panic_is_reported_once_and_counts_as_a_crash() -> Result<()> {
    let db = TestDb::sqlite()?;
    let sentry = Sentry::listen(Behavior::Accepts)?;
    let serving = serve(&db, &sentry, &[])?;
    raise(&db, &serving, "panic")?;
    end(serving)?;

    let event = sentry.only("event")?;

    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["type"], "panic");
    assert_eq!(exception["mechanism"]["handled"], false);
    let stack = stack(&event);
    assert_contains(&stack.join(" "), "diagnostics::fail");
    assert_eq!(count_requests(&sentry, "crashed")?, 1);
    Ok(())
}

#[test]
fn no_cookie_token_form_or_email_address_is_reported() -> Result<()> {
    let db = TestDb::sqlite()?;
    let sentry = Sentry::listen(Behavior::Accepts)?;
    let settings = pairs("SENTRY_SEND_DEFAULT_PII=true&SENTRY_TRACES_SAMPLE_RATE=1");
    let serving = serve(&db, &sentry, &settings)?;
    raise(&db, &serving, "error")?;
    db.connect()?.batch_execute("DROP TABLE lettings")?;
    serving.send(&request(
        "GET",
        "/lettings/?q=marguerite%40example.org&api_key=topsecret",
        &[
            ("Cookie", "session=topsecret"),
            ("Authorization", "Bearer topsecret"),
            ("X-Api-Key", "topsecret"),
            ("Referer", "http://localhost/?token=topsecret&q=marguerite"),
            ("User-Agent", "Lynx (marguerite@example.org)"),
            ("Accept-Language", "marguerite@example.org"),
        ],
    ))?;
    end(serving)?;

    let text = sentry.text();

    assert_eq!(sentry.items("event")?.len(), 2);
    let secrets = "topsecret | marguerite | Sea+breeze | csrfmiddlewaretoken= | oc_session";
    assert_contains_none(&text, &format!("{secrets} | {PASSWORD}"));
    assert!(!text.to_ascii_lowercase().contains("\"cookie"), "{text}");
    Ok(())
}

#[test]
fn personal_data_is_not_reported_if_turned_off() -> Result<()> {
    let db = TestDb::sqlite()?;
    let sentry = Sentry::listen(Behavior::Accepts)?;
    let settings = pairs("SENTRY_SEND_DEFAULT_PII=false&SENTRY_TRACES_SAMPLE_RATE=1");
    let serving = serve(&db, &sentry, &settings)?;
    db.connect()?.batch_execute("DROP TABLE lettings")?;
    serving.send(&request(
        "GET",
        "/lettings/",
        &[("User-Agent", "Seagull/7")],
    ))?;
    end(serving)?;

    let event = sentry.only("event")?;

    assert_eq!(event.get("user"), None);
    let text = sentry.text();
    assert_contains_none(&text, "Seagull | ip_address");
    Ok(())
}

#[test]
fn client_errors_are_not_reported() -> Result<()> {
    let db = TestDb::sqlite()?;
    let sentry = Sentry::listen(Behavior::Accepts)?;
    let serving = serve(&db, &sentry, &[])?;
    let wanted = "00112233445566778899aabbccddeeff-0011223344556677-1";
    for (method, target, host) in [
        ("GET", "/nowhere/", "localhost"),
        ("GET", "/lettings/7/", "localhost"),
        ("POST", "/lettings/", "localhost"),
        ("GET", "/", "evil.example"),
    ] {
        let headers = [("Host", host), ("sentry-trace", wanted)];
        serving.send(&request(method, target, &headers))?;
    }
    end(serving)?;

    assert!(sentry.items("event")?.is_empty());
    // Visitors can't request timings.
    assert!(sentry.items("transaction")?.is_empty());
    assert_eq!(count_requests(&sentry, "exited")?, 4);
    Ok(())
}

#[test]
fn timings_are_named_by_route_and_have_a_span_per_statement() -> Result<()> {
    for db in TestDb::each()? {
        letting(&mut db.connect()?, "Lakeside flat")?;
        let sentry = Sentry::listen(Behavior::Accepts)?;
        let serving = serve(&db, &sentry, &[("SENTRY_TRACES_SAMPLE_RATE", "1")])?;
        serving.get("localhost", "/lettings/1/")?;
        serving.get("localhost", "/healthz")?;
        end(serving)?;

        let transaction = sentry.only("transaction")?;

        assert_eq!(transaction["transaction"], "GET /lettings/{id}/");
        assert_eq!(transaction["contexts"]["trace"]["op"], "http.server");
        let spans = transaction["spans"].as_array().context("no spans")?;
        let statement = spans
            .iter()
            .filter(|span| span["op"] == "db.sql.query")
            .filter_map(|span| span["description"].as_str())
            .find(|statement| statement.contains("lettings"));
        let statement = statement.context("no statement")?;
        assert!(
            statement.starts_with("SELECT") && !statement.contains("binds"),
            "{statement}"
        );
    }
    Ok(())
}

#[test]
fn an_unresponsive_sentry_delays_neither_requests_nor_shutdown() -> Result<()> {
    let away = Sentry::listen(Behavior::Accepts)?;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    for sentry in [Some(Behavior::Hangs), Some(Behavior::Rejects), None] {
        let db = TestDb::sqlite()?;
        let listener = sentry.map(Sentry::listen).transpose()?;
        let dsn = match &listener {
            Some(listener) => listener.dsn(),
            None => format!("http://hunter2@{nobody}/42"),
        };
        let serving = serve(
            &db,
            &away,
            &[("SENTRY_DSN", &dsn), ("SENTRY_TRACES_SAMPLE_RATE", "1")],
        )?;
        for _ in 0..20 {
            assert_eq!(serving.get("localhost", "/lettings/")?.status, 200);
        }
        raise(&db, &serving, "panic")?;
        assert_eq!(serving.get("localhost", "/lettings/")?.status, 200);

        end(serving)?;
    }
    assert_eq!(away.text(), "");
    Ok(())
}
