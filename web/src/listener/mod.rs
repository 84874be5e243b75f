//! The listener: how connections come in, what a client may cost, and how the site stops.
//!
//! actix's own server hands every connection to its HTTP parser and answers what that refuses without asking
//! anybody. Here each request is cut out of its connection first, held against the limits, and only then handed
//! on, one at a time; a refusal is a page of ours with the headers that every answer has.

mod accept;
mod admission;
mod answer;
mod arrival;
mod chunks;
mod connection;
mod exchange;
mod files;
mod glimpse;
mod limits;
mod pace;
mod refusal;
mod request;
mod room;
mod server;
mod signals;
mod site_service;
mod skim;
mod stop;
mod stream;
#[cfg(test)]
mod testing;
mod wire;
mod worker;

pub(crate) use accept::{bind, listen_at};
pub(crate) use files::connections as connections_that_fit;
pub(crate) use refusal::Refusals;
pub use server::{Handle, Server};
pub(crate) use server::{Pulse, Terms};
pub(crate) use signals::stop_on_signals;
pub(crate) use site_service::MakeSite;
pub use stop::Stop;
