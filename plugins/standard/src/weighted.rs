//! What most methods end in: the channels of a layer added up, with a weight each or with one a position.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Layer, Map, Session, View};

/// `Σ_k weights[k] · A_k` for activations `[1, K, h, w]`, with its terms where they are wanted.
pub fn weighted_sum(session: &Session<'_>, weights: &[f64], activation: &View<'_>) -> Map {
    let map = Map::from_f64(activation.height(), activation.width(), &weighted_total(weights, activation));
    if !session.wants_terms() {
        return map;
    }
    let planes = weights.iter().zip(activation.planes());
    map.with_terms(
        planes.flat_map(|(w, plane)| plane.iter().map(move |&a| (w * f64::from(a)) as f32)).collect(),
    )
}

/// The same as numbers, for what is not a map yet.
pub fn weighted_total(weights: &[f64], activation: &View<'_>) -> Vec<f64> {
    let mut map = vec![0f64; activation.area()];
    for (weight, plane) in weights.iter().zip(activation.planes()) {
        for (sum, &a) in map.iter_mut().zip(plane) {
            *sum += weight * f64::from(a);
        }
    }
    map
}

/// `Σ_k term(A_k, g_k)` at each position, for activations and gradients `[1, K, h, w]`, with its terms where they are wanted.
pub fn sum_of(
    session: &Session<'_>,
    activation: &View<'_>,
    gradient: &View<'_>,
    term: impl Fn(f64, f64) -> f64,
) -> Map {
    let mut map = vec![0f64; activation.area()];
    for (plane, slopes) in activation.planes().zip(gradient.planes()) {
        for ((sum, &a), &g) in map.iter_mut().zip(plane).zip(slopes) {
            *sum += term(f64::from(a), f64::from(g));
        }
    }
    let map = Map::from_f64(activation.height(), activation.width(), &map);
    if !session.wants_terms() {
        return map;
    }
    let pairs = activation.data().iter().zip(gradient.data());
    map.with_terms(pairs.map(|(&a, &g)| term(f64::from(a), f64::from(g)) as f32).collect())
}

/// `mean(g_k)` of each plane, for gradients `[n, K, h, w]`: n × K values.
pub fn mean_gradients(gradient: &View<'_>) -> Vec<f64> {
    let area = gradient.area() as f64;
    gradient.planes().map(|plane| plane.iter().map(|&g| f64::from(g)).sum::<f64>() / area).collect()
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
