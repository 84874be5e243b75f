//! The site: a thin shell that wires the domain crates into routes and pages.

mod admin;
mod app;
pub mod assets;
mod blocking;
mod card;
pub mod cli;
mod commands;
pub mod config;
mod db;
mod django;
mod encoding;
mod error;
mod handlers;
mod head;
mod listing;
mod logging;
mod middleware;
mod pages;
mod picture;
mod proxies;
mod request_context;
mod request_id;
mod route;
pub mod server;
mod site;
mod transfer;
