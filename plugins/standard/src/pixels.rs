//! From three channels of the picture to one map.
#![forbid(unsafe_code)]

use camtui_plugin::View;

/// `max_c |v_c|` at each pixel, for values `[C, H, W]` given by planes of `area` pixels.
pub fn strongest(values: &[f64], area: usize) -> Vec<f64> {
    fold(values, area, |most, v| v.abs().max(most))
}

/// `Σ_c v_c` at each pixel.
pub fn total(values: &[f64], area: usize) -> Vec<f64> {
    fold(values, area, |sum, v| sum + v)
}

/// A view's values in the precision that sums are taken in.
pub fn wide(view: &View<'_>) -> Vec<f64> {
    view.data().iter().map(|&v| f64::from(v)).collect()
}

fn fold(values: &[f64], area: usize, step: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut map = vec![0.0; area];
    for plane in values.chunks_exact(area.max(1)) {
        for (m, &v) in map.iter_mut().zip(plane) {
            *m = step(*m, v);
        }
    }
    map
}
