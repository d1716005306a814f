//! Eight numbers in an AVX2 register, with fused multiply-add.

#[allow(clippy::wildcard_imports, reason = "the intrinsics' names say where they are from")]
use std::arch::x86_64::*;

use super::Simd;

/// A vector of AVX2 and FMA.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx2(__m256);

super::operators!(Avx2: Add add _mm256_add_ps, Sub sub _mm256_sub_ps, Mul mul _mm256_mul_ps);

/// All bits set in the first `count` lanes.
///
/// # Safety
/// Inside `enter`.
#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    const BITS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    debug_assert!(count <= 8);
    // SAFETY: eight numbers from 8 − count on lie within the sixteen.
    unsafe { _mm256_loadu_si256(BITS.as_ptr().add(8 - count).cast()) }
}

// SAFETY of every block below: the instructions exist (the contract of `Simd`, see its module), and what is read and
// written is what the method's own contract allows.
impl Simd for Avx2 {
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn enter<R>(work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,fma")]
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
        Avx2(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: see above; lanes that are masked out are not touched.
        Avx2(unsafe { _mm256_maskload_ps(from, first(count)) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn times_plus(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        // SAFETY: see above. The second operand is the result where one is not a number.
        Avx2(unsafe { _mm256_max_ps(low.0, self.0) })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_min_ps(high.0, self.0) })
    }

    #[inline(always)]
    fn over(self, b: Self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_div_ps(self.0, b.0) })
    }

    #[inline(always)]
    fn if_less(self, b: Self, then: Self, otherwise: Self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_blendv_ps(otherwise.0, then.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, b.0)) })
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> (Self, Self) {
        // SAFETY: see above. Unpacking works in each half of a register alone.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(self.0, other.0), _mm256_unpackhi_ps(self.0, other.0));
            let first = _mm256_permute2f128_ps::<0x20>(low, high);
            (Avx2(first), Avx2(_mm256_permute2f128_ps::<0x31>(low, high)))
        }
    }

    #[inline(always)]
    fn rounded(self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }

    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        // SAFETY: see above. The exponent of a number is its bits from 23 on, with 127 added.
        Avx2(unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.0), _mm256_set1_epi32(127));
            _mm256_mul_ps(self.0, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        })
    }
}
