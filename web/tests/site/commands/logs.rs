//! Access log, request ids, log formats.

use crate::admin::{Browser, PASSWORD, superuser};
use crate::support::assert_contains;
use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;
use serde_json::Value;

use super::program::{Program, Serving, setting};
use super::sentry::raise;
use crate::http::request;

/// Starts the site with JSON logs and these settings.
fn serve(db: &TestDb, settings: &[(&str, &str)]) -> Result<Serving> {
    let url = setting(db);
    let given = [("DATABASE_URL", url.as_str()), ("LOG_FORMAT", "json")];
    let settings: Vec<_> = given.iter().chain(settings).copied().collect();
    Program::with(&settings)?.serve(&[])
}

/// The log lines after the start, as JSON.
fn lines(serving: Serving) -> Result<Vec<Value>> {
    let (code, log) = serving.end("TERM")?;
    assert_eq!(code, Some(0), "{log}");
    log.lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

fn access_lines(lines: &[Value]) -> Vec<&Value> {
    let about = |line: &&Value| line["target"] == "access";
    lines.iter().filter(about).collect()
}

#[test]
fn every_request_is_one_log_line() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[])?;
    let targets = "/lettings/?q=beach /nothing/at/all /profiles/marguerite/ /static/x.css /healthz /readyz \
         /lettings/%00/ /profiles/%FF/ /lettings/?page=x";
    for target in targets.split(' ') {
        serving.get("localhost", target)?;
    }

    let lines = lines(serving)?;

    // An invalid request is not an error of the site.
    assert!(lines.iter().all(|line| line["level"] != "ERROR"));
    let [list, missing, profile, ..] = access_lines(&lines)[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(list["method"], "GET");
    assert_eq!(list["path"], "/lettings/");
    assert_eq!(list["route"], "/lettings/");
    assert_eq!(list["status"], 200);
    assert!(list["milliseconds"].as_f64().is_some());
    assert_eq!(list["level"], "INFO");
    assert!(list["revision"].is_string() && list["time"].is_string());
    assert!(list["request_id"].as_str().is_some_and(|id| id.len() == 32));
    assert_eq!(missing["route"], "(unknown)");
    assert_eq!(missing["level"], "INFO");
    assert_eq!(missing["status"], 404);
    assert_eq!(profile["path"], "/profiles/{username}/");
    Ok(())
}

#[test]
fn requests_beyond_the_limits_are_logged() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[("CLIENT_TIMEOUT", "1")])?;
    let long = "a".repeat(40_000);
    let rejected = [
        ("Content-Length: 99999999\r\n\r\n", 413),
        ("Content-Length: 9\r\n\r\na=b", 408),
        ("Transfer-Encoding: chunked\r\n\r\n3 x\r\na=b", 400),
        (&format!("X-Long: {long}\r\n\r\n"), 431),
    ];
    for (rest, status) in rejected {
        let head = format!(
            "POST /admin/marguerite%40example.org/?secret=1 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: my.req-1\r\n{rest}"
        );

        let response = serving.send(head.as_bytes())?;

        assert_eq!(response.status, status, "{rest}");
        assert_eq!(response.header("x-request-id"), Some("my.req-1"), "{rest}");
    }
    let lines = lines(serving)?;

    let lines = access_lines(&lines);
    assert_eq!(lines.len(), rejected.len(), "{lines:#?}");
    for (line, (rest, status)) in lines.iter().zip(rejected) {
        assert_eq!(line["method"], "POST", "{rest}");
        assert_eq!(line["path"], "/admin/[email]/", "{rest}");
        assert_eq!(line["status"], status, "{rest}");
        assert_eq!(line["request_id"], "my.req-1", "{rest}");
        assert!(line["milliseconds"].as_f64().is_some(), "{rest}");
    }
    Ok(())
}

/// Operators find the reason of every rejection in the log, with the setting if there is one.
#[test]
fn every_rejection_is_logged_with_its_reason() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[("CLIENT_TIMEOUT", "1")])?;
    let form = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let post = |fields: &str, body: &str| {
        let length = body.len();
        format!("POST /admin/login/ HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    };
    let multipart = "Host: localhost\r\nContent-Type: multipart/form-data";
    let http = " HTTP/1.1\r\nHost: localhost";
    let get = |rest: &str| format!("GET {rest}\r\n\r\n");
    let long = |length: usize| "a".repeat(length);
    let many = "a=&".repeat(1_001);
    let stale = format!("Cookie: csrf={}\r\n{form}", long(32));
    let cases = [
        // django/django#7444, netbox-community/netbox#484, readthedocs/readthedocs.org#9687.
        (post(form, &many), 400, "more than 1000 fields"),
        // alphagov/notifications-admin#1312, rails/rails#34723, newfs/gobotany-app#515.
        (post(form, "username=ada"), 403, "no CSRF cookie"),
        (post(&stale, "username=ada"), 403, "SECRET_KEY"),
        // netbox-community/netbox-docker#76, paperless-ngx/paperless-ngx#2362.
        (post("Host: other.example\r\n", ""), 400, "ALLOWED_HOSTS"),
        // jazzband/django-axes#23, helfertool/helfertool#2.
        (
            get(&format!("/{http}\r\nX-Forwarded-Proto: https")),
            200,
            "TRUSTED_PROXIES",
        ),
        // actix/actix-web#282, actix/examples#161.
        (post(&format!("{multipart}\r\n"), "x"), 400, "boundary"),
        (
            post(&format!("{multipart}; boundary=x\r\n"), "--x\r\n"),
            400,
            "rejected a form",
        ),
        (
            post("Host: localhost\r\n", &long(70_000)),
            413,
            "MAX_BODY_SIZE",
        ),
        (get(&format!("/?{}{http}", long(9_000))), 414, "8192 bytes"),
        (
            get(&format!("/{http}\r\nX: {}", long(40_000))),
            431,
            "32768 bytes",
        ),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\na".to_owned(),
            408,
            "CLIENT_TIMEOUT",
        ),
    ];
    let mut ids = Vec::new();
    for (request, status, _) in &cases {
        let response = serving.send(request.as_bytes())?;
        assert_eq!(response.status, *status, "{request:.80}");
        ids.push(response.header("x-request-id").map(str::to_owned));
    }
    let lines = lines(serving)?;

    for ((request, _, reason), id) in cases.iter().zip(ids) {
        let is_warning =
            |line: &&Value| line["level"] == "WARN" && line["request_id"].as_str() == id.as_deref();
        let logged: Vec<_> = lines
            .iter()
            .filter(is_warning)
            .map(|line| line["message"].as_str())
            .collect();
        let is_logged = matches!(&logged[..], [Some(message)] if message.contains(reason));
        assert!(is_logged, "{request:.80}: {logged:?}");
    }
    Ok(())
}

/// KITPraktomatTeam/Praktomat#169, FreeUKGen/MyopicVicar#643, lingdb/CoBL#377.
#[test]
fn a_denied_login_with_the_correct_password_is_logged_with_its_reason() -> Result<()> {
    let db = TestDb::sqlite()?;
    for (name, change) in [("ada", "is_staff = FALSE"), ("bob", "is_active = FALSE")] {
        superuser(&mut db.connect()?, name)?;
        let change = format!("UPDATE users SET {change} WHERE username = '{name}'");
        db.connect()?.batch_execute(&change)?;
    }
    let serving = serve(&db, &[])?;
    for (name, password) in [("ada", "wrong"), ("ada", PASSWORD), ("bob", PASSWORD)] {
        Browser::for_address(serving.address()).log_in(name, password)?;
    }

    let lines = lines(serving)?;
    let warnings = lines.iter().filter(|line| line["level"] == "WARN");
    let messages = warnings.filter_map(|line| line["message"].as_str());
    let rejected: Vec<_> = messages
        .filter(|message| message.starts_with("rejected login"))
        .collect();
    let expected = [
        "1: the account has no staff status",
        "2: the account is not active",
    ];
    assert_eq!(
        rejected,
        expected.map(|end| format!("rejected login of user {end}"))
    );
    Ok(())
}

#[test]
fn health_checks_are_logged_at_debug_level() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[("RUST_LOG", "info,access=debug")])?;
    serving.get("localhost", "/healthz")?;

    let lines = lines(serving)?;

    let routes: Vec<&Value> = access_lines(&lines)
        .iter()
        .map(|line| &line["route"])
        .collect();
    assert_eq!(routes, ["/healthz"]);
    Ok(())
}

#[test]
fn the_request_id_is_returned_and_in_every_log_line() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[])?;
    db.connect()?.batch_execute("DROP TABLE lettings")?;

    let response = serving.send(&request(
        "GET",
        "/lettings/",
        &[("X-Request-Id", "trace-7")],
    ))?;

    assert_eq!(response.status, 500);
    assert_eq!(response.header("x-request-id"), Some("trace-7"));
    let lines = lines(serving)?;
    let fault = lines
        .iter()
        .find(|line| line["level"] == "ERROR")
        .context("no line has the error")?;
    assert_contains(&fault["message"].to_string(), "no such table");

    assert_eq!(fault["request_id"], "trace-7");
    assert_eq!(fault["route"], "/lettings/");
    assert_eq!(access_lines(&lines)[0]["request_id"], "trace-7");
    Ok(())
}

#[test]
fn email_addresses_and_line_breaks_are_not_logged() -> Result<()> {
    let db = TestDb::sqlite()?;
    for format in ["text", "json"] {
        let serving = serve(&db, &[("LOG_FORMAT", format)])?;
        let targets = "/profiles/marguerite@example.org/ \
            /profiles/marguerite%40example.org/?next=marguerite@example.org \
            /lettings/%0aERROR%20forged";
        for target in targets.split(' ') {
            serving.get("localhost", target)?;
        }

        let (_, log) = serving.end("TERM")?;

        assert!(!log.contains("marguerite"), "{log}");
        let about: Vec<&str> = log.lines().filter(|line| line.contains("access")).collect();
        assert_eq!(about.len(), 3, "{log}");
        assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
    }
    Ok(())
}

#[test]
fn a_panic_is_one_log_line_with_its_request() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db, &[])?;
    raise(&db, &serving, "panic")?;

    let lines = lines(serving)?;

    let panicked = |line: &&Value| {
        let message = line["message"].as_str();
        message.is_some_and(|message| message.starts_with("panicked at "))
    };
    let [panicked] = lines.iter().filter(panicked).collect::<Vec<_>>()[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(panicked["level"], "ERROR");
    let message = panicked["message"].as_str().unwrap_or_default();
    assert_contains(message, ": test panic from the diagnostics page");
    let failed = |line: &&&Value| line["status"] == 500;
    let access = access_lines(&lines);
    let access = access.iter().find(failed).context("no line of a fault")?;
    assert_eq!(panicked["request_id"], access["request_id"]);
    assert_eq!(panicked["route"], "/admin/diagnostics/");
    Ok(())
}

#[test]
fn journal_lines_start_with_their_priority() -> Result<()> {
    let db = TestDb::sqlite()?;
    let url = setting(&db);
    let program = Program::with(&[("DATABASE_URL", &url), ("LOG_FORMAT", "json")])?;
    // As systemd starts it: with the name of the stream that standard error is.
    let named = "export JOURNAL_STREAM=$(stat --dereference --format=%d:%i /proc/self/fd/2); exec \"$0\" \"$@\"";
    let serving = program.serve_through("/bin/sh", &["-c", named])?;
    raise(&db, &serving, "panic")?;

    let (_, log) = serving.end("TERM")?;

    let priority = |words: &str| {
        let line = log.lines().find(|line| line.contains(words));
        line.and_then(|line| line.split_once('{'))
            .map(|(priority, _)| priority)
    };
    assert_eq!(priority("panicked at "), Some("<3>"), "{log}");
    assert_eq!(priority("\"status\":500"), Some("<6>"), "{log}");
    Ok(())
}
