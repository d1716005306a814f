//! A child's questions, answered by the backend.
//!
//! The child has checked its explainer's arguments already, so one that asks for what there is not has broken the
//! protocol; it is checked again all the same, because a backend may rely on it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::messages::{Answer, Question};
use super::wire::{VALUE_LIMIT, Values};
use crate::serve::Served;
use crate::{Array, Backend, BackendError, Batch, Layer, LinearHead, Place, Rule};

/// The answer and its tensors, or what is wrong with the question.
pub(super) fn answer(
    served: &Served<'_>,
    question: &Question,
    values: &[Values],
) -> Result<(Answer, Vec<Array>), String> {
    let asked = Asked { backend: served.backend(), layers: served.layers(), values };
    // The backend may panic, but that is this side's bug and not the plugin's end.
    let answered = catch_unwind(AssertUnwindSafe(|| asked.answer(question)))
        .unwrap_or_else(|_| Ok(Err(BackendError::Failed("camtui itself panicked in this call".into()))))?;
    let answered = answered.and_then(|(answer, arrays)| {
        let count: usize = arrays.iter().map(|array| array.data().len()).sum();
        if count > VALUE_LIMIT {
            let text =
                format!("the answer has {count} values, and {VALUE_LIMIT} can be sent; use smaller batches");
            return Err(BackendError::Failed(text));
        }
        Ok((answer, arrays))
    });
    Ok(answered.unwrap_or_else(|error| {
        let answer = match error {
            BackendError::NotSupported(why) => Answer::NotSupported(why),
            BackendError::Failed(why) => Answer::Failed(why),
            BackendError::Cancelled => Answer::Cancelled,
        };
        (answer, vec![])
    }))
}

struct Asked<'a> {
    backend: &'a dyn Backend,
    layers: &'a [Layer],
    values: &'a [Values],
}

/// What the backend says; outside of it, what is wrong with the question.
type Answered = Result<crate::Answer<(Answer, Vec<Array>)>, String>;

impl Asked<'_> {
    fn answer(&self, question: &Question) -> Answered {
        let backend = self.backend;
        let one = |array: crate::Answer<Array>| Ok(array.map(|array| (Answer::Values, vec![array])));
        match *question {
            Question::Input => one(backend.input()),
            Question::Logits => one(backend.logits()),
            Question::Activation(layer) => one(backend.activation(&self.layer(layer)?.name)),
            Question::Gradient { place, guided } => {
                let seed = self.batch(0, &[backend.classes()])?;
                one(backend.gradient(self.place(place)?, seed.data, rule(guided)))
            }
            Question::Forward => match self.inputs()? {
                Ok(inputs) => one(backend.forward(inputs)),
                Err(error) => Ok(Err(error)),
            },
            Question::ForwardFrom(layer) => {
                let layer = self.layer(layer)?;
                one(backend.forward_from(&layer.name, self.batch(0, &layer.shape)?))
            }
            Question::GradientAt { place, guided } => {
                let seeds = self.batch(1, &[backend.classes()])?;
                match self.inputs()? {
                    Ok(inputs) if inputs.len() != seeds.len() => Err("as many inputs as seeds".into()),
                    Ok(inputs) => one(backend.gradient_at(inputs, self.place(place)?, seeds, rule(guided))),
                    Err(error) => Ok(Err(error)),
                }
            }
            Question::GradientFrom { layer, guided } => {
                let layer = self.layer(layer)?;
                let (activations, seeds) =
                    (self.batch(0, &layer.shape)?, self.batch(1, &[backend.classes()])?);
                if activations.len() != seeds.len() {
                    return Err("as many activations as seeds".into());
                }
                one(backend.gradient_from(&layer.name, activations, seeds, rule(guided)))
            }
            Question::LayerBias(layer) => one(backend.layer_bias(&self.layer(layer)?.name)),
            Question::LinearHead => Ok(backend.linear_head().map(|LinearHead { pooled, weights, bias }| {
                (Answer::Head(pooled), [weights].into_iter().chain(bias).collect())
            })),
            Question::PixelRange => Ok(backend.pixel_range().map(|range| (Answer::Range(range), vec![]))),
        }
    }

    fn layer(&self, index: u32) -> Result<&Layer, String> {
        self.layers.get(index as usize).ok_or_else(|| format!("it asked for layer {index}, which is none"))
    }

    fn place(&self, index: Option<u32>) -> Result<Place<'_>, String> {
        let Some(index) = index else { return Ok(Place::Image) };
        let layer = self.layer(index)?;
        if layer.gradient {
            Ok(Place::Layer(&layer.name))
        } else {
            Err(format!("layer {index} has no gradient"))
        }
    }

    /// Tensor `at`, which must be `[n, tail…]`.
    fn batch(&self, at: usize, tail: &[usize]) -> Result<Batch<'_>, String> {
        let wrong = || "it sent a tensor of another shape than the model's".to_owned();
        let Values { shape, data } = self.values.get(at).ok_or_else(wrong)?;
        match shape.split_first() {
            Some((&n, rest)) if n > 0 && rest == tail => Ok(Batch { shape, data }),
            _ => Err(wrong()),
        }
    }

    /// Tensor 0 as inputs of the model.
    fn inputs(&self) -> Result<crate::Answer<Batch<'_>>, String> {
        match self.backend.input() {
            Ok(input) => Ok(Ok(self.batch(0, input.shape().get(1..).unwrap_or_default())?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

fn rule(guided: bool) -> Rule {
    if guided { Rule::Guided } else { Rule::Plain }
}
