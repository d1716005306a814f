//! Gauss and Legendre's rule: of all sums over n points the one that integrates polynomials of the highest degree.
#![forbid(unsafe_code)]

use std::f64::consts::PI;

/// The `n` points in 0…1 and their weights, ascending: exact for polynomials up to degree 2n − 1.
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let root = |i: usize| {
        // Newton's method from an estimate (Tricomi's) that lies nearer to this root than to any other.
        let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        for _ in 0..100 {
            let (value, slope) = legendre(n, x);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        let (_, slope) = legendre(n, x);
        (f64::midpoint(1.0, -x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(root).collect()
}

/// Legendre's polynomial of degree `n` at `x` within −1…1, and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for degree in 0..n {
        let k = degree as f64;
        (before, value) = (value, ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0));
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ∫₀¹ tᵈ dt = 1/(d + 1) up to degree 2n − 1, and no further. Red with one weight halved: tried.
    #[test]
    fn polynomials_are_integrated_exactly() {
        for n in [1, 2, 3, 8, 50, 200] {
            let points = gauss_legendre(n);
            assert!(points.is_sorted_by(|a, b| a.0 < b.0) && points[0].0 > 0.0 && points[n - 1].0 < 1.0);
            let integral = |degree: i32| points.iter().map(|(t, w)| w * t.powi(degree)).sum::<f64>();
            for degree in 0..2 * n as i32 {
                let exact = 1.0 / f64::from(degree + 1);
                assert!((integral(degree) - exact).abs() < 1e-13, "{n} {degree}");
            }
            if n < 4 {
                let degree = 2 * n as i32;
                assert!((integral(degree) - 1.0 / f64::from(degree + 1)).abs() > 1e-5, "{n}");
            }
        }
    }
}
