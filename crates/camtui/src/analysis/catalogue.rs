//! What there is to choose from, in the session's terms.

use camtui_core::onnx::metadata::Metadata;
use camtui_host::{ExplainerInfo, ParamInfo, ParamKind};
use camtui_term::sanitise;

use crate::interactive::analyst;
use crate::pipeline::predictions::label;

/// What an explainer says of itself.
pub fn explainer(id: &str, info: &ExplainerInfo) -> analyst::ExplainerInfo {
    analyst::ExplainerInfo {
        id: sanitise(id),
        summary: sanitise(&info.summary),
        params: info.params.iter().map(param).collect(),
        gradients: info.needs.gradients,
        slow: info.needs.forward,
        class_agnostic: info.class_agnostic,
        gone: false,
    }
}

fn param(info: &ParamInfo) -> analyst::ParamInfo {
    let kind = match &info.kind {
        ParamKind::Bool { .. } => analyst::ParamKind::Bool,
        ParamKind::Int { range, .. } => analyst::ParamKind::Int(*range),
        ParamKind::Float { range, .. } => analyst::ParamKind::Float(*range),
        ParamKind::Choice { choices, .. } => {
            analyst::ParamKind::Choice(choices.iter().map(|word| sanitise(word)).collect())
        }
        ParamKind::Text { .. } => analyst::ParamKind::Text,
    };
    let default = match &info.kind {
        ParamKind::Bool { default } => default.to_string(),
        ParamKind::Int { default, .. } => default.to_string(),
        ParamKind::Float { default, .. } => default.to_string(),
        ParamKind::Choice { default, choices } => choices.get(*default).cloned().unwrap_or_default(),
        ParamKind::Text { default } => default.clone(),
    };
    analyst::ParamInfo {
        key: info.key.clone(),
        help: sanitise(&info.help),
        kind,
        default: sanitise(&default),
    }
}

/// A model's layers that have a height and a width, and its labels.
pub fn details(metadata: &Metadata) -> analyst::ModelDetails {
    let spatial = metadata.layers.iter().filter(|layer| layer.shape.len() == 3);
    let layer = |layer: &camtui_core::onnx::metadata::Layer| analyst::LayerInfo {
        name: layer.name.clone(),
        shape: layer.shape.clone(),
        gradient: layer.gradient,
    };
    analyst::ModelDetails {
        layers: spatial.filter(|layer| layer.shape[1] * layer.shape[2] > 1).map(layer).collect(),
        default_layer: metadata.default_layer.clone(),
        labels: (0..metadata.classes).map(|class| sanitise(&label(metadata, class))).collect(),
    }
}
