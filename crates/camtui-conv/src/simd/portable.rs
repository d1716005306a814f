//! Eight numbers in plain Rust, for the compiler to put into whatever registers there are.

use std::ops::{Add, Mul, Sub};

use super::Simd;

/// A vector of any machine.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Portable([f32; 8]);

impl Portable {
    /// Lane by lane, in a loop that the compiler turns into vectors.
    #[inline(always)]
    fn with(mut self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for i in 0..8 {
            self.0[i] = f(self.0[i], other.0[i]);
        }
        self
    }
}

impl Add for Portable {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Portable {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Portable {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Simd for Portable {
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn enter<R>(work: impl FnOnce() -> R) -> R {
        #[inline(never)]
        fn with<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        with(work)
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Portable([x; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's; an array of numbers needs no more alignment than a number.
        Portable(unsafe { from.cast::<[f32; 8]>().read() })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller's.
        unsafe { std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count) };
        Portable(lanes)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; 8]>().write(self.0) }
    }

    #[inline(always)]
    fn times_plus(self, b: Self, c: Self) -> Self {
        // A fused operation is a library call where the machine has none.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            let mut sum = c;
            for i in 0..8 {
                sum.0[i] = self.0[i].mul_add(b.0[i], c.0[i]);
            }
            sum
        } else {
            self * b + c
        }
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        self.with(low, |x, low| if low > x { low } else { x })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        self.with(high, |x, high| if high < x { high } else { x })
    }

    #[inline(always)]
    fn over(self, b: Self) -> Self {
        self.with(b, |a, b| a / b)
    }

    #[inline(always)]
    fn if_less(self, b: Self, then: Self, otherwise: Self) -> Self {
        let mut chosen = otherwise;
        for i in 0..8 {
            if self.0[i] < b.0[i] {
                chosen.0[i] = then.0[i];
            }
        }
        chosen
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> (Self, Self) {
        let (mut low, mut high) = (self, self);
        for i in 0..4 {
            (low.0[2 * i], low.0[2 * i + 1]) = (self.0[i], other.0[i]);
            (high.0[2 * i], high.0[2 * i + 1]) = (self.0[4 + i], other.0[4 + i]);
        }
        (low, high)
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        // Adding 1.5·2²³ leaves no bits for a fraction.
        const WHOLE: f32 = 12_582_912.0;
        self.with(self, |x, _| (x + WHOLE) - WHOLE)
    }

    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        self.with(n, |x, n| x * f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
}
