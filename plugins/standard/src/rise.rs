//! RISE: random masks laid over the picture; each pixel's mean over those that let it through, of the probability behind
//! them. The model is only asked, never looked into.
//!
//! Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session, View};

use crate::batches::{in_batches, shape_of};
use crate::score::{Score, probabilities};
use crate::upsample::{Align, Upsample};
use camtui_plugin::Random;

/// `Σ_n p(x ⊙ M_n)·M_n / (N·p₁)`, p the target's probability and `M_n` grids of random cells, enlarged and shifted.
pub struct Rise;

impl Explainer for Rise {
    fn describe() -> Description {
        Description::new("rise", "RISE")
            .summary(
                "Σ p(x ⊙ M)·M/(N·p₁) over N random masks M: the target's probability where a pixel is seen; one pass a mask; \
                 --seed decides the masks",
            )
            .reference("Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421")
            .needs_forward()
            .param(Param::int("masks", 2000).range(1..=1_000_000).help(
                "how many masks; the noise falls with their root, the time grows with them",
            ))
            .param(Param::int("cells", 7).range(1..=256).help("cells along each side of a mask: how fine the map can be"))
            .param(Param::float("p", 0.5).range(0.01..=0.99).help("the share of cells that a mask lets through"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let input = session.input()?;
        let score = Score::of(session)?;
        let count = usize::try_from(params.int("masks")?).unwrap_or(1);
        let p = params.float("p")?;
        let cells = usize::try_from(params.int("cells")?).unwrap_or(1);
        let mut masks = Masks::new(cells, p, [input.height(), input.width()], session.random_seed());
        let mut sum = vec![0.0; input.area()];
        in_batches(session, count, input.data().len(), |session, batch| {
            let mut inputs = Vec::with_capacity(batch.len() * input.data().len());
            let drawn: Vec<Vec<f64>> = batch.clone().map(|_| masks.draw()).collect();
            for mask in &drawn {
                for plane in input.planes() {
                    inputs.extend(plane.iter().zip(mask).map(|(&x, m)| (f64::from(x) * m) as f32));
                }
            }
            let logits = session.forward(&shape_of(batch.len(), input.shape()), &inputs)?;
            for (mask, logits) in drawn.iter().zip(logits.data().chunks_exact(session.classes().max(1))) {
                let probability: f64 =
                    probabilities(logits).iter().zip(score.seed()).map(|(p, s)| p * s).sum();
                sum.iter_mut().zip(mask).for_each(|(s, m)| *s += probability * m);
            }
            session.partial(|| Some(mean(&input, &sum, batch.end as f64 * p)));
            Ok(())
        })?;
        Ok(mean(&input, &sum, count as f64 * p))
    }
}

/// The map after so many masks that let a share through.
fn mean(input: &View<'_>, sum: &[f64], through: f64) -> Map {
    let values: Vec<f64> = sum.iter().map(|s| s / through).collect();
    Map::from_f64(input.height(), input.width(), &values)
}

/// Draws masks: a grid of cells that are open or shut, one cell larger than the picture, enlarged and cut out at random.
struct Masks {
    random: Random,
    cells: usize,
    p: f64,
    /// Of one cell in pixels.
    cell: [usize; 2],
    size: [usize; 2],
    upsample: Upsample,
}

impl Masks {
    fn new(cells: usize, p: f64, size: [usize; 2], seed: u64) -> Self {
        let cell = size.map(|side| side.div_ceil(cells));
        let large = cell.map(|cell| (cells + 1) * cell);
        let upsample = Upsample::new([cells, cells], large, Align::Edges);
        Self { random: Random::new(seed), cells, p, cell, size, upsample }
    }

    /// `[H, W]` in 0…1.
    fn draw(&mut self) -> Vec<f64> {
        let grid: Vec<f64> =
            (0..self.cells * self.cells).map(|_| f64::from(u8::from(self.random.unit() < self.p))).collect();
        let [down, right] = self.cell.map(|cell| (self.random.unit() * cell as f64) as usize);
        let width = (self.cells + 1) * self.cell[1];
        let large = self.upsample.enlarge(&grid);
        large
            .chunks_exact(width)
            .skip(down)
            .take(self.size[0])
            .flat_map(|row| &row[right..][..self.size[1]])
            .copied()
            .collect()
    }
}
