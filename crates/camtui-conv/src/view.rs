//! Where a value lies: pixels one after the other, each a run of channels, with a border of zeros around the picture.

use crate::Shape;
use crate::simd::WIDEST;

/// Which of a program's buffers.
pub(crate) type BufferId = usize;

/// A picture (or some of its channels) in a buffer. Distances are in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub buffer: BufferId,
    /// The first channel of pixel (0, 0).
    pub origin: usize,
    /// From a pixel to the one below.
    pub row: usize,
    /// From a pixel to the next.
    pub pixel: usize,
    pub shape: Shape,
    pub border: Border,
}

/// Zeros around a picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Border {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

impl Border {
    /// Enough for both.
    pub fn with(self, other: Border) -> Border {
        Border {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }
}

impl View {
    /// A buffer of its own, and how many numbers it takes. A pixel is padded to whole vectors unless it is `narrow`.
    pub fn whole(buffer: BufferId, shape: Shape, border: Border, narrow: bool) -> (View, usize) {
        let pixel = if narrow { shape.channels } else { shape.channels.next_multiple_of(WIDEST) };
        let row = (border.left + shape.width + border.right) * pixel;
        let rows = border.top + shape.height + border.bottom;
        let origin = border.top * row + border.left * pixel;
        (View { buffer, origin, row, pixel, shape, border }, rows * row)
    }

    /// Some of the channels.
    pub fn channels(self, first: usize, channels: usize) -> View {
        View { origin: self.origin + first, shape: Shape { channels, ..self.shape }, ..self }
    }

    /// Where pixel (y, x) begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        self.origin + y * self.row + x * self.pixel
    }
}
