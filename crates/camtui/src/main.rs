//! Placeholder.

#[allow(dead_code, unused_imports)]
mod interactive;

fn main() {}
