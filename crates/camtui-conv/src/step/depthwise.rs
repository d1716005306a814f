//! A convolution whose channels do not see each other: a sum over taps, for a vector of channels and a strip of
//! pixels at a time.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Context, Step, part, rows_a_chunk};
use crate::Activation;
use crate::kernel::function;
use crate::memory::Block;
use crate::simd::{Simd, WIDEST};
use crate::view::View;
use crate::weights::Prepared;

/// Pixels whose sums are in registers together.
const STRIP: usize = 8;

/// See the module.
pub(crate) struct Depthwise<V> {
    pub x: View,
    pub step: [usize; 2],
    /// Where each tap looks from the pixel that a result begins at, in numbers.
    pub taps: Vec<isize>,
    pub out: View,
    pub add: Option<View>,
    /// `[tap][channel]`, channels padded to whole vectors.
    pub weights: Prepared,
    pub bias: Arc<Block>,
    pub activation: Activation,
    pub vector: PhantomData<V>,
}

impl<V: Simd> Depthwise<V> {
    /// `N` pixels of row `y` from `x` on.
    #[inline(always)]
    unsafe fn strip<const N: usize>(&self, cx: &Context<'_>, y: usize, x: usize) {
        let pixel = self.step[1] * self.x.pixel;
        let from = cx.view(&self.x).cast_const().wrapping_add(y * self.step[0] * self.x.row + x * pixel);
        let to = cx.view(&self.out).wrapping_add(y * self.out.row + x * self.out.pixel);
        let add = self.add.map(|add| (add.pixel, cx.view(&add).wrapping_add(y * add.row + x * add.pixel)));
        let channels = self.out.shape.channels;
        let padded = channels.next_multiple_of(WIDEST);
        // SAFETY: taps read the picture and its border; weights and bias are padded as the pixels are.
        unsafe {
            let (low, high) = self.activation.limits::<V>();
            for c in (0..channels).step_by(V::LANES) {
                let mut sums = [V::load(self.bias.start().add(c)); N];
                let mut weights = self.weights.start().add(c);
                for &tap in &self.taps {
                    let weight = V::load(weights);
                    weights = weights.wrapping_add(padded);
                    let from = from.wrapping_offset(tap).add(c);
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = weight.times_plus(V::load(from.add(i * pixel)), *sum);
                    }
                }
                for (i, mut sum) in sums.into_iter().enumerate() {
                    if let Some((pixel, add)) = add {
                        sum = sum + V::load(add.add(i * pixel + c));
                    }
                    sum.at_least(low).at_most(high).store(to.add(i * self.out.pixel + c));
                }
            }
            if !self.activation.is_bounds() {
                for i in 0..N {
                    function::apply::<V>(self.activation, to.add(i * self.out.pixel), channels);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn row(&self, cx: &Context<'_>, y: usize) {
        let width = self.out.shape.width;
        let mut x = 0;
        // SAFETY: the caller's.
        unsafe {
            while x + STRIP <= width {
                self.strip::<STRIP>(cx, y, x);
                x += STRIP;
            }
            match width - x {
                0 => {}
                1 => self.strip::<1>(cx, y, x),
                2 => self.strip::<2>(cx, y, x),
                3 => self.strip::<3>(cx, y, x),
                4 => self.strip::<4>(cx, y, x),
                5 => self.strip::<5>(cx, y, x),
                6 => self.strip::<6>(cx, y, x),
                _ => self.strip::<7>(cx, y, x),
            }
        }
    }
}

impl<V: Simd> Step for Depthwise<V> {
    fn phases(&self) -> Vec<usize> {
        vec![self.out.shape.height.div_ceil(rows_a_chunk(self.out.shape))]
    }

    unsafe fn run(&self, cx: &Context<'_>, _phase: usize, chunk: usize) {
        for y in part(self.out.shape.height, self.phases()[0], chunk) {
            // SAFETY: the caller's.
            unsafe {
                V::enter(
                    #[inline(always)]
                    || self.row(cx, y),
                );
            };
        }
    }
}
