//! Filling in removed pixels from those around them, so that removing them leaves no edge for the model to see.
//!
//! Noisy linear imputation: Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML
//! 2022. A removed pixel is the weighted mean of its eight neighbours, a sixth for each of the four nearest and a twelfth
//! for each diagonal one, beyond the border left out. The equations are solved by conjugate gradients: they are symmetric
//! and positive.

/// Neighbours with their weights.
const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (1, 1, 1.0 / 12.0),
    (0, 1, 1.0 / 6.0),
    (-1, 1, 1.0 / 12.0),
    (1, -1, 1.0 / 12.0),
    (0, -1, 1.0 / 6.0),
    (-1, -1, 1.0 / 12.0),
    (1, 0, 1.0 / 6.0),
    (-1, 0, 1.0 / 6.0),
];
/// Residual, over that of the start, at which a solution is good: far below what a model sees.
const GOOD: f64 = 1e-5;
/// More steps than any picture has needed.
const STEPS: usize = 5_000;

/// The removed pixels of one size of picture, and what each hangs on.
pub(super) struct Holes {
    /// Index of each removed pixel in its plane.
    pixels: Vec<usize>,
    /// Of each removed pixel the sum of its weights.
    sums: Vec<f64>,
    /// Its neighbours that are removed as well, by their place in `pixels`.
    removed: Links,
    /// Its neighbours that are kept, by their index in the plane.
    kept: Links,
}

/// Weighted neighbours of each removed pixel, one pixel's after the other's.
#[derive(Default)]
struct Links {
    /// Where each pixel's neighbours end.
    ends: Vec<usize>,
    near: Vec<(usize, f64)>,
}

impl Links {
    /// For each pixel the weighted sum of its neighbours' values.
    fn sums<'a, T: Copy + Into<f64>>(&'a self, values: &'a [T]) -> impl Iterator<Item = f64> + 'a {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| {
            self.near[start..end].iter().map(|&(at, weight)| weight * values[at].into()).sum()
        })
    }
}

impl Holes {
    pub fn new(removed: &[bool], width: usize) -> Self {
        let pixels: Vec<usize> = (0..removed.len()).filter(|&at| removed[at]).collect();
        let mut place = vec![0; removed.len()];
        for (n, &at) in pixels.iter().enumerate() {
            place[at] = n;
        }
        let height = removed.len() / width.max(1);
        let mut sums = Vec::with_capacity(pixels.len());
        let (mut gone, mut kept) = (Links::default(), Links::default());
        for &at in &pixels {
            let mut sum = 0.0;
            for (dy, dx, weight) in NEIGHBOURS {
                let (y, x) = ((at / width).checked_add_signed(dy), (at % width).checked_add_signed(dx));
                let (Some(y), Some(x)) = (y.filter(|&y| y < height), x.filter(|&x| x < width)) else {
                    continue;
                };
                let other = y * width + x;
                sum += weight;
                if removed[other] {
                    gone.near.push((place[other], weight));
                } else {
                    kept.near.push((other, weight));
                }
            }
            sums.push(sum);
            gone.ends.push(gone.near.len());
            kept.ends.push(kept.near.len());
        }
        Self { pixels, sums, removed: gone, kept }
    }

    /// Index of each removed pixel in its plane.
    pub fn pixels(&self) -> &[usize] {
        &self.pixels
    }

    /// The values of the removed pixels of one plane. Where nothing was kept they are 0.
    pub fn fill(&self, plane: &[f32]) -> Vec<f64> {
        let b: Vec<f64> = self.kept.sums(plane).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut x = vec![0.0; b.len()];
        let mut residual = b;
        let mut direction = residual.clone();
        let mut square = dot(&residual, &residual);
        let enough = square * GOOD * GOOD;
        for _ in 0..STEPS {
            if square <= enough {
                break;
            }
            let image = self.apply(&direction);
            let step = square / dot(&direction, &image);
            for ((x, r), (d, i)) in x.iter_mut().zip(&mut residual).zip(direction.iter().zip(&image)) {
                *x += step * d;
                *r -= step * i;
            }
            let next = dot(&residual, &residual);
            let turn = next / square;
            square = next;
            for (d, r) in direction.iter_mut().zip(&residual) {
                *d = r + turn * *d;
            }
        }
        x
    }

    /// The matrix of the equations times `x`.
    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let others = self.removed.sums(x);
        self.sums.iter().zip(x).zip(others).map(|((sum, x), others)| sum * x - others).collect()
    }
}
