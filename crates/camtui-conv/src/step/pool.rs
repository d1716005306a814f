//! The greatest number, or the mean, of each window.

use std::marker::PhantomData;

use super::{ByRows, Context};
use crate::Window;
use crate::simd::Simd;
use crate::view::View;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Max,
    Average,
}

/// See the module.
pub(crate) struct Pool<V> {
    pub kind: Kind,
    pub x: View,
    pub window: Window,
    pub out: View,
    pub vector: PhantomData<V>,
}

impl<V: Simd> Pool<V> {
    /// The rows or columns of the picture that window `o` sees.
    fn seen(&self, axis: usize, o: usize) -> std::ops::Range<usize> {
        let padding = self.window.padding;
        let (before, size) = [(padding.top, self.x.shape.height), (padding.left, self.x.shape.width)][axis];
        let start = o * self.window.stride[axis];
        start.saturating_sub(before)..(start + self.window.kernel[axis] - before).min(size)
    }
}

impl<V: Simd> ByRows for Pool<V> {
    type Vector = V;

    fn out(&self) -> &View {
        &self.out
    }

    #[inline(always)]
    unsafe fn row(&self, cx: &Context<'_>, oy: usize) {
        let rows = self.seen(0, oy);
        let x = cx.view(&self.x).cast_const();
        let out = cx.view(&self.out).wrapping_add(oy * self.out.row);
        let [kh, kw] = self.window.kernel;
        for ox in 0..self.out.shape.width {
            let columns = self.seen(1, ox);
            let seen = if self.window.count_include_pad { kh * kw } else { rows.len() * columns.len() };
            let first = rows.start * self.x.row + columns.start * self.x.pixel;
            for c in (0..self.out.shape.channels).step_by(V::LANES) {
                // SAFETY: windows are cut to the picture, and each holds at least one pixel.
                unsafe {
                    let first = x.add(first + c);
                    let mut result = if self.kind == Kind::Max { V::load(first) } else { V::splat(0.0) };
                    for y in 0..rows.len() {
                        for x in 0..columns.len() {
                            let pixel = V::load(first.add(y * self.x.row + x * self.x.pixel));
                            result = match self.kind {
                                Kind::Max => result.at_least(pixel),
                                Kind::Average => result + pixel,
                            };
                        }
                    }
                    if self.kind == Kind::Average {
                        result = result.over(result.like(seen as f32));
                    }
                    result.store(out.add(ox * self.out.pixel + c));
                }
            }
        }
    }
}
