//! Known architectures, built into ONNX node by node from a checkpoint's tensors.
//!
//! A checkpoint holds weights but no graph. [`build`] recognises the architecture by its tensors' names, checks that
//! every tensor is there in its shape and nothing is left over, and writes the forward graph with batch norm unfolded
//! and every value named as PyTorch names the module that yields it. Other networks come in as ONNX files.

mod blueprint;
mod efficientnet_lite;
pub mod embedded;
mod fit;
mod resnet;

pub use blueprint::{IMAGE, LOGITS};
pub use fit::{ArchError, Problems};

use crate::{
    Recipe,
    checkpoint::StateDict,
    labels,
    onnx::{metadata::Metadata, pb::ModelProto},
};
use blueprint::Blueprint;

/// An architecture that camtui can build from weights alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// torchvision's `resnet18`.
    ResNet18,
    /// `efficientnet_lite_pytorch`'s `efficientnet-lite0`.
    EfficientNetLite0,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ResNet18, Self::EfficientNetLite0];

    /// The name on the command line and in the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet18",
            Self::EfficientNetLite0 => "efficientnet-lite0",
        }
    }

    /// The preprocessing its published weights were trained with.
    pub fn recipe(self) -> Recipe {
        match self {
            Self::ResNet18 => Recipe::imagenet(),
            Self::EfficientNetLite0 => Recipe::efficientnet_lite(),
        }
    }

    /// Name and shape of every weight a checkpoint for `classes` classes must have, in the network's order. Batch
    /// norm's `num_batches_tracked` counters are not among them: they play no part in inference.
    pub fn parameters(self, classes: usize) -> Vec<(String, Vec<usize>)> {
        self.blueprint(classes).parameters
    }

    /// The classifier's weight `[classes, channels]`, whose shape tells the number of classes.
    fn classifier(self) -> &'static str {
        match self {
            Self::ResNet18 => "fc.weight",
            Self::EfficientNetLite0 => "_fc.weight",
        }
    }

    /// The last layer with spatial extent: the one that is pooled.
    fn default_layer(self) -> &'static str {
        match self {
            Self::ResNet18 => "layer4",
            Self::EfficientNetLite0 => "features",
        }
    }

    fn blueprint(self, classes: usize) -> Blueprint {
        match self {
            Self::ResNet18 => resnet::resnet18(classes),
            Self::EfficientNetLite0 => efficientnet_lite::efficientnet_lite0(classes),
        }
    }
}

/// Builds the forward model that `state` holds the weights of: [`IMAGE`] `[N, 3, 224, 224]` in, [`LOGITS`]
/// `[N, classes]` out, with [`Metadata`] (no gradients yet; labels if there are ImageNet's 1000 classes).
pub fn build(state: &StateDict) -> Result<ModelProto, ArchError> {
    build_sized(state, None)
}

/// As [`build`], for pictures of another height and width. These architectures pool over whatever is left of the picture, so
/// they take any; published weights have been trained at 224×224.
pub fn build_sized(state: &StateDict, size: Option<(usize, usize)>) -> Result<ModelProto, ArchError> {
    let architecture = fit::recognise(state)?;
    let classes = fit::classes(architecture, state);
    let Blueprint { mut graph, parameters, layers, head } = architecture.blueprint(classes);
    fit::check(architecture, &parameters, state)?;
    for (name, shape) in &parameters {
        let tensor = state.get(name).expect("checked to be there");
        graph.f32s(name, shape, tensor.data());
    }
    let labels = labels::imagenet();
    let mut recipe = architecture.recipe();
    if let Some((height, width)) = size {
        recipe = recipe.sized(height, width);
        graph.resize_input(&[3, height, width]);
    }
    let metadata = Metadata {
        name: architecture.name().into(),
        source_sha256: state.source_sha256().into(),
        classes,
        recipe: Some(recipe),
        layers,
        default_layer: Some(architecture.default_layer().into()),
        head,
        labels: if classes == labels.len() { labels } else { vec![] },
        ..Metadata::default()
    };
    let mut model = graph.into_model();
    metadata.write(&mut model);
    Ok(model)
}

#[cfg(test)]
mod tests;
