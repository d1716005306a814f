//! What `--smooth` does to a map.
//!
//! `eigen`, as pytorch-grad-cam's `eigen_smooth`: of the terms that the map is the sum of (the weighted channels) the first
//! principal component is taken in place of the sum, with the sign that makes it rise with that sum. The component is
//! centred, so a ReLU follows, whatever the explainer.
//!
//! `aug`, test-time augmentation: a map that is the mean over the picture as it is, mirrored, darker and brighter. As
//! pytorch-grad-cam's `aug_smooth`: the preprocessed input and its mirror image, each times 0.9, 1 and 1.1; every map is
//! turned back, enlarged, normalised, and the mean is taken.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use camtui_core::Tensor;
use camtui_core::heatmap::{Heatmap, fuse};
use camtui_core::model::Needs;
use camtui_host::Terms;

use super::explainers::Chosen;
use super::one::{Asked, Found, How, Problem, Tell, once};
use super::target::Target;

/// What is said where every term is the same at every position.
pub(super) const NOTHING_VARIES: &str =
    "every weighted channel is the same at every position, so --smooth eigen has nothing to show";

/// The first principal component of `terms`; none where they do not vary.
pub(super) fn principal(terms: &Terms) -> Option<Vec<f32>> {
    let area = (terms.height * terms.width).max(1);
    let planes = terms.values.chunks_exact(area);
    let columns = planes.map(|plane| plane.iter().map(|&value| f64::from(value)).collect()).collect();
    let map = camtui_standard::principal_map(columns)?;
    Some(map.iter().map(|&value| value as f32).collect())
}

/// Whether the input is mirrored and what it is multiplied with, besides the input as it is.
const CHANGES: [(bool, f32); 5] = [(false, 0.9), (false, 1.1), (true, 0.9), (true, 1.0), (true, 1.1)];

/// The mean over all augmentations, at the size of the model's input, in 0…1 (signed: −1…1).
pub(super) fn augmented(
    asked: &Asked<'_>,
    chosen: &Chosen,
    target: &Target,
    how: &How<'_>,
    cancel: &AtomicBool,
    tell: &Tell<'_>,
) -> Result<Found, Problem> {
    let begun = Instant::now();
    let input = asked.session().input();
    let count = 1 + CHANGES.len();
    let share = |done: usize| move |part: f32| (tell.progress)((done as f32 + part) / count as f32);
    // What is said of the picture is said of it as it is.
    let found = once(asked, chosen, target, how, cancel, &Tell::progress(&share(0)))?;
    let mut maps = vec![found.map.clone()];
    for (mirror, factor) in CHANGES {
        let input = changed(input, mirror, factor);
        let other = Asked::new(asked.session().network(), input, Needs::default())?;
        let share = share(maps.len());
        let map = once(&other, chosen, target, how, cancel, &Tell::progress(&share))?.map;
        maps.push(if mirror { mirrored(&map) } else { map });
    }
    let [height, width] = [input.shape()[2], input.shape()[3]];
    let map = fuse(&maps, height, width, how.interpolation, how.signed)
        .map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(Found { map, took: begun.elapsed(), ..found })
}

/// `[1, C, H, W]` times `factor`, left and right exchanged or not.
fn changed(input: &Tensor, mirror: bool, factor: f32) -> Tensor {
    let mut values: Vec<f32> = input.data().iter().map(|value| value * factor).collect();
    if mirror {
        values.chunks_exact_mut(input.shape()[3].max(1)).for_each(<[f32]>::reverse);
    }
    Tensor::new(input.shape(), values).expect("it has the input's shape")
}

fn mirrored(map: &Heatmap) -> Heatmap {
    let mut values = map.values().to_vec();
    values.chunks_exact_mut(map.width()).for_each(<[f32]>::reverse);
    Heatmap::new(map.height(), map.width(), values).expect("it has the map's size")
}
