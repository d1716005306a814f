//! A network that can be asked everything: two convolutions, each with a ReLU (or the softplus that is smooth), a pooling
//! between them, global average pooling and one linear layer. It is the twin of the one in `tests/goldens/passes.py`, runs
//! in f64, and answers on any input and any activations, forward and backward, by both rules.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camtui_host::{
    Answer, Array, Backend, BackendError, Batch, ExplainError, Grid, Layer, LinearHead, Output, Params,
    Partials, Place, Registry, Request, Rule, run,
};

pub const CLASSES: usize = 5;
pub const SIDES: [usize; 2] = [8, 10];
const CHANNELS: [usize; 3] = [3, 5, 6];

/// Layers in order; from the one at `n` on the network runs `STEPS - n` steps.
const LAYERS: [&str; 4] = ["first", "shallow", "second", "deep"];

pub struct Small {
    pub input: Vec<f32>,
    pub weights: BTreeMap<String, Vec<f64>>,
    /// Softplus in the place of every ReLU.
    pub smooth: bool,
    /// How many items each call for many brought.
    pub asked: Mutex<Vec<usize>>,
    /// Set by the first such call, where there is one.
    pub cancel: Option<AtomicBool>,
}

/// What each layer holds for one input, and the logits.
struct Run {
    layers: [Vec<f64>; 4],
    logits: Vec<f64>,
}

impl Small {
    pub fn explain(
        &self,
        registry: &Registry,
        id: &str,
        layer: Option<&str>,
        seed: &[f32],
        pairs: &[&str],
        random_seed: u64,
    ) -> Result<Output, ExplainError> {
        self.ask(registry, id, (layer, seed, pairs, random_seed), None)
    }

    /// The same with somebody who is shown every partial map.
    #[allow(dead_code, reason = "each test file uses what it needs")]
    pub fn watched(
        &self,
        registry: &Registry,
        id: &str,
        seed: &[f32],
        pairs: &[&str],
        show: Option<&(dyn Fn(Grid) + Sync)>,
    ) -> Result<Output, ExplainError> {
        self.ask(registry, id, (None, seed, pairs, 42), show)
    }

    fn ask(
        &self,
        registry: &Registry,
        id: &str,
        (layer, seed, pairs, random_seed): (Option<&str>, &[f32], &[&str], u64),
        show: Option<&(dyn Fn(Grid) + Sync)>,
    ) -> Result<Output, ExplainError> {
        let explainer = registry.find(id).unwrap();
        let params = Params::parse(explainer.info(), pairs).unwrap();
        let target = seed.iter().position(|&s| s == 1.0);
        let never = AtomicBool::new(false);
        let request = Request {
            layer,
            target: target.filter(|_| seed.iter().filter(|s| **s != 0.0).count() == 1),
            seed,
            params: &params,
            random_seed,
            cancel: self.cancel.as_ref().unwrap_or(&never),
            progress: &|_| {},
            terms: false,
            partial: show.map(|show| Partials { every: Duration::ZERO, show }),
            log: &|_, _| {},
        };
        run(explainer, self, &request)
    }

    fn count(&self, items: usize) {
        self.asked.lock().unwrap().push(items);
        if let Some(cancel) = &self.cancel {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn act(&self, z: &[f64]) -> Vec<f64> {
        z.iter()
            .map(|&z| if self.smooth { z.max(0.0) + (-z.abs()).exp().ln_1p() } else { z.max(0.0) })
            .collect()
    }

    fn act_back(&self, z: &[f64], g: &[f64], rule: Rule) -> Vec<f64> {
        let slope = |z: f64| {
            if self.smooth { 1.0 / (1.0 + (-z).exp()) } else { f64::from(u8::from(z > 0.0)) }
        };
        let through = |g: f64| if rule == Rule::Guided { g.max(0.0) } else { g };
        z.iter().zip(g).map(|(&z, &g)| slope(z) * through(g)).collect()
    }

    /// 3×3 with zeros around; `back` is its transpose, without the bias.
    fn conv(
        &self,
        name: &str,
        x: &[f64],
        [ins, outs]: [usize; 2],
        [h, w]: [usize; 2],
        back: bool,
    ) -> Vec<f64> {
        let weight = &self.weights[&format!("{name}.weight")];
        let mut y = vec![0.0; if back { ins } else { outs } * h * w];
        if !back {
            for (plane, bias) in y.chunks_mut(h * w).zip(&self.weights[&format!("{name}.bias")]) {
                plane.fill(*bias);
            }
        }
        for (o, i, dy, dx) in (0..outs * ins * 9).map(|n| (n / (ins * 9), n / 9 % ins, n / 3 % 3, n % 3)) {
            let value = weight[(o * ins + i) * 9 + dy * 3 + dx];
            for (r, c) in (0..h * w).map(|n| (n / w, n % w)) {
                let (Some(below), Some(right)) = ((r + dy).checked_sub(1), (c + dx).checked_sub(1)) else {
                    continue;
                };
                if below < h && right < w {
                    let (out, seen) = (o * h * w + r * w + c, i * h * w + below * w + right);
                    if back { y[seen] += value * x[out] } else { y[out] += value * x[seen] }
                }
            }
        }
        y
    }

    /// Runs on from `at`: the number of layers that `x` has behind it; 0 for the picture.
    fn forward_on(&self, at: usize, x: Vec<f64>) -> Run {
        let [h, w] = SIDES;
        let mut layers = [const { Vec::new() }; 4];
        let mut x = x;
        for (n, layer) in layers.iter_mut().enumerate().skip(at) {
            x = match n {
                0 => self.conv("first", &x, [CHANNELS[0], CHANNELS[1]], SIDES, false),
                2 => {
                    let pooled = (0..CHANNELS[1] * h / 2 * w / 2)
                        .map(|n| {
                            let (k, r, c) = (n / (h / 2 * w / 2), n / (w / 2) % (h / 2), n % (w / 2));
                            let value = |dy, dx| x[k * h * w + (2 * r + dy) * w + 2 * c + dx];
                            (value(0, 0) + value(0, 1) + value(1, 0) + value(1, 1)) / 4.0
                        })
                        .collect::<Vec<f64>>();
                    self.conv("second", &pooled, [CHANNELS[1], CHANNELS[2]], [h / 2, w / 2], false)
                }
                _ => self.act(&x),
            };
            layer.clone_from(&x);
        }
        let area = x.len() / CHANNELS[2];
        let means: Vec<f64> = x.chunks(area).map(|plane| plane.iter().sum::<f64>() / area as f64).collect();
        let rows = self.weights["head.weight"].chunks(CHANNELS[2]).zip(&self.weights["head.bias"]);
        let logits =
            rows.map(|(row, b)| row.iter().zip(&means).map(|(w, m)| w * m).sum::<f64>() + b).collect();
        Run { layers, logits }
    }

    /// The gradient of `seed` where `at` layers are behind it; 0 for the picture.
    fn backward_to(&self, at: usize, ran: &Run, seed: &[f32], rule: Rule) -> Vec<f64> {
        let [h, w] = SIDES;
        let area = h / 2 * (w / 2);
        let mut g: Vec<f64> = (0..CHANNELS[2])
            .flat_map(|k| {
                let weight = |c: usize| self.weights["head.weight"][c * CHANNELS[2] + k];
                let slope: f64 = seed.iter().enumerate().map(|(c, &s)| f64::from(s) * weight(c)).sum();
                std::iter::repeat_n(slope / area as f64, area)
            })
            .collect();
        for n in (at..4).rev() {
            g = match n {
                0 => self.conv("first", &g, [CHANNELS[0], CHANNELS[1]], SIDES, true),
                2 => {
                    let pooled = self.conv("second", &g, [CHANNELS[1], CHANNELS[2]], [h / 2, w / 2], true);
                    (0..CHANNELS[1] * h * w)
                        .map(|n| pooled[n / (h * w) * area + n / w % h / 2 * (w / 2) + n % w / 2] / 4.0)
                        .collect()
                }
                _ => self.act_back(&ran.layers[n - 1], &g, rule),
            };
        }
        g
    }

    fn place(place: Place<'_>) -> Answer<usize> {
        match place {
            Place::Image => Ok(0),
            Place::Layer(name) => behind(name),
        }
    }

    fn own(&self) -> Run {
        self.forward_on(0, wide(&self.input))
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

fn behind(layer: &str) -> Answer<usize> {
    let at = LAYERS.iter().position(|name| *name == layer);
    at.map(|at| at + 1).ok_or_else(|| BackendError::Failed(format!("there is no {layer}")))
}

fn shape(at: usize) -> Vec<usize> {
    let [h, w] = SIDES;
    match at {
        0 => vec![CHANNELS[0], h, w],
        1 | 2 => vec![CHANNELS[1], h, w],
        _ => vec![CHANNELS[2], h / 2, w / 2],
    }
}

fn array(shape: Vec<usize>, values: impl IntoIterator<Item = f64>) -> Array {
    Array::new(shape, values.into_iter().map(|v| v as f32).collect::<Vec<f32>>())
}

impl Backend for Small {
    fn classes(&self) -> usize {
        CLASSES
    }

    fn layers(&self) -> Vec<Layer> {
        let layer =
            |(n, name): (usize, &&str)| Layer { name: (*name).into(), shape: shape(n + 1), gradient: true };
        LAYERS.iter().enumerate().map(layer).collect()
    }

    fn default_layer(&self) -> Option<String> {
        Some("deep".into())
    }

    fn input(&self) -> Answer<Array> {
        Ok(Array::new([1, 3, SIDES[0], SIDES[1]], self.input.clone()))
    }

    fn logits(&self) -> Answer<Array> {
        Ok(array(vec![1, CLASSES], self.own().logits))
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        let at = behind(layer)?;
        Ok(array([vec![1], shape(at)].concat(), self.own().layers[at - 1].clone()))
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        let at = Self::place(place)?;
        Ok(array([vec![1], shape(at)].concat(), self.backward_to(at, &self.own(), seed, rule)))
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        self.count(inputs.len());
        let logits = inputs.items().flat_map(|item| self.forward_on(0, wide(item)).logits);
        Ok(array(vec![inputs.len(), CLASSES], logits))
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        self.count(activations.len());
        let at = behind(layer)?;
        let logits = activations.items().flat_map(|item| self.forward_on(at, wide(item)).logits);
        Ok(array(vec![activations.len(), CLASSES], logits))
    }

    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        self.count(inputs.len());
        let at = Self::place(place)?;
        let gradients = inputs
            .items()
            .zip(seeds.items())
            .flat_map(|(item, seed)| self.backward_to(at, &self.forward_on(0, wide(item)), seed, rule));
        Ok(array([vec![inputs.len()], shape(at)].concat(), gradients))
    }

    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let at = behind(layer)?;
        let gradients = activations.items().zip(seeds.items()).flat_map(|(item, seed)| {
            let mut ran = self.forward_on(at, wide(item));
            ran.layers[at - 1] = wide(item);
            self.backward_to(at, &ran, seed, rule)
        });
        Ok(array([vec![activations.len()], shape(at)].concat(), gradients))
    }

    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        let bias = self.weights.get(&format!("{layer}.bias"));
        let bias =
            bias.ok_or_else(|| BackendError::NotSupported(format!("{layer} adds no bias of its own")))?;
        Ok(array(vec![bias.len()], bias.clone()))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        let of = |name: &str, shape| array(shape, self.weights[name].clone());
        Ok(LinearHead {
            pooled: "deep".into(),
            weights: of("head.weight", vec![CLASSES, CHANNELS[2]]),
            bias: Some(of("head.bias", vec![CLASSES])),
        })
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        Ok(vec![(-2.0, 2.0), (-1.0, 3.0), (0.0, 1.0)])
    }
}
