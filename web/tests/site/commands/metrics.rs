//! Prometheus metrics on their own listener.

use crate::support::assert_contains_none;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use oc_core::testing::TestDb;

use super::program::{Program, Serving, setting};
use crate::http::{Connection, request};

/// Starts the site with its metrics on a free port.
fn serve(db: &TestDb) -> Result<Serving> {
    let url = setting(db);
    Program::with(&[("DATABASE_URL", &url), ("METRICS_ADDR", "127.0.0.1:0")])?.serve(&[])
}

fn address(serving: &Serving) -> Result<SocketAddr> {
    let (_, rest) = serving
        .log
        .split_once("metrics for Prometheus on http://")
        .with_context(|| serving.log.clone())?;
    let (address, _) = rest.split_once("/metrics").context("no path is logged")?;
    Ok(address.parse()?)
}

fn figures(serving: &Serving) -> Result<String> {
    let mut connection = Connection::open(address(serving)?)?;
    connection.write(&request("GET", "/metrics", &[]))?;
    let response = connection.response(true)?;
    assert_eq!(response.status, 200);
    let kind = response.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    assert!(response.header("content-security-policy").is_some());
    response.text()
}

fn repository_file(path: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}

fn value(figures: &str, name: &str) -> Option<f64> {
    let line = figures.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

#[test]
fn requests_are_counted_by_route_and_status() -> Result<()> {
    for db in TestDb::each()? {
        let serving = serve(&db)?;
        serving.get("localhost", "/lettings/?q=a")?;
        serving.get("localhost", "/lettings/?q=b")?;
        serving.get("localhost", "/lettings/7/")?;
        serving.get("localhost", &format!("/lettings/?{}", "a".repeat(10_000)))?;
        serving.get("evil.example", "/lettings/")?;

        let figures = figures(&serving)?;

        let requests = |labels: &str| {
            value(
                &figures,
                &format!("oc_lettings_http_requests_total{{{labels}}}"),
            )
        };
        for (labels, count) in [
            (r#"method="GET",route="/lettings/",status="200""#, 2.0),
            (r#"method="GET",route="/lettings/{id}/",status="404""#, 1.0),
            (r#"method="GET",route="/lettings/",status="414""#, 1.0),
            (r#"method="GET",route="/lettings/",status="400""#, 1.0),
        ] {
            assert_eq!(requests(labels), Some(count), "{figures}");
        }

        for name in [
            r#"oc_lettings_http_request_duration_seconds_count{method="GET",route="/lettings/",status="200"}"#,
            "oc_lettings_database_pool_wait_seconds_count",
            r#"oc_lettings_database_pool_connections{state="max"}"#,
            "process_resident_memory_bytes",
        ] {
            assert!(
                value(&figures, name).is_some_and(|value| value > 0.0),
                "{name}: {figures}"
            );
        }
        let in_flight = value(&figures, "oc_lettings_http_requests_in_flight");
        assert_eq!(in_flight, Some(0.0));

        assert!(figures.contains("oc_lettings_build_info{revision="));
    }
    Ok(())
}

#[test]
fn metrics_have_security_headers_and_are_not_counted() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db)?;

    for (target, status) in [("/metrics", 200), ("/other", 404)] {
        let mut connection = Connection::open(address(&serving)?)?;
        connection.write(&request("GET", target, &[]))?;
        let response = connection.response(true)?;

        assert_eq!(response.status, status);
        for name in ["content-security-policy", "x-frame-options"] {
            assert!(response.header(name).is_some(), "{status}: {name}");
        }
    }
    assert!(!figures(&serving)?.contains("status=\"404\""));
    assert_eq!(serving.get("localhost", "/metrics")?.status, 404);
    Ok(())
}

#[test]
fn visitors_cannot_add_label_values() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db)?;
    for number in 0..20 {
        serving.get("localhost", &format!("/made-up-{number}/"))?;
        serving.send(&request(&format!("MADE{number}"), "/lettings/", &[]))?;
    }

    let figures = figures(&serving)?;

    assert_contains_none(&figures, "made-up | MADE");
    let requests = figures
        .lines()
        .filter(|line| line.starts_with("oc_lettings_http_requests_total{"));
    assert_eq!(requests.count(), 2, "{figures}");
    Ok(())
}

#[test]
fn database_errors_are_counted() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db)?;
    db.connect()?.batch_execute("DROP TABLE lettings")?;
    serving.get("localhost", "/lettings/")?;

    let figures = figures(&serving)?;

    let errors = |kind| {
        value(
            &figures,
            &format!("oc_lettings_database_errors_total{{kind=\"{kind}\"}}"),
        )
    };
    assert_eq!(
        (errors("internal"), errors("unavailable")),
        (Some(1.0), Some(0.0)),
        "{figures}"
    );
    Ok(())
}

#[test]
fn dashboard_and_alerts_use_existing_metrics() -> Result<()> {
    let db = TestDb::sqlite()?;
    let serving = serve(&db)?;
    // A metric with labels appears with its first value.
    serving.get("localhost", "/")?;
    let figures = figures(&serving)?;
    let known: BTreeSet<&str> = figures
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();

    for file in ["grafana-dashboard.json", "alerts.yml"] {
        let text = repository_file(&format!("deploy/{file}"))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let used: BTreeSet<&str> = text
            .split(|c| !is_word(c))
            .filter(|word| word.starts_with("oc_lettings_") || word.starts_with("process_"))
            .collect();

        assert!(used.len() > 5, "{file}: {used:?}");
        let missing: Vec<_> = used.difference(&known).collect();
        assert!(missing.is_empty(), "{file} uses unknown {missing:?}");
    }
    Ok(())
}

#[test]
fn every_metric_is_documented() -> Result<()> {
    let db = TestDb::sqlite()?;
    let figures = figures(&serve(&db)?)?;
    let docs = repository_file("docs/operations.md")?;

    let ours = figures
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| name.starts_with("oc_lettings_"));
    let unknown: Vec<_> = ours
        .filter(|name| !docs.contains(&format!("`{name}`")))
        .collect();

    assert!(unknown.is_empty(), "docs/operations.md lacks {unknown:?}");
    Ok(())
}
