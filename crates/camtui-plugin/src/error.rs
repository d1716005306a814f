//! Why there is no map: what an explainer answers and what a session's call may answer.

/// Why there is no map. `?` passes on what a session's call answered; a sentence of one's own is
/// `Error::new("…")` or `Err("…")?`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A sentence for the user: what was tried, what is wrong, what to do.
    Failed(String),
    /// This model, or this version of camtui, cannot answer that; the sentence says what.
    NotSupported(String),
    /// The user does not want the answer any more.
    Cancelled,
}

impl Error {
    /// A sentence for the user.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self::Failed(sentence.into())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(sentence) | Self::NotSupported(sentence) => f.write_str(sentence),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(sentence: String) -> Self {
        Self::Failed(sentence)
    }
}

impl From<&str> for Error {
    fn from(sentence: &str) -> Self {
        Self::Failed(sentence.into())
    }
}
