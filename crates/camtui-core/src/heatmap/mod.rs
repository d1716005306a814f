//! From a small map to colours over a picture.
//!
//! An explainer's [`Heatmap`] has the resolution of its layer, often 7×7. It is brought to the picture's size
//! ([`upsample()`]), then to 0…1 ([`normalise`]: of the *upsampled* map), coloured ([`colormap`]) and laid over the photo
//! where the model looked ([`overlay`], for a part of the picture [`part`]). [`fuse`] makes one map of those of several layers.

pub mod agreement;
pub mod colormap;
pub mod normalise;
pub mod overlay;
pub mod part;
mod tables;
pub mod upsample;

pub use agreement::{Ranks, difference};
pub use colormap::Colormap;
pub use overlay::{Emphasis, Levels, Overlay, Style};
pub use part::Shown;
pub use upsample::{Interpolation, upsample};

/// A map of h×w finite values, row by row: how much each place of a layer (or of the picture) counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

/// Values that make no map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeatmapError {
    /// A side of 0, or another number of values than the sides say.
    #[error("a heat map of {height}×{width} cannot be made of {found} values")]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// The number of values given.
        found: usize,
    },
    /// NaN or infinity.
    #[error("the heat map has a value that is not finite ({value}) at row {row}, column {column}")]
    NotFinite {
        /// The value, as text.
        value: String,
        /// Row from 0.
        row: usize,
        /// Column from 0.
        column: usize,
    },
    /// Nothing to fuse.
    #[error("there is no heat map to fuse")]
    None,
}

impl Heatmap {
    /// Takes `height·width` finite values, row by row.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Result<Self, HeatmapError> {
        if height == 0 || width == 0 || height.checked_mul(width) != Some(values.len()) {
            return Err(HeatmapError::Size { height, width, found: values.len() });
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let value = values[at].to_string();
            return Err(HeatmapError::NotFinite { value, row: at / width, column: at % width });
        }
        Ok(Self { height, width, values })
    }

    /// Rows, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, row by row, each finite.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The smallest and the largest value.
    pub fn range(&self) -> (f32, f32) {
        // Side by side in lanes: one running minimum would wait for itself at every value.
        const LANES: usize = 16;
        let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
        for chunk in self.values.chunks(LANES) {
            for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(chunk) {
                *low = if value < *low { value } else { *low };
                *high = if value > *high { value } else { *high };
            }
        }
        (low.into_iter().fold(f32::INFINITY, f32::min), high.into_iter().fold(f32::NEG_INFINITY, f32::max))
    }

    /// The map without its negative part: the outermost ReLU of the explainers that have one.
    #[must_use]
    pub fn rectified(mut self) -> Self {
        for value in &mut self.values {
            *value = value.max(0.0);
        }
        self
    }
}

/// The mean of several layers' maps, each upsampled to `height`×`width` and brought to 0…1 first, so that no layer
/// outweighs another by the scale of its values. `signed` keeps their signs (−1…1).
pub fn fuse(
    maps: &[Heatmap],
    height: usize,
    width: usize,
    interpolation: Interpolation,
    signed: bool,
) -> Result<Heatmap, HeatmapError> {
    if maps.is_empty() {
        return Err(HeatmapError::None);
    }
    let mut sum = vec![0.0; height * width];
    for map in maps {
        let normal = normalise::normalise(upsample(map, height, width, interpolation), signed);
        for (sum, value) in sum.iter_mut().zip(normal.values()) {
            *sum += value / maps.len() as f32;
        }
    }
    Heatmap::new(height, width, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_values_of_the_right_number_make_a_map() {
        assert!(Heatmap::new(1, 2, vec![0.0, 1.0]).is_ok());
        for (h, w, n) in [(0, 0, 0), (2, 2, 3), (usize::MAX, 2, 3)] {
            assert!(matches!(Heatmap::new(h, w, vec![0.0; n]), Err(HeatmapError::Size { .. })));
        }
        let error = Heatmap::new(2, 2, vec![0.0, 1.0, f32::NAN, 1.0]).unwrap_err();
        assert_eq!(error.to_string(), "the heat map has a value that is not finite (NaN) at row 1, column 0");
        assert!(Heatmap::new(1, 1, vec![f32::INFINITY]).is_err());
    }

    #[test]
    fn fusing_weighs_layers_alike_whatever_their_scale() {
        let left = Heatmap::new(1, 2, vec![1000.0, 0.0]).unwrap();
        let right = Heatmap::new(1, 2, vec![0.0, 0.001]).unwrap();
        let fused = fuse(&[left.clone(), right], 2, 2, Interpolation::Nearest, false).unwrap();
        assert_eq!(fused.values(), [0.5; 4]);
        let blank = Heatmap::new(3, 3, vec![0.0; 9]).unwrap();
        let fused = fuse(&[left, blank], 1, 2, Interpolation::Nearest, false).unwrap();
        assert_eq!(fused.values(), [0.5, 0.0]);
        assert_eq!(fuse(&[], 2, 2, Interpolation::Nearest, false), Err(HeatmapError::None));
    }
}
