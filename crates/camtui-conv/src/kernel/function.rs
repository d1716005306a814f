//! Activations on vectors, to about one part in a million.

use crate::Activation;
use crate::simd::Simd;

impl Activation {
    /// Whether the function is nothing but bounds: then a kernel applies it on the way.
    #[inline(always)]
    pub(crate) fn is_bounds(self) -> bool {
        matches!(self, Activation::Linear | Activation::Relu | Activation::Clip { .. })
    }

    /// The bounds; those of a function that is more than bounds change nothing.
    ///
    /// # Safety
    /// Inside `enter`.
    #[inline(always)]
    pub(crate) unsafe fn limits<V: Simd>(self) -> (V, V) {
        let (low, high) = match self {
            Activation::Relu => (0.0, f32::INFINITY),
            Activation::Clip { low, high } => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        // SAFETY: the caller's.
        unsafe { (V::splat(low), V::splat(high)) }
    }

    /// The function of each lane.
    #[inline(always)]
    pub(crate) fn of<V: Simd>(self, x: V) -> V {
        match self {
            Activation::Linear => x,
            Activation::Relu => x.at_least(x.like(0.0)),
            Activation::Clip { low, high } => x.at_least(x.like(low)).at_most(x.like(high)),
            Activation::LeakyRelu { slope } => x.if_less(x.like(0.0), x.scaled(slope), x),
            Activation::Sigmoid => sigmoid(x),
            Activation::Silu => x * sigmoid(x),
            Activation::HardSigmoid { alpha, beta } => unit(x.times_plus(x.like(alpha), x.like(beta))),
            Activation::HardSwish => x * unit(x.times_plus(x.like(1.0 / 6.0), x.like(0.5))),
            Activation::Tanh => tanh(x),
        }
    }
}

#[inline(always)]
fn unit<V: Simd>(x: V) -> V {
    x.at_least(x.like(0.0)).at_most(x.like(1.0))
}

/// eˣ = 2ⁿ·eʳ with n whole and |r| ≤ ln 2 / 2, where eʳ is its series up to r⁷ (remainder below 6·10⁻⁹).
#[inline(always)]
fn exp<V: Simd>(x: V) -> V {
    // ln 2 in two parts, so that n·ln 2 loses nothing.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.at_least(x.like(-87.0)).at_most(x.like(88.0));
    let n = x.scaled(std::f32::consts::LOG2_E).rounded();
    let r = n.times_plus(x.like(-LN2_LOW), n.times_plus(x.like(-LN2_HIGH), x));
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let mut sum = x.like(1.0 / 5040.0);
    for coefficient in series {
        sum = sum.times_plus(r, x.like(coefficient));
    }
    sum.times_power_of_two(n)
}

#[inline(always)]
fn sigmoid<V: Simd>(x: V) -> V {
    let one = x.like(1.0);
    one.over(one + exp(x.scaled(-1.0)))
}

/// Near zero the series of tanh up to x¹³; elsewhere 1 − 2 / (e²ˣ + 1), which would lose digits there.
#[inline(always)]
fn tanh<V: Simd>(x: V) -> V {
    let one = x.like(1.0);
    let far = one - x.like(2.0).over(one + exp(x.scaled(2.0)));
    let square = x * x;
    let series = [-1382.0 / 155_925.0, 62.0 / 2835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0, 1.0];
    let mut sum = x.like(21_844.0 / 6_081_075.0);
    for coefficient in series {
        sum = sum.times_plus(square, x.like(coefficient));
    }
    square.if_less(x.like(0.25), x * sum, far)
}

/// Applies `activation` to the first `count` numbers, in place, vector by vector: up to `LANES − 1` more are touched.
/// A function of its own, so that it is not compiled into every kernel.
///
/// # Safety
/// The machine has V's instructions; `count` numbers, rounded up to whole vectors, can be read and written.
pub(crate) unsafe fn apply<V: Simd>(activation: Activation, numbers: *mut f32, count: usize) {
    // Each arm is its own loop, so that constants stay in registers.
    macro_rules! each {
        ($activation:expr) => {
            for i in (0..count).step_by(V::LANES) {
                $activation.of(V::load(numbers.add(i))).store(numbers.add(i));
            }
        };
    }
    // SAFETY: the caller's.
    unsafe {
        V::enter(
            #[inline(always)]
            || match activation {
                Activation::Linear => {}
                Activation::Sigmoid => each!(Activation::Sigmoid),
                Activation::Silu => each!(Activation::Silu),
                Activation::HardSwish => each!(Activation::HardSwish),
                Activation::Tanh => each!(Activation::Tanh),
                other => each!(other),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    /// Against the functions in double precision, relative to the result.
    fn worst<V: Simd>(activation: Activation) -> f64 {
        let mut worst = 0.0f64;
        for step in -4000..4000 {
            let x = step as f32 / 128.0;
            let mut lanes = [x; 16];
            // SAFETY: sixteen numbers; the callers below have the instructions.
            unsafe { apply::<V>(activation, lanes.as_mut_ptr(), 16) };
            let exact = activation.exactly(x.into());
            assert_eq!(lanes[0].to_bits(), lanes[15].to_bits());
            worst = worst.max((f64::from(lanes[0]) - exact).abs() / exact.abs().max(1e-30));
        }
        worst
    }

    #[test]
    fn functions_are_right_to_a_millionth() {
        let smooth = [
            Activation::Sigmoid,
            Activation::Silu,
            Activation::Tanh,
            Activation::LeakyRelu { slope: 0.1 },
            Activation::Relu,
            Activation::RELU6,
        ];
        for activation in smooth {
            let errors = [
                worst::<Portable>(activation),
                #[cfg(target_arch = "x86_64")]
                if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                    worst::<crate::simd::Avx2>(activation)
                } else {
                    0.0
                },
                #[cfg(target_arch = "x86_64")]
                if std::is_x86_feature_detected!("avx512f") {
                    worst::<crate::simd::Avx512>(activation)
                } else {
                    0.0
                },
            ];
            assert!(errors.iter().all(|&e| e < 1e-6), "{activation:?}: {errors:?}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in [Activation::Relu, Activation::RELU6, Activation::Silu, Activation::HardSwish] {
            let mut lanes = [f32::NAN; 8];
            // SAFETY: eight numbers, portable instructions.
            unsafe { apply::<Portable>(activation, lanes.as_mut_ptr(), 8) };
            assert!(lanes[0].is_nan(), "{activation:?}");
        }
    }
}
