//! The site as visitors, scripts and operators see it: over HTTP, in a browser, on the command line.
//!
//! Every test has its own database. `support` starts the site and inserts rows, `http` sends
//! requests byte by byte, and `html` parses pages.

mod addresses;
mod admin;
mod assets;
mod browser;
mod commands;
mod company;
mod database_failures;
mod database_locks;
mod feed;
mod fuzz;
mod headers;
mod health;
mod home;
mod hosts;
mod html;
mod http;
mod lettings;
mod limits;
mod lists;
mod methods;
mod page_cache;
mod photos;
mod pooler;
mod profiles;
mod read_only;
mod representation;
mod search_engines;
mod support;
