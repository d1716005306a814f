//! How alike two maps are, and where they differ.

use super::normalise::normalise;
use super::{Heatmap, Interpolation, upsample};

/// The side of the grid on which maps of different layers are compared.
const SIDE: usize = 28;

/// A map's values as ranks on a common grid, so that many pairs of maps are quickly compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks(Vec<f32>);

impl Ranks {
    /// The ranks of a map, brought to mean 0 and length 1; ties share the mean of their ranks.
    pub fn of(map: &Heatmap) -> Self {
        Self::of_values(upsample(map, SIDE, SIDE, Interpolation::Bilinear).values())
    }

    /// The same of values as they are; those that are compared must be as many.
    pub fn of_values(values: &[f32]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0f64; values.len()];
        let mut first = 0;
        while first < order.len() {
            let same = |at: &usize| values[*at].total_cmp(&values[order[first]]).is_eq();
            let last = first + order[first..].iter().take_while(|at| same(at)).count();
            for &at in &order[first..last] {
                ranks[at] = (first + last - 1) as f64 / 2.0;
            }
            first = last;
        }
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        let length = ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        Self(ranks.iter().map(|rank| ((rank - mean) * scale) as f32).collect())
    }

    /// Spearman's rank correlation with another map, -1 to 1; 0 where one of them is constant.
    pub fn correlation(&self, other: &Self) -> f32 {
        let sum: f64 = self.0.iter().zip(&other.0).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        sum.clamp(-1.0, 1.0) as f32
    }
}

/// The first map minus the second, each brought to 0…1 (`signed`: -1…1) first, at the finer resolution of both.
pub fn difference(a: &Heatmap, b: &Heatmap, interpolation: Interpolation, signed: bool) -> Heatmap {
    let (height, width) = (a.height.max(b.height), a.width.max(b.width));
    let normal = |map: &Heatmap| normalise(upsample(map, height, width, interpolation), signed);
    let (a, b) = (normal(a), normal(b));
    let values = a.values.iter().zip(&b.values).map(|(a, b)| a - b).collect();
    Heatmap { height, width, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f32]) -> Heatmap {
        Heatmap::new(2, 2, values.to_vec()).unwrap()
    }

    #[test]
    fn only_the_order_of_values_counts() {
        let ramp: Vec<f32> = (0..SIDE * SIDE).map(|i| i as f32).collect();
        let grid = |f: &dyn Fn(f32) -> f32| {
            Ranks::of(&Heatmap::new(SIDE, SIDE, ramp.iter().map(|&v| f(v)).collect()).unwrap())
        };
        let same = grid(&|v| v);
        assert!((same.correlation(&grid(&|v| v * v * 0.01 + 3.0)) - 1.0).abs() < 1e-5);
        assert!((same.correlation(&grid(&|v| -v)) + 1.0).abs() < 1e-5);
        assert!(same.correlation(&grid(&|_| 2.0)).abs() < 1e-9);
        // Spearman's formula for the order with its first two values exchanged: 1 - 6·2/(n(n²-1)).
        let swapped = grid(&|v| if v < 2.0 { 1.0 - v } else { v });
        let n = (SIDE * SIDE) as f64;
        let expected = 1.0 - 12.0 / (n * (n * n - 1.0));
        assert!((f64::from(same.correlation(&swapped)) - expected).abs() < 1e-6);
        // Ties: half zeros, half ones against the ramp; the closed form is sqrt(3)/2·sqrt(n²/(n²-1)).
        let halves = grid(&|v| f32::from(u8::from(v >= 392.0)));
        let expected = (0.75 * n * n / (n * n - 1.0)).sqrt();
        assert!((f64::from(same.correlation(&halves)) - expected).abs() < 1e-5);
    }

    #[test]
    fn a_difference_is_of_normalised_maps() {
        let (a, b) = (map(&[0.0, 1.0, 2.0, 4.0]), map(&[10.0, 10.0, 10.0, 20.0]));
        let found = difference(&a, &b, Interpolation::Nearest, false);
        assert_eq!(found.values(), [0.0, 0.25, 0.5, 0.0]);
    }
}
