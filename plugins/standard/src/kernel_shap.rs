//! Kernel SHAP: the Shapley values of superpixels, each one's share of what all of them together add to the score, by least
//! squares over coalitions.
//!
//! Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017. Where all coalitions are fewer than
//! `samples` each is asked once and the values are exact. Otherwise they are drawn by the Shapley kernel, in pairs of a
//! coalition and all that is not in it (Covert and Lee 2021), which makes the noise much smaller. The values add up to
//! y(x) − y(x all masked).
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Params, Random, Session};

use crate::score::Score;
use crate::surrogate::{Normal, Pieces, params};

/// Shapley values of the superpixels in the game `seed·y`.
pub struct KernelShap;

impl Explainer for KernelShap {
    fn describe() -> Description {
        let described = Description::new("kernel-shap", "Kernel SHAP")
            .summary(
                "Shapley values φ of superpixels, Σφ = y(x) − y(x all masked), by least squares over coalitions drawn by the Shapley \
                 kernel; signed, no ReLU; --seed decides the coalitions",
            )
            .reference("Lundberg and Lee 2017, https://arxiv.org/abs/1705.07874")
            .needs_forward();
        params().into_iter().fold(described, Description::param)
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let pieces = Pieces::new(session, params)?;
        let score = Score::of(session)?;
        let (n, samples) = (pieces.count(), usize::try_from(params.int("samples")?).unwrap_or(1));
        let drawn = coalitions(n, samples, session.random_seed());
        // All masked, nothing masked, then the coalitions.
        let mut masks = vec![vec![false; n], vec![true; n]];
        masks.extend(drawn.iter().map(|(mask, _)| mask.clone()));
        let fit = |scores: &[f64]| match scores {
            [empty, whole, scores @ ..] => shapley(n, &drawn, *empty, *whole, scores),
            _ => None,
        };
        let scores = pieces.scores(session, &masks, |logits| score.at(logits), fit)?;
        let values = fit(&scores).ok_or_else(|| {
            Error::NotSupported(format!(
                "{samples} samples do not tell {n} superpixels apart; take more samples or fewer segments"
            ))
        })?;
        Ok(pieces.map(&values))
    }
}

/// Coalitions of `n`, neither empty nor whole, with their weights.
fn coalitions(n: usize, samples: usize, seed: u64) -> Vec<(Vec<bool>, f64)> {
    if n < 2 {
        return Vec::new();
    }
    // The kernel's share of all coalitions of each size together is (n − 1)/(s·(n − s)).
    let share = |size: usize| (n - 1) as f64 / (size * (n - size)) as f64;
    let all = u32::try_from(n).ok().and_then(|n| 1_usize.checked_shl(n)).map(|all| all - 2);
    if let Some(all) = all.filter(|&all| n < usize::BITS as usize && all <= samples) {
        let of_size = |size: usize| (0..size).fold(1.0, |count, k| count * (n - k) as f64 / (k + 1) as f64);
        return (1..=all)
            .map(|bits| {
                let mask: Vec<bool> = (0..n).map(|k| bits >> k & 1 == 1).collect();
                let size = bits.count_ones() as usize;
                (mask, share(size) / of_size(size))
            })
            .collect();
    }
    let mut random = Random::new(seed);
    let total: f64 = (1..n).map(share).sum();
    let mut drawn = Vec::with_capacity(samples + 1);
    while drawn.len() < samples {
        let mut left = random.unit() * total;
        let size = (1..n - 1).find(|&size| {
            left -= share(size);
            left < 0.0
        });
        let size = size.unwrap_or(n - 1);
        let mut order: Vec<usize> = (0..n).collect();
        let mut mask = vec![false; n];
        for k in 0..size {
            order.swap(k, k + random.below(n - k));
            mask[order[k]] = true;
        }
        let others = mask.iter().map(|shown| !shown).collect();
        drawn.push((mask, 1.0));
        drawn.push((others, 1.0));
    }
    drawn
}

/// φ that is nearest to what the coalitions say, with `Σφ = whole − empty`; none if they do not tell the pieces apart.
fn shapley(
    n: usize,
    coalitions: &[(Vec<bool>, f64)],
    empty: f64,
    whole: f64,
    scores: &[f64],
) -> Option<Vec<f64>> {
    if n < 2 {
        return Some(vec![whole - empty; n]);
    }
    let rows = coalitions.iter().zip(scores).map(|((mask, weight), y)| {
        (mask.iter().map(|&shown| f64::from(u8::from(shown))).collect(), *weight, y - empty)
    });
    let normal = Normal::new(n, rows);
    // Lagrange: the free solution, moved along A⁻¹·1 until the sum is right.
    let free = normal.solve(0.0, normal.right())?;
    let along = normal.solve(0.0, &vec![1.0; n])?;
    let missing = (whole - empty - free.iter().sum::<f64>()) / along.iter().sum::<f64>();
    Some(free.iter().zip(along).map(|(value, along)| value + missing * along).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A game in which pieces work together, by pairs and by threes.
    fn game(mask: &[bool]) -> f64 {
        let v = |k: usize| f64::from(u8::from(mask[k]));
        0.5 + 2.0 * v(0) - v(1) + 3.0 * v(1) * v(2) - 1.5 * v(0) * v(3) * v(4)
            + 0.25 * (v(2) - 2.0 * v(4)).powi(2)
    }

    /// By the definition: the mean of what a piece adds, over all orders in which the pieces may come.
    fn by_definition(n: usize) -> Vec<f64> {
        let mut values = vec![0.0; n];
        let mut orders = vec![Vec::new()];
        for _ in 0..n {
            orders = orders
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    let next = (0..n).filter(|k| !order.contains(k)).collect::<Vec<_>>();
                    next.into_iter().map(move |k| [order.as_slice(), &[k]].concat())
                })
                .collect();
        }
        for order in &orders {
            let mut mask = vec![false; n];
            for &k in order {
                let before = game(&mask);
                mask[k] = true;
                values[k] += (game(&mask) - before) / orders.len() as f64;
            }
        }
        values
    }

    fn found(n: usize, samples: usize, seed: u64) -> Vec<f64> {
        let drawn = coalitions(n, samples, seed);
        let scores: Vec<f64> = drawn.iter().map(|(mask, _)| game(mask)).collect();
        shapley(n, &drawn, game(&vec![false; n]), game(&vec![true; n]), &scores).unwrap()
    }

    #[test]
    fn all_coalitions_give_the_shapley_values() {
        for (found, expected) in found(5, 30, 0).iter().zip(by_definition(5)) {
            assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        }
    }

    #[test]
    fn coalitions_by_lot_come_near_them_and_add_up() {
        // Pieces that add nothing change nothing for the others.
        let mut expected = by_definition(5);
        expected.resize(10, 0.0);
        let mut mean = [0.0; 10];
        for seed in 0..200 {
            let found = found(10, 500, seed);
            assert!((found.iter().sum::<f64>() - (game(&[true; 5]) - game(&[false; 5]))).abs() < 1e-9);
            mean.iter_mut().zip(found).for_each(|(mean, value)| *mean += value / 200.0);
        }
        for (found, expected) in mean.iter().zip(expected) {
            assert!((found - expected).abs() < 0.02, "{found} {expected}");
        }
    }

    #[test]
    fn too_few_coalitions_are_refused() {
        let drawn = coalitions(20, 10, 1);
        assert_eq!(shapley(20, &drawn, 0.0, 1.0, &vec![0.5; drawn.len()]), None);
        assert_eq!(shapley(1, &coalitions(1, 10, 1), 0.5, 2.0, &[]), Some(vec![1.5]));
    }
}
