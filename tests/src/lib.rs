//! What the end-to-end tests share: the built program, runs of it in folders of their own, scripted terminals, and
//! readers of the files it writes that owe nothing to its own code.
//!
//! Each file of `tests/tests` is one subject. Nothing here knows camtui's crates: what these tests see is what a user
//! of the binary sees. The chores (`xtask`) use the terminals as well, to make screenshots and to measure the session.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::return_self_not_must_use, reason = "what is asked of a run is often the last of it")]

#[cfg(unix)]
pub mod emulator;
pub mod files;
#[cfg(unix)]
pub mod kitty;
#[cfg(target_os = "linux")]
pub mod misbehaving;
pub mod program;
pub mod run;
pub mod server;
#[cfg(unix)]
pub mod session;
#[cfg(unix)]
pub mod terminal;
pub mod written;

pub use run::{Ended, Home, Run};
