//! `SmoothGrad`: the gradient's mean over noisy copies of the picture, in which what is sharp by accident cancels.
//!
//! Smilkov et al., "`SmoothGrad`: removing noise by adding noise", 2017. The gradients are averaged with their signs, as in
//! the paper; the size is taken last.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Place, Rule, Session, View};

use crate::batches::{in_batches, shape_of};
use crate::pixels::strongest;

/// `max_c |mean_n ∂y/∂x(x + ε_n)|`, `ε_n` normal with deviation `sigma·(max x − min x)`.
pub struct SmoothGrad;

impl Explainer for SmoothGrad {
    fn describe() -> Description {
        Description::new("smooth-grad", "SmoothGrad")
            .summary("max_c |mean_n ∂y/∂x at x + noise|: the gradient's mean over noisy copies; --seed decides the noise")
            .reference("Smilkov et al. 2017, https://arxiv.org/abs/1706.03825")
            .needs_gradients()
            .param(Param::int("samples", 50).range(1..=10_000).help("how many noisy copies; the time grows with it"))
            .param(Param::float("sigma", 0.15).range(0.0..=2.0).help(
                "standard deviation of the noise, as a share of the input's range (its greatest value less its least)",
            ))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let input = session.input()?;
        let samples = usize::try_from(params.int("samples")?).unwrap_or(1);
        let (low, high) = input
            .data()
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        let deviation = params.float("sigma")? * f64::from(high - low);
        let seed = session.seed()?;
        let mut random = session.random();
        let mut sum = vec![0f64; input.data().len()];
        in_batches(session, samples, input.data().len(), |session, batch| {
            let noisy: Vec<f32> = batch
                .clone()
                .flat_map(|_| input.data())
                .map(|&x| (f64::from(x) + deviation * random.normal()) as f32)
                .collect();
            let shape = shape_of(batch.len(), input.shape());
            let seeds = seed.data().repeat(batch.len());
            let gradients = session.gradient_at(&shape, &noisy, Place::Image, &seeds, Rule::Plain)?;
            for gradient in gradients.data().chunks_exact(sum.len()) {
                sum.iter_mut().zip(gradient).for_each(|(s, &g)| *s += f64::from(g));
            }
            session.partial(|| Some(mean(&input, &sum, batch.end)));
            Ok(())
        })?;
        Ok(mean(&input, &sum, samples))
    }
}

/// The map after so many samples.
fn mean(input: &View<'_>, sum: &[f64], samples: usize) -> Map {
    let mean: Vec<f64> = sum.iter().map(|s| s / samples as f64).collect();
    Map::from_f64(input.height(), input.width(), &strongest(&mean, input.area()))
}
