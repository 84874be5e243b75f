//! Mail: an outbox in the database that survives restarts and outages, and SMTP.

mod outbox;
mod schema;
mod smtp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use outbox::{Attempt, NewMail, OutgoingMail};
pub use smtp::{Mailer, MailerError, check_sender, check_url};
