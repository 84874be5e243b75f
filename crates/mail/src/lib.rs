//! Mail: an outbox in the database that survives restarts and outages, and SMTP.

mod outbox;
mod schema;
mod smtp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use lettre::message::Mailbox;
pub use lettre::transport::smtp::SmtpTransportBuilder;
pub use outbox::{Attempt, NewMail, OutgoingMail};
pub use smtp::{Mailer, MailerError, parse_sender, parse_url};
