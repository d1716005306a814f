//! The product that everything else is arranged around: a few rows of A times one panel of B, with all sums in
//! registers. Which operand stays in which cache follows Goto and van de Geijn, "Anatomy of High-Performance Matrix
//! Multiplication", 2008: a panel of B in the nearest, packed rows of A in the second.
//!
//! - A is packed by blocks of up to [`Simd::ROWS`] rows: `[k / LANES][rows][LANES]`, so that the kernel walks it in
//!   one line and spreads one number at a time over a vector;
//! - B is packed by panels of one or two vectors of columns: `[k][vectors·LANES]`;
//! - C lies wherever its rows are said to be.

use super::function;
use crate::Activation;
use crate::simd::{Simd, prefetch};

/// The most rows of any instruction set's tile.
pub(crate) const MOST_ROWS: usize = 14;

/// The numbers of k after which a product is put down and the next panel's part begun: a part of B
/// (256 · 32 numbers) then stays in the nearest cache for all blocks of A.
pub(crate) const DEPTH: usize = 256;

/// The numbers that are summed by themselves before they are added to those before them, where each digit counts; a multiple
/// of all vectors' lanes. The error of a sum grows like the root of the longest run of additions in it, so that runs in runs
/// err least (Higham, "The Accuracy of Floating Point Summation", 1993): by 16 in 256 in all.
pub(crate) const EXACT_RUN: usize = 16;

/// What happens to a finished sum: activation(sum + bias + add).
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// One number per column of the panel.
    pub bias: *const f32,
    /// The first column of what is added, and where each row of it begins; null for nothing.
    pub add: *const f32,
    pub add_rows: *const usize,
    pub activation: Activation,
}

/// One product C (+)= A·B. Of a single row the numbers that are zero are passed over, and what they would be multiplied with
/// is not read: the seed of a gradient is zero for all classes but a few.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub a: *const f32,
    pub b: *const f32,
    pub k: usize,
    /// How many of k are summed by themselves: a multiple of the lanes.
    pub run: usize,
    /// Whether C already holds a part of the sums, to which this one is added.
    pub onto: bool,
    /// The first column of C, and where each row begins.
    pub c: *mut f32,
    pub rows: *const usize,
    /// From one vector of columns of C to the next.
    pub next_vector: usize,
    /// What will be read after this product, and how far to go with each step of k.
    pub ahead: *const f32,
    pub ahead_step: usize,
    /// None while the sums are not complete.
    pub finish: Option<Finish>,
}

/// Where a product has come to.
struct Walk {
    a: *const f32,
    b: *const f32,
    ahead: *const f32,
    ahead_step: usize,
}

impl Walk {
    /// The sums of the next `k`.
    #[inline(always)]
    unsafe fn run<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        k: usize,
    ) -> [[V; VECTORS]; ROWS] {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
            for _ in 0..k / V::LANES {
                for _ in 0..V::LANES {
                    if ROWS > 1 || *self.a != 0.0 {
                        self.multiply(&mut sums);
                    }
                    self.step::<V, VECTORS>();
                }
                self.a = self.a.add((ROWS - 1) * V::LANES);
            }
            for _ in 0..k % V::LANES {
                self.multiply(&mut sums);
                self.step::<V, VECTORS>();
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn step<V: Simd, const VECTORS: usize>(&mut self) {
        // SAFETY: the caller's.
        unsafe {
            self.a = self.a.add(1);
            self.b = self.b.add(VECTORS * V::LANES);
        }
        self.ahead = self.ahead.wrapping_add(self.ahead_step);
    }

    /// One number of each row of A, times one row of B.
    #[inline(always)]
    unsafe fn multiply<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        sums: &mut [[V; VECTORS]; ROWS],
    ) {
        // SAFETY: the caller's.
        unsafe {
            let mut columns = [V::splat(0.0); VECTORS];
            for (j, column) in columns.iter_mut().enumerate() {
                *column = V::load(self.b.add(j * V::LANES));
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let number = V::splat(*self.a.add(i * V::LANES));
                for (sum, column) in row.iter_mut().zip(columns) {
                    *sum = number.times_plus(column, *sum);
                }
            }
            prefetch(self.ahead);
        }
    }
}

#[inline(always)]
unsafe fn multiply<V: Simd, const ROWS: usize, const VECTORS: usize>(tile: &Tile) {
    // SAFETY: the caller of `run`'s.
    unsafe {
        let mut walk = Walk { a: tile.a, b: tile.b, ahead: tile.ahead, ahead_step: tile.ahead_step };
        let mut sums = walk.run::<V, ROWS, VECTORS>(tile.run.min(tile.k));
        for start in (tile.run..tile.k).step_by(tile.run) {
            let before = sums;
            sums = walk.run::<V, ROWS, VECTORS>(tile.run.min(tile.k - start));
            for (sum, before) in sums.as_flattened_mut().iter_mut().zip(before.as_flattened()) {
                *sum = *sum + *before;
            }
        }
        if tile.onto {
            for (i, row) in sums.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = *sum + V::load(tile.c.add(*tile.rows.add(i) + j * tile.next_vector));
                }
            }
        }
        put_down(tile, sums);
    }
}

/// Writes the sums, finished if they are complete.
#[inline(always)]
unsafe fn put_down<V: Simd, const ROWS: usize, const VECTORS: usize>(
    tile: &Tile,
    sums: [[V; VECTORS]; ROWS],
) {
    // SAFETY: the caller of `run`'s.
    unsafe {
        let Some(finish) = tile.finish else {
            for (i, row) in sums.into_iter().enumerate() {
                for (j, sum) in row.into_iter().enumerate() {
                    sum.store(tile.c.add(*tile.rows.add(i) + j * tile.next_vector));
                }
            }
            return;
        };
        let (low, high) = finish.activation.limits::<V>();
        let mut bias = [low; VECTORS];
        for (j, bias) in bias.iter_mut().enumerate() {
            *bias = V::load(finish.bias.add(j * V::LANES));
        }
        for (i, row) in sums.into_iter().enumerate() {
            for (j, (sum, bias)) in row.into_iter().zip(bias).enumerate() {
                let mut sum = sum + bias;
                if !finish.add.is_null() {
                    sum = sum + V::load(finish.add.add(*finish.add_rows.add(i) + j * V::LANES));
                }
                sum.at_least(low).at_most(high).store(tile.c.add(*tile.rows.add(i) + j * tile.next_vector));
            }
        }
        if !finish.activation.is_bounds() {
            for i in 0..ROWS {
                function::apply::<V>(finish.activation, tile.c.add(*tile.rows.add(i)), VECTORS * V::LANES);
            }
        }
    }
}

/// The product of `rows` rows (1 to `V::ROWS`) and a panel of `vectors` vectors (1 or 2).
///
/// # Safety
/// The machine has V's instructions; A, B, C, bias and what is added can be read (and C written) as the fields of
/// [`Tile`] say; nobody else touches this part of C. A finish with an activation needs `next_vector == LANES`.
pub(crate) unsafe fn run<V: Simd>(rows: usize, vectors: usize, tile: &Tile) {
    macro_rules! cases {
        ($($rows:literal)*) => {
            match (rows, vectors) {
                $(
                    // SAFETY: the caller's.
                    ($rows, 1) => unsafe { V::enter(#[inline(always)] || multiply::<V, $rows, 1>(tile)) },
                    // SAFETY: the caller's.
                    ($rows, 2) => unsafe { V::enter(#[inline(always)] || multiply::<V, $rows, 2>(tile)) },
                )*
                _ => unreachable!("a tile of {rows} rows and {vectors} vectors"),
            }
        };
    }
    if V::ROWS <= 6 { cases!(1 2 3 4 5 6) } else { cases!(1 2 3 4 5 6 7 8 9 10 11 12 13 14) }
}
