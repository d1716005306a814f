//! What the program and a child say to each other. Tensors travel beside a message, in the order given here.

use serde::{Deserialize, Serialize};

use crate::{ExplainerInfo, Layer, ParamValue, SinkError};

/// To the child.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Order {
    /// First of all: the bounds it lives in.
    Start {
        /// Most bytes of address space.
        memory: u64,
        /// Whether to close what is not needed.
        confine: bool,
        /// The file that the library is a copy of, where its name is text.
        copy_of: Option<String>,
    },
    /// Compute a map; the tensor is the seed `[classes]`.
    Explain(Request),
    /// The answer to its last question.
    Answer(Answer),
}

/// What is asked of an explainer.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Request {
    /// Which of the library's.
    pub explainer: u32,
    /// Number of classes.
    pub classes: u32,
    /// The model's layers.
    pub layers: Vec<Layer>,
    /// Index of the layer to explain.
    pub chosen: Option<u32>,
    /// Whether the user named it.
    pub named: bool,
    /// The class explained, where the seed is a single class.
    pub target: Option<u64>,
    /// Seed for every random number.
    pub random_seed: u64,
    /// Whether the terms of the map are wanted.
    pub terms: bool,
    /// How many milliseconds lie between two partial maps at least; none where nobody watches.
    pub partial_every: Option<u64>,
    /// Values of all parameters, in the order of the description.
    pub params: Vec<ParamValue>,
}

/// The answer to a [`Question`].
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Answer {
    /// The tensor that was asked for.
    Values,
    /// The linear head: the pooled layer's name; weights and, if there is one, bias as tensors.
    Head(String),
    /// The least and greatest value of each channel.
    Range(Vec<(f32, f32)>),
    /// See [`BackendError`](crate::BackendError).
    NotSupported(String),
    /// See [`BackendError`](crate::BackendError).
    Failed(String),
    /// See [`BackendError`](crate::BackendError).
    Cancelled,
}

/// From the child.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Report {
    /// The library is loaded.
    Ready {
        /// In the library's order.
        explainers: Vec<ExplainerInfo>,
        /// See [`Confined::bits`](super::confine::Confined::bits).
        confined: u8,
    },
    /// The library cannot be used; a sentence.
    Refused(String),
    /// Something of the backend is needed.
    Question(Question),
    /// How much is done.
    Progress(f32),
    /// What there is of the map: the tensor, `[h, w]`.
    Partial,
    /// A line for the log.
    Log {
        /// As in the interface.
        level: u32,
        /// Not cleaned yet.
        line: String,
    },
    /// The call is over; the tensors are the map, if there is one, the channels, each `[h, w]`, and the terms, `[n, h, w]`.
    Done(Done),
}

/// What an explainer asks of the backend. A layer is its index; `None` is the picture.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Question {
    Input,
    Logits,
    Activation(u32),
    /// With the seed `[classes]`.
    Gradient {
        place: Option<u32>,
        guided: bool,
    },
    /// With the inputs.
    Forward,
    /// With the activations.
    ForwardFrom(u32),
    /// With the inputs and the seeds.
    GradientAt {
        place: Option<u32>,
        guided: bool,
    },
    /// With the activations and the seeds.
    GradientFrom {
        layer: u32,
        guided: bool,
    },
    LayerBias(u32),
    LinearHead,
    PixelRange,
}

/// What came of a call: the parts of [`Collected`](crate::collect::Collected).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Done {
    pub status: u32,
    pub has_map: bool,
    pub channels: Vec<String>,
    pub has_terms: bool,
    pub notes: Vec<String>,
    pub layer: Option<u32>,
    pub error: Option<String>,
    pub refused: Option<SinkError>,
}
