//! Everything that can keep a model from being installed, in the user's words.

use std::path::PathBuf;

use super::megabytes;
use crate::store::places::NoPlace;

/// Why a model was not installed. Whatever the reason, nothing wrong was installed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No such name in the catalogue.
    #[error(
        "there is no model named \u{201c}{name}\u{201d} to pull; known are: {known} \
         (any other model is used by its path, `-m FILE.onnx` or `-m FILE.pth`)"
    )]
    Unknown {
        /// As the user typed it.
        name: String,
        /// The names there are.
        known: String,
    },

    /// No data folder.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),

    /// The models folder, the part file or the final rename failed.
    #[error(
        "cannot write {}: {source}; the models folder can be moved with CAMTUI_DATA_DIR",
        path.display()
    )]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },

    /// A file to be checked or copied cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },

    /// An environment variable that cannot be used.
    #[error("{variable}={value} cannot be used: {wrong}")]
    Setting {
        /// Its name.
        variable: String,
        /// Its value, without a password.
        value: String,
        /// What is wrong and what would be right.
        wrong: String,
    },

    /// A file by hand that is not the model.
    #[error(
        "{} is not {name}: {difference}. Nothing was installed. \
         To use this very file, give its path: camtui -m {}",
        path.display(), path.display()
    )]
    OtherFile {
        /// The file given with `--from`.
        path: PathBuf,
        /// The model it should have been.
        name: String,
        /// Both sizes or both hashes.
        difference: Mismatch,
    },

    /// The server offers something that cannot be the model, by its length.
    #[error(
        "{url} is not the model: the server offers {found} bytes, the model has {expected}{}. \
         Nothing was installed",
        if *web_page {
            "; what it offers is a web page, as a login page of the network or a proxy would be"
        } else {
            ""
        }
    )]
    WrongOffer {
        /// What was asked for.
        url: String,
        /// Bytes offered.
        found: u64,
        /// Bytes of the model.
        expected: u64,
        /// The answer called itself HTML.
        web_page: bool,
    },

    /// All bytes came, and they are not the model.
    #[error(
        "what {url} sent is not the model: {difference}. It was thrown away and nothing was installed; \
         the copy there, or the way to it, is damaged"
    )]
    Corrupt {
        /// What was asked for.
        url: String,
        /// Both hashes.
        difference: Mismatch,
    },

    /// The server refuses.
    #[error("{url}: the server answered {status}{}{help}", status_in_words(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the user can do.
        help: String,
    },

    /// The server was not reached, or not often enough.
    #[error("{url} could not be downloaded: {last}{}{kept}{help}", attempts_in_words(*attempts))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong last.
        last: String,
        /// How often it was tried in a row.
        attempts: u32,
        /// What is kept for the next time.
        kept: Kept,
        /// What the user can do.
        help: String,
    },
}

/// How a file differs from the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// Another length, in bytes.
    Size {
        /// The file's.
        found: u64,
        /// The model's.
        expected: u64,
    },
    /// Another SHA-256, in hexadecimal.
    Hash {
        /// The file's.
        found: String,
        /// The model's.
        expected: String,
    },
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Size { found, expected } => write!(f, "it has {found} bytes, the model has {expected}"),
            Self::Hash { found, expected } => write!(f, "its SHA-256 is {found}, the model's is {expected}"),
        }
    }
}

/// Bytes that the next pull need not fetch again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept(pub u64);

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 {
            return Ok(());
        }
        write!(f, "\n  {} are kept: the same command goes on from there", megabytes(self.0))
    }
}

fn attempts_in_words(attempts: u32) -> String {
    if attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() }
}

fn status_in_words(status: u16) -> &'static str {
    match status {
        401 | 403 => " (access refused)",
        404 | 410 => " (no such file there)",
        407 => " (the proxy wants a user and a password)",
        429 => " (too many requests)",
        500..=599 => " (the server has a fault)",
        _ => "",
    }
}
