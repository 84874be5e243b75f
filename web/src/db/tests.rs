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

/// A read that nobody waits for any more and that goes on until it is told to.
async fn give_up_a_read(db: &Db) -> mpsc::Sender<()> {
    let (go, hang) = hanging();
    let kind = Kind {
        limit: SHORT,
        ..READ
    };
    let given_up = db
        .run_as(kind, move |_| {
            hang();
            Ok(())
        })
        .await;
    assert!(
        matches!(given_up, Err(PageError::Unavailable(_))),
        "{given_up:?}"
    );
    go
}

#[actix_web::test]
async fn a_silent_database_keeps_nobody_waiting_though_there_are_turns() -> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 2)?;
    let mut db = Db::new(pool.clone(), Metrics::new()?, 8, false);
    db.overdue = Overdue::with(Duration::ZERO);
    db.trial = Trial::with(Duration::ZERO);
    let go = give_up_a_read(&db).await;
    // The trial gets no connection, and so no answer.
    let _others = [pool.get()?, pool.get()?];

    for _ in 0..2 {
        let told = db.read(|_| Ok(1)).await;

        let words = told.map_err(|error| error.to_string());
        assert!(
            words
                .as_ref()
                .is_err_and(|words| words.contains("does not answer")),
            "{words:?}"
        );
    }
    go.send(())?;
    Ok(())
}

#[actix_web::test]
async fn a_database_that_answers_a_trial_is_asked_again() -> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 2)?;
    let mut db = Db::new(pool, Metrics::new()?, 8, false);
    db.overdue = Overdue::with(Duration::ZERO);
    db.trial = Trial::with(Duration::from_mins(1));
    let go = give_up_a_read(&db).await;
    assert!(db.is_silent());

    let read = db.read(|_| Ok(1)).await?;
    let written = db.run(|_| Ok(2)).await?;

    assert_eq!((read, written), (1, 2));
    go.send(())?;
    Ok(())
}

#[actix_web::test]
async fn whether_the_database_is_well_is_answered_though_all_turns_are_taken() -> anyhow::Result<()>
{
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 1)?;
    let db = Db::new(pool, Metrics::new()?, 8, false);
    let go = give_up_a_read(&db).await;

    let answer = db.probe(|_| Ok(1)).await?;
    go.send(())?;

    assert_eq!(answer, 1);
    Ok(())
}

#[actix_web::test]
async fn whoever_cannot_write_because_nobody_can_is_told_that_and_not_of_a_crowd()
-> anyhow::Result<()> {
    let database = TestDb::sqlite()?;
    let pool = connect_pool(database.url().clone(), 1)?;
    let db = Db::new(pool, Metrics::new()?, 8, false);
    let (go, hang) = hanging();
    let writer = actix_web::rt::spawn({
        let db = db.clone();
        async move {
            db.run(move |_| {
                hang();
                Ok(())
            })
            .await
        }
    });
    actix_web::rt::task::yield_now().await;
    let late = |kind: Kind| Kind {
        patience: SHORT,
        ..kind
    };

    let write = db.run_as(late(WRITE), |_| Ok(1)).await;
    let read = db.run_as(late(READ), |_| Ok(1)).await;
    go.send(())?;

    assert!(matches!(write, Err(PageError::Unavailable(_))), "{write:?}");
    assert!(matches!(read, Err(PageError::Busy)), "{read:?}");
    writer.await??;
    Ok(())
}
