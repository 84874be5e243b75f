//! Reports to Sentry: errors with their stack, what went before them, timings, the health of a release.
//!
//! Nothing here may cost a visitor anything: what cannot be sent at once waits in a bounded queue, and what finds
//! no room there is dropped. No cookie, token, form or address of a mailbox leaves with a report.

mod deliveries;
mod failure;
mod panics;
mod queries;
mod scrub;
mod spans;
mod start;
mod transport;
mod visit;

pub(crate) use deliveries::DELIVERIES;
pub(crate) use failure::{Origin, report, report_fault};
pub(crate) use spans::{Carried, DatabaseSpan};
pub(crate) use start::{Reporting, farewell, start};
pub(crate) use visit::{describe, name_staff};
