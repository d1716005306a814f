//! What an explainer hands back.

use crate::Layer;

/// A map, and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub(crate) grid: Grid,
    pub(crate) channels: Vec<(String, Grid)>,
    pub(crate) notes: Vec<String>,
    pub(crate) layer: Option<u32>,
    pub(crate) terms: Option<Vec<f32>>,
}

/// `height × width` values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

impl Map {
    /// A map of `height × width` finite values, row-major. The host refuses any other number of values, and NaN.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Self {
        Self {
            grid: Grid { height, width, values },
            channels: vec![],
            notes: vec![],
            layer: None,
            terms: None,
        }
    }

    /// The same from sums that were taken in f64.
    pub fn from_f64(height: usize, width: usize, values: &[f64]) -> Self {
        Self::new(height, width, values.iter().map(|&v| v as f32).collect())
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.grid.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.grid.width
    }

    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.grid.values
    }

    /// Height, width and values of a further map.
    pub fn channel(&self, name: &str) -> Option<(usize, usize, &[f32])> {
        let (_, grid) = self.channels.iter().find(|(n, _)| n == name)?;
        Some((grid.height, grid.width, &grid.values))
    }

    /// The sentences beside the map.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds a further map of `height × width` values, by name: a concept, a standard deviation.
    #[must_use]
    pub fn with_channel(
        mut self,
        name: impl Into<String>,
        height: usize,
        width: usize,
        values: Vec<f32>,
    ) -> Self {
        self.channels.push((name.into(), Grid { height, width, values }));
        self
    }

    /// Adds one sentence that helps to read the map.
    #[must_use]
    pub fn with_note(mut self, sentence: impl Into<String>) -> Self {
        self.notes.push(sentence.into());
        self
    }

    /// Adds what the map is the sum of: planes of its own size, one after the other. For methods that weigh activations these
    /// are the weighted channels, `w_k·A_k`.
    #[must_use]
    pub fn with_terms(mut self, values: Vec<f32>) -> Self {
        self.terms = Some(values);
        self
    }

    /// What it is the sum of, plane by plane.
    pub fn terms(&self) -> Option<&[f32]> {
        self.terms.as_deref()
    }

    /// Says that the map is of `layer`, where that is not the chosen one.
    #[must_use]
    pub fn of_layer(mut self, layer: &Layer) -> Self {
        self.layer = Some(layer.index());
        self
    }
}
