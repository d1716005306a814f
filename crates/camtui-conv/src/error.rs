//! What can be wrong with a program's description or with what a run is given.

use std::fmt;

/// Why a program could not be described, built or run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvError {
    /// A step does not fit its operands.
    Step {
        /// The builder's method, such as `convolve`.
        step: &'static str,
        /// What does not fit, with the sizes.
        reason: String,
    },
    /// Weights whose numbers do not fill their shape.
    Weights(String),
    /// A run was given other slices than the program has inputs and outputs.
    Slices(String),
    /// This machine has not got the instruction set that was asked for.
    Isa(String),
}

impl ConvError {
    pub(crate) fn step(step: &'static str, reason: impl Into<String>) -> Self {
        ConvError::Step { step, reason: reason.into() }
    }
}

impl fmt::Display for ConvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConvError::Step { step, reason } => write!(f, "{step}: {reason}"),
            ConvError::Weights(reason) => write!(f, "convolution weights: {reason}"),
            ConvError::Slices(reason) => write!(f, "run of a convolution program: {reason}"),
            ConvError::Isa(reason) => write!(f, "instruction set: {reason}"),
        }
    }
}

impl std::error::Error for ConvError {}
