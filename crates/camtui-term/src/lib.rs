//! What the terminal can do, and pixels to it.
//!
//! The way through: [`detect()`] asks the terminal one bounded question ([`query`], its replies read by [`replies`]) and
//! weighs the answers against the environment; the outcome is a [`Capabilities`]. [`draw()`] takes a picture and those
//! capabilities and writes the picture below the cursor. The interactive session uses the same capabilities, and the
//! pure renderers of [`cells`] where the terminal has no pixels.
//!
//! Whatever text comes from outside (labels, file names, plugins) goes through [`text`] before it is shown.
#![forbid(unsafe_code)]

pub mod capabilities;
pub mod cells;
pub mod detect;
pub mod draw;
pub mod environment;
pub mod fit;
pub mod kitty;
pub mod output;
mod pixels;
#[cfg(unix)]
pub mod query;
pub mod replies;
pub mod text;

pub use capabilities::{Capabilities, CellStyle, Colours, Drawing, Protocol, Reach, Report, UnknownProtocol};
pub use detect::{DetectOptions, detect, discard_late_replies};
pub use draw::{DrawError, Outcome, draw};
pub use environment::Environment;
pub use text::{pad_to_width, sanitise, truncate_path, truncate_to_width};
