//! The sum of each plane, times a constant: rows first, then the rows' sums, which keeps rounding small.

use std::marker::PhantomData;

use super::{Context, Step, part};
use crate::simd::Simd;
use crate::view::View;

/// Vectors of channels a chunk sums.
const VECTORS: usize = 4;

/// See the module.
pub(crate) struct Reduce<V> {
    pub x: View,
    pub scale: f32,
    /// One pixel.
    pub out: View,
    pub vector: PhantomData<V>,
}

impl<V: Simd> Reduce<V> {
    #[inline(always)]
    unsafe fn vector(&self, cx: &Context<'_>, vector: usize) {
        // SAFETY: vectors begin within the channels, which are padded to whole vectors.
        unsafe {
            let x = cx.view(&self.x).add(vector * V::LANES);
            let mut sum = V::splat(0.0);
            for y in 0..self.x.shape.height {
                let mut row = V::splat(0.0);
                for i in 0..self.x.shape.width {
                    row = row + V::load(x.add(y * self.x.row + i * self.x.pixel));
                }
                sum = sum + row;
            }
            sum.scaled(self.scale).store(cx.view(&self.out).add(vector * V::LANES));
        }
    }

    fn vectors(&self) -> usize {
        self.out.shape.channels.div_ceil(V::LANES)
    }
}

impl<V: Simd> Step for Reduce<V> {
    fn chunks(&self) -> usize {
        self.vectors().div_ceil(VECTORS)
    }

    unsafe fn run(&self, cx: &Context<'_>, chunk: usize) {
        for vector in part(self.vectors(), self.chunks(), chunk) {
            // SAFETY: the caller's.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || self.vector(cx, vector),
                );
            };
        }
    }
}
