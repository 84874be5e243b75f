//! The site: a thin shell that wires the domain crates into routes and pages.

mod app;
mod card;
pub mod cli;
mod commands;
pub mod config;
mod diagnostics;
mod embedded;
mod handlers;
mod listing;
mod photo_view;
mod picture;
mod process;
pub mod registry;
pub mod server;
mod telemetry;
