//! From planes to pixels and back: the way in and the way out.
//!
//! Both turn a matrix over: of a row of the picture, planes have one line a channel, pixels one line a pixel. It is done in
//! squares of a vector's length, which stay in registers while they are turned.

use std::marker::PhantomData;

use super::{Context, Step, part, rows_a_chunk};
use crate::simd::{Simd, WIDEST};
use crate::view::View;

/// Reads input number `input` into a view.
pub(crate) struct FromPlanes<V> {
    pub input: usize,
    pub out: View,
    pub vector: PhantomData<V>,
}

/// Writes a view to output number `output`.
pub(crate) struct ToPlanes<V> {
    pub x: View,
    pub output: usize,
    pub vector: PhantomData<V>,
}

/// Some lines of as many numbers each, one `step` numbers after the other.
#[derive(Clone, Copy)]
struct Lines<P> {
    start: P,
    step: usize,
}

/// Writes `lines` lines of `length` numbers as `length` lines of `lines` numbers.
///
/// # Safety
/// Inside `enter`. The one can be read and the other written.
#[inline(always)]
unsafe fn turn<V: Simd>(from: Lines<*const f32>, to: Lines<*mut f32>, lines: usize, length: usize) {
    for line in (0..lines).step_by(V::LANES) {
        for at in (0..length).step_by(V::LANES) {
            let from = Lines { start: from.start.wrapping_add(line * from.step + at), ..from };
            let to = Lines { start: to.start.wrapping_add(at * to.step + line), ..to };
            // SAFETY: the caller's, for this square of it.
            unsafe { square::<V>(from, to, V::LANES.min(lines - line), V::LANES.min(length - at)) };
        }
    }
}

/// [`turn`] of at most a vector's length both ways.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn square<V: Simd>(from: Lines<*const f32>, to: Lines<*mut f32>, lines: usize, length: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut rows = [V::splat(0.0); WIDEST];
        for (line, row) in rows[..lines].iter_mut().enumerate() {
            let from = from.start.add(line * from.step);
            *row = if length == V::LANES { V::load(from) } else { V::load_first(from, length) };
        }
        // To interleave the first half of the rows with the second is to rotate the bits of a number's address, its row's bits
        // followed by its lane's, by one; after as many times as a lane has bits, rows and lanes have changed places.
        for _ in 0..V::LANES.ilog2() {
            let before = rows;
            for pair in 0..V::LANES / 2 {
                (rows[2 * pair], rows[2 * pair + 1]) = before[pair].interleaved(before[pair + V::LANES / 2]);
            }
        }
        for (line, row) in rows[..length].iter().enumerate() {
            let to = to.start.add(line * to.step);
            if lines == V::LANES {
                row.store(to);
            } else {
                let mut numbers = [0.0; WIDEST];
                row.store(numbers.as_mut_ptr());
                std::ptr::copy_nonoverlapping(numbers.as_ptr(), to, lines);
            }
        }
    }
}

impl<V: Simd> Step for FromPlanes<V> {
    fn chunks(&self) -> usize {
        self.out.shape.height.div_ceil(rows_a_chunk(self.out.shape))
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        let shape = self.out.shape;
        // SAFETY: the input has the view's shape.
        let planes = unsafe { std::slice::from_raw_parts(cx.inputs[self.input], shape.len()) };
        for y in part(shape.height, self.chunks(), chunk) {
            let out = cx.view(&self.out).wrapping_add(y * self.out.row);
            if self.out.pixel == 3 {
                let row = |c: usize| &planes[c * shape.pixels() + y * shape.width..][..shape.width];
                // SAFETY: a row of the view is ours alone.
                let pixels = unsafe { std::slice::from_raw_parts_mut(out, 3 * shape.width) };
                let planes = row(0).iter().zip(row(1)).zip(row(2));
                for (pixel, ((r, g), b)) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(planes) {
                    *pixel = [*r, *g, *b];
                }
                continue;
            }
            let from = Lines { start: planes[y * shape.width..].as_ptr(), step: shape.pixels() };
            let to = Lines { start: out, step: self.out.pixel };
            // SAFETY: the caller's. The planes hold a line of `width` numbers for each channel, and the row of the view is ours
            // alone.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || turn::<V>(from, to, shape.channels, shape.width),
                );
            };
        }
    }
}

impl<V: Simd> Step for ToPlanes<V> {
    fn chunks(&self) -> usize {
        self.x.shape.channels.div_ceil(WIDEST)
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        let shape = self.x.shape;
        let channels = chunk * WIDEST..shape.channels.min((chunk + 1) * WIDEST);
        let x = cx.view(&self.x).cast_const().wrapping_add(channels.start);
        let planes = cx.outputs[self.output].wrapping_add(channels.start * shape.pixels());
        // SAFETY: the caller's. The view and the output have one shape, and these channels of the output are ours alone.
        unsafe {
            V::enter(
                #[inline(always)]
                || {
                    for y in 0..shape.height {
                        let from = Lines { start: x.wrapping_add(y * self.x.row), step: self.x.pixel };
                        let to = Lines { start: planes.wrapping_add(y * shape.width), step: shape.pixels() };
                        turn::<V>(from, to, shape.width, channels.len());
                    }
                },
            );
        }
    }
}
