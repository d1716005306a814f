//! What is done to each number by itself, or to each pair of numbers.

use std::marker::PhantomData;

use super::{ByRows, Context};
use crate::kernel::function;
use crate::memory::Block;
use crate::simd::Simd;
use crate::view::View;
use crate::{Activation, Within};

/// What is done. A second operand is named where there is one.
pub(crate) enum Operation {
    /// x, exactly its channels: the only one whose result may begin anywhere in a pixel.
    Copy,
    Activate,
    Add(View),
    Subtract(View),
    Multiply(View),
    /// Constants per channel, padded to whole vectors.
    Affine {
        scale: Block,
        shift: Block,
    },
    Mask(View, Within),
}

/// activation(operation(x, …)). A view whose rows and pixels are no distance apart is one pixel for all.
pub(crate) struct Pixelwise<V> {
    pub operation: Operation,
    pub x: View,
    pub out: View,
    pub activation: Activation,
    pub vector: PhantomData<V>,
}

/// The one pixel of a view, for all pixels.
pub(crate) fn everywhere(view: View) -> View {
    View { row: 0, pixel: 0, ..view }
}

impl<V: Simd> ByRows for Pixelwise<V> {
    type Vector = V;

    fn out(&self) -> &View {
        &self.out
    }

    #[inline(always)]
    unsafe fn row(&self, cx: &Context<'_>, y: usize) {
        let pixel =
            |view: &View, i: usize| cx.view(view).wrapping_add(y * view.row + i * view.pixel).cast_const();
        for i in 0..self.out.shape.width {
            let (x, out) = (pixel(&self.x, i), pixel(&self.out, i).cast_mut());
            // SAFETY: pixels are padded to whole vectors.
            unsafe {
                match &self.operation {
                    Operation::Copy => {
                        std::ptr::copy_nonoverlapping(x, out, self.out.shape.channels);
                    }
                    Operation::Activate => self.each(out, |c| V::load(x.add(c))),
                    Operation::Add(other) => {
                        let y = pixel(other, i);
                        self.each(out, |c| V::load(x.add(c)) + V::load(y.add(c)));
                    }
                    Operation::Subtract(other) => {
                        let y = pixel(other, i);
                        self.each(out, |c| V::load(x.add(c)) - V::load(y.add(c)));
                    }
                    Operation::Multiply(other) => {
                        let y = pixel(other, i);
                        self.each(out, |c| V::load(x.add(c)) * V::load(y.add(c)));
                    }
                    Operation::Affine { scale, shift } => self.each(out, |c| {
                        V::load(x.add(c))
                            .times_plus(V::load(scale.start().add(c)), V::load(shift.start().add(c)))
                    }),
                    Operation::Mask(other, within) => {
                        let y = pixel(other, i);
                        let (low, high) = (V::splat(within.low), V::splat(within.high));
                        let zero = V::splat(0.0);
                        self.each(out, |c| {
                            let (g, y) = (V::load(x.add(c)), V::load(y.add(c)));
                            low.if_less(y, y.if_less(high, g, zero), zero)
                        });
                    }
                }
            }
        }
    }
}

impl<V: Simd> Pixelwise<V> {
    /// activation(number) for each vector of a pixel.
    #[inline(always)]
    unsafe fn each(&self, out: *mut f32, number: impl Fn(usize) -> V) {
        // SAFETY: the caller's.
        unsafe {
            let (low, high) = self.activation.limits::<V>();
            for c in (0..self.out.shape.channels).step_by(V::LANES) {
                number(c).at_least(low).at_most(high).store(out.add(c));
            }
            if !self.activation.is_bounds() {
                function::apply::<V>(self.activation, out, self.out.shape.channels);
            }
        }
    }
}
