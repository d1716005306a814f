//! The pointing game: whether a map's peak, and how much of the map, lies where the object is.
//!
//! Zhang et al., "Top-Down Neural Attention by Excitation Backprop", ECCV 2016 (the hit); Wang et al., "Score-CAM", CVPR
//! Workshops 2020 (the share).

/// How well a map points at an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointing {
    /// Whether the first of the map's greatest values lies on the object.
    pub hit: bool,
    /// The share of the map that lies on the object: 0…1, higher is better.
    pub share: f64,
}

/// Compares `map` with `object`, which is true where the object is; both have one value a pixel.
pub fn pointing(map: &[f32], object: &[bool]) -> Pointing {
    let greatest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let peak = map.iter().position(|&v| v >= greatest);
    let total: f64 = map.iter().map(|&v| f64::from(v.max(0.0))).sum();
    let on = map.iter().zip(object).filter(|(_, on)| **on).map(|(&v, _)| f64::from(v.max(0.0))).sum::<f64>();
    Pointing {
        hit: peak.and_then(|at| object.get(at)).copied().unwrap_or(false),
        share: if total > 0.0 { on / total } else { 0.0 },
    }
}
