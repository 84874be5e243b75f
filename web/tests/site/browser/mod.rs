//! The site in a real browser, driven through WebDriver.
//!
//! `TEST_WEBDRIVER_URL` names the server, `TEST_AXE_JS` the file of axe-core; `cargo xtask test` sets both. Each
//! test has a site and a browser of its own.

mod accessibility;
mod admin_accessibility;
mod console;
mod devtools;
mod keyboard;
mod responsive;
mod session;
mod staff;
mod two_factor;
mod visitor;
