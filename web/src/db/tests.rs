//! Work waits its turn, and nobody for ever.

use std::sync::{Arc, mpsc};

use oc_core::connect_pool;
use oc_core::testing::TestDb;

use super::*;

#[actix_web::test]
async fn whoever_comes_when_the_queue_is_full_is_told_to_come_again() -> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 1)?;
    let db = Db::new(pool, Metrics::new()?, 1, false);
    let (go, wait) = mpsc::channel::<()>();
    let started = Arc::new(tokio::sync::Notify::new());
    let first = {
        let (db, started) = (db.clone(), Arc::clone(&started));
        actix_web::rt::spawn(async move {
            db.run(move |_| {
                started.notify_one();
                wait.recv().ok();
                Ok(1)
            })
            .await
        })
    };
    started.notified().await;
    let second = actix_web::rt::spawn({
        let db = db.clone();
        async move { db.run(|_| Ok(2)).await }
    });
    actix_web::rt::task::yield_now().await;

    let third = db.run(|_| Ok(3)).await;
    go.send(())?;

    assert!(matches!(third, Err(PageError::Busy)));
    assert_eq!((first.await??, second.await??), (1, 2));
    assert_eq!(db.run(|_| Ok(4)).await?, 4);
    Ok(())
}

/// Work that is done when it is told to go on, as a database that hangs.
fn hanging() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
    let (go, wait) = mpsc::channel::<()>();
    (go, move || {
        wait.recv().ok();
    })
}

const SHORT: Duration = Duration::from_millis(10);

#[actix_web::test]
async fn nobody_waits_for_ever_for_what_the_database_does_not_say() -> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 1)?;
    let db = Db::new(pool, Metrics::new()?, 1, false);
    for kind in [READ, WRITE] {
        let kind = Kind {
            limit: SHORT,
            ..kind
        };
        let (go, hang) = hanging();

        let outcome = db
            .run_as(kind, move |_| {
                hang();
                Ok(())
            })
            .await;

        let is_told = if kind.writes {
            matches!(outcome, Err(PageError::Unconfirmed(_)))
        } else {
            matches!(outcome, Err(PageError::Unavailable(_)))
        };
        assert!(is_told, "{outcome:?}");
        assert!(db.overdue.any());
        go.send(())?;
        // The connection is free again as soon as the database has said something.
        assert_eq!(db.read(|_| Ok(1)).await?, 1);
        assert!(!db.overdue.any());
    }
    Ok(())
}

#[actix_web::test]
async fn whoever_reads_does_not_wait_for_writers() -> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 2)?;
    let db = Db::new(pool, Metrics::new()?, 8, false);
    let (go, hang) = hanging();
    let mut hang = Some(hang);
    let writers = (0..4).map(|_| {
        let (db, hang) = (db.clone(), hang.take());
        actix_web::rt::spawn(async move {
            db.run(move |_| {
                if let Some(hang) = hang {
                    hang();
                }
                Ok(())
            })
            .await
        })
    });
    let writers: Vec<_> = writers.collect();
    actix_web::rt::task::yield_now().await;

    let read = db.read(|_| Ok(1)).await?;
    go.send(())?;

    assert_eq!(read, 1);
    for writer in writers {
        writer.await??;
    }
    Ok(())
}
