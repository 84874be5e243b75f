//! The site in a real browser, driven through WebDriver.
//!
//! `TEST_WEBDRIVER_URL` names the server, `TEST_AXE_JS` the file of axe-core; `cargo xtask test` sets both. Each
//! test has a site and a browser of its own.

mod accessible;
mod day;
mod desk;
mod devtools;
mod keyboard;
mod narrow;
mod quiet;
mod session;
mod staff;
mod walk;
