//! The one tensor type that the parts of this crate hand to each other: dense, row-major, f32.
//!
//! tract has its own tensors and so has every file format; at the seams between them a plain shape and a plain
//! vector are enough.

/// A dense row-major f32 tensor of any rank. `data.len()` is always the product of `shape`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

/// The number of values does not fit the shape.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a tensor of shape {shape:?} holds {expected} values, not {found}")]
pub struct ShapeError {
    /// The shape asked for.
    pub shape: Vec<usize>,
    /// The product of `shape`.
    pub expected: usize,
    /// The number of values given.
    pub found: usize,
}

impl Tensor {
    /// Takes `data` as a row-major tensor of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Self, ShapeError> {
        let shape = shape.into();
        let expected = shape.iter().copied().fold(1usize, usize::saturating_mul);
        if expected == data.len() {
            Ok(Self { shape, data })
        } else {
            Err(ShapeError { shape, expected, found: data.len() })
        }
    }

    /// A tensor of zeros.
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Self {
        let shape = shape.into();
        let data = vec![0.0; shape.iter().product()];
        Self { shape, data }
    }

    /// The extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All values, row-major, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Gives the values up, row-major.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_must_fill_the_shape() {
        assert!(Tensor::new([2, 3], vec![0.0; 6]).is_ok());
        let error = Tensor::new([2, 3], vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "a tensor of shape [2, 3] holds 6 values, not 5");
    }
}
