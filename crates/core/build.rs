//! The migrations are embedded by a macro, which cargo cannot see into.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
