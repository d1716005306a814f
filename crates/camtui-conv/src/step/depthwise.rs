//! A convolution whose channels do not see each other: a sum over taps, for a vector of channels and a strip of
//! pixels at a time.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::{ByRows, Context};
use crate::Activation;
use crate::kernel::function;
use crate::memory::Block;
use crate::simd::{Simd, WIDEST};
use crate::view::View;
use crate::weights::Prepared;

/// Pixels whose sums are in registers together.
const STRIP: usize = 8;

/// What is read, and what is done with it.
pub(crate) struct Channelwise<V> {
    pub x: View,
    pub step: [usize; 2],
    /// Where each tap looks from the pixel that a result begins at, in numbers.
    pub taps: Vec<isize>,
    /// `[tap][channel]`, channels padded to whole vectors.
    pub weights: Prepared,
    pub bias: Arc<Block>,
    pub activation: Activation,
    pub vector: PhantomData<V>,
}

impl<V: Simd> Channelwise<V> {
    /// Gives `put` the sums of the pixels `xs` of row `y`: a pixel, a channel, and a vector of sums from there on.
    ///
    /// # Safety
    /// Inside `enter`; what x's view says can be read.
    #[inline(always)]
    pub unsafe fn sums(&self, cx: &Context<'_>, y: usize, xs: Range<usize>, put: impl Fn(usize, usize, V)) {
        let mut x = xs.start;
        // SAFETY: the caller's.
        unsafe {
            while x + STRIP <= xs.end {
                self.strip::<STRIP>(cx, y, x, &put);
                x += STRIP;
            }
            match xs.end - x {
                0 => {}
                1 => self.strip::<1>(cx, y, x, &put),
                2 => self.strip::<2>(cx, y, x, &put),
                3 => self.strip::<3>(cx, y, x, &put),
                4 => self.strip::<4>(cx, y, x, &put),
                5 => self.strip::<5>(cx, y, x, &put),
                6 => self.strip::<6>(cx, y, x, &put),
                _ => self.strip::<7>(cx, y, x, &put),
            }
        }
    }

    /// `N` pixels of row `y` from `x` on.
    #[inline(always)]
    unsafe fn strip<const N: usize>(
        &self,
        cx: &Context<'_>,
        y: usize,
        x: usize,
        put: &impl Fn(usize, usize, V),
    ) {
        let pixel = self.step[1] * self.x.pixel;
        let from = cx.view(&self.x).cast_const().wrapping_add(y * self.step[0] * self.x.row + x * pixel);
        let channels = self.x.shape.channels;
        let padded = channels.next_multiple_of(WIDEST);
        for c in (0..channels).step_by(V::LANES) {
            // SAFETY: taps read the picture and its border; weights and bias are padded as the pixels are.
            unsafe {
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
                for (i, sum) in sums.into_iter().enumerate() {
                    put(x + i, c, sum);
                }
            }
        }
    }
}

/// See the module.
pub(crate) struct Depthwise<V> {
    pub from: Channelwise<V>,
    pub out: View,
    pub add: Option<View>,
}

impl<V: Simd> ByRows for Depthwise<V> {
    type Vector = V;

    fn out(&self) -> &View {
        &self.out
    }

    #[inline(always)]
    unsafe fn row(&self, cx: &Context<'_>, y: usize) {
        let row = 0..self.out.shape.width;
        let to = cx.view(&self.out).wrapping_add(y * self.out.row);
        let add = self.add.map(|add| (add.pixel, cx.view(&add).wrapping_add(y * add.row)));
        let activation = self.from.activation;
        // SAFETY: the caller's; what is added has the result's shape.
        unsafe {
            let (low, high) = activation.limits::<V>();
            self.from.sums(
                cx,
                y,
                row.clone(),
                #[inline(always)]
                |x, c, mut sum| {
                    if let Some((pixel, add)) = add {
                        sum = sum + V::load(add.add(x * pixel + c));
                    }
                    sum.at_least(low).at_most(high).store(to.add(x * self.out.pixel + c));
                },
            );
            if !activation.is_bounds() {
                for x in row {
                    function::apply::<V>(activation, to.add(x * self.out.pixel), self.out.shape.channels);
                }
            }
        }
    }
}
