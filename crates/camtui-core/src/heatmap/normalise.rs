//! A map's values as 0…1, or −1…1 for signed maps, so that they can be coloured and averaged.
//!
//! Min-max of the map as it is shown, that is after upsampling. Signed maps are divided by their largest magnitude, so
//! that zero stays zero. A map without differences stays without: it becomes all zeros, never NaN, and never the
//! rounding noise of its own interpolation blown up to full range.

use super::Heatmap;

/// A range this small against the values' magnitude is interpolation's rounding, not a difference.
const ROUNDING: f64 = 8.0 * f32::EPSILON as f64;

/// The map with values 0…1, or −1…1 where `signed`.
pub fn normalise(map: Heatmap, signed: bool) -> Heatmap {
    let scale = Scale::of(&map, signed);
    let Heatmap { height, width, mut values } = map;
    for value in &mut values {
        *value = scale.apply(*value);
    }
    Heatmap { height, width, values }
}

/// What takes a map's values to 0…1 or −1…1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    offset: f64,
    factor: f64,
}

impl Scale {
    pub(super) fn of(map: &Heatmap, signed: bool) -> Self {
        let (low, high) = map.range();
        // In f64: the difference of two f32 may be beyond f32.
        let (low, high) = (f64::from(low), f64::from(high));
        let magnitude = low.abs().max(high.abs());
        let (offset, extent) = if signed { (0.0, magnitude) } else { (low, high - low) };
        let blank = if signed { magnitude == 0.0 } else { extent <= magnitude * ROUNDING };
        Self { offset, factor: if blank { 0.0 } else { 1.0 / extent } }
    }

    pub(super) fn apply(self, value: f32) -> f32 {
        ((f64::from(value) - self.offset) * self.factor) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heatmap::{Interpolation, upsample};

    fn map(values: &[f32]) -> Heatmap {
        Heatmap::new(1, values.len(), values.to_vec()).unwrap()
    }

    #[test]
    fn the_range_becomes_zero_to_one() {
        assert_eq!(normalise(map(&[2.0, 3.0, 6.0]), false).values(), [0.0, 0.25, 1.0]);
        assert_eq!(normalise(map(&[-1.0, 0.0, 3.0]), false).values(), [0.0, 0.25, 1.0]);
    }

    #[test]
    fn signed_maps_keep_their_zero() {
        assert_eq!(normalise(map(&[-4.0, 0.0, 2.0]), true).values(), [-1.0, 0.0, 0.5]);
        assert_eq!(normalise(map(&[3.0, 3.0]), true).values(), [1.0, 1.0]);
    }

    #[test]
    fn a_constant_map_becomes_zeros() {
        for signed in [false, true] {
            assert_eq!(normalise(map(&[0.0; 3]), signed).values(), [0.0; 3]);
        }
        assert_eq!(normalise(map(&[7.3; 3]), false).values(), [0.0; 3]);
        // And stays so through interpolation, whose weights sum to one only up to rounding.
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            let map = Heatmap::new(7, 7, vec![0.1; 49]).unwrap();
            let values = normalise(upsample(&map, 101, 97, interpolation), false);
            assert!(values.values().iter().all(|&v| v == 0.0), "{interpolation:?}");
        }
    }

    #[test]
    fn extremes_stay_finite() {
        assert_eq!(normalise(map(&[f32::MIN, f32::MAX]), false).values(), [0.0, 1.0]);
        assert_eq!(normalise(map(&[0.0, 1e-44]), false).values(), [0.0, 1.0]);
        assert_eq!(normalise(map(&[-1e-44, 0.0]), true).values(), [-1.0, 0.0]);
    }
}
