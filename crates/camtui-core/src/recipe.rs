//! What is done to a picture before the model sees it: the part of a model that is not in its graph.
//!
//! A recipe travels in the exported file's metadata as JSON and is repeated in every result, because a map made with
//! another recipe is another map.

use serde::{Deserialize, Serialize};

/// How a picture of any shape becomes the model's input shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// The whole picture, its aspect given up: torchvision's `Resize((h, w))`.
    #[default]
    Squash,
    /// The shorter side to [`Recipe::crop_resize`], then the middle: torchvision's `Resize(s)`, `CenterCrop((h, w))`.
    CenterCrop,
}

/// Preprocessing: resize, scale to 0…1, then `(x − mean) / std` per channel, laid out `[1, 3, height, width]`, RGB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Input height in pixels.
    pub height: usize,
    /// Input width in pixels.
    pub width: usize,
    /// How the picture is brought to that size.
    pub resize: Resize,
    /// For [`Resize::CenterCrop`]: the length in pixels that the shorter side is resized to (256 for 224).
    pub crop_resize: usize,
    /// Per-channel mean, in the unit of 0…1 pixels.
    pub mean: [f32; 3],
    /// Per-channel standard deviation, in the unit of 0…1 pixels.
    pub std: [f32; 3],
}

impl Recipe {
    /// torchvision's ImageNet preprocessing at 224×224.
    pub fn imagenet() -> Self {
        Self {
            height: 224,
            width: 224,
            resize: Resize::Squash,
            crop_resize: 256,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }

    /// EfficientNet-Lite's preprocessing at 224×224: pixels 0…255, mean 127, standard deviation 128.
    pub fn efficientnet_lite() -> Self {
        Self { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3], ..Self::imagenet() }
    }

    /// Pixels 0…255 as they are, at 224×224: what a model that prepares its input itself takes.
    pub fn bytes() -> Self {
        Self { mean: [0.0; 3], std: [1.0 / 255.0; 3], ..Self::imagenet() }
    }

    /// The same for another input size; what a centre crop cuts off keeps its share (256 for 224, as torchvision has it, is 342
    /// for 299).
    #[must_use]
    pub fn sized(self, height: usize, width: usize) -> Self {
        let (was, is) = (self.height.min(self.width), height.min(width));
        let crop_resize = (self.crop_resize as f64 * is as f64 / was.max(1) as f64).round() as usize;
        Self { height, width, crop_resize, ..self }
    }

    /// The smallest and largest value the model's input can take, over all channels.
    pub fn pixel_range(&self) -> (f32, f32) {
        let low = |c: usize| (0.0 - self.mean[c]) / self.std[c];
        let high = |c: usize| (1.0 - self.mean[c]) / self.std[c];
        let fold = |f: &dyn Fn(usize) -> f32, pick: fn(f32, f32) -> f32| pick(pick(f(0), f(1)), f(2));
        (fold(&low, f32::min), fold(&high, f32::max))
    }
}
