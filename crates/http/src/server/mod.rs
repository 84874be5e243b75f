//! HTTP server: actix's own, with a minimum transfer rate for connections and limits for requests.

mod http_server;
mod min_rate;
mod process;
mod request_limits;

pub use http_server::{Heartbeat, Server, ServerOptions};
pub use process::{bind, listen_for_signals, notify_systemd, raise_file_limit};
pub use request_limits::{RequestLimits, limit_requests};
pub use tokio_util::sync::CancellationToken;
