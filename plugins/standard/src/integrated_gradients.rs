//! Integrated gradients: the gradient gathered on the way from an empty picture to this one, so that the map adds up to
//! what the score gained.
//!
//! Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017; the integral by Gauss and Legendre's
//! rule, as in Captum.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Place, Rule, Session, View};

use crate::baseline::{baseline, baseline_param};
use crate::batches::{in_batches, shape_of};
use crate::pixels::total;
use crate::quadrature::gauss_legendre;
use crate::score::Score;

/// `Σ_c (x − x') · ∫₀¹ ∂y/∂x(x' + t(x − x')) dt` at each pixel, signed.
pub struct IntegratedGradients;

impl Explainer for IntegratedGradients {
    fn describe() -> Description {
        Description::new("integrated-gradients", "Integrated gradients")
            .summary(
                "Σ_c (x − x')·∫∂y/∂x from a baseline x' to x: adds up to y(x) − y(x'), and says how nearly it does; signed",
            )
            .reference("Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365")
            .needs_gradients()
            .needs_forward()
            .param(Param::int("steps", 50).range(1..=1000).help(
                "how many points of the way the gradient is taken at; more of them, and the map adds up better",
            ))
            .param(baseline_param("the picture that the way begins at"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let input = session.input()?;
        let area = input.area();
        let empty: Vec<f32> = baseline(session, params.choice("baseline")?, input.planes().len())?
            .into_iter()
            .flat_map(|value| std::iter::repeat_n(value, area))
            .collect();
        let points = gauss_legendre(usize::try_from(params.int("steps")?).unwrap_or(1));
        let seed = session.seed()?;
        let mut sum = vec![0f64; input.data().len()];
        in_batches(session, points.len(), input.data().len(), |session, batch| {
            let mut inputs = Vec::with_capacity(batch.len() * sum.len());
            for &(t, _) in &points[batch.clone()] {
                let along = |(&x, &from): (&f32, &f32)| (f64::from(from) + t * f64::from(x - from)) as f32;
                inputs.extend(input.data().iter().zip(&empty).map(along));
            }
            let shape = shape_of(batch.len(), input.shape());
            let seeds = seed.data().repeat(batch.len());
            let gradients = session.gradient_at(&shape, &inputs, Place::Image, &seeds, Rule::Plain)?;
            for (gradient, (_, weight)) in gradients.data().chunks_exact(sum.len()).zip(&points[batch]) {
                sum.iter_mut().zip(gradient).for_each(|(s, &g)| *s += weight * f64::from(g));
            }
            session.partial(|| {
                let values = total(&along(&sum, &input, &empty), area);
                Some(Map::from_f64(input.height(), input.width(), &values))
            });
            Ok(())
        })?;
        let sum = along(&sum, &input, &empty);
        let score = Score::of(session)?;
        let begin = score.at(session.forward(input.shape(), &empty)?.data());
        let gained = score.at(session.logits()?.data()) - begin;
        let map = Map::from_f64(input.height(), input.width(), &total(&sum, area));
        Ok(map.with_note(complete(sum.iter().sum(), gained)))
    }
}

/// The integral of the gradients, times the way from the empty picture to this one.
fn along(integral: &[f64], input: &View<'_>, empty: &[f32]) -> Vec<f64> {
    let way = input.data().iter().zip(empty).map(|(&x, &from)| f64::from(x) - f64::from(from));
    integral.iter().zip(way).map(|(s, way)| s * way).collect()
}

/// How nearly the map adds up to what the score gained.
fn complete(sum: f64, gained: f64) -> String {
    let off = 100.0 * ((sum - gained) / gained).abs();
    let off = if off.is_finite() { format!("{off:.2} % off") } else { "no share of it can be told".into() };
    format!("the map adds up to {sum:.4}, and the score gained {gained:.4} over the baseline: {off}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completeness_is_told_in_per_cent() {
        assert!(complete(1.9, -2.0).ends_with("195.00 % off"));
        assert!(complete(2.04, 2.0).ends_with("gained 2.0000 over the baseline: 2.00 % off"));
        assert!(complete(0.0, 0.0).ends_with("no share of it can be told"));
    }
}
