//! What camtui writes into an ONNX file's `metadata_props`, so that one file is a whole model: its name, labels,
//! preprocessing, layers and classifier head.
//!
//! Every key starts with `camtui.`; values are JSON. A file without them is an ordinary ONNX model.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{ModelProto, StringStringEntryProto};

use crate::Recipe;

const KEY: &str = "camtui.model";
const LABELS: &str = "camtui.labels";
/// What the value of a layer that was folded into a picture is called after the value itself.
const FOLDED: &str = "/fold/grid";

/// A place in the network that can be tapped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The name people use: the PyTorch module path where there is one (`layer4.1.conv2`).
    pub name: String,
    /// The ONNX value that holds the layer's output.
    pub value: String,
    /// The node that computes it, as the file calls it; empty where it has no name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The output's shape without the batch axis: `[channels, height, width]`, or `[features]`.
    pub shape: Vec<usize>,
    /// Whether the exported graph holds `gradient:<name>`.
    pub gradient: bool,
}

impl Layer {
    /// The value as the file has it: a layer on tokens is read from a picture that was made of it.
    pub(crate) fn own_value(&self) -> &str {
        self.value.strip_suffix(FOLDED).unwrap_or(&self.value)
    }
}

/// The end of a network that pools globally and then applies one linear layer: what CAM needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearHead {
    /// The ONNX value that is pooled.
    pub pooled: String,
    /// Initialiser `[classes, channels]`.
    pub weight: String,
    /// Initialiser `[classes]`, if the layer has a bias.
    pub bias: Option<String>,
}

/// Everything about a model that its graph does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// `resnet18`, `efficientnet-lite0`, or the file's stem.
    pub name: String,
    /// SHA-256 (hex) of the file the model was made from.
    pub source_sha256: String,
    /// Number of classes.
    pub classes: usize,
    /// Preprocessing; `None` only for a model whose input is not known either.
    pub recipe: Option<Recipe>,
    /// Whether recipe and labels are guessed (ImageNet's) because the file does not say them.
    #[serde(default)]
    pub assumed: bool,
    /// Layers that can be tapped, in the order the network computes them.
    pub layers: Vec<Layer>,
    /// Name of the layer that is explained when none is asked for: the last with spatial extent.
    pub default_layer: Option<String>,
    /// The linear head, where the network has one.
    pub head: Option<LinearHead>,
    /// Why some layers have no gradient, a sentence each that names operator and node; empty where all have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// What was made of the file so that it can be explained, a sentence each: a softmax left out, an input turned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Files beside the model's that the conversion has read, by name, with their SHA-256 (hex).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<(String, String)>,
    /// One label a class; empty where unknown.
    #[serde(skip)]
    pub labels: Vec<String>,
}

/// The metadata is there but cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the model's `{key}` metadata is not what camtui writes: {reason}")]
pub struct MetadataError {
    key: &'static str,
    reason: serde_json::Error,
}

impl Metadata {
    /// Reads the metadata of a file that camtui exported; `None` for any other ONNX model.
    pub fn read(model: &ModelProto) -> Result<Option<Self>, MetadataError> {
        let find = |key| model.metadata_props.iter().find(|p| p.key == key).map(|p| p.value.as_str());
        let Some(json) = find(KEY) else { return Ok(None) };
        let mut metadata: Self =
            serde_json::from_str(json).map_err(|reason| MetadataError { key: KEY, reason })?;
        if let Some(json) = find(LABELS) {
            metadata.labels =
                serde_json::from_str(json).map_err(|reason| MetadataError { key: LABELS, reason })?;
        }
        Ok(Some(metadata))
    }

    /// Writes the metadata into `model`, in place of what was there.
    pub fn write(&self, model: &mut ModelProto) {
        model.metadata_props.retain(|p| p.key != KEY && p.key != LABELS);
        let mut put = |key: &str, value: String| {
            model.metadata_props.push(StringStringEntryProto { key: key.into(), value });
        };
        put(KEY, serde_json::to_string(self).expect("plain data serialises"));
        put(LABELS, serde_json::to_string(&self.labels).expect("strings serialise"));
    }

    /// The layer called `name`.
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.iter().find(|l| l.name == name)
    }

    /// The layer that `text` means: by its name, by the ONNX value that holds it, or by the node that computes that value.
    pub fn meant(&self, text: &str) -> Option<&Layer> {
        let known = |layer: &&Layer| layer.own_value() == text || (layer.node == text && !text.is_empty());
        self.layer(text).or_else(|| self.layers.iter().find(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_known_by_value_and_node_too() {
        let layer = |name: &str, value: &str, node: &str| Layer {
            name: name.into(),
            value: value.into(),
            node: node.into(),
            ..Layer::default()
        };
        let layers = vec![
            layer("layer4.1.conv2", "/layer4/layer4.1/conv2/Conv_output_0", "/layer4/layer4.1/conv2/Conv"),
            layer("blocks.0.norm1", "/blocks/norm1/Add_1_output_0/fold/grid", "/blocks/norm1/Add_1"),
            layer("features.0", "conv2d_1", "n7"),
            layer("nameless", "values", ""),
        ];
        let metadata = Metadata { layers, ..Metadata::default() };
        let meant = |text: &str| metadata.meant(text).map(|l| l.name.as_str());
        for (text, name) in [
            ("layer4.1.conv2", "layer4.1.conv2"),
            ("/layer4/layer4.1/conv2/Conv", "layer4.1.conv2"),
            ("/layer4/layer4.1/conv2/Conv_output_0", "layer4.1.conv2"),
            ("/blocks/norm1/Add_1", "blocks.0.norm1"),
            ("/blocks/norm1/Add_1_output_0", "blocks.0.norm1"),
            ("n7", "features.0"),
            ("conv2d_1", "features.0"),
        ] {
            assert_eq!(meant(text), Some(name), "{text}");
        }
        assert_eq!(meant("/layer4/layer4.1/conv2"), None);
        assert_eq!(meant(""), None);
    }
}
