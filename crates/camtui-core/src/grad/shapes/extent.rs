//! The extent of one axis while the batch is open: a number, a multiple of the batch, or not known.
//!
//! Exporters write the shapes they reshape to as small computations (`Shape → Gather → Concat`). Kept symbolic, these
//! come out as `[N, 12, 64]` or, where heads are folded into the batch, `[12·N, 64]`.

/// An extent, or an integer of which extents are made (`-1` in a Reshape's target).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A number.
    Fixed(i64),
    /// That many times the batch.
    Batch(i64),
    /// Not known.
    Open,
}

use Extent::{Batch, Fixed, Open};

impl Extent {
    /// The number, where it is one and not negative.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Fixed(d) => usize::try_from(d).ok(),
            _ => None,
        }
    }

    pub fn add(self, other: Self) -> Self {
        let sum = match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_add(b).map(Fixed),
            (Batch(a), Batch(b)) => a.checked_add(b).map(Batch),
            (x, Fixed(0)) | (Fixed(0), x) => Some(x),
            _ => None,
        };
        sum.unwrap_or(Open)
    }

    pub fn neg(self) -> Self {
        self.mul(Fixed(-1))
    }

    pub fn mul(self, other: Self) -> Self {
        let product = match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_mul(b).map(Fixed),
            (Fixed(a), Batch(b)) | (Batch(a), Fixed(b)) => a.checked_mul(b).map(Batch),
            _ => None,
        };
        product.unwrap_or(Open)
    }

    /// Integer division, towards zero as ONNX has it.
    pub fn div(self, other: Self) -> Self {
        let quotient = match (self, other) {
            (Fixed(a), Fixed(b)) => a.checked_div(b).map(Fixed),
            (Batch(a), Fixed(b)) if a.checked_rem(b) == Some(0) => Some(Batch(a / b)),
            (Batch(a), Batch(b)) if a.checked_rem(b) == Some(0) => Some(Fixed(a / b)),
            _ => None,
        };
        quotient.unwrap_or(Open)
    }

    /// What is left of an integer division, with the divisor's sign as ONNX has it.
    pub fn rem(self, other: Self) -> Self {
        match (self, other) {
            (Fixed(a), Fixed(b)) => match a.checked_rem(b) {
                Some(rest) if rest != 0 && (rest < 0) != (b < 0) => Fixed(rest + b),
                Some(rest) => Fixed(rest),
                None => Open,
            },
            _ => Open,
        }
    }

    /// The product of many: the number of elements of a shape.
    pub fn product(extents: &[Self]) -> Self {
        extents.iter().fold(Fixed(1), |product, &e| product.mul(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_is_carried_through_arithmetic() {
        assert_eq!(Extent::product(&[Batch(1), Fixed(12), Fixed(64)]), Batch(768));
        assert_eq!(Batch(768).div(Batch(12)), Fixed(64));
        assert_eq!(Batch(768).div(Fixed(64)), Batch(12));
        assert_eq!(Batch(3).div(Fixed(2)), Open);
        assert_eq!(Batch(1).mul(Batch(1)), Open);
        assert_eq!(Fixed(-7).rem(Fixed(3)), Fixed(2));
        assert_eq!(Fixed(7).rem(Fixed(-3)), Fixed(-2));
        assert_eq!(Fixed(i64::MIN).rem(Fixed(-1)), Open);
        assert_eq!(Fixed(i64::MAX).add(Fixed(1)), Open);
        assert_eq!(Fixed(1).div(Fixed(0)), Open);
        assert_eq!(Fixed(i64::MIN).div(Fixed(-1)), Open);
    }
}
