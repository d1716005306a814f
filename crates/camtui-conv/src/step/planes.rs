//! From planes to pixels and back: the way in and the way out.

use super::{Context, Step, part, rows_a_chunk};
use crate::view::View;

/// Channels that are turned together: what a line of memory holds.
const LINE: usize = 16;

/// Reads input number `input` into a view.
pub(crate) struct FromPlanes {
    pub input: usize,
    pub out: View,
}

/// Writes a view to output number `output`.
pub(crate) struct ToPlanes {
    pub x: View,
    pub output: usize,
}

impl Step for FromPlanes {
    fn phases(&self) -> Vec<usize> {
        vec![self.out.shape.height.div_ceil(rows_a_chunk(self.out.shape))]
    }

    unsafe fn run(&self, cx: &Context<'_>, _phase: usize, chunk: usize) {
        let shape = self.out.shape;
        // SAFETY: the input has the view's shape.
        let planes = unsafe { std::slice::from_raw_parts(cx.inputs[self.input], shape.len()) };
        for y in part(shape.height, self.phases()[0], chunk) {
            let out = cx.view(&self.out).wrapping_add(y * self.out.row);
            let row = |c: usize| &planes[c * shape.pixels() + y * shape.width..][..shape.width];
            if self.out.pixel == 3 {
                // SAFETY: a row of the view is ours alone.
                let pixels = unsafe { std::slice::from_raw_parts_mut(out, 3 * shape.width) };
                let planes = row(0).iter().zip(row(1)).zip(row(2));
                for (pixel, ((r, g), b)) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(planes) {
                    *pixel = [*r, *g, *b];
                }
                continue;
            }
            for first in (0..shape.channels).step_by(LINE) {
                for c in first..shape.channels.min(first + LINE) {
                    for (x, number) in row(c).iter().enumerate() {
                        // SAFETY: the pixel lies in the view, and its row is ours alone.
                        unsafe { *out.add(x * self.out.pixel + c) = *number };
                    }
                }
            }
        }
    }
}

impl Step for ToPlanes {
    fn phases(&self) -> Vec<usize> {
        vec![self.x.shape.channels.div_ceil(LINE)]
    }

    unsafe fn run(&self, cx: &Context<'_>, _phase: usize, chunk: usize) {
        let shape = self.x.shape;
        let channels = chunk * LINE..shape.channels.min((chunk + 1) * LINE);
        let x = cx.view(&self.x).cast_const();
        let planes = cx.outputs[self.output];
        for y in 0..shape.height {
            for c in channels.clone() {
                // SAFETY: the output has the view's shape, and these channels of it are ours alone.
                let row = unsafe {
                    std::slice::from_raw_parts_mut(
                        planes.add(c * shape.pixels() + y * shape.width),
                        shape.width,
                    )
                };
                for (i, number) in row.iter_mut().enumerate() {
                    // SAFETY: the pixel lies in the view.
                    *number = unsafe { *x.add(y * self.x.row + i * self.x.pixel + c) };
                }
            }
        }
    }
}
