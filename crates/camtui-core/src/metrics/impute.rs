//! Filling in removed pixels from those around them, so that removing them leaves no edge for the model to see.
//!
//! Noisy linear imputation: Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML
//! 2022. A removed pixel is the weighted mean of its eight neighbours, a sixth for each of the four nearest and a twelfth
//! for each diagonal one, beyond the border left out. The equations are solved by conjugate gradients: they are symmetric
//! and positive. Planes are held whole, in a frame of zeros, and zero where a pixel was kept: the same few sums at every
//! pixel are quicker than a list of those that matter.

/// Weight of the four nearest neighbours.
const NEAR: f64 = 1.0 / 6.0;
/// Weight of the four diagonal ones.
const DIAGONAL: f64 = 1.0 / 12.0;
/// Residual, over that of the start, at which a solution is good: far below what a model sees.
const GOOD: f64 = 1e-5;
/// More steps than any picture has needed.
const STEPS: usize = 5_000;

/// The removed pixels of one size of picture.
pub(super) struct Holes {
    /// Index of each removed pixel in its plane.
    pixels: Vec<usize>,
    /// The same in a framed plane.
    framed: Vec<usize>,
    /// In a framed plane the sum of the weights of a removed pixel; 0 where it is kept.
    sums: Vec<f64>,
    /// In a framed plane 1 where a pixel was removed.
    removed: Vec<f64>,
    height: usize,
    width: usize,
}

impl Holes {
    pub fn new(removed: &[bool], width: usize) -> Self {
        let height = removed.len() / width.max(1);
        let place = |at: usize| (at / width + 1) * (width + 2) + at % width + 1;
        let pixels: Vec<usize> = (0..removed.len()).filter(|&at| removed[at]).collect();
        let framed: Vec<usize> = pixels.iter().map(|&at| place(at)).collect();
        let mut holes = Self { pixels, framed, sums: Vec::new(), removed: Vec::new(), height, width };
        let inside = holes.spread(&vec![1.0; removed.len()], |_| true);
        let weights = holes.neighbours(&inside);
        holes.removed = vec![0.0; inside.len()];
        for &at in &holes.framed {
            holes.removed[at] = 1.0;
        }
        holes.sums = weights.iter().zip(&holes.removed).map(|(sum, removed)| sum * removed).collect();
        holes
    }

    /// Index of each removed pixel in its plane.
    pub fn pixels(&self) -> &[usize] {
        &self.pixels
    }

    /// The values of the removed pixels of one plane. Where nothing was kept they are 0.
    pub fn fill(&self, plane: &[f32]) -> Vec<f64> {
        let kept = self.spread(plane, |at| self.removed[at] == 0.0);
        let mut residual = self.neighbours(&kept);
        residual.iter_mut().zip(&self.removed).for_each(|(sum, removed)| *sum *= removed);
        let mut x = vec![0.0; kept.len()];
        let mut direction = residual.clone();
        let mut square = dot(&residual, &residual);
        let enough = square * GOOD * GOOD;
        for _ in 0..STEPS {
            if square <= enough {
                break;
            }
            let mut image = self.neighbours(&direction);
            let own = self.sums.iter().zip(&direction).map(|(sum, value)| sum * value);
            for ((image, own), removed) in image.iter_mut().zip(own).zip(&self.removed) {
                *image = own - *image * removed;
            }
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
        self.framed.iter().map(|&at| x[at]).collect()
    }

    /// `plane` in a frame of zeros, with zeros where `wanted` says no of a place in the framed plane.
    fn spread(&self, plane: &[f32], wanted: impl Fn(usize) -> bool) -> Vec<f64> {
        let across = self.width + 2;
        let mut framed = vec![0.0; across * (self.height + 2)];
        for (y, row) in plane.chunks_exact(self.width.max(1)).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let at = (y + 1) * across + x + 1;
                framed[at] = if wanted(at) { f64::from(value) } else { 0.0 };
            }
        }
        framed
    }

    /// For each pixel inside the frame the weighted sum over its neighbours.
    fn neighbours(&self, framed: &[f64]) -> Vec<f64> {
        let (across, width) = (self.width + 2, self.width);
        let mut sums = vec![0.0; framed.len()];
        for y in 1..=self.height {
            // A row as each of three neighbours in it sees it: slices of one length, so that many pixels are done at once.
            let row = |y: usize| [0, 1, 2].map(|x| &framed[y * across + x..][..width]);
            let (above, here, below) = (row(y - 1), row(y), row(y + 1));
            for (x, sum) in sums[y * across + 1..][..width].iter_mut().enumerate() {
                let near = above[1][x] + below[1][x] + here[0][x] + here[2][x];
                let diagonal = above[0][x] + above[2][x] + below[0][x] + below[2][x];
                *sum = NEAR * near + DIAGONAL * diagonal;
            }
        }
        sums
    }
}

/// In eight sums side by side, which a processor adds at once, always in the same order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
