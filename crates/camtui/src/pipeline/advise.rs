//! Which explainer on which layer to trust with a picture: those that suit are asked and measured, and put in order.
//!
//! The order is that of the mean rank in the four figures of faithfulness (deletion, insertion, ROAD, average drop); of two
//! with the same mean rank the cheaper one is first.

use std::sync::atomic::{AtomicBool, Ordering};

use camtui_core::metrics::mean_ranks;
use camtui_core::model::{ModelError, Network};
use camtui_core::onnx::metadata::{Layer, Metadata};

use super::explainers::Chosen;
use super::figures::Measured;
use super::metrics::Measuring;
use super::{About, Explaining, Found, How, One, Problem, Tell, explain};

/// What is asked unless explainers are named: one pass or a tail's passes, and a map of the class.
pub const EXPLAINERS: [&str; 6] =
    ["grad-cam", "hires-cam", "layer-cam", "grad-cam++", "finer-cam", "ablation-cam"];
/// At the layer that is pooled and read by one linear layer these show what `grad-cam` shows.
const LIKE_GRAD_CAM: [&str; 3] = ["hires-cam", "xgrad-cam", "cam"];
/// Layers that are tried unless some are named: the default one, and the nearest whose map is finer.
const LAYERS: usize = 2;

/// Where a map stands among those that were tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advice {
    /// 1 is the best.
    pub rank: usize,
    /// The mean of its ranks in the four figures, 1 at best.
    pub mean_rank: f64,
    /// How many were tried.
    pub among: usize,
}

/// Layers to try: `named`, or the model's default one and the last of the next finer resolution, by the shortest names, as
/// those are the network's own stages and blocks.
pub fn layers(metadata: &Metadata, named: &[String]) -> Vec<String> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let Some(default) = metadata.default_layer.as_deref() else { return Vec::new() };
    let mut chosen = vec![default.to_owned()];
    let height = |layer: &Layer| if let [_, height, _] = layer.shape[..] { height } else { 0 };
    let mut before = metadata.layers.as_slice();
    while chosen.len() < LAYERS {
        let last = chosen.last().expect("it begins with one");
        let Some(at) = before.iter().position(|layer| layer.name == *last) else { break };
        let coarse = height(&before[at]);
        before = &before[..at];
        let Some(finer) = before.iter().rev().map(height).find(|&height| height > coarse) else { break };
        let depth = |layer: &&Layer| layer.name.matches('.').count();
        let of_that_size = before.iter().filter(|layer| layer.gradient && height(layer) == finer);
        // Of several that are as short the last: what the stage hands on.
        let Some(next) = of_that_size.rev().min_by_key(depth) else { break };
        chosen.push(next.name.clone());
    }
    chosen
}

/// Each explainer (an index) on each layer; without what would show the same as another by design.
fn candidates(
    network: &Network,
    explainers: &[Chosen],
    layers: &[String],
) -> Result<Vec<(usize, Vec<String>)>, ModelError> {
    let pooled = network.head()?.map(|head| head.layer);
    let id = |at: usize| explainers[at].info().id.as_str();
    let has_grad_cam = (0..explainers.len()).any(|at| id(at) == "grad-cam");
    let same = |at: usize, layer: &String| {
        has_grad_cam && pooled.as_ref() == Some(layer) && LIKE_GRAD_CAM.contains(&id(at))
    };
    let mut all = Vec::new();
    for at in 0..explainers.len() {
        for layer in layers.iter().filter(|layer| !same(at, layer)) {
            all.push((at, vec![layer.clone()]));
        }
    }
    Ok(all)
}

impl Explaining {
    /// What was tried about `target`, each with the index of its explainer, the best first; what failed comes last.
    pub(super) fn advised(&self, about: &About<'_, '_>, cancel: &AtomicBool) -> Result<Vec<One>, Problem> {
        let About { asked, target, .. } = *about;
        let network = asked.session().network();
        let layers = layers(network.metadata(), &self.layers);
        let baseline = self.baseline.as_ref().expect("whoever asks for advice brings random-cam");
        let how = How { explainers: &[], ..self.how() };
        let measuring = self.measuring(about, &how, baseline, cancel);
        let baselines = measuring.baselines()?;
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        // Those that look at the picture alone show the same whatever the layer.
        let mut of_the_picture = None;
        for (at, layers) in candidates(network, &self.explainers, &layers)? {
            if of_the_picture == Some(at) {
                continue;
            }
            if cancel.load(Ordering::Relaxed) {
                return Err(Problem::Cancelled);
            }
            let chosen = &self.explainers[at];
            let how = How { layers: &layers, ..how };
            let measured = explain(asked, chosen, target, &how, cancel, &Tell::NOBODY).and_then(|found| {
                let metrics = Measuring { how: &how, ..measuring }.measure(
                    chosen,
                    (&found.map, found.signed),
                    &baselines,
                )?;
                Ok(Found { metrics: Some(metrics), ..found })
            });
            match measured {
                Ok(one) => {
                    of_the_picture = one.layers.is_empty().then_some(at);
                    found.push((at, one));
                }
                Err(Problem::Cancelled) => return Err(Problem::Cancelled),
                Err(problem) => failed.push((at, Err(problem))),
            }
        }
        let figures = found.iter().filter_map(|(_, found)| found.metrics.as_ref()).collect::<Vec<_>>();
        let order = in_order(&figures);
        let mut places: Vec<Option<Advice>> = vec![None; found.len()];
        for (rank, &(at, mean_rank)) in order.iter().enumerate() {
            places[at] = Some(Advice { rank: rank + 1, mean_rank, among: found.len() });
        }
        let mut ordered: Vec<_> = found.into_iter().zip(places).collect();
        ordered.sort_by_key(|(_, place)| place.map(|place| place.rank));
        let told = ordered.into_iter().map(|((at, found), advice)| (at, Ok(Found { advice, ..found })));
        Ok(told.chain(failed).collect())
    }
}

/// Indices with their mean ranks, the best first.
fn in_order(all: &[&Measured]) -> Vec<(usize, f64)> {
    let figures: Vec<[f64; 4]> = all.iter().map(|measured| measured.map.faithfulness()).collect();
    let mut order: Vec<(usize, f64)> = mean_ranks(&figures).into_iter().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| all[a.0].cost.cmp(&all[b.0].cost)));
    order
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use camtui_core::metrics::curve::Curve;

    use super::super::figures::Figures;
    use super::*;

    fn measured(deletion: f64, insertion: f64, road: f64, drop: f64, cost: u64) -> Measured {
        let curve = |level: f64| Curve { shares: vec![0.0, 0.5, 1.0], scores: vec![level; 3] };
        let map = Figures {
            deletion: Some(curve(deletion)),
            insertion: Some(curve(insertion)),
            road: Some(road),
            drop: Some(drop),
            ..Figures::default()
        };
        Measured { random: None, centred: map.clone(), map, cost: Some(Duration::from_millis(cost)) }
    }

    #[test]
    fn the_best_mean_rank_is_first_and_of_equals_the_cheapest() {
        let good = measured(0.1, 0.9, 0.3, 0.0, 900);
        let bad = measured(0.9, 0.1, -0.3, 1.0, 1);
        let cheap = measured(0.1, 0.9, 0.3, 0.0, 5);
        let order = in_order(&[&bad, &good, &cheap]);
        assert_eq!(order, [(2, 1.5), (1, 1.5), (0, 3.0)]);
    }

    fn layer(name: &str, height: usize) -> Layer {
        Layer { name: name.into(), shape: vec![8, height, height], gradient: true, ..Layer::default() }
    }

    #[test]
    fn the_default_layer_and_the_end_of_the_next_finer_stage_are_tried() {
        let metadata = Metadata {
            layers: vec![
                layer("layer2", 28),
                layer("layer3.0.conv1", 14),
                layer("layer3", 14),
                layer("layer3.1.relu", 14),
                layer("layer4.0.conv1", 7),
                layer("layer4", 7),
            ],
            default_layer: Some("layer4".into()),
            ..Metadata::default()
        };
        assert_eq!(layers(&metadata, &[]), ["layer4", "layer3"]);
        assert_eq!(layers(&metadata, &["layer2".into()]), ["layer2"]);
        assert_eq!(layers(&Metadata::default(), &[]), Vec::<String>::new());
    }
}
