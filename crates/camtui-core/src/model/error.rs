//! What can go wrong with a model that was opened.

use crate::onnx::metadata::Metadata;
use crate::onnx::subgraph::SubgraphError;

/// The model cannot be compiled or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The graph cannot be turned into something that runs.
    #[error("cannot prepare the model ({part}): {reason}")]
    Compile {
        /// Which part of the exported graph.
        part: String,
        /// The runtime's words.
        reason: String,
    },
    /// Running failed.
    #[error("the model failed while {doing}: {reason}")]
    Run {
        /// What was being done.
        doing: String,
        /// The runtime's words.
        reason: String,
    },
    /// The exported graph lacks something.
    #[error(transparent)]
    Subgraph(#[from] SubgraphError),
    /// The cached file went away or is damaged.
    #[error("the converted model cannot be read again: {0}")]
    Reload(String),
    /// A layer that the model does not have.
    #[error("the model has no layer `{0}`; `camtui model info` lists them")]
    UnknownLayer(String),
    /// A layer whose gradient the exported graph does not hold.
    #[error("there is no gradient for `{layer}` in this model: {reason}")]
    NoGradient {
        /// The layer.
        layer: String,
        /// Which operator is in the way.
        reason: String,
    },
    /// The input is not what the model takes.
    #[error("the model takes an input of shape {expected:?}, this one is {found:?}")]
    InputShape {
        /// `[1, 3, H, W]`.
        expected: Vec<usize>,
        /// What was given.
        found: Vec<usize>,
    },
    /// Activations that are not the layer's.
    #[error("the layer `{layer}` takes activations of shape {expected:?}, these are {found:?}")]
    LayerShape {
        /// Whose they should be.
        layer: String,
        /// `[n, K, h, w]`, with any n.
        expected: Vec<usize>,
        /// What was given.
        found: Vec<usize>,
    },
    /// The seed is not one value a class.
    #[error("a seed for this model has {expected} values, this one has {found}")]
    SeedLength {
        /// Number of classes.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// An input of a compiled part has no value: a mistake of this crate, told rather than hidden.
    #[error("the value `{0}` that the backward part reads was not kept")]
    NotGiven(String),
    /// Whoever asked does not want the answer any more.
    #[error("cancelled")]
    Cancelled,
}

impl ModelError {
    /// The layer's gradient stops at an operator, or no path leads from it to the logits.
    pub(super) fn no_gradient(layer: &str, metadata: &Metadata) -> Self {
        let reason = match metadata.blocked.as_slice() {
            [] => "the exported graph does not hold it".into(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Self::NoGradient { layer: layer.into(), reason }
    }

    pub(super) fn compile(part: &str, reason: &impl std::fmt::Debug) -> Self {
        Self::Compile { part: part.into(), reason: one_line(reason) }
    }

    pub(super) fn run(doing: &str, reason: &impl std::fmt::Debug) -> Self {
        Self::Run { doing: doing.into(), reason: one_line(reason) }
    }
}

/// An error's chain on one line.
fn one_line(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some(cut) = line.find("Stack backtrace") {
        line.truncate(cut);
    }
    line
}
