//! Exit codes are part of the interface: scripts read them.

use std::fmt;
use std::process::ExitCode;

/// How a run can fail. The message says what was tried, on what, what is wrong and what to do.
#[derive(Debug)]
pub enum Failure {
    /// Something failed; what could be done was done. Code 1.
    Failed(anyhow::Error),
    /// Some of many failed and have been told of already. Code 1.
    Some,
    /// The command line asks for something that cannot be. Code 2.
    Usage(anyhow::Error),
    /// A plugin failed. Code 3.
    Plugin(anyhow::Error),
    /// A plugin failed on some of many, and this has been told of already. Code 3.
    SomePlugin,
    /// Ctrl-C. Code 130.
    Interrupted,
    /// Another signal ended the interactive view in order. Code 128 + its number.
    Signal(i32),
}

impl Failure {
    /// The code the process ends with.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Some => 1,
            Self::Usage(_) => 2,
            Self::Plugin(_) | Self::SomePlugin => 3,
            Self::Interrupted => 130,
            Self::Signal(number) => 128u8.saturating_add(u8::try_from(*number).unwrap_or(0)),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(e) | Self::Usage(e) | Self::Plugin(e) => write!(f, "{e:#}"),
            Self::Some | Self::SomePlugin | Self::Interrupted | Self::Signal(_) => Ok(()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}
