//! Sends the mails of the outbox. Several nodes may run it.

use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::web::Data;
use chrono::Utc;
use log::Level;
use mail::{Attempt, Mailer, MailerError, OutgoingMail};
use oc_http::server::CancellationToken;
use oc_http::{Db, Metrics, PageError, run_blocking};

const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Sends mails until the shutdown, which lets a mail that is being sent end.
pub async fn send_mails(
    mailer: Mailer,
    db: Data<Db>,
    metrics: Data<Metrics>,
    shutdown: CancellationToken,
) {
    let mut is_failing = false;
    loop {
        let sent = send_due(&mailer, &db, &metrics, &shutdown).await;
        if let Some((level, error)) = report(sent.as_ref().err(), is_failing) {
            log::log!(level, "could not read the outbox: {error}");
        }
        is_failing = sent.is_err();
        let pause = shutdown.run_until_cancelled(sleep(POLL_INTERVAL));
        if pause.await.is_none() {
            return;
        }
    }
}

/// How an error is logged: once per outage.
fn report(error: Option<&PageError>, is_failing: bool) -> Option<(Level, &PageError)> {
    let error = error.filter(|_| !is_failing)?;
    let level = if error.is_transient() {
        Level::Warn
    } else {
        Level::Error
    };
    Some((level, error))
}

async fn send_due(
    mailer: &Mailer,
    db: &Db,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> Result<(), PageError> {
    let now = || Utc::now().naive_utc();
    while !shutdown.is_cancelled()
        && db
            .read(move |conn| Ok(OutgoingMail::is_due(conn, now())?))
            .await?
    {
        let claim = db.run(move |conn| Ok(OutgoingMail::claim(conn, now())?));
        let Some(mail) = claim.await? else {
            return Ok(());
        };
        let id = mail.id;
        let (mailer, sent) = (mailer.clone(), mail.clone());
        let outcome = run_blocking(move || {
            if sent.has_expired(now()) {
                return Err(MailerError::Expired);
            }
            mailer.send(&sent)
        });
        let outcome = outcome.await?;
        let attempt = db.run(move |conn| {
            Ok(match outcome {
                Ok(()) => (mail.set_sent(conn)?, None),
                Err(error) => {
                    let attempt = mail.set_failed(conn, error.is_permanent(), now())?;
                    (attempt, Some(error))
                }
            })
        });
        let (attempt, error) = attempt.await?;
        match error {
            Some(error) if attempt == Attempt::Dropped => log::error!("dropped mail {id}: {error}"),
            Some(error) => log::warn!("could not send mail {id}: {error}"),
            None => {}
        }
        metrics.mail(attempt == Attempt::Sent, attempt == Attempt::Dropped);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_outage_is_logged_once() {
        let outage = PageError::Unavailable(anyhow!("no connection"));
        let fault = PageError::Internal(anyhow!("no such table"));
        for (error, is_failing, logged) in [
            (None, false, None),
            (Some(&outage), false, Some(Level::Warn)),
            (Some(&outage), true, None),
            (Some(&PageError::Overloaded), true, None),
            (Some(&fault), false, Some(Level::Error)),
        ] {
            let level = report(error, is_failing).map(|(level, _)| level);
            assert_eq!(level, logged, "{error:?}");
        }
    }
}
