//! What most methods end in: the channels of a layer, each with its weight, added up.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Layer, Map, View};

/// `Σ_k weights[k] · A_k` for activations `[1, K, h, w]`.
pub fn weighted_sum(weights: &[f64], activation: &View<'_>) -> Map {
    let mut map = vec![0f64; activation.area()];
    for (weight, plane) in weights.iter().zip(activation.planes()) {
        for (sum, &a) in map.iter_mut().zip(plane) {
            *sum += weight * f64::from(a);
        }
    }
    Map::from_f64(activation.height(), activation.width(), &map)
}

/// Number of channels of a layer that has a height and a width, or why it can't be drawn.
pub fn channels(layer: &Layer) -> Result<usize, Error> {
    match layer.shape() {
        [channels, _, _] => Ok(*channels),
        shape => Err(Error::NotSupported(format!(
            "layer {} has shape {shape:?}, without height and width; choose a layer [channels, height, width]",
            layer.name()
        ))),
    }
}
