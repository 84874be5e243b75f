//! Sending mails over SMTP.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::SmtpTransportBuilder;
use lettre::transport::smtp::response::Category;
use lettre::{Message, SmtpTransport, Transport};

use crate::outbox::OutgoingMail;

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);

/// The settings `SMTP_URL` and `MAIL_FROM`: an SMTP server and the sender.
#[derive(Clone)]
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

/// A mail that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// It can't be written, for example because its recipient is not an address.
    #[error("invalid mail: {0}")]
    Invalid(String),
    /// The server did not accept it.
    #[error("{0}")]
    Rejected(#[from] lettre::transport::smtp::Error),
    /// It waited for too long.
    #[error("it has expired")]
    Expired,
}

impl MailerError {
    /// Whether another attempt is pointless.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Expired => true,
            // The other codes are about the connection, such as 535 for a wrong password: they may be fixed.
            Self::Rejected(error) => {
                let category = error.status().map(|code| code.category);
                error.is_permanent() && category == Some(Category::MailSystem)
            }
        }
    }
}

/// Parses an `SMTP_URL`. The error says what is allowed, and never contains the URL.
pub fn parse_url(url: &str) -> Result<SmtpTransportBuilder, &'static str> {
    let is_smtp = url.starts_with("smtp://") || url.starts_with("smtps://");
    let server = SmtpTransport::from_url(url).ok().filter(|_| is_smtp);
    server.ok_or("it must be smtps://USER:PASSWORD@HOST, or smtp://…?tls=required for STARTTLS")
}

/// Parses a `MAIL_FROM`.
pub fn parse_sender(text: &str) -> Result<Mailbox, &'static str> {
    text.parse()
        .map_err(|_| "it must be an email address, or Name <address>")
}

impl Mailer {
    /// A mailer for a server and a sender.
    pub fn new(server: &SmtpTransportBuilder, from: &Mailbox) -> Self {
        Self {
            transport: server.clone().timeout(Some(PATIENCE)).build(),
            from: from.clone(),
        }
    }

    /// Sends a mail; blocks until the server has accepted or rejected it.
    pub fn send(&self, mail: &OutgoingMail) -> Result<(), MailerError> {
        let message = self
            .message(mail)
            .map_err(|error| MailerError::Invalid(error.to_string()))?;
        self.transport.send(&message)?;
        Ok(())
    }

    fn message(&self, mail: &OutgoingMail) -> Result<Message, Box<dyn std::error::Error>> {
        let to = Mailbox::new(None, mail.recipient.parse()?);
        // A second attempt has the same id: mail servers recognize it.
        let id = format!(
            "<{}.{}@oc-lettings>",
            mail.id,
            mail.created_at.and_utc().timestamp()
        );
        let builder: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN);
        Ok(builder.body(mail.body.clone())?)
    }

    /// Connects to the server and logs in.
    pub fn test_connection(&self) -> Result<(), MailerError> {
        self.transport.test_connection()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SmtpServer;

    fn mail(recipient: &str) -> OutgoingMail {
        OutgoingMail {
            id: 7,
            recipient: recipient.to_owned(),
            subject: "Café".to_owned(),
            body: "First line\n.\nLast line".to_owned(),
            created_at: chrono::DateTime::UNIX_EPOCH.naive_utc(),
            attempts: 0,
            expires_at: None,
        }
    }

    #[test]
    fn a_mail_arrives_and_a_rejection_is_permanent_or_not() -> anyhow::Result<()> {
        let server = SmtpServer::start()?;
        let sender = parse_sender("Holiday Homes <site@example.org>").unwrap();
        let mailer = Mailer::new(&parse_url(&server.url()).unwrap(), &sender);

        mailer.send(&mail("ada@example.org"))?;
        let received = server.receive()?;
        let unknown = mailer.send(&mail("unknown@example.org"));
        let full = mailer.send(&mail("full@example.org"));
        let invalid = mailer.send(&mail("nobody"));

        assert!(received.contains("To: ada@example.org"), "{received}");
        assert!(received.contains("From: \"Holiday Homes\" <site@example.org>"));
        assert!(received.contains("Last line"));
        let is_permanent =
            |sent: Result<(), MailerError>| sent.err().map(|error| error.is_permanent());
        assert_eq!(is_permanent(unknown), Some(true));
        assert_eq!(is_permanent(full), Some(false));
        assert_eq!(is_permanent(invalid), Some(true));
        Ok(())
    }

    #[test]
    fn settings_are_checked() {
        for url in [
            "smtps://user:secret@mail.example.org",
            "smtp://mail.example.org:587?tls=required",
            "smtp://localhost:25",
        ] {
            assert!(parse_url(url).is_ok(), "{url}");
        }
        for url in ["mail.example.org", "https://mail.example.org", "smtp://"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
        assert!(parse_sender("Holiday Homes <site@example.org>").is_ok());
        assert!(parse_sender("Holiday Homes").is_err());
    }
}
