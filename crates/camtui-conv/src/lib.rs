//! Convolutional networks on the CPU, for one picture at a time.
//!
//! A [`Program`] is a straight list of steps (convolutions with what follows them, poolings, sums) over
//! picture-shaped values of batch 1. [`Builder`] describes it; [`Builder::build`] drops what no output needs, lays
//! the values out and picks the kernels; [`Program::run`] takes and gives planes (`[C,H,W]`, one after the other) and
//! keeps pixels together (`[H,W,C]`, "NHWC") in between, with one fan-out of threads for the whole run.
//!
//! ```
//! use camtui_conv::{Activation, Builder, Convolution, Padding, Settings, Shape, Team, Weights};
//!
//! # fn main() -> Result<(), camtui_conv::ConvError> {
//! let weights = Weights::new([8, 3, 3, 3], vec![0.1; 8 * 3 * 9], Some(vec![0.5; 8]))?;
//! let mut builder = Builder::new();
//! let picture = builder.input(Shape::new(3, 16, 16))?;
//! let edge = Convolution { padding: Padding::all(1), ..Convolution::of(weights) };
//! let features = builder.convolve(picture, edge, None, Activation::Relu)?;
//! let mean = builder.global_average(features)?;
//! builder.output(mean);
//! let program = builder.build(Settings::default())?;
//!
//! let mut means = vec![0.0; 8];
//! program.run(&[&[1.0; 3 * 16 * 16]], &mut [&mut means], Team::Alone)?;
//! # Ok(())
//! # }
//! ```
//!
//! Results do not depend on the number of threads: work is split between them, sums never are.

// A kernel is one function with its instructions switched on: what it is made of must end up inside.
#![expect(clippy::inline_always)]

mod activation;
mod builder;
mod cost;
mod error;
mod graph;
mod kernel;
mod mapped;
mod memory;
mod plan;
mod program;
#[cfg(test)]
mod reference;
mod shape;
mod simd;
mod step;
mod team;
#[cfg(test)]
mod tests;
mod view;
mod walk;
mod weights;

pub use activation::Activation;
pub use builder::{Builder, Value};
pub use error::ConvError;
pub use graph::{Convolution, Within};
pub use mapped::Mapped;
pub use program::{Isa, Program, Settings};
pub use shape::{Padding, Shape, Window};
pub use team::Team;
pub use weights::{Shelf, Values, Weights};
