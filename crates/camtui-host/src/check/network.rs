//! A network small enough to be seen through: patches are averaged and mixed, passed through a ReLU, pooled and
//! read by one linear layer. Everything a session can be asked has a closed form here, so an explainer meets
//! exact answers without any model.

use crate::{Answer, Array, Backend, BackendError, Batch, Layer, LinearHead, Place, Rule};

/// The layer before the ReLU, its output after it, and the pooled vector.
pub(super) const CONV: &str = "conv";
pub(super) const RELU: &str = "relu";
pub(super) const POOLED: &str = "pooled";

/// What a network does not offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them go together")]
pub(super) struct Lacks {
    pub layers: bool,
    pub grid: bool,
    pub gradients: bool,
    pub head: bool,
    pub runs: bool,
}

/// `logits = w·mean(relu(u·patch means + b)) + d`.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub name: &'static str,
    /// `[C, H, W]`.
    pub image: [usize; 3],
    /// `[K, h, w]`; h divides H, w divides W.
    pub grid: [usize; 3],
    pub classes: usize,
    pub lacks: Lacks,
    pub input: Vec<f32>,
    /// Slope of the ReLU below zero.
    leak: f32,
    /// u: `[K, C]`.
    mixing: Vec<f32>,
    /// b: `[K]`.
    bias: Vec<f32>,
    /// w: `[classes, K]`.
    weights: Vec<f32>,
}

/// Numbers between −1 and 1, the same in every run.
pub(super) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

impl Network {
    /// One with made-up weights of both signs.
    pub fn new(name: &'static str, image: [usize; 3], grid: [usize; 3], classes: usize) -> Self {
        Self {
            name,
            image,
            grid,
            classes,
            lacks: Lacks::default(),
            input: numbers(image.iter().product(), 3),
            leak: 0.0,
            mixing: numbers(grid[0] * image[0], 5),
            bias: numbers(grid[0], 7).iter().map(|b| b * 0.25).collect(),
            weights: numbers(classes * grid[0], 11),
        }
    }

    /// The same without some of its answers.
    pub fn lacking(mut self, lacks: Lacks) -> Self {
        self.lacks = lacks;
        self
    }

    /// The same with a ReLU that lets a part of what is negative pass, so that every layer has both signs.
    pub fn leaky(mut self) -> Self {
        self.leak = 0.25;
        self
    }

    /// The same with its input times `factor`, and no biases, so that activations scale as well.
    pub fn scaled(mut self, factor: f32) -> Self {
        self.input.iter_mut().for_each(|x| *x *= factor);
        self.bias.fill(0.0);
        self
    }

    /// The same with a picture that is black but for one cell of the grid, which speaks for every class.
    pub fn with_spot(mut self, row: usize, column: usize) -> Self {
        let [_, height, width] = self.image;
        let (tall, wide) = self.patch();
        for (at, x) in self.input.iter_mut().enumerate() {
            let (y, across) = (at % (height * width) / width, at % width);
            *x = if y / tall == row && across / wide == column { 2.0 } else { 0.0 };
        }
        self.bias.fill(0.0);
        for value in self.mixing.iter_mut().chain(&mut self.weights) {
            *value = 0.25 + value.abs();
        }
        self
    }

    /// Height and width of a patch.
    fn patch(&self) -> (usize, usize) {
        (self.image[1] / self.grid[1], self.image[2] / self.grid[2])
    }

    fn relu(&self, value: f32) -> f32 {
        if value > 0.0 { value } else { value * self.leak }
    }

    fn area(&self) -> usize {
        self.grid[1] * self.grid[2]
    }

    /// The convolution's output of one picture.
    fn conv(&self, picture: &[f32]) -> Vec<f32> {
        let ([channels, height, width], [_, _, columns]) = (self.image, self.grid);
        let (tall, wide) = self.patch();
        let mut means = vec![0.0; channels * self.area()];
        let size = (tall * wide) as f32;
        for (plane, means) in picture.chunks(height * width).zip(means.chunks_mut(self.area())) {
            for (y, row) in plane.chunks(width).enumerate() {
                let cells = means[y / tall * columns..][..columns].iter_mut();
                for (cell, pixels) in cells.zip(row.chunks(wide)) {
                    for x in pixels {
                        *cell += x / size;
                    }
                }
            }
        }
        let mut out = Vec::with_capacity(self.bias.len() * self.area());
        for (row, b) in self.mixing.chunks(channels).zip(&self.bias) {
            for cell in 0..self.area() {
                let mixed: f32 = row.iter().enumerate().map(|(c, u)| u * means[c * self.area() + cell]).sum();
                out.push(mixed + b);
            }
        }
        out
    }

    /// Logits from the output of a layer.
    fn tail(&self, layer: &str, values: &[f32]) -> Vec<f32> {
        let pooled: Vec<f32> = if layer == POOLED {
            values.to_vec()
        } else {
            let kept = |v: &f32| if layer == CONV { self.relu(*v) } else { *v };
            let mean = |plane: &[f32]| plane.iter().map(kept).sum::<f32>() / plane.len() as f32;
            values.chunks(self.area()).map(mean).collect()
        };
        self.weights
            .chunks(self.grid[0])
            .map(|row| row.iter().zip(&pooled).map(|(w, p)| w * p).sum())
            .collect()
    }

    /// `∂(Σ seed·logits)` with respect to the output `values` of a layer.
    fn slope(&self, layer: &str, values: &[f32], seed: &[f32], rule: Rule) -> Vec<f32> {
        let rows = self.weights.chunks(self.grid[0]).zip(seed);
        let mut of_pooled = vec![0.0; self.grid[0]];
        for (row, s) in rows {
            of_pooled.iter_mut().zip(row).for_each(|(g, w)| *g += s * w);
        }
        if layer == POOLED {
            return of_pooled;
        }
        let area = self.area();
        let passed = |at: usize, g: f32| match (layer, rule) {
            (CONV, Rule::Guided) if g <= 0.0 => 0.0,
            (CONV, _) if values[at] <= 0.0 => g * self.leak,
            _ => g,
        };
        (0..values.len()).map(|at| passed(at, of_pooled[at / area] / area as f32)).collect()
    }

    /// The gradient at `place` for another picture.
    fn gradient_of(&self, picture: &[f32], place: Place<'_>, seed: &[f32], rule: Rule) -> Vec<f32> {
        let conv = self.conv(picture);
        let Place::Layer(layer) = place else {
            let slope = self.slope(CONV, &conv, seed, rule);
            let ([channels, height, width], (tall, wide)) = (self.image, self.patch());
            let mut out = Vec::with_capacity(picture.len());
            for at in 0..picture.len() {
                let (c, y, across) = (at / (height * width), at % (height * width) / width, at % width);
                let cell = y / tall * self.grid[2] + across / wide;
                let sum: f32 = (0..self.grid[0])
                    .map(|k| self.mixing[k * channels + c] * slope[k * self.area() + cell])
                    .sum();
                out.push(sum / (tall * wide) as f32);
            }
            return out;
        };
        self.slope(layer, &self.output(layer, &conv), seed, rule)
    }

    /// A layer's output, from the convolution's.
    fn output(&self, layer: &str, conv: &[f32]) -> Vec<f32> {
        match layer {
            CONV => conv.to_vec(),
            POOLED => conv
                .chunks(self.area())
                .map(|p| p.iter().map(|v| self.relu(*v)).sum::<f32>() / p.len() as f32)
                .collect(),
            _ => conv.iter().map(|v| self.relu(*v)).collect(),
        }
    }

    fn shape_of(&self, place: Place<'_>, count: usize) -> Vec<usize> {
        let one = match place {
            Place::Image => self.image.to_vec(),
            Place::Layer(POOLED) => vec![self.grid[0]],
            Place::Layer(_) => self.grid.to_vec(),
        };
        [vec![count], one].concat()
    }
}

fn lacking<T>(what: &str) -> Answer<T> {
    Err(BackendError::NotSupported(format!("this small model does not offer {what}")))
}

impl Backend for Network {
    fn classes(&self) -> usize {
        self.classes
    }

    fn layers(&self) -> Vec<Layer> {
        let layer = |name: &str, shape: &[usize], gradient: bool| Layer {
            name: name.into(),
            shape: shape.into(),
            gradient: gradient && !self.lacks.gradients,
        };
        if self.lacks.layers {
            return vec![];
        }
        let flat = layer(POOLED, &self.grid[..1], false);
        if self.lacks.grid {
            return vec![flat];
        }
        vec![layer(CONV, &self.grid, true), layer(RELU, &self.grid, true), flat]
    }

    fn default_layer(&self) -> Option<String> {
        let name = if self.lacks.grid { POOLED } else { RELU };
        (!self.lacks.layers).then(|| name.into())
    }

    fn input(&self) -> Answer<Array> {
        Ok(Array::new(self.shape_of(Place::Image, 1), self.input.clone()))
    }

    fn logits(&self) -> Answer<Array> {
        Ok(Array::new([1, self.classes], self.tail(CONV, &self.conv(&self.input))))
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        let values = self.output(layer, &self.conv(&self.input));
        Ok(Array::new(self.shape_of(Place::Layer(layer), 1), values))
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        if self.lacks.gradients {
            return lacking("gradients");
        }
        Ok(Array::new(self.shape_of(place, 1), self.gradient_of(&self.input, place, seed, rule)))
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        if self.lacks.runs {
            return lacking("running it on other inputs");
        }
        let logits: Vec<f32> = inputs.items().flat_map(|x| self.tail(CONV, &self.conv(x))).collect();
        Ok(Array::new([inputs.len(), self.classes], logits))
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        if self.lacks.runs {
            return lacking("running the rest of it from a layer");
        }
        let logits: Vec<f32> = activations.items().flat_map(|a| self.tail(layer, a)).collect();
        Ok(Array::new([activations.len(), self.classes], logits))
    }

    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        if self.lacks.gradients || self.lacks.runs {
            return lacking("gradients on other inputs");
        }
        let all: Vec<f32> = inputs
            .items()
            .zip(seeds.items())
            .flat_map(|(x, s)| self.gradient_of(x, place, s, rule))
            .collect();
        Ok(Array::new(self.shape_of(place, inputs.len()), all))
    }

    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        if self.lacks.gradients || self.lacks.runs {
            return lacking("gradients on other activations");
        }
        let all: Vec<f32> =
            activations.items().zip(seeds.items()).flat_map(|(a, s)| self.slope(layer, a, s, rule)).collect();
        Ok(Array::new(activations.shape, all))
    }

    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        if layer == CONV {
            return Ok(Array::new([self.grid[0]], self.bias.clone()));
        }
        Err(BackendError::NotSupported(format!("layer {layer} adds no bias")))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        if self.lacks.head {
            return lacking("one linear layer after its pooling");
        }
        let weights = Array::new([self.classes, self.grid[0]], self.weights.clone());
        Ok(LinearHead { pooled: RELU.into(), weights, bias: None })
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        Ok(vec![(-1.0, 1.0); self.image[0]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new("plain", [3, 12, 20], [5, 3, 4], 3)
    }

    fn score(logits: &[f32], seed: &[f32]) -> f64 {
        logits.iter().zip(seed).map(|(l, s)| f64::from(*l) * f64::from(*s)).sum()
    }

    /// What an explainer is told must fit together: each gradient is the slope of the forward pass.
    #[test]
    fn gradients_are_the_slopes_of_the_forward_pass() {
        for network in [network(), network().leaky()] {
            slopes_are_right(&network);
        }
    }

    /// The logits that values at some place lead to.
    type Tail<'a> = Box<dyn Fn(&[f32]) -> Vec<f32> + 'a>;

    fn slopes_are_right(network: &Network) {
        let seed = [1.0, -0.5, 0.25];
        for place in [Place::Image, Place::Layer(CONV), Place::Layer(RELU), Place::Layer(POOLED)] {
            let (values, tail): (Vec<f32>, Tail<'_>) = match place {
                Place::Image => (network.input.clone(), Box::new(|x| network.tail(CONV, &network.conv(x)))),
                Place::Layer(layer) => (
                    network.activation(layer).unwrap().data().to_vec(),
                    Box::new(move |a| network.tail(layer, a)),
                ),
            };
            let gradient = network.gradient(place, &seed, Rule::Plain).unwrap();
            assert_eq!(gradient.data().len(), values.len());
            for at in 0..values.len() {
                let step = 2f32.powi(-6);
                if place == Place::Layer(CONV) && values[at].abs() <= step {
                    // Across the kink there is no one slope.
                    continue;
                }
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[at] += by;
                    score(&tail(&values), &seed)
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let found = f64::from(gradient.data()[at]);
                assert!((slope - found).abs() < 2e-4, "{place:?} {at}: {slope} {found}");
            }
        }
    }

    #[test]
    fn batches_are_their_items() {
        let network = network();
        let other: Vec<f32> = numbers(720, 99);
        let both = [network.input.clone(), other.clone()].concat();
        let shape = [2, 3, 12, 20];
        let logits = network.forward(Batch { shape: &shape, data: &both }).unwrap();
        assert_eq!(&logits.data()[..3], network.logits().unwrap().data());
        assert_eq!(&logits.data()[3..], network.tail(CONV, &network.conv(&other)));
        let seeds = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let seeds = Batch { shape: &[2, 3], data: &seeds };
        let inputs = Batch { shape: &shape, data: &both };
        let gradients = network.gradient_at(inputs, Place::Layer(CONV), seeds, Rule::Guided).unwrap();
        let first = network.gradient(Place::Layer(CONV), &[1.0, 0.0, 0.0], Rule::Guided).unwrap();
        assert_eq!(&gradients.data()[..60], first.data());
        assert!(first.data().iter().all(|g| *g >= 0.0));
    }

    #[test]
    fn what_a_network_lacks_it_refuses() {
        let bare = Lacks { layers: true, grid: true, gradients: true, head: true, runs: true };
        let network = network().lacking(bare);
        assert!(network.layers().is_empty() && network.default_layer().is_none());
        assert!(network.linear_head().is_err());
        assert!(network.gradient(Place::Image, &[1.0, 0.0, 0.0], Rule::Plain).is_err());
        assert!(network.forward(Batch { shape: &[1, 3, 12, 20], data: &network.input }).is_err());
    }

    #[test]
    fn the_spot_is_all_that_matters() {
        let network = Network::new("spot", [3, 20, 28], [4, 5, 7], 2).with_spot(1, 5);
        let activation = network.activation(RELU).unwrap();
        for (at, a) in activation.data().iter().enumerate() {
            assert_eq!(*a > 0.0, at % 35 == 12, "{at}");
        }
        assert!(network.logits().unwrap().data().iter().all(|l| *l > 0.0));
    }
}
