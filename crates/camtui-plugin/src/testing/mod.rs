//! A made-up session, so that a formula can be tested without camtui and without a model.
//!
//! Say what the network is supposed to have computed, run the explainer, and compare the map with what you worked out
//! by hand:
//!
//! ```
//! use camtui_plugin::testing::FakeSession;
//! # use camtui_plugin::{Description, Error, Explainer, Map, Params, Session};
//! # struct GradCam;
//! # impl Explainer for GradCam {
//! #     fn describe() -> Description {
//! #         Description::new("grad-cam", "Grad-CAM").needs_activations().needs_gradients().rectify()
//! #     }
//! #     fn explain(&self, session: &Session, _: &Params) -> Result<Map, Error> {
//! #         let layer = session.layer()?;
//! #         let (a, g) = (session.activation(&layer)?, session.gradient(&layer)?);
//! #         let mut map = vec![0.0; a.area()];
//! #         for (a, g) in a.planes().zip(g.planes()) {
//! #             let weight = g.iter().sum::<f32>() / g.len() as f32;
//! #             map.iter_mut().zip(a).for_each(|(m, a)| *m += weight * a);
//! #         }
//! #         Ok(Map::new(a.height(), a.width(), map))
//! #     }
//! # }
//! // Two channels of 1×2, and what the class's logit gains with each value.
//! let session = FakeSession::new(10)
//!     .layer("conv", [2, 1, 2], [1.0, 2.0, 3.0, 4.0])
//!     .gradient("conv", [0.5, 0.5, -1.0, -1.0]);
//! let map = session.explain(&GradCam)?;
//! assert_eq!((map.height(), map.width()), (1, 2));
//! assert_eq!(map.values(), [0.5 * 1.0 - 3.0, 0.5 * 2.0 - 4.0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! The explainer is called as camtui calls it, through the functions of the C interface, and its map is refused for the
//! same reasons. A panic in it is not caught, so that a test shows where it was. What the session was not told is
//! [`Error::NotSupported`], as with a model that has no such thing. `serve.rs` is the other end of the interface.

mod serve;
mod setting;

use std::sync::Mutex;

use crate::map::Grid;
use crate::{Error, Explainer, Map, Params, Rule, Session, abi};
use serve::Served;
pub use setting::Setting;

/// What a made-up network computed for one made-up picture.
///
/// Unless told otherwise: an input `[1, 3, 8, 8]` of zeros, logits of zeros, class 0 explained, no layers.
pub struct FakeSession {
    classes: usize,
    input: Tensor,
    logits: Option<Vec<f32>>,
    seed: Vec<f32>,
    layers: Vec<FakeLayer>,
    chosen: Option<usize>,
    was_named: bool,
    image_gradient: Option<Vec<f32>>,
    forward: Option<Forward>,
    backward: Option<Backward>,
    head: Option<Head>,
    pixel_range: Option<Tensor>,
    random_seed: u64,
    cancel_at: Option<f32>,
    settings: Vec<(String, Setting)>,
    told: Mutex<Vec<f32>>,
    partials: Mutex<Vec<Map>>,
}

struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

struct FakeLayer {
    name: String,
    shape: [usize; 3],
    activation: Vec<f32>,
    gradient: Option<Vec<f32>>,
    bias: Option<Vec<f32>>,
    tail: Option<Forward>,
}

struct Head {
    pooled: u32,
    weights: Tensor,
    bias: Option<Vec<f32>>,
}

type Forward = Box<dyn Fn(&[f32]) -> Vec<f32> + Send + Sync>;
type Backward = Box<dyn Fn(&Question<'_>) -> Vec<f32> + Send + Sync>;

/// A gradient that an explainer asked for, as [`FakeSession::backward`] is given it: one item of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The name of the layer at which the gradient is taken; `None` at the image.
    pub layer: Option<&'q str>,
    /// The values there are: the input `[C, H, W]`, or the activation `[K, h, w]` that
    /// [`Session::gradient_from`](crate::Session::gradient_from) was called with.
    pub values: &'q [f32],
    /// One value a class.
    pub seed: &'q [f32],
    /// How it passes a ReLU.
    pub rule: Rule,
}

impl FakeSession {
    /// A session of a network with so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            input: Tensor { shape: vec![3, 8, 8], values: vec![0.0; 3 * 8 * 8] },
            logits: None,
            seed: (0..classes).map(|class| f32::from(u8::from(class == 0))).collect(),
            layers: vec![],
            chosen: None,
            was_named: false,
            image_gradient: None,
            forward: None,
            backward: None,
            head: None,
            pixel_range: None,
            random_seed: 0,
            cancel_at: None,
            settings: vec![],
            told: Mutex::default(),
            partials: Mutex::default(),
        }
    }

    /// What the model was given: `[C, H, W]`.
    ///
    /// # Panics
    ///
    /// Here and below, if the number of values is not the shape's, or a layer of that name was not added before.
    #[must_use]
    #[track_caller]
    pub fn input(mut self, shape: [usize; 3], values: impl Into<Vec<f32>>) -> Self {
        let values = counted(values.into(), shape.iter().product(), "an input of that shape");
        self.input = Tensor { shape: shape.to_vec(), values };
        self
    }

    /// What the model answered, one value a class. Without it what [`model`](Self::model) says, or zeros.
    #[must_use]
    #[track_caller]
    pub fn logits(mut self, values: impl Into<Vec<f32>>) -> Self {
        self.logits = Some(counted(values.into(), self.classes, "the classes"));
        self
    }

    /// The class to explain.
    #[must_use]
    #[track_caller]
    pub fn target(mut self, class: usize) -> Self {
        assert!(class < self.classes, "class {class} of {}", self.classes);
        self.seed = (0..self.classes).map(|c| f32::from(u8::from(c == class))).collect();
        self
    }

    /// What to explain where it is no single class, one value a class: 1 and −1 for "why A and not B".
    #[must_use]
    #[track_caller]
    pub fn seed(mut self, values: impl Into<Vec<f32>>) -> Self {
        self.seed = counted(values.into(), self.classes, "the classes");
        self
    }

    /// Adds a layer `[K, h, w]` with its activation. The last one is explained, unless [`choose`](Self::choose) says
    /// otherwise.
    #[must_use]
    #[track_caller]
    pub fn layer(mut self, name: &str, shape: [usize; 3], activation: impl Into<Vec<f32>>) -> Self {
        let activation = counted(activation.into(), shape.iter().product(), "a layer of that shape");
        let name = name.to_owned();
        self.layers.push(FakeLayer { name, shape, activation, gradient: None, bias: None, tail: None });
        if !self.was_named {
            self.chosen = Some(self.layers.len() - 1);
        }
        self
    }

    /// The layer that the user named.
    #[must_use]
    #[track_caller]
    pub fn choose(mut self, layer: &str) -> Self {
        self.chosen = Some(self.index(layer));
        self.was_named = true;
        self
    }

    /// The gradient of the session's own seed at a layer, `[K, h, w]`.
    #[must_use]
    #[track_caller]
    pub fn gradient(mut self, layer: &str, values: impl Into<Vec<f32>>) -> Self {
        let layer = self.at(layer);
        layer.gradient = Some(counted(values.into(), layer.activation.len(), "the layer's shape"));
        self
    }

    /// The gradient of the session's own seed at the image, `[C, H, W]`.
    #[must_use]
    #[track_caller]
    pub fn image_gradient(mut self, values: impl Into<Vec<f32>>) -> Self {
        self.image_gradient = Some(counted(values.into(), self.input.values.len(), "the input's shape"));
        self
    }

    /// The model: from one input `[C, H, W]` to one logit a class. It answers
    /// [`Session::forward`](crate::Session::forward).
    ///
    /// ```
    /// # use camtui_plugin::testing::FakeSession;
    /// // The sum of the picture speaks for one class and against the other.
    /// let session = FakeSession::new(2).model(|x| vec![x.iter().sum(), -x.iter().sum::<f32>()]);
    /// ```
    #[must_use]
    pub fn model(mut self, forward: impl Fn(&[f32]) -> Vec<f32> + Send + Sync + 'static) -> Self {
        self.forward = Some(Box::new(forward));
        self
    }

    /// What comes after a layer: from one activation `[K, h, w]` to one logit a class. It answers
    /// [`Session::forward_from`](crate::Session::forward_from).
    #[must_use]
    #[track_caller]
    pub fn tail(mut self, layer: &str, forward: impl Fn(&[f32]) -> Vec<f32> + Send + Sync + 'static) -> Self {
        self.at(layer).tail = Some(Box::new(forward));
        self
    }

    /// All gradients that were not given: of other seeds and by other rules, at other inputs, with respect to other
    /// activations. For each item of a batch, as many values as where it is taken.
    #[must_use]
    pub fn backward(mut self, answer: impl Fn(&Question<'_>) -> Vec<f32> + Send + Sync + 'static) -> Self {
        self.backward = Some(Box::new(answer));
        self
    }

    /// The bias that a layer adds, `[K]`.
    #[must_use]
    #[track_caller]
    pub fn layer_bias(mut self, layer: &str, values: impl Into<Vec<f32>>) -> Self {
        let layer = self.at(layer);
        layer.bias = Some(counted(values.into(), layer.shape[0], "the layer's channels"));
        self
    }

    /// The linear layer after the global pooling of `layer`: `[classes, K]`, and `[classes]` if it has a bias.
    #[must_use]
    #[track_caller]
    pub fn linear_head(mut self, layer: &str, weights: impl Into<Vec<f32>>, bias: Option<Vec<f32>>) -> Self {
        let channels = self.at(layer).shape[0];
        let weights = counted(weights.into(), self.classes * channels, "classes × channels");
        let bias = bias.map(|bias| counted(bias, self.classes, "the classes"));
        let pooled = self.index(layer) as u32;
        self.head = Some(Head {
            pooled,
            weights: Tensor { shape: vec![self.classes, channels], values: weights },
            bias,
        });
        self
    }

    /// The least and the greatest value of each channel of the input.
    #[must_use]
    #[track_caller]
    pub fn pixel_range(mut self, low: impl Into<Vec<f32>>, high: impl Into<Vec<f32>>) -> Self {
        let channels = self.input.shape[0];
        let mut values = counted(low.into(), channels, "the input's channels");
        values.extend(counted(high.into(), channels, "the input's channels"));
        self.pixel_range = Some(Tensor { shape: vec![2, channels], values });
        self
    }

    /// The seed of random numbers; 0 without it.
    #[must_use]
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.random_seed = seed;
        self
    }

    /// Sets a parameter; the others have their defaults.
    #[must_use]
    pub fn param(mut self, key: &str, value: impl Into<Setting>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// The user cancels as soon as the explainer has told that so much is done, 0 to 1.
    #[must_use]
    pub fn cancel_at(mut self, done: f32) -> Self {
        self.cancel_at = Some(done);
        self
    }

    /// What the last [`explain`](Self::explain) told of its progress, in order.
    pub fn told(&self) -> Vec<f32> {
        self.told.lock().expect("whoever holds it only pushes").clone()
    }

    /// The maps that the last [`explain`](Self::explain) showed on its way, in order.
    pub fn partials(&self) -> Vec<Map> {
        self.partials.lock().expect("whoever holds it only pushes").clone()
    }

    /// Runs an explainer on this session; of one that [`gives_terms`](crate::Description::gives_terms) they are wanted. Where it declares [`rectify`](crate::Description::rectify), this is the map
    /// before the ReLU, as it gave it.
    ///
    /// # Errors
    ///
    /// What the explainer answered; [`Error::Failed`] for a map that camtui would refuse, for terms that are not there or do
    /// not add up to it, and for a parameter that is not described or out of its range.
    pub fn explain<E: Explainer>(&self, explainer: &E) -> Result<Map, Error> {
        let described = E::describe();
        if let Some((key, _)) =
            self.settings.iter().find(|(key, _)| !described.params().iter().any(|p| p.key() == key))
        {
            return Err(Error::new(format!("this explainer describes no parameter `{key}`")));
        }
        let keys: Vec<String> = described.params().iter().map(|param| param.key().to_owned()).collect();
        let values: Vec<abi::Value> = described
            .params()
            .iter()
            .map(|param| {
                param.value(self.settings.iter().rev().find(|(key, _)| key == param.key()).map(|(_, s)| s))
            })
            .collect::<Result<_, _>>()?;
        let pointers: Vec<*const abi::Value> = values.iter().map(std::ptr::from_ref).collect();
        // SAFETY: one value a described parameter; all of them, and the texts that they point to, outlive the call.
        let params = unsafe { Params::new(&keys, &pointers) };

        self.told.lock().expect("whoever holds it only pushes").clear();
        self.partials.lock().expect("whoever holds it only pushes").clear();
        let served = Served::new(self, described.has_terms());
        let raw = served.session();
        // SAFETY: as the header says, and `served` outlives the call.
        let session = unsafe { Session::new(&raw) };
        let map = explainer.explain(&session, &params)?;
        acceptable(&map.grid, "the map")?;
        map.channels
            .iter()
            .try_for_each(|(name, grid)| acceptable(grid, &format!("the channel `{name}`")))?;
        for partial in self.partials() {
            acceptable(&partial.grid, "a partial map")?;
        }
        if described.has_terms() {
            adds_up(&map)?;
        }
        Ok(map)
    }

    fn index(&self, layer: &str) -> usize {
        let at = self.layers.iter().position(|l| l.name == layer);
        at.unwrap_or_else(|| panic!("there is no layer `{layer}` yet; add it with `layer` first"))
    }

    fn at(&mut self, layer: &str) -> &mut FakeLayer {
        let index = self.index(layer);
        &mut self.layers[index]
    }

    fn target_class(&self) -> Option<usize> {
        let mut set = self.seed.iter().enumerate().filter(|(_, s)| **s != 0.0);
        match (set.next(), set.next()) {
            (Some((class, seed)), None) if (seed - 1.0).abs() < f32::EPSILON => Some(class),
            _ => None,
        }
    }
}

#[track_caller]
fn counted(values: Vec<f32>, count: usize, what: &str) -> Vec<f32> {
    assert_eq!(values.len(), count, "{} values do not fit {what}: {count}", values.len());
    values
}

/// Whether the terms of a map that promises them are there and add up to it, as far as rounding lets them.
fn adds_up(map: &Map) -> Result<(), Error> {
    let values = map.values();
    let terms = map.terms().ok_or("it says that it gives terms, and has given none")?;
    if terms.is_empty() || terms.len() % values.len() != 0 {
        return Err(Error::new(format!("{} terms are no planes of {} values", terms.len(), values.len())));
    }
    for (at, &value) in values.iter().enumerate() {
        let parts = || terms.iter().skip(at).step_by(values.len()).map(|&part| f64::from(part));
        let (sum, size) = (parts().sum::<f64>(), parts().map(f64::abs).sum::<f64>());
        if (sum - f64::from(value)).abs() > 1e-4 * size.max(1e-30) {
            return Err(Error::new(format!("the terms add up to {sum} where the map is {value}")));
        }
    }
    Ok(())
}

/// As camtui decides it.
fn acceptable(grid: &Grid, what: &str) -> Result<(), Error> {
    let &Grid { height, width, ref values } = grid;
    if height == 0 || width == 0 || height > 16384 || width > 16384 || height * width > 1 << 26 {
        return Err(Error::new(format!(
            "{what} is {height}×{width}; a side is 1 to 16384, the area at most 67108864"
        )));
    }
    if values.len() != height * width {
        return Err(Error::new(format!(
            "{what} has {} values, which do not fit {height}×{width}",
            values.len()
        )));
    }
    match values.iter().filter(|v| !v.is_finite()).count() {
        0 => Ok(()),
        bad => Err(Error::new(format!(
            "{what} has {bad} of {} values that are not finite numbers",
            values.len()
        ))),
    }
}

#[cfg(test)]
mod tests;
