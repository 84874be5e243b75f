//! The site: a thin shell that wires the domain crates into routes and pages.

mod admin;
mod app;
mod card;
pub mod cli;
mod commands;
pub mod config;
mod diagnostics;
mod embedded;
mod handlers;
mod listing;
mod metrics_listener;
mod picture;
pub mod server;
mod service_manager;
mod telemetry;

// Paths that the administration uses until it is a crate of its own.
mod blocking {
    pub(crate) use oc_http::run_blocking as run;
}
mod db {
    pub(crate) use oc_http::Db;
}
mod error {
    pub(crate) use oc_http::PageError;
}
mod head {
    pub(crate) use oc_http::SITE_NAME as NAME;
}
mod pages {
    pub(crate) use oc_http::{Page, Pages};
}
mod secret_key {
    pub(crate) use oc_http::SecretKey;
}
