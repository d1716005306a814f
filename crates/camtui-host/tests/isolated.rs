//! Explainers in a process of their own: the same maps, and what goes wrong there stays there.
//!
//! The process is this very program, started anew; so it has a `main` of its own, which runs the tests one after
//! another. Words on the command line choose those whose names contain one of them.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]

#[cfg(unix)]
#[path = "isolated/tests.rs"]
mod tests;
#[cfg(unix)]
mod toy;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    match args.first() {
        Some(first) if first == tests::CHILD => {
            camtui_host::isolate::serve(std::path::Path::new(args.last().unwrap()))
        }
        Some(first) if first == tests::HOLDER => tests::hold(std::path::Path::new(args.last().unwrap())),
        _ => tests::all(&args),
    }
}

#[cfg(not(unix))]
fn main() {
    println!("skipped: nothing is isolated on this system");
}
