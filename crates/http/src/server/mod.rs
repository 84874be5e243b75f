//! HTTP server: actix's own, with a minimum transfer rate for connections and limits for requests.

mod http_server;
mod min_rate;
mod request_limits;

pub use http_server::{Heartbeat, Server, ServerOptions};
pub use request_limits::{RequestLimits, limit_requests};
pub use tokio_util::sync::CancellationToken;
