//! A Sentry that does not take what is reported.

use anyhow::Result;
use oc_core::testing::TestDb;

use super::fake_sentry::{Manner, Sentry};
use super::sentry::{end, raise, serve};

#[test]
fn an_unresponsive_sentry_holds_up_neither_requests_nor_the_stop() -> Result<()> {
    let away = Sentry::listen(Manner::Takes)?;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    for sentry in [Some(Manner::Hangs), Some(Manner::Refuses), None] {
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
