//! What the session needs computed, as a trait: the pipeline implements it, tests fake it. The session itself knows no
//! model, no explainer and no file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camtui_core::heatmap::Heatmap;
use camtui_core::picture::{Photo, Rect};
use image::RgbaImage;

use super::look::Look;
use crate::smooth::Smooth;

/// A picture's place in the list of all that were ever added; it never changes.
pub type PictureId = usize;

/// A class, by what stays the same from picture to picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The class of this rank, 0 being the likeliest.
    Rank(usize),
    /// The class of this index in the model's output.
    Index(usize),
}

/// What is to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// What the command line asked for, or the likeliest class.
    Asked,
    /// One class.
    One(Class),
    /// Why the first and not the second?
    Contrast(Class, Class),
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Of which picture.
    pub picture: PictureId,
    /// Index into [`Catalogue::models`].
    pub model: usize,
    /// Why what?
    pub target: Target,
    /// Index into [`Catalogue::explainers`].
    pub explainer: usize,
    /// The explainer's parameters that are not at their defaults, as `KEY` and `VALUE`.
    pub params: Vec<(String, String)>,
    /// Layers by name; none means the model's or the explainer's default, several are fused.
    pub layers: Vec<String>,
    /// How the map is smoothed.
    pub smooth: Smooth,
}

impl Question {
    /// Whether the map is the mean of several, each normalised, which leaves no sign.
    pub fn is_fused(&self) -> bool {
        self.layers.len() > 1 || self.smooth.augment
    }
}

/// One class and how likely the model finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class's index in the model's output.
    pub index: usize,
    /// Its name, safe to show.
    pub label: String,
    /// 0…1.
    pub probability: f32,
}

/// A layer that can be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerInfo {
    /// Its name.
    pub name: String,
    /// Shape without the batch axis: `[K, h, w]`.
    pub shape: Vec<usize>,
    /// Whether gradients reach it.
    pub gradient: bool,
}

/// What is known of a model once it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelDetails {
    /// Layers with spatial extent, in the order in which they are computed.
    pub layers: Vec<LayerInfo>,
    /// The layer that is explained when none is named.
    pub default_layer: Option<String>,
    /// The name of every class, safe to show.
    pub labels: Vec<String>,
}

/// How a parameter is set.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    /// On or off.
    Bool,
    /// A whole number, possibly within bounds.
    Int(Option<(i64, i64)>),
    /// A number, possibly within bounds.
    Float(Option<(f64, f64)>),
    /// One of these words.
    Choice(Vec<String>),
    /// Any text.
    Text,
}

/// A parameter of an explainer.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamInfo {
    /// Its key.
    pub key: String,
    /// What it does, safe to show.
    pub help: String,
    /// How it is set.
    pub kind: ParamKind,
    /// Its value unless set.
    pub default: String,
}

/// An explainer as the session sees it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and no two exclude each other")]
pub struct ExplainerInfo {
    /// Its id.
    pub id: String,
    /// One line: the formula or the idea, safe to show.
    pub summary: String,
    /// Its parameters.
    pub params: Vec<ParamInfo>,
    /// Whether it reads gradients.
    pub gradients: bool,
    /// Whether it runs the model many times, and so takes long.
    pub slow: bool,
    /// Whether its map is the same for every class.
    pub class_agnostic: bool,
    /// Whether its library was rebuilt without it: it cannot be asked any more, and keeps its place.
    pub gone: bool,
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// The models' names, those of the command line first.
    pub models: Vec<String>,
    /// The explainers.
    pub explainers: Vec<ExplainerInfo>,
}

/// What a rebuilt library changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reloaded {
    /// All explainers, each at the place that it had; new ones follow.
    pub explainers: Vec<ExplainerInfo>,
    /// Places of those that compute with the new version.
    pub changed: Vec<usize>,
    /// Place of the explainer that stands in for one that is gone.
    pub instead: usize,
    /// What is to be told, each a sentence, safe to show; the most important last.
    pub said: Vec<String>,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// The picture, upright.
    pub photo: Arc<Photo>,
    /// The part of it that the model saw, in its pixels.
    pub seen: Rect,
    /// The map at the layer's resolution, before the explainer's outermost ReLU.
    pub map: Heatmap,
    /// Whether the explainer ends in a ReLU.
    pub rectify: bool,
    /// All classes, the likeliest first.
    pub predictions: Arc<[Prediction]>,
    /// The class that is explained.
    pub class: usize,
    /// The class that it is held against.
    pub against: Option<usize>,
    /// The layer or layers that the map is of; none for explainers that work on the picture.
    pub layers: Vec<String>,
    /// The model that was asked.
    pub model: Arc<ModelDetails>,
    /// Diagnostics and warnings, each a sentence, safe to show.
    pub notes: Vec<String>,
    /// What the explainer's library did besides that it must not do, each a sentence, safe to show.
    pub complaints: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// Whether the map is only as far as it has come: it is shown, and neither measured nor kept.
    pub unfinished: bool,
}

impl Explanation {
    /// The prediction of a class.
    pub fn prediction(&self, class: usize) -> Option<&Prediction> {
        self.predictions.iter().find(|prediction| prediction.index == class)
    }

    /// The map as it is shown: without its negative part, unless `signed` or the explainer has no ReLU.
    pub fn shown_map(&self, signed: bool) -> Heatmap {
        if self.rectify && !signed { self.map.clone().rectified() } else { self.map.clone() }
    }
}

/// A figure of what a map is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// Whether more is better, or less; none where neither is.
    pub more: Option<bool>,
    /// The map's own.
    pub own: f64,
    /// That of weights drawn by lot, where the model has a layer for it.
    pub random: Option<f64>,
    /// That of a Gaussian in the middle.
    pub centred: f64,
}

/// What a map is worth: what becomes of the class when the picture is changed where the map says.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    /// The figures, the most telling first.
    pub figures: Vec<Figure>,
    /// Those of faithfulness, turned so that less is better: what maps are put in order by.
    pub faithfulness: [f64; 4],
    /// The probability while the most important pixels go, 0…1.
    pub deletion: Vec<f64>,
    /// The probability while the most important pixels come, 0…1.
    pub insertion: Vec<f64>,
    /// What follows, in a sentence.
    pub sentence: String,
    /// What one more map takes.
    pub cost: Duration,
}

/// A picture as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPicture {
    /// Its place in the list of all.
    pub id: PictureId,
    /// Its path, or what stands for one.
    pub path: String,
    /// Its file's name.
    pub name: String,
    /// The folder it is shown under; empty for none.
    pub folder: String,
}

/// What to save and where.
#[derive(Clone, Debug)]
pub struct Saving {
    /// The result.
    pub explanation: Arc<Explanation>,
    /// As it is seen.
    pub look: Look,
    /// A folder, or a file that ends in `.png`, `.npy` or `.json`.
    pub to: PathBuf,
}

/// A computation's way to tell and to be told.
pub struct Watch<'a> {
    cancelled: &'a AtomicBool,
    progress: &'a (dyn Fn(f32) + Sync),
    partial: Option<&'a (dyn Fn(Explanation) + Sync)>,
}

impl<'a> Watch<'a> {
    /// `cancelled` turns true when nobody waits for the answer any more; `progress` is told how much is done, 0…1.
    pub fn new(cancelled: &'a AtomicBool, progress: &'a (dyn Fn(f32) + Sync)) -> Self {
        Self { cancelled, progress, partial: None }
    }

    /// `partial` is shown unfinished answers, a few times a second at most.
    #[must_use]
    pub fn showing(self, partial: &'a (dyn Fn(Explanation) + Sync)) -> Self {
        Self { partial: Some(partial), ..self }
    }

    /// Who is shown unfinished answers.
    pub fn partial(&self) -> Option<&'a (dyn Fn(Explanation) + Sync)> {
        self.partial
    }

    /// Whether to give up.
    pub fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The flag itself.
    pub fn flag(&self) -> &'a AtomicBool {
        self.cancelled
    }

    /// How much is done, 0…1.
    pub fn progress(&self) -> &'a (dyn Fn(f32) + Sync) {
        self.progress
    }
}

/// Computes what is shown. Called from several threads at once; every error is a sentence for the user.
pub trait Analyst: Send + Sync {
    /// What there is to choose from.
    fn catalogue(&self) -> Catalogue;

    /// The pictures at the start.
    fn pictures(&self) -> Vec<NewPicture>;

    /// Answers one question. What it costs to answer the next ones about this picture is kept.
    fn explain(&self, question: &Question, watch: &Watch<'_>) -> Result<Explanation, String>;

    /// What an answer's map is worth, without its negative part. Takes seconds.
    fn measure(&self, explanation: &Explanation, watch: &Watch<'_>) -> Result<Worth, String>;

    /// The model's classes for a picture, the likeliest first.
    fn predict(
        &self,
        picture: PictureId,
        model: usize,
        watch: &Watch<'_>,
    ) -> Result<Arc<[Prediction]>, String>;

    /// The picture at no more than `side` pixels a side.
    fn thumbnail(&self, picture: PictureId, side: u32) -> Result<RgbaImage, String>;

    /// Adds what a path leads to, and all that is new in folders that were added before if there is no path.
    fn open(&self, path: Option<PathBuf>) -> Result<Vec<NewPicture>, String>;

    /// Uses the library of that number anew, whose file has changed; nothing where it is what it was. The old version
    /// stays in use where the new one cannot be.
    fn reload(&self, library: usize) -> Result<Option<Reloaded>, String>;

    /// Writes a result; the paths that were written.
    fn save(&self, saving: &Saving) -> Result<Vec<String>, String>;

    /// A result as one line of JSON.
    fn json(&self, explanation: &Explanation) -> String;
}
