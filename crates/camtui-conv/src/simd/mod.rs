//! A vector of numbers, as wide as the machine has them. The kernels are written once over [`Simd`] and compiled for
//! each instruction set; [`Simd::enter`] is the door through which the chosen instructions are switched on.
//!
//! The rule that keeps this sound: code that handles a vector type runs inside that type's `enter`, and `enter` is
//! called only for an instruction set that was detected ([`crate::Isa`]). Making a vector (`splat`, `load`) is
//! `unsafe` for that reason; calculating with one that exists is not.

use std::ops::{Add, Mul, Sub};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Runs `work`, and whatever is inlined into it, with the widest instructions of this machine: for loops that the
/// compiler makes vectors of.
#[inline(always)]
pub(crate) fn with_widest<R>(work: impl FnOnce() -> R) -> R {
    match crate::Isa::Auto.resolved() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: resolved to what the machine has.
        crate::Isa::Avx512 => unsafe { Avx512::enter(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        crate::Isa::Avx2 => unsafe { Avx2::enter(work) },
        _ => work(),
    }
}

/// The widest vector there is. Channels are padded to a multiple of it, whatever the instruction set.
pub(crate) const WIDEST: usize = 16;

/// `LANES` numbers.
pub(crate) trait Simd:
    Copy + Send + Sync + 'static + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// How many numbers.
    const LANES: usize;
    /// How many rows of two vectors each a product keeps in registers.
    const ROWS: usize;

    /// Runs `work`, and whatever is inlined into it, with this type's instructions.
    ///
    /// # Safety
    /// The machine has the instruction set.
    unsafe fn enter<R>(work: impl FnOnce() -> R) -> R;

    /// The same number in each lane.
    ///
    /// # Safety
    /// Inside `enter`.
    unsafe fn splat(x: f32) -> Self;

    /// # Safety
    /// Inside `enter`; `LANES` numbers can be read.
    unsafe fn load(from: *const f32) -> Self;

    /// The first `count` numbers, zeros after them.
    ///
    /// # Safety
    /// Inside `enter`; `count` numbers can be read, at most `LANES`.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;

    /// # Safety
    /// `LANES` numbers can be written.
    unsafe fn store(self, to: *mut f32);

    /// self·b + c
    fn times_plus(self, b: Self, c: Self) -> Self;
    /// The greater; not a number where `self` is not.
    fn at_least(self, low: Self) -> Self;
    /// The lesser; not a number where `self` is not.
    fn at_most(self, high: Self) -> Self;
    /// self / b
    fn over(self, b: Self) -> Self;
    /// `then` where self < b, else `otherwise`.
    fn if_less(self, b: Self, then: Self, otherwise: Self) -> Self;
    /// The numbers of both in turn, this one's first: those of the first halves, and those of the second.
    fn interleaved(self, other: Self) -> (Self, Self);
    /// The nearest whole number.
    fn rounded(self) -> Self;
    /// self · 2ⁿ for whole numbers n from −126 to 127.
    fn times_power_of_two(self, n: Self) -> Self;

    /// The same number in each lane: `x`. Where there is a vector, another can be made.
    #[inline(always)]
    fn like(self, x: f32) -> Self {
        // SAFETY: `self` was made inside `enter`.
        unsafe { Self::splat(x) }
    }

    /// x·self
    #[inline(always)]
    fn scaled(self, x: f32) -> Self {
        self * self.like(x)
    }
}

/// Asks for a line of memory that will be read soon. Any address may be asked for.
#[inline(always)]
pub(crate) fn prefetch(from: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of the architecture, and a prefetch of any address does no harm.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Arithmetic operators for a vector type, from the intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! operators {
    ($vector:ident: $($operator:ident $method:ident $intrinsic:ident),*) => {$(
        impl std::ops::$operator for $vector {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: a vector exists only where its instructions do.
                $vector(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    )*};
}
#[cfg(target_arch = "x86_64")]
use operators;
