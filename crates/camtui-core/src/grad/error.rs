//! What can go wrong when a graph is differentiated, in the user's words.

use crate::onnx::metadata::MetadataError;
use crate::onnx::pb::NodeProto;

/// The model as a whole cannot be differentiated.
#[derive(Debug, thiserror::Error)]
pub enum GradError {
    /// There is no graph in the file.
    #[error("the ONNX model holds no graph: the file is empty or damaged")]
    NoGraph,
    /// Nothing says which layers to tap.
    #[error("the model carries no camtui metadata, so its layers are unknown: add it before differentiating")]
    NoMetadata,
    /// The metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The rules are written for the operators of opset 11 and later.
    #[error(
        "the model uses ONNX opset {found}, and gradients need opset 11 or later: \
         convert it with `onnx.version_converter`"
    )]
    Opset {
        /// The model's opset of the default domain.
        found: i64,
    },
    /// More or less than one input that is not an initialiser.
    #[error("the model takes the inputs {found:?}, and a classifier of pictures takes one")]
    Inputs {
        /// The inputs' names.
        found: Vec<String>,
    },
    /// The picture's height or width is left open, or it is no picture.
    #[error(
        "the model's input is {found}, and gradients need [N, channels, height, width] of float with a fixed \
         height and width: export the model with fixed sizes (the batch may stay open)"
    )]
    InputShape {
        /// The shape as the file says it.
        found: String,
    },
    /// Several outputs, and none of them is called `logits`.
    #[error("the model has the outputs {found:?}, and one of them must be called `logits`")]
    Outputs {
        /// The outputs' names.
        found: Vec<String>,
    },
    /// The output is not one number a class.
    #[error("the model's output `{value}` has the shape {found}, not [N, classes]")]
    LogitsShape {
        /// The output's name.
        value: String,
        /// Its shape as far as it is known.
        found: String,
    },
    /// A value larger than any classifier's.
    #[error(
        "the value `{value}` has {count} numbers for one picture, and {most} are the most that are computed"
    )]
    TooLarge {
        /// The value's name.
        value: String,
        /// How many numbers it has.
        count: u64,
        /// How many it may have.
        most: u64,
    },
    /// More arithmetic than any classifier's.
    #[error("one picture takes more than {most:.0e} multiplications, the most that are done for a model")]
    TooMuch {
        /// How many it may take.
        most: f64,
    },
    /// An operator that goes on for as long as its data says.
    #[error(
        "the node `{node}` is a {operator}, and how long it runs cannot be told beforehand: export without loops"
    )]
    Loop {
        /// The ONNX operator.
        operator: String,
        /// The node's name, or its first output's.
        node: String,
    },
    /// A layer of the metadata is not in the graph.
    #[error("layer `{layer}` should be the value `{value}`, which the graph does not hold")]
    UnknownValue {
        /// The layer's name.
        layer: String,
        /// The value's name.
        value: String,
    },
}

/// A place where the gradient stops: what lies before this node has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no gradient passes {operator} `{node}`: {reason}")]
pub struct Blocked {
    /// The ONNX operator.
    pub operator: String,
    /// The node's name, or its first output's.
    pub node: String,
    /// Why.
    pub reason: Reason,
}

/// Why a gradient stops at a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is no rule for this operator.
    #[error("camtui has no rule for this operator")]
    NoRule,
    /// A rule needs a shape that could not be worked out.
    #[error("the shape of `{0}` is not known")]
    UnknownShape(String),
    /// The operator is known, but not in this form.
    #[error("{0}")]
    Form(&'static str),
}

/// What a node is called in a sentence: by its name, or its first output's.
pub(super) fn name_of(node: &NodeProto) -> String {
    let name = [&node.name].into_iter().chain(node.output.first()).find(|n| !n.is_empty());
    name.cloned().unwrap_or_default()
}
