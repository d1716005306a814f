//! The seam between explainers and models: a core session, seen as what the host asks for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camtui_core::model::{Head, IMAGE, ModelError, Session};
use camtui_core::{Tensor, grad};
use camtui_host::{Answer, Array, Backend, BackendError, Batch, Layer, LinearHead, Needs, Place, Rule};

/// One picture in one model, as explainers reach it.
pub struct SessionBackend<'a> {
    session: &'a Session<'a>,
    layers: Vec<Layer>,
    head: Option<Head>,
    needs: Needs,
    cancel: &'a AtomicBool,
}

impl<'a> SessionBackend<'a> {
    /// For an explainer that needs this much. Layers without a known shape cannot be explained and are left out. `cancel` ends
    /// long calls early.
    pub fn new(session: &'a Session<'a>, needs: Needs, cancel: &'a AtomicBool) -> Result<Self, ModelError> {
        let layers = session.network().metadata().layers.iter().filter(|l| !l.shape.is_empty());
        let layers = layers
            .map(|l| Layer { name: l.name.clone(), shape: l.shape.clone(), gradient: l.gradient })
            .collect();
        Ok(Self { session, layers, head: session.network().head()?, needs, cancel })
    }
}

/// A layer's activation, as truly as an explainer of these needs asks for it.
pub fn activation(session: &Session<'_>, layer: &str, needs: Needs) -> Result<Arc<Tensor>, ModelError> {
    if needs.exact_activations { session.exact_activation(layer) } else { session.activation(layer) }
}

/// A tensor of ours as the host's shared values, without a copy.
struct Values(Arc<Tensor>);

impl AsRef<[f32]> for Values {
    fn as_ref(&self) -> &[f32] {
        self.0.data()
    }
}

fn share(tensor: Arc<Tensor>) -> Array {
    Array::new(tensor.shape().to_vec(), Values(tensor))
}

/// What was made for this question alone.
fn fresh(answer: Result<Tensor, ModelError>) -> Answer<Array> {
    answer.map(Arc::new).map(share).map_err(failed)
}

fn tensor(batch: Batch<'_>) -> Answer<Tensor> {
    Tensor::new(batch.shape, batch.data.to_vec()).map_err(|e| BackendError::Failed(e.to_string()))
}

fn at(place: Place<'_>) -> &str {
    match place {
        Place::Image => IMAGE,
        Place::Layer(name) => name,
    }
}

fn by(rule: Rule) -> grad::Rule {
    match rule {
        Rule::Plain => grad::Rule::Plain,
        Rule::Guided => grad::Rule::Guided,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
fn failed(error: ModelError) -> BackendError {
    match error {
        ModelError::Cancelled => BackendError::Cancelled,
        ModelError::NoGradient { .. } => BackendError::NotSupported(error.to_string()),
        _ => BackendError::Failed(error.to_string()),
    }
}

impl Backend for SessionBackend<'_> {
    fn classes(&self) -> usize {
        self.session.network().metadata().classes
    }

    fn layers(&self) -> Vec<Layer> {
        self.layers.clone()
    }

    fn default_layer(&self) -> Option<String> {
        self.session.network().metadata().default_layer.clone()
    }

    fn input(&self) -> Answer<Array> {
        Ok(share(Arc::new(self.session.input().clone())))
    }

    fn logits(&self) -> Answer<Array> {
        self.session.logits().map(share).map_err(failed)
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        activation(self.session, layer, self.needs).map(share).map_err(failed)
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        self.session.gradient(at(place), seed, by(rule)).map(share).map_err(failed)
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        fresh(self.session.forward(&tensor(inputs)?, self.cancel))
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        fresh(self.session.forward_from(layer, &tensor(activations)?, self.cancel))
    }

    fn gradient_at(
        &self,
        inputs: Batch<'_>,
        place: Place<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        fresh(self.session.gradient_at(&tensor(inputs)?, at(place), seeds.data, by(rule), self.cancel))
    }

    fn gradient_from(
        &self,
        layer: &str,
        activations: Batch<'_>,
        seeds: Batch<'_>,
        rule: Rule,
    ) -> Answer<Array> {
        let activations = tensor(activations)?;
        fresh(self.session.gradient_from(layer, &activations, seeds.data, by(rule), self.cancel))
    }

    fn layer_bias(&self, layer: &str) -> Answer<Array> {
        let bias = self.session.network().bias(layer).map_err(failed)?;
        bias.map(share)
            .ok_or_else(|| BackendError::NotSupported(format!("the layer `{layer}` adds no bias of its own")))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        let head = self.head.as_ref().ok_or_else(|| {
            BackendError::NotSupported(
                "this model does not end in global average pooling and one linear layer".into(),
            )
        })?;
        Ok(LinearHead {
            pooled: head.layer.clone(),
            weights: share(Arc::clone(&head.weight)),
            bias: head.bias.clone().map(share),
        })
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        let recipe = self.session.network().metadata().recipe.as_ref();
        let recipe = recipe
            .ok_or_else(|| BackendError::NotSupported("the model's preprocessing is not known".into()))?;
        let at = |x: f32, c: usize| (x - recipe.mean[c]) / recipe.std[c];
        Ok((0..3).map(|c| (at(0.0, c), at(1.0, c))).collect())
    }
}
