//! Sizes: of a value, of a border, of a pooling window.

use std::fmt;

/// The shape of a value, batch 1: `[channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Planes.
    pub channels: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
}

impl Shape {
    /// `[channels, height, width]`.
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        Shape { channels, height, width }
    }

    /// One number a channel: `[channels, 1, 1]`.
    pub fn vector(channels: usize) -> Self {
        Shape::new(channels, 1, 1)
    }

    /// How many numbers a value of this shape has.
    pub fn len(&self) -> usize {
        self.channels * self.pixels()
    }

    /// Whether a value of this shape has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pixels of one plane.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Whether the value is one number a channel.
    pub fn is_vector(&self) -> bool {
        self.height == 1 && self.width == 1
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{},{}]", self.channels, self.height, self.width)
    }
}

/// Zeros around a picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns before.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns after.
    pub right: usize,
}

impl Padding {
    /// None at all.
    pub const NONE: Padding = Padding { top: 0, left: 0, bottom: 0, right: 0 };

    /// The same on each side.
    pub fn all(pixels: usize) -> Self {
        Padding { top: pixels, left: pixels, bottom: pixels, right: pixels }
    }
}

/// Where a pooling looks. The part of a window that lies in the padding takes no part in a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Step down and to the right.
    pub stride: [usize; 2],
    /// Around the picture. For ONNX's `ceil_mode`, lengthen `bottom` and `right`.
    pub padding: Padding,
    /// Whether an average divides by the whole window, or by the part of it that lies in the picture.
    pub count_include_pad: bool,
}

/// How many times a kernel of `taps` taps, `dilation` apart, fits into `size` pixels padded by `before` and `after`,
/// `stride` apart: the size of a convolution's output. `None` where it does not fit once.
pub(crate) fn fits(
    size: usize,
    [before, after]: [usize; 2],
    taps: usize,
    dilation: usize,
    stride: usize,
) -> Option<usize> {
    let reach = (taps.checked_sub(1)?).checked_mul(dilation)? + 1;
    let padded = size + before + after;
    (stride > 0).then_some(())?;
    Some(padded.checked_sub(reach)? / stride + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_follow_the_usual_formula() {
        assert_eq!(fits(224, [3, 3], 7, 1, 2), Some(112));
        assert_eq!(fits(7, [1, 1], 3, 1, 1), Some(7));
        assert_eq!(fits(7, [2, 2], 3, 2, 1), Some(7));
        assert_eq!(fits(2, [0, 0], 3, 1, 1), None);
        assert_eq!(fits(2, [0, 0], 1, 1, 0), None);
    }
}
