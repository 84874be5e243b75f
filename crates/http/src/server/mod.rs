//! HTTP server: actix's own, with a minimum transfer rate for connections and limits for requests.

mod http_server;
mod min_rate;
mod request_limits;
mod service_manager;
mod signals;
mod socket;

pub use http_server::{Heartbeat, Server, ServerOptions};
pub use request_limits::{RequestLimits, limit_requests};
pub use service_manager::notify_systemd;
pub use signals::listen_for_signals;
pub use socket::{bind, raise_file_limit};
pub use tokio_util::sync::CancellationToken;
