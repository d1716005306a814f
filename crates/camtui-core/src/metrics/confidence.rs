//! What is left of the score when the picture is multiplied by its map.
//!
//! Average drop and increase: Chattopadhay et al., "Grad-CAM++", WACV 2018. ADCC: Poppi et al., "Revisiting The
//! Evaluation of Class Activation Mapping for Explainability", CVPR Workshops 2021.

use crate::Tensor;

/// The picture as the map lets it through: each pixel of `[1, C, H, W]` times its value of the map.
pub fn masked(input: &Tensor, map: &[f32]) -> Tensor {
    let planes = input.data().chunks(map.len());
    let values = planes.flat_map(|plane| plane.iter().zip(map).map(|(x, m)| x * m)).collect();
    Tensor::new(input.shape(), values).expect("the input's own shape")
}

/// The share of the score that is lost behind the map, `max(0, before − after) / before`: 0…1, lower is better.
pub fn drop(before: f64, after: f64) -> f64 {
    if before > 0.0 { (before - after).max(0.0) / before } else { 0.0 }
}

/// Whether the score is higher behind the map.
pub fn increases(before: f64, after: f64) -> bool {
    after > before
}

/// How alike the map is to that of the picture behind it: the correlation of their values, from −1…1 to 0…1. Where
/// one of them is constant it is one half: they say nothing of each other.
pub fn coherency(map: &[f32], of_masked: &[f32]) -> f64 {
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(map), mean(of_masked));
    let terms = || map.iter().zip(of_masked).map(|(&x, &y)| (f64::from(x) - a, f64::from(y) - b));
    let (xy, xx, yy) =
        terms().fold((0.0, 0.0, 0.0), |(xy, xx, yy), (x, y)| (xy + x * y, xx + x * x, yy + y * y));
    let correlation = if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 };
    f64::midpoint(correlation.clamp(-1.0, 1.0), 1.0)
}

/// How much of the picture the map takes, the mean of its values: 0…1, lower is better.
pub fn complexity(map: &[f32]) -> f64 {
    map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len().max(1) as f64
}

/// The harmonic mean of coherency, 1 − complexity and 1 − drop: 0…1, higher is better. 0 where one of them is.
pub fn adcc(coherency: f64, complexity: f64, drop: f64) -> f64 {
    let terms = [coherency, 1.0 - complexity, 1.0 - drop];
    if terms.iter().any(|&t| t <= 0.0) { 0.0 } else { 3.0 / terms.iter().map(|t| 1.0 / t).sum::<f64>() }
}
