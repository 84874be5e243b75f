//! Admin resources of lettings, addresses and photos.

mod address;
mod letting;
mod letting_fields;
mod letting_list;
mod photo;

pub use address::MODEL as ADDRESS;
pub use letting::MODEL as LETTING;
pub use photo::MODEL as PHOTO;

#[cfg(test)]
mod tests;
