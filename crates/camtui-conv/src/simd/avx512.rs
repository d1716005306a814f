//! Sixteen numbers in an AVX-512 register.

#[allow(clippy::wildcard_imports, reason = "the intrinsics' names say where they are from")]
use std::arch::x86_64::*;

use super::Simd;

/// A vector of AVX-512F.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx512(__m512);

super::operators!(Avx512: Add add _mm512_add_ps, Sub sub _mm512_sub_ps, Mul mul _mm512_mul_ps);

#[inline(always)]
fn first(count: usize) -> __mmask16 {
    debug_assert!(count <= 16);
    ((1u32 << count) - 1) as __mmask16
}

// SAFETY of every block below: the instructions exist (the contract of `Simd`, see its module), and what is read and
// written is what the method's own contract allows.
impl Simd for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 14;

    #[inline(always)]
    unsafe fn enter<R>(work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx2,fma")]
        #[inline(never)]
        unsafe fn with<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: the caller's.
        unsafe { with(work) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: see above; lanes that are masked out are not touched.
        Avx512(unsafe { _mm512_maskz_loadu_ps(first(count), from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn times_plus(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        // SAFETY: see above. The second operand is the result where one is not a number.
        Avx512(unsafe { _mm512_max_ps(low.0, self.0) })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_min_ps(high.0, self.0) })
    }

    #[inline(always)]
    fn over(self, b: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_div_ps(self.0, b.0) })
    }

    #[inline(always)]
    fn if_less(self, b: Self, then: Self, otherwise: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe {
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0), otherwise.0, then.0)
        })
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> (Self, Self) {
        // SAFETY: see above. Lanes of the second vector are numbered from sixteen on.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            let taken = |lanes| Avx512(_mm512_permutex2var_ps(self.0, lanes, other.0));
            (taken(low), taken(high))
        }
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }

    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe { _mm512_scalef_ps(self.0, n.0) })
    }
}
