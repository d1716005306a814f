//! What the session needs computed, as a trait: the pipeline implements it, tests fake it.

use std::sync::atomic::AtomicBool;

use image::RgbaImage;

/// Which class to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// What the command line asked for, or the likeliest class.
    Asked,
    /// The class of this rank, 0 being the likeliest.
    Rank(usize),
}

/// One picture to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its place in the list of pictures that the session was started with.
    pub picture: usize,
    /// The class to explain.
    pub target: Target,
}

/// One class and how likely the model finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class's index in the model's output.
    pub index: usize,
    /// Its name.
    pub label: String,
    /// 0…1.
    pub probability: f32,
}

/// What is shown of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The picture with its heat map over it.
    pub overlay: RgbaImage,
    /// The likeliest classes, the likeliest first; as many as there is any point in stepping through.
    pub predictions: Vec<Prediction>,
    /// The class that the heat map explains, whether or not it is among the likeliest.
    pub target: Prediction,
    /// What was done, in short parts: explainer, layer, model.
    pub legend: Vec<String>,
    /// Diagnostics and warnings, each a sentence.
    pub notes: Vec<String>,
}

/// Computes what is shown. Runs on a thread of its own, one request at a time.
pub trait Analyst: Send {
    /// Explains one picture. The error is a sentence for the user, shown instead of the picture.
    ///
    /// `cancelled` turns true when nobody waits for the answer any more; a long computation should look at it now and
    /// then and give up with any error, which is not shown.
    fn explain(&mut self, request: &Request, cancelled: &AtomicBool) -> Result<View, String>;
}
