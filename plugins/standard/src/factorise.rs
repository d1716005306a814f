//! Non-negative matrix factorisation, without a linear algebra library.
//!
//! Hierarchical alternating least squares (Cichocki and Phan 2009): one row of a factor after another is set to its best
//! value while all others stay, which for least squares is a quotient. The start is drawn from a seed; the error never
//! rises.
#![forbid(unsafe_code)]

use camtui_plugin::Error;

use crate::eigen::dot;
use camtui_plugin::Random;

/// Rounds at most.
const ROUNDS: usize = 500;
/// Starts that are tried, and for how many rounds.
const STARTS: usize = 4;
const TRIAL: usize = 10;
/// The factors have settled when the least squares error falls by less than this share of the matrix's square a round.
const SETTLED: f64 = 1e-8;

/// Row-major.
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

/// What [`factorise`] finds.
pub struct Factors {
    /// One row of H a concept, times the length of its column of W, so that its size is its part in the matrix; largest
    /// first.
    pub maps: Vec<Vec<f64>>,
    /// After how many rounds it settled; `None` if it did not.
    pub rounds: Option<usize>,
}

/// `matrix ≈ W·H` with `concepts` columns of W and rows of H, all non-negative. Between rounds `go_on` is told the share
/// of them that are done.
///
/// Where a search ends depends on where it starts: two concepts that begin alike may stay alike. So several starts are
/// drawn, and the one that is nearest after a few rounds goes on.
pub fn factorise(
    matrix: &Matrix,
    concepts: usize,
    seed: u64,
    mut go_on: impl FnMut(f32) -> Result<(), Error>,
) -> Result<Factors, Error> {
    let mut random = Random::new(seed);
    let mut done = 0;
    let mut beat = || {
        done += 1;
        go_on(done as f32 / (STARTS * TRIAL + ROUNDS) as f32)
    };
    let size = dot(&matrix.values, &matrix.values);
    let mut search = Search::new(matrix, concepts, &mut random);
    for start in 0..STARTS {
        let mut other = if start == 0 { search.clone() } else { Search::new(matrix, concepts, &mut random) };
        for _ in 0..TRIAL {
            beat()?;
            other.round(matrix, size);
        }
        if other.error < search.error {
            search = other;
        }
    }
    let mut rounds = None;
    for round in 1..=ROUNDS {
        beat()?;
        let last = search.error;
        search.round(matrix, size);
        if last - search.error <= SETTLED * size {
            rounds = Some(TRIAL + round);
            break;
        }
    }
    let Search { left, right: mut maps, .. } = search;
    for (map, pattern) in maps.iter_mut().zip(&left) {
        let length = dot(pattern, pattern).sqrt();
        for v in map.iter_mut() {
            *v *= length;
        }
    }
    maps.sort_by(|a, b| dot(b, b).total_cmp(&dot(a, a)));
    Ok(Factors { maps, rounds })
}

/// A pair of factors on its way.
#[derive(Clone)]
struct Search {
    /// Columns of W.
    left: Vec<Vec<f64>>,
    /// Rows of H.
    right: Vec<Vec<f64>>,
    /// ‖M − W·H‖² after the last round.
    error: f64,
}

impl Search {
    fn new(matrix: &Matrix, concepts: usize, random: &mut Random) -> Self {
        let mean = matrix.values.iter().sum::<f64>() / matrix.values.len().max(1) as f64;
        let scale = (mean / concepts.max(1) as f64).sqrt();
        let mut draw = |length: usize| -> Vec<Vec<f64>> {
            (0..concepts).map(|_| (0..length).map(|_| scale * random.unit()).collect()).collect()
        };
        Self { left: draw(matrix.rows), right: draw(matrix.columns), error: f64::INFINITY }
    }

    /// Every column and row once. `size` is ‖M‖².
    fn round(&mut self, matrix: &Matrix, size: f64) {
        let Self { left, right, error } = self;
        improve(left, right, &times(matrix, right));
        let seen = transposed_times(matrix, left);
        improve(right, left, &seen);
        // ‖M − W·H‖² = ‖M‖² − 2·Σ H·(WᵀM) + Σ (WᵀW)·(HHᵀ)
        *error = size;
        for (i, h) in right.iter().enumerate() {
            *error -= 2.0 * dot(h, &seen[i]);
            *error += right.iter().zip(&*left).map(|(o, w)| dot(h, o) * dot(&left[i], w)).sum::<f64>();
        }
    }
}

/// Sets each row of `factor` to the best non-negative one while the others stay; `seen` are the products of the matrix
/// with `other`.
fn improve(factor: &mut [Vec<f64>], other: &[Vec<f64>], seen: &[Vec<f64>]) {
    for i in 0..factor.len() {
        let overlaps: Vec<f64> = other.iter().map(|o| dot(&other[i], o)).collect();
        if overlaps[i] <= f64::MIN_POSITIVE {
            continue;
        }
        let mut best = seen[i].clone();
        for (j, row) in factor.iter().enumerate().filter(|(j, _)| *j != i) {
            best.iter_mut().zip(row).for_each(|(b, x)| *b -= overlaps[j] * x);
        }
        factor[i] = best.into_iter().map(|b| (b / overlaps[i]).max(0.0)).collect();
    }
}

/// `M·hᵀ` for each row h.
fn times(matrix: &Matrix, right: &[Vec<f64>]) -> Vec<Vec<f64>> {
    right
        .iter()
        .map(|h| matrix.values.chunks_exact(matrix.columns).map(|row| dot(row, h)).collect())
        .collect()
}

/// `Mᵀ·w` for each column w.
fn transposed_times(matrix: &Matrix, left: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let product = |w: &Vec<f64>| {
        let mut sum = vec![0.0; matrix.columns];
        for (row, &w) in matrix.values.chunks_exact(matrix.columns).zip(w) {
            sum.iter_mut().zip(row).for_each(|(s, x)| *s += w * x);
        }
        sum
    };
    left.iter().map(product).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two patterns, each with rows and columns of its own, have no other factorisation. Red when factors are not held
    /// above zero, and when the second is not improved: tried.
    #[test]
    fn a_factorisation_that_is_the_only_one_is_found() {
        let (a, b) = ([1.0, 0.0, 2.0, 0.0, 0.0], [0.0, 3.0, 0.0, 1.0, 0.0]);
        let (p, q) = ([5.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.5]);
        let values: Vec<f64> = (0..4).flat_map(|k| (0..5).map(move |z| p[k] * a[z] + q[k] * b[z])).collect();
        let matrix = Matrix { rows: 4, columns: 5, values };
        for seed in 0..20 {
            let found = factorise(&matrix, 2, seed, |_| Ok(())).unwrap();
            assert!(found.rounds.is_some());
            for (map, (expected, pattern)) in found.maps.iter().zip([(a, p), (b, q)]) {
                let length = dot(&pattern, &pattern).sqrt();
                for (m, e) in map.iter().zip(expected) {
                    assert!((m - e * length).abs() < 1e-3, "{map:?}");
                }
            }
        }
    }

    #[test]
    fn of_nothing_nothing_is_found_and_it_ends_when_told() {
        let zero = Matrix { rows: 2, columns: 3, values: vec![0.0; 6] };
        let found = factorise(&zero, 2, 0, |_| Ok(())).unwrap();
        assert!(found.maps.iter().flatten().all(|v| *v == 0.0));
        assert!(matches!(factorise(&zero, 2, 0, |_| Err(Error::Cancelled)), Err(Error::Cancelled)));
    }
}
