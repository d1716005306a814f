//! Why a map looks as it does: one plain sentence for each thing that a user would otherwise wonder about.
//!
//! What is said here is seen from outside of the explainer; what only the formula knows (weights that cannot be trusted, a
//! layer that is the same everywhere) it says itself, in its notes. A softmax at a model's end is left out, and gradients are taken
//! of what is before it; where it is not told for one, gradients of it vanish when it is saturated.

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{ModelError, Session};
use camtui_host::Origin;

use super::backend::activation;
use super::explainers::Chosen;
use super::picture::Picture;
use super::predictions::Prediction;
use super::target::Target;

/// Bundled methods that give one picture where global pooling and one linear layer follow the layer.
const AGREE_WHEN_POOLED: [&str; 4] = ["grad-cam", "hires-cam", "xgrad-cam", "cam"];

/// A class below this probability, and a hundred times less likely than the likeliest, counts as not seen at all.
const IMPROBABLE: f32 = 1e-3;

/// Above this a softmax passes less than a ten thousandth of the gradients on.
const SATURATED: f32 = 0.9999;
/// How nearly a softmax adds up to 1.
const ADDS_UP: f32 = 1e-3;

/// A map before its ReLU, and what was asked for.
pub struct Answer<'a> {
    /// The picture in the model; it has been asked by the explainer and gives the same again from its cache.
    pub session: &'a Session<'a>,
    /// All classes, best first.
    pub predictions: &'a [Prediction],
    /// What is explained.
    pub target: &'a Target,
    /// What explained it.
    pub chosen: &'a Chosen,
    /// All that are asked about this picture.
    pub among: &'a [Chosen],
    /// The layer the map is of, if it is of one.
    pub layer: Option<&'a str>,
    /// Height and width.
    pub size: (usize, usize),
    /// Row by row, with its sign.
    pub values: &'a [f32],
    /// Whether the sign stays.
    pub signed: bool,
}

/// Sentences about one map, what matters most first.
pub fn of(answer: &Answer<'_>) -> Result<Vec<String>, ModelError> {
    let mut said: Vec<String> = empty(answer)?.into_iter().collect();
    said.extend(agreeing(answer)?);
    said.extend(about_the_class(answer));
    Ok(said)
}

/// Sentences about what the model was given, by the input's shape `[1, 3, H, W]`.
pub fn of_picture(picture: &Picture, input: &[usize]) -> Option<String> {
    let Picture::Photo(photo) = picture else { return None };
    let (height, width) = (input[2], input[3]);
    let smaller = (photo.width() as usize) < width || (photo.height() as usize) < height;
    smaller.then(|| {
        format!(
            "the picture is {} × {} pixels and the model's input {width} × {height}: it was enlarged, and the model sees it \
             blurred",
            photo.width(),
            photo.height()
        )
    })
}

/// Why nothing is seen, if nothing is.
fn empty(answer: &Answer<'_>) -> Result<Option<String>, ModelError> {
    let info = answer.chosen.info();
    if let Some(said) = saturated(answer)? {
        return Ok(Some(said));
    }
    let zero = |values: &[f32]| values.iter().all(|&v| v == 0.0);
    if let Some(layer) = answer.layer {
        if answer.size == (1, 1) {
            return Ok(Some(format!(
                "{layer} is 1 × 1: its map is one value for the whole picture; choose an earlier layer"
            )));
        }
        let activation =
            if info.needs.activations { Some(activation(answer.session, layer, info.needs)?) } else { None };
        if activation.as_ref().is_some_and(|activation| zero(activation.data())) {
            return Ok(Some(format!(
                "all activations of {layer} are zero for this picture, so there is nothing to weigh; choose an earlier layer"
            )));
        }
        let constant = |plane: &[f32]| plane.iter().all(|v| v.to_bits() == plane[0].to_bits());
        let same = |values: &Tensor| match values.shape() {
            [.., height, width] => values.data().chunks(height * width).all(constant),
            _ => false,
        };
        if activation.as_deref().is_some_and(same) {
            return Ok(Some(format!(
                "every channel of {layer} has one value at all positions for this picture (its units are dead or saturated), so no \
                 place stands out; choose an earlier layer"
            )));
        }
        let seed = answer.target.seed(answer.session.network().metadata().classes);
        if info.needs.gradients && zero(answer.session.gradient(layer, &seed, Rule::Plain)?.data()) {
            return Ok(Some(format!(
                "the gradient at {layer} is zero everywhere: the units between it and the score are dead or saturated, and \
                 no small change moves the score"
            )));
        }
    }
    Ok(blank(info.rectify && !answer.signed, answer.values).map(str::to_owned))
}

/// Whether gradients vanish because the model's own answer is a softmax that is sure of itself.
fn saturated(answer: &Answer<'_>) -> Result<Option<String>, ModelError> {
    if !answer.chosen.info().needs.gradients {
        return Ok(None);
    }
    let scores = answer.session.logits()?;
    let scores = scores.data();
    let is_softmax = scores.len() > 1
        && scores.iter().all(|&p| (0.0..=1.0).contains(&p))
        && (scores.iter().sum::<f32>() - 1.0).abs() < ADDS_UP;
    let Some(best) = answer.predictions.first().filter(|best| is_softmax && scores[best.index] > SATURATED)
    else {
        return Ok(None);
    };
    Ok(Some(format!(
        "this model's answer is a softmax, which is saturated here ({:.6} for {}), so that gradients of it nearly vanish and the \
         map is mostly rounding; export the model without its softmax, or name the scores before it with --output-name",
        scores[best.index], best.label
    )))
}

/// Whether the ReLU leaves nothing of a map that had something.
pub fn blank(rectified: bool, values: &[f32]) -> Option<&'static str> {
    let nothing_left = values.iter().all(|&v| v <= 0.0) && values.iter().any(|&v| v < 0.0);
    (rectified && nothing_left).then_some(
        "the map is blank: everything in it speaks against the class and is removed by the ReLU; --signed shows it",
    )
}

/// At the pooled layer four methods agree by design. Grad-CAM, the usual choice, is told of it beside another only.
fn agreeing(answer: &Answer<'_>) -> Result<Option<String>, ModelError> {
    let agrees = |chosen: &Chosen| {
        matches!(chosen.explainer.origin(), Origin::Bundled(_))
            && AGREE_WHEN_POOLED.contains(&chosen.info().id.as_str())
    };
    let alone = answer.among.iter().filter(|other| agrees(other)).count() < 2;
    if !agrees(answer.chosen) || alone && answer.chosen.info().id == AGREE_WHEN_POOLED[0] {
        return Ok(None);
    }
    let head = answer.session.network().head()?;
    let pooled = head.filter(|head| answer.layer == Some(head.layer.as_str()));
    Ok(pooled.map(|head| {
        format!(
            "at {}, which is pooled and read by one linear layer, grad-cam, hires-cam, xgrad-cam and cam show the same by \
             design; they differ at earlier layers",
            head.layer
        )
    }))
}

/// A class that plays no part, or that the model does not see.
fn about_the_class(answer: &Answer<'_>) -> Option<String> {
    let best = answer.predictions.first()?;
    let find = |class: usize| answer.predictions.iter().find(|p| p.index == class);
    let class = find(answer.target.class)?;
    let against = answer.target.against.and_then(find);
    if answer.chosen.info().class_agnostic {
        let asked = against.is_some() || class.index != best.index;
        return asked.then(|| {
            format!(
                "{} does not depend on the class: it shows the same for every one",
                answer.chosen.info().id
            )
        });
    }
    let unseen = |p: &Prediction| p.probability < IMPROBABLE && p.probability < best.probability / 100.0;
    match against {
        None if unseen(class) => Some(format!(
            "the model gives {} a probability of {:.1e}: the map shows what would speak for it, not what the model sees",
            class.label, class.probability
        )),
        Some(other) if unseen(class) && unseen(other) => Some(format!(
            "the model takes neither {} nor {} for likely (probabilities {:.1e} and {:.1e}): the map tells apart two classes \
             that it does not see",
            class.label, other.label, class.probability, other.probability
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
