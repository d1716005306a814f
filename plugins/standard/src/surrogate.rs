//! What `lime` and `kernel-shap` share: the picture with some of its superpixels masked, the score of each such picture, and
//! least squares.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Map, Param, Params, Session, View};

use crate::baseline::{baseline, baseline_param};
use crate::batches::{in_batches, shape_of};
use crate::segments::segments;

/// The parameters of both; `samples` by default so many.
pub fn params() -> [Param; 3] {
    [
        Param::int("segments", 50)
            .range(2..=400)
            .help("about how many superpixels the picture is cut into: how fine the map is"),
        Param::int("samples", 1000).range(10..=10_000).help(
            "how many pictures with masked superpixels the model is shown; the noise falls with their root",
        ),
        baseline_param("what a superpixel is masked with"),
    ]
}

/// A picture in pieces.
pub struct Pieces<'a> {
    input: View<'a>,
    labels: Vec<usize>,
    count: usize,
    fill: Vec<f32>,
}

impl<'a> Pieces<'a> {
    /// As the parameters say.
    pub fn new(session: &'a Session<'_>, params: &Params<'_>) -> Result<Self, Error> {
        let input = session.input()?;
        let fill = baseline(session, params.choice("baseline")?, input.planes().len())?;
        let planes: Vec<&[f32]> = input.planes().collect();
        let wanted = usize::try_from(params.int("segments")?).unwrap_or(1);
        let (labels, count) = segments(&planes, [input.height(), input.width()], wanted);
        Ok(Self { input, labels, count, fill })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// `score` of the logits of each picture that shows the pieces of one of `masks` and hides the others. `fit` makes a value a
    /// piece of the scores of the first masks, if so few will do.
    pub fn scores(
        &self,
        session: &Session<'_>,
        masks: &[Vec<bool>],
        score: impl Fn(&[f32]) -> f64,
        fit: impl Fn(&[f64]) -> Option<Vec<f64>>,
    ) -> Result<Vec<f64>, Error> {
        let mut scores = Vec::with_capacity(masks.len());
        in_batches(session, masks.len(), self.input.data().len(), |session, batch| {
            let mut inputs = Vec::with_capacity(batch.len() * self.input.data().len());
            for mask in &masks[batch.clone()] {
                for (plane, &fill) in self.input.planes().zip(&self.fill) {
                    inputs.extend(
                        plane.iter().zip(&self.labels).map(|(&x, &l)| if mask[l] { x } else { fill }),
                    );
                }
            }
            let logits = session.forward(&shape_of(batch.len(), self.input.shape()), &inputs)?;
            scores.extend(logits.data().chunks_exact(session.classes().max(1)).map(&score));
            session.partial(|| Some(self.map(&fit(&scores)?)));
            Ok(())
        })?;
        Ok(scores)
    }

    /// Each pixel has the value of its piece.
    pub fn map(&self, values: &[f64]) -> Map {
        let pixels: Vec<f64> = self.labels.iter().map(|&label| values[label]).collect();
        Map::from_f64(self.input.height(), self.input.width(), &pixels)
    }
}

/// `Σ w·z·zᵀ` and `Σ w·z·y` over rows z of features, with weights and values.
pub struct Normal {
    n: usize,
    square: Vec<f64>,
    right: Vec<f64>,
}

impl Normal {
    /// Of rows of `n` features.
    pub fn new(n: usize, rows: impl Iterator<Item = (Vec<f64>, f64, f64)>) -> Self {
        let (mut square, mut right) = (vec![0.0; n * n], vec![0.0; n]);
        for (z, weight, y) in rows {
            for i in (0..n).filter(|&i| z[i] != 0.0) {
                right[i] += weight * z[i] * y;
                for j in 0..n {
                    square[i * n + j] += weight * z[i] * z[j];
                }
            }
        }
        Self { n, square, right }
    }

    /// The right side.
    pub fn right(&self) -> &[f64] {
        &self.right
    }

    /// x of `(square + ridge·I)·x = right`, by Cholesky; none where that has no single solution.
    pub fn solve(&self, ridge: f64, right: &[f64]) -> Option<Vec<f64>> {
        let n = self.n;
        let mut low = self.square.clone();
        let largest = (0..n).map(|i| low[i * n + i] + ridge).fold(0.0, f64::max);
        for i in 0..n {
            low[i * n + i] += ridge;
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| low[i * n + k] * low[j * n + k]).sum();
                let rest = low[i * n + j] - sum;
                if i != j {
                    low[i * n + j] = rest / low[j * n + j];
                } else if rest > 1e-12 * largest {
                    low[i * n + i] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        let mut x = right.to_vec();
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| low[i * n + k] * x[k]).sum();
            x[i] = (x[i] - sum) / low[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| low[k * n + i] * x[k]).sum();
            x[i] = (x[i] - sum) / low[i * n + i];
        }
        Some(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_solved_is_what_was_asked() {
        let rows = [([1.0, 2.0, 0.5], 1.0, 3.0), ([0.0, 1.0, -1.0], 2.0, -1.0), ([4.0, 0.0, 1.0], 0.5, 2.0)];
        let normal = Normal::new(3, rows.iter().map(|(z, w, y)| (z.to_vec(), *w, *y)));
        // Three rows and three unknowns: every row is met, whatever its weight.
        let x = normal.solve(0.0, normal.right()).unwrap();
        for (z, _, y) in rows {
            assert!((z.iter().zip(&x).map(|(z, x)| z * x).sum::<f64>() - y).abs() < 1e-10, "{x:?}");
        }
        let same = Normal::new(2, std::iter::repeat_n((vec![1.0, 1.0], 1.0, 1.0), 3));
        assert_eq!(same.solve(0.0, same.right()), None);
        assert!(same.solve(1e-3, same.right()).is_some());
    }
}
