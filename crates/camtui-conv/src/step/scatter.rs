//! Results of several phases, which lie side by side in a pixel, put into their places.

use super::{Context, Step, part, rows_a_chunk};
use crate::view::View;

/// See the module.
pub(crate) struct Scatter {
    /// The channels of all phases, one after the other.
    pub x: View,
    /// Where those of each belong: pixel for pixel.
    pub places: Vec<View>,
}

impl Step for Scatter {
    fn chunks(&self) -> usize {
        self.x.shape.height.div_ceil(rows_a_chunk(self.x.shape))
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        for y in part(self.x.shape.height, self.chunks(), chunk) {
            let mut from = cx.view(&self.x).cast_const().wrapping_add(y * self.x.row);
            for out in &self.places {
                let (made, to) = (out.shape.channels, cx.view(out).wrapping_add(y * out.row));
                for x in 0..out.shape.width {
                    // SAFETY: the caller's. Each place has as many pixels as `x` has, and all of them together its channels; no two
                    // have a pixel in common.
                    unsafe {
                        let from = from.add(x * self.x.pixel);
                        std::ptr::copy_nonoverlapping(from, to.add(x * out.pixel), made);
                    }
                }
                from = from.wrapping_add(made);
            }
        }
    }
}
