//! `serve`: demo data, migrations, ports, `check --health`.

use crate::support::assert_contains;
use anyhow::Result;

use super::program::Program;

const PRODUCTION: [(&str, &str); 3] = [
    ("APP_ENV", "production"),
    ("ALLOWED_HOSTS", "www.example.org"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
];

#[test]
fn a_new_site_in_development_has_demo_data() -> Result<()> {
    let program = Program::new()?;

    // No command means `serve`.
    let serving = program.serve(&[])?;
    let page = serving.get("localhost", "/lettings/")?.html()?;
    let profiles = serving.get("localhost", "/profiles/")?.html()?;

    assert!(page.text().contains("28 lettings"));
    assert!(profiles.text().contains("8 profiles"));
    assert_eq!(serving.end("TERM")?.0, Some(0));
    let again = program.serve(&["serve"])?;
    assert!(!again.log.contains("brand-new"), "{}", again.log);
    let page = again.get("localhost", "/lettings/")?.html()?;
    assert!(page.text().contains("28 lettings"));
    Ok(())
}

#[test]
fn a_new_site_in_production_is_empty() -> Result<()> {
    let program = Program::with(&PRODUCTION)?;

    let serving = program.serve(&["serve"])?;
    let page = serving.get("www.example.org", "/lettings/")?.html()?;

    assert!(page.text().contains("No lettings are available."));
    assert_eq!(
        page.attribute_of("link", " rel=\"canonical\"", "href")
            .as_deref(),
        Some("https://www.example.org/lettings/")
    );
    assert_eq!(serving.get("localhost", "/")?.status, 400);
    Ok(())
}

#[test]
fn no_migrate_stops_if_a_migration_is_pending() -> Result<()> {
    let program = Program::with(&[("PORT", "0")])?;

    let run = program.run(&["serve", "--no-migrate"])?;

    run.assert_failed("migrations are pending");
    program.run(&["migrate"])?;
    let serving = program.serve(&["serve", "--no-migrate"])?;
    let page = serving.get("localhost", "/lettings/")?.html()?;
    assert!(page.text().contains("No lettings are available."));
    Ok(())
}

#[test]
fn a_port_in_use_is_explained() -> Result<()> {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();

    let run = Program::with(&[("PORT", &port)])?.run(&["serve"])?;

    assert_eq!(run.code, Some(1));
    let error = format!("error: cannot listen on 127.0.0.1:{port}");
    assert_contains(&run.errors, &error);
    assert_contains(&run.errors, "hint: Set HOST and PORT");
    Ok(())
}

#[test]
fn health_check_succeeds_only_while_the_site_runs() -> Result<()> {
    for hosts in ["www.example.org", ".example.org", "*"] {
        let mut settings = PRODUCTION;
        settings[1].1 = hosts;
        let program =
            Program::with(&[&settings[..], &[("PUBLIC_URL", "https://a.example")]].concat())?;
        let serving = program.serve(&[])?;
        let port = serving.port();

        let healthy = program.run_with(&[("PORT", &port)], &["check", "--health"])?;
        serving.end("TERM")?;
        let stopped = program.run_with(&[("PORT", &port)], &["check", "--health"])?;

        assert_eq!(healthy.code, Some(0), "{hosts}: {}", healthy.errors);
        assert!(healthy.out.starts_with("health: ok ("), "{}", healthy.out);
        stopped.assert_failed("nothing answers on 127.0.0.1:");
    }
    Ok(())
}

#[test]
fn health_check_fails_for_another_program() -> Result<()> {
    let other_server = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = other_server.local_addr()?.port().to_string();
    let responder = std::thread::spawn(move || -> Result<()> {
        let (mut connection, _) = other_server.accept()?;
        std::io::Read::read(&mut connection, &mut [0; 1024])?;
        std::io::Write::write_all(&mut connection, b"HTTP/1.1 503 Service Unavailable\r\n\r\n")?;
        Ok(())
    });

    let run = Program::with(&[("PORT", &port)])?.run(&["check", "--health"])?;

    run.assert_failed("is not healthy: \"HTTP/1.1 503");
    responder.join().expect("the other server does not panic")
}
