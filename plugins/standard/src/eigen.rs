//! The first right singular vector of a matrix, without a linear algebra library.
//!
//! Lanczos' method: the largest eigenvector of `XᵀX` is sought in the space spanned by a start vector and what `XᵀX`
//! makes of it again and again, and sought anew from the best vector found. Where power iteration needs thousands of
//! rounds because the second singular value is close to the first, this needs a few.
#![forbid(unsafe_code)]

use camtui_plugin::Random;

/// Dimension of the space that one round searches.
const SPACE: usize = 16;
/// Rounds at most. Random matrices take 2 to 10; what is left after these is a tie between singular values.
const ROUNDS: usize = 60;
/// When a vector is good enough: `‖XᵀXv − θv‖ ≤ CLOSE·θ`.
const CLOSE: f64 = 1e-11;

/// The unit vector v `[columns]` for which `‖Xv‖` is largest, for `X` given by its columns, all of one length. Its sign
/// is arbitrary. `None` if X is zero.
pub fn first_right_singular_vector(columns: &[Vec<f64>]) -> Option<Vec<f64>> {
    let mut random = Random::new(0);
    let mut best: Vec<f64> = columns.iter().map(|_| random.symmetric()).collect();
    normalise(&mut best);
    for _ in 0..ROUNDS {
        let (basis, images) = krylov(columns, best);
        let small: Vec<Vec<f64>> =
            basis.iter().map(|q| images.iter().map(|image| dot(q, image)).collect()).collect();
        let (value, coordinates) = largest_eigenpair(small);
        if value <= f64::MIN_POSITIVE {
            return None;
        }
        best = combine(&basis, &coordinates);
        let mut off = combine(&images, &coordinates);
        add(&mut off, -value, &best);
        normalise(&mut best);
        if dot(&off, &off).sqrt() <= CLOSE * value {
            break;
        }
    }
    Some(best)
}

/// Orthonormal vectors that span `start, Ms, M²s, …` for `M = XᵀX`, and what M makes of each.
fn krylov(columns: &[Vec<f64>], start: Vec<f64>) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let (mut basis, mut images) = (vec![start], Vec::<Vec<f64>>::new());
    loop {
        let image = gram_times(columns, &basis[images.len()]);
        let size = dot(&image, &image).sqrt();
        let mut next = image.clone();
        images.push(image);
        if basis.len() == SPACE.min(columns.len()) {
            return (basis, images);
        }
        // Twice: what rounding leaves of the others after the first time is as large as what is new.
        for _ in 0..2 {
            for q in &basis {
                let along = dot(&next, q);
                add(&mut next, -along, q);
            }
        }
        let new = dot(&next, &next).sqrt();
        if new <= 1e-13 * size {
            return (basis, images);
        }
        for x in &mut next {
            *x /= new;
        }
        basis.push(next);
    }
}

/// `XᵀX·v`.
fn gram_times(columns: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
    let projected = combine(columns, v);
    columns.iter().map(|column| dot(column, &projected)).collect()
}

/// `Σ_k weights[k] · columns[k]`.
pub fn combine(columns: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; columns.first().map_or(0, Vec::len)];
    for (column, &weight) in columns.iter().zip(weights) {
        add(&mut sum, weight, column);
    }
    sum
}

/// The largest eigenvalue of a small symmetric matrix and its unit eigenvector, by Jacobi's rotations.
fn largest_eigenpair(mut matrix: Vec<Vec<f64>>) -> (f64, Vec<f64>) {
    let n = matrix.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    // Each sweep roughly squares what is off the diagonal: a dozen are enough for any matrix of this size.
    for _ in 0..12 {
        for p in 0..n {
            for q in p + 1..n {
                if matrix[p][q].abs() <= f64::MIN_POSITIVE {
                    continue;
                }
                let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
                let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let cosine = tangent.hypot(1.0).recip();
                let sine = tangent * cosine;
                for row in matrix.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
                }
                let (above, below) = matrix.split_at_mut(q);
                for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                    (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                }
            }
        }
    }
    let at = (0..n).max_by(|&i, &j| matrix[i][i].total_cmp(&matrix[j][j])).unwrap_or(0);
    let value = matrix.get(at).map_or(0.0, |row| row[at]);
    (value, vectors.iter().map(|row| row[at]).collect())
}

/// `a · b`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// `to += factor · what`.
fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(x, y)| *x += factor * y);
}

fn normalise(v: &mut [f64]) {
    let size = dot(v, v).sqrt();
    if size > 0.0 {
        for x in v {
            *x /= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of `U·diag(values)·Vᵀ` for orthonormal U and V made of random numbers; also V's first column.
    fn with_singular_values(rows: usize, columns: usize, values: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut random = Random::new(7);
        let mut orthonormal = |length: usize| {
            let mut basis: Vec<Vec<f64>> = vec![];
            for _ in values {
                let mut v: Vec<f64> = (0..length).map(|_| random.symmetric()).collect();
                for _ in 0..2 {
                    for q in &basis {
                        let along = dot(&v, q);
                        add(&mut v, -along, q);
                    }
                }
                normalise(&mut v);
                basis.push(v);
            }
            basis
        };
        let (u, v) = (orthonormal(rows), orthonormal(columns));
        let column = |k: usize| {
            let weights: Vec<f64> = values.iter().zip(&v).map(|(value, v)| value * v[k]).collect();
            combine(&u, &weights)
        };
        ((0..columns).map(column).collect(), v[0].clone())
    }

    /// Red when the search ends after one round: tried.
    #[test]
    fn the_vector_is_found_whatever_the_gap_and_the_shape() {
        let many: Vec<f64> = (0..40).map(|n| 1.0 / (1.0 + 0.02 * f64::from(n))).collect();
        for (rows, columns) in [(49, 300), (300, 49), (64, 64)] {
            for values in [vec![3.0], vec![3.0, 1.0, 0.5], vec![1.0, 0.99, 0.98, 0.5], many.clone()] {
                let (x, expected) = with_singular_values(rows, columns, &values);
                let found = first_right_singular_vector(&x).unwrap();
                assert!((dot(&found, &found) - 1.0).abs() < 1e-12);
                let along = dot(&found, &expected).abs();
                // Of a unit vector that is off by ε, all but ε²/2 points along.
                assert!((1.0 - along) < 1e-13, "{rows}×{columns} {}: {along}", values.len());
            }
        }
    }

    #[test]
    fn of_nothing_there_is_none() {
        assert_eq!(first_right_singular_vector(&[]), None);
        assert_eq!(first_right_singular_vector(&vec![vec![0.0; 5]; 3]), None);
        assert_eq!(first_right_singular_vector(&[vec![2.0]]).map(|v| v[0].abs()), Some(1.0));
    }
}
