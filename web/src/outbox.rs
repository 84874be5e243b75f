//! Sends the mails of the outbox. Several nodes may run it.

use std::time::Duration;

use actix_web::rt::{spawn, time::sleep};
use actix_web::web::Data;
use chrono::Utc;
use mail::{Attempt, Mailer, OutgoingMail};
use oc_http::server::CancellationToken;
use oc_http::{Db, Metrics, PageError, run_blocking};

/// How often the outbox is read.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Sends mails until the shutdown.
pub(crate) fn start(
    mailer: Mailer,
    db: Data<Db>,
    metrics: Data<Metrics>,
    shutdown: CancellationToken,
) {
    spawn(shutdown.run_until_cancelled_owned(async move {
        loop {
            if let Err(error) = send_due(&mailer, &db, &metrics).await {
                log::warn!("could not read the outbox: {error}");
            }
            sleep(POLL_INTERVAL).await;
        }
    }));
}

async fn send_due(mailer: &Mailer, db: &Db, metrics: &Metrics) -> Result<(), PageError> {
    let now = || Utc::now().naive_utc();
    while db
        .read(move |conn| Ok(OutgoingMail::is_due(conn, now())?))
        .await?
    {
        let claim = db.run(move |conn| Ok(OutgoingMail::claim(conn, now())?));
        let Some(mail) = claim.await? else {
            return Ok(());
        };
        let (mailer, sent) = (mailer.clone(), mail.clone());
        let outcome = run_blocking(move || mailer.send(&sent)).await;
        let outcome = outcome.map_err(|error| PageError::Internal(error.into()))?;
        let id = mail.id;
        if let Err(error) = &outcome {
            log::warn!("could not send mail {id}: {error}");
        }
        let attempt = db.run(move |conn| {
            Ok(match outcome {
                Ok(()) => mail.set_sent(conn)?,
                Err(error) => mail.set_failed(conn, error.is_permanent(), now())?,
            })
        });
        let attempt = attempt.await?;
        if attempt == Attempt::GivenUp {
            log::error!("dropped mail {id}: it could not be sent");
        }
        metrics.mail(attempt == Attempt::Sent, attempt == Attempt::GivenUp);
    }
    Ok(())
}
