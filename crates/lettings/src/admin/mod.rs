//! Admin resources of lettings and addresses.

mod address;
mod letting;

pub use address::MODEL as ADDRESS;
pub use letting::MODEL as LETTING;

#[cfg(test)]
mod tests;
