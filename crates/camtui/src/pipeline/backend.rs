//! The seam between explainers and models: a core session, seen as what the host asks for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camtui_core::Tensor;
use camtui_core::model::{Head, IMAGE, ModelError, Session};
use camtui_host::{Answer, Array, Backend, BackendError, Batch, Layer, LinearHead, Place, Rule};

/// One picture in one model, as explainers reach it.
pub struct SessionBackend<'a> {
    session: &'a Session<'a>,
    layers: Vec<Layer>,
    head: Option<Head>,
    cancel: &'a AtomicBool,
}

impl<'a> SessionBackend<'a> {
    /// Layers without a known shape cannot be explained and are left out. `cancel` ends long calls early.
    pub fn new(session: &'a Session<'a>, cancel: &'a AtomicBool) -> Result<Self, ModelError> {
        let layers = session.network().metadata().layers.iter().filter(|l| !l.shape.is_empty());
        let layers = layers
            .map(|l| Layer { name: l.name.clone(), shape: l.shape.clone(), gradient: l.gradient })
            .collect();
        Ok(Self { session, layers, head: session.network().head()?, cancel })
    }
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
        self.session.activation(layer).map(share).map_err(failed)
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        if rule != Rule::Plain {
            return Err(BackendError::NotSupported("guided gradients are not offered yet".into()));
        }
        let layer = match place {
            Place::Image => IMAGE,
            Place::Layer(name) => name,
        };
        self.session.gradient(layer, seed).map(share).map_err(failed)
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        let batch = Tensor::new(inputs.shape, inputs.data.to_vec())
            .map_err(|e| BackendError::Failed(e.to_string()))?;
        self.session.forward(&batch, self.cancel).map(Arc::new).map(share).map_err(failed)
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
