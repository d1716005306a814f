//! Winograd's minimal filtering of a 3×3 kernel: Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, with tiles of 2×2 or 4×4 results.
//!
//! A tile of m×m results takes (m+2)² products per channel pair instead of 9m². Source: Lavin and Gray, "Fast
//! Algorithms for Convolutional Neural Networks", CVPR 2016. The points are 0, ±1, ∞ for m = 2. For m = 4 they are 0, ±5/8,
//! ±3/2, ∞ instead of the usual 0, ±1, ±2, ∞: the numbers stay of a size, which leaves a quarter of the greatest
//! rounding error, and all constants of B and A are still exact.

use crate::simd::Simd;

/// A tile size: how many results in a row, how many pixels they come from, and the three transforms.
pub(crate) trait Winograd: Copy + Send + Sync + 'static {
    /// m
    const OUT: usize;
    /// m + 2
    const IN: usize;
    /// G, row by row: `IN` × 3.
    const KERNEL: &'static [[f64; 3]];

    /// G·g for one column of a kernel.
    fn kernel<V: Simd>(g: [V; 3]) -> [V; 6];
    /// Bᵀ·d for one column of pixels.
    fn pixels<V: Simd>(d: [V; 6]) -> [V; 6];
    /// Aᵀ·m for one column of products.
    fn results<V: Simd>(m: [V; 6]) -> [V; 4];
}

/// F(2×2, 3×3): 16 products for 4 results.
#[derive(Clone, Copy)]
pub(crate) struct Two;

/// F(4×4, 3×3): 36 products for 16 results.
#[derive(Clone, Copy)]
pub(crate) struct Four;

impl Winograd for Two {
    const OUT: usize = 2;
    const IN: usize = 4;
    const KERNEL: &'static [[f64; 3]] =
        &[[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

    #[inline(always)]
    fn kernel<V: Simd>(g: [V; 3]) -> [V; 6] {
        let (even, odd) = ((g[0] + g[2]).scaled(0.5), g[1].scaled(0.5));
        [g[0], even + odd, even - odd, g[2], g[0], g[0]]
    }

    #[inline(always)]
    fn pixels<V: Simd>(d: [V; 6]) -> [V; 6] {
        [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3], d[4], d[5]]
    }

    #[inline(always)]
    fn results<V: Simd>(m: [V; 6]) -> [V; 4] {
        [m[0] + m[1] + m[2], m[1] - m[2] - m[3], m[4], m[5]]
    }
}

/// The points of F(4×4, 3×3): ±p and ±q beside 0 and ∞.
const P: f32 = 5.0 / 8.0;
const Q: f32 = 3.0 / 2.0;
const PP: f32 = P * P;
const QQ: f32 = Q * Q;

/// The rows of G at a point and its negative, where `other` is the other pair's point.
const fn at_points(point: f64, other: f64) -> [[f64; 3]; 2] {
    let square = point * point;
    let scale = 1.0 / (2.0 * square * (square - other * other));
    [[scale, scale * point, scale * square], [scale, -scale * point, scale * square]]
}

impl Winograd for Four {
    const OUT: usize = 4;
    const IN: usize = 6;
    const KERNEL: &'static [[f64; 3]] = {
        let [p, minus_p] = at_points(P as f64, Q as f64);
        let [q, minus_q] = at_points(Q as f64, P as f64);
        &[[1.0 / (PP as f64 * QQ as f64), 0.0, 0.0], p, minus_p, q, minus_q, [0.0, 0.0, 1.0]]
    };

    #[inline(always)]
    fn kernel<V: Simd>(g: [V; 3]) -> [V; 6] {
        let row = |row: usize| Self::KERNEL[row].map(|weight| weight as f32);
        let ([p, q], zero) = ([row(1), row(3)], row(0)[0]);
        let even = |at: [f32; 3]| g[2].times_plus(g[2].like(at[2]), g[0].scaled(at[0]));
        let (even_p, odd_p) = (even(p), g[1].scaled(p[1]));
        let (even_q, odd_q) = (even(q), g[1].scaled(q[1]));
        [g[0].scaled(zero), even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, g[2]]
    }

    #[inline(always)]
    fn pixels<V: Simd>(d: [V; 6]) -> [V; 6] {
        let times = |k: f32, x: V, plus: V| x.times_plus(x.like(k), plus);
        let (even_p, odd_p) = (times(-QQ, d[2], d[4]), times(-QQ, d[1], d[3]));
        let (even_q, odd_q) = (times(-PP, d[2], d[4]), times(-PP, d[1], d[3]));
        [
            times(PP * QQ, d[0], times(-(PP + QQ), d[2], d[4])),
            times(P, odd_p, even_p),
            times(-P, odd_p, even_p),
            times(Q, odd_q, even_q),
            times(-Q, odd_q, even_q),
            times(PP * QQ, d[1], times(-(PP + QQ), d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn results<V: Simd>(m: [V; 6]) -> [V; 4] {
        let times = |k: f32, x: V, plus: V| x.times_plus(x.like(k), plus);
        let (even_p, odd_p) = (m[1] + m[2], m[1] - m[2]);
        let (even_q, odd_q) = (m[3] + m[4], m[3] - m[4]);
        [
            m[0] + even_p + even_q,
            times(P, odd_p, odd_q.scaled(Q)),
            times(PP, even_p, even_q.scaled(QQ)),
            times(P * PP, odd_p, times(Q * QQ, odd_q, m[5])),
        ]
    }
}

/// Bᵀ d B for one vector of channels: `IN`×`IN` pixels from `pixels` on (`row` and `pixel` apart) to as many
/// positions, `position` apart.
///
/// # Safety
/// Inside `enter`; the pixels can be read and the positions written.
#[inline(always)]
pub(crate) unsafe fn pixels<V: Simd, W: Winograd>(
    pixels: *const f32,
    row: usize,
    pixel: usize,
    to: *mut f32,
    position: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut columns = [[V::splat(0.0); 6]; 6];
        for (x, column) in columns.iter_mut().enumerate().take(W::IN) {
            let mut d = [V::splat(0.0); 6];
            for (y, d) in d.iter_mut().enumerate().take(W::IN) {
                *d = V::load(pixels.add(y * row + x * pixel));
            }
            *column = W::pixels(d);
        }
        for y in 0..W::IN {
            let mut line = columns[0];
            for (x, column) in columns.iter().enumerate() {
                line[x] = column[y];
            }
            let line = W::pixels(line);
            for (x, number) in line.into_iter().enumerate().take(W::IN) {
                number.store(to.add((y * W::IN + x) * position));
            }
        }
    }
}

/// Aᵀ m A for one vector of channels: products `position` apart, to `OUT`×`OUT` results.
///
/// # Safety
/// Inside `enter`; the products can be read.
#[inline(always)]
pub(crate) unsafe fn results<V: Simd, W: Winograd>(products: *const f32, position: usize) -> [[V; 4]; 4] {
    // SAFETY: the caller's.
    unsafe {
        let mut columns = [[V::splat(0.0); 4]; 6];
        for (x, column) in columns.iter_mut().enumerate().take(W::IN) {
            let mut m = [V::splat(0.0); 6];
            for (y, m) in m.iter_mut().enumerate().take(W::IN) {
                *m = V::load(products.add((y * W::IN + x) * position));
            }
            *column = W::results(m);
        }
        let mut out = [[V::splat(0.0); 4]; 4];
        for (y, line) in out.iter_mut().enumerate().take(W::OUT) {
            let mut row = [columns[0][0]; 6];
            for (x, column) in columns.iter().enumerate() {
                row[x] = column[y];
            }
            *line = W::results(row);
        }
        out
    }
}

/// G g Gᵀ of a vector of kernels whose nine taps are `tap` apart: to (m+2)² positions, `position` apart.
///
/// # Safety
/// Inside `enter`; the taps can be read and the positions written.
#[inline(always)]
pub(crate) unsafe fn kernel<V: Simd, W: Winograd>(
    taps: *const f32,
    tap: usize,
    to: *mut f32,
    position: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut lines = [[V::splat(0.0); 6]; 3];
        for (y, line) in lines.iter_mut().enumerate() {
            let mut g = [V::splat(0.0); 3];
            for (x, g) in g.iter_mut().enumerate() {
                *g = V::load(taps.add((y * 3 + x) * tap));
            }
            *line = W::kernel(g);
        }
        let [top, middle, bottom] = lines;
        for (x, ((top, middle), bottom)) in top.into_iter().zip(middle).zip(bottom).enumerate().take(W::IN) {
            let column = W::kernel([top, middle, bottom]);
            for (y, number) in column.into_iter().enumerate().take(W::IN) {
                number.store(to.add((y * W::IN + x) * position));
            }
        }
    }
}

/// How many kernels are transformed together: a multiple of it fills every panel.
pub(crate) const KERNELS: usize = 8;

/// G g Gᵀ of a few 3×3 kernels side by side, in double precision: (m+2)² numbers of each.
#[inline(always)]
pub(crate) fn kernels<W: Winograd>(g: &[[f32; KERNELS]; 9], mut put: impl FnMut(usize, &[f32; KERNELS])) {
    let sum = |weights: &[f64; 3], of: [&[f64; KERNELS]; 3]| -> [f64; KERNELS] {
        std::array::from_fn(|l| weights[0] * of[0][l] + weights[1] * of[1][l] + weights[2] * of[2][l])
    };
    let g = g.map(|numbers| numbers.map(f64::from));
    // First along the rows of g, then along its columns.
    for (x, row) in W::KERNEL.iter().enumerate() {
        let column: [_; 3] = std::array::from_fn(|y| sum(row, [&g[y * 3], &g[y * 3 + 1], &g[y * 3 + 2]]));
        for (y, weights) in W::KERNEL.iter().enumerate() {
            let numbers = sum(weights, [&column[0], &column[1], &column[2]]).map(|x| x as f32);
            put(y * W::IN + x, &numbers);
        }
    }
}
