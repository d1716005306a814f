//! Zeros around a picture. Whoever used a buffer before has left its numbers there.

use super::{Context, Step};
use crate::view::View;

/// Clears the border of a view.
pub(crate) struct Clear {
    pub view: View,
}

impl Step for Clear {
    fn chunks(&self) -> usize {
        1
    }

    unsafe fn run(&self, cx: &Context<'_>, _chunk: usize) {
        let View { row, pixel, shape, border, .. } = self.view;
        let start = cx.view(&self.view).wrapping_sub(border.top * row + border.left * pixel);
        let width = border.left + shape.width + border.right;
        // A view of some channels leaves the others alone, except those that only pad a vector.
        let channels = shape.channels.next_multiple_of(crate::simd::WIDEST).min(pixel);
        let clear = |y: usize, pixels: std::ops::Range<usize>| {
            let line = start.wrapping_add(y * row);
            if channels == pixel {
                // SAFETY: the border belongs to the view's buffer, and only this step writes it.
                unsafe {
                    line.add(pixels.start * pixel).write_bytes(0, pixels.len() * pixel);
                }
            } else {
                for x in pixels {
                    // SAFETY: as above.
                    unsafe { line.add(x * pixel).write_bytes(0, channels) };
                }
            }
        };
        for y in 0..border.top {
            clear(y, 0..width);
        }
        for y in border.top..border.top + shape.height {
            clear(y, 0..border.left);
            clear(y, border.left + shape.width..width);
        }
        for y in border.top + shape.height..border.top + shape.height + border.bottom {
            clear(y, 0..width);
        }
    }
}
