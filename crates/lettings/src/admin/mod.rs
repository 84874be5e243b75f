//! Admin resources of lettings and addresses.

mod address;
mod letting;

pub use address::MODEL as ADDRESS;
pub use letting::MODEL as LETTING;

/// The app in addresses and rights.
const APP: &str = "lettings";
/// The app as staff read it.
const APP_LABEL: &str = "Lettings";

#[cfg(test)]
mod tests;
