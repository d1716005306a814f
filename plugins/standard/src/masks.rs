//! A layer's channels as masks over the picture, and what the score is behind each: what the Score-CAM family lives on.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Map, Param, Session, View};

use crate::batches::{in_batches, shape_of};
use crate::score::Score;
use crate::upsample::{Align, Upsample};

/// Keeps a mask that is the same everywhere from being divided by nothing.
const EPSILON: f64 = 1e-8;

/// The parameter `top`.
pub fn top_param(default: i64) -> Param {
    Param::int("top", default).range(0..=65_536).help(
        "only the channels of largest variance, so many of them; 0: all. The time grows with it, and the rest of the \
         channels mostly does little",
    )
}

/// The channels that `top` keeps, ascending.
pub fn kept(activation: &View<'_>, top: i64) -> Vec<usize> {
    let variance = |plane: &[f32]| {
        let mean = plane.iter().map(|&a| f64::from(a)).sum::<f64>() / plane.len() as f64;
        plane.iter().map(|&a| (f64::from(a) - mean).powi(2)).sum::<f64>()
    };
    let spread: Vec<f64> = activation.planes().map(variance).collect();
    let mut channels: Vec<usize> = (0..spread.len()).collect();
    if let Ok(top @ 1..) = usize::try_from(top) {
        channels.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
        channels.truncate(top);
        channels.sort_unstable();
    }
    channels
}

/// For each of `channels` the mean over `passes` of `y(x ⊙ change(M, pass))`, where M is the channel enlarged to the picture
/// (corners on corners) and spread over 0…1. `change` is called in order: channel by channel, pass by pass; `show` makes a map
/// of the scores that are there, of the first of `channels`.
pub fn scores_behind(
    session: &Session<'_>,
    activation: &View<'_>,
    channels: &[usize],
    passes: usize,
    mut change: impl FnMut(f64, usize) -> f64,
    show: impl Fn(&[f64]) -> Map,
) -> Result<Vec<f64>, Error> {
    let input = session.input()?;
    let score = Score::of(session)?;
    let upsample = Upsample::new(
        [activation.height(), activation.width()],
        [input.height(), input.width()],
        Align::Corners,
    );
    let planes: Vec<&[f32]> = activation.planes().collect();
    let mut sums = vec![0.0; channels.len()];
    let mut mask = vec![];
    in_batches(session, channels.len() * passes, input.data().len(), |session, batch| {
        let mut inputs = Vec::with_capacity(batch.len() * input.data().len());
        let mut changed = vec![];
        for at in batch.clone() {
            let (channel, pass) = (at / passes, at % passes);
            if pass == 0 {
                mask = spread(upsample.enlarge(&wide(planes[channels[channel]])));
            }
            changed.clear();
            changed.extend(mask.iter().map(|&m| change(m, pass)));
            for plane in input.planes() {
                inputs.extend(plane.iter().zip(&changed).map(|(&x, m)| (f64::from(x) * m) as f32));
            }
        }
        let logits = session.forward(&shape_of(batch.len(), input.shape()), &inputs)?;
        let done = batch.end / passes;
        for (at, score) in batch.zip(score.of_each(&logits)) {
            sums[at / passes] += score / passes as f64;
        }
        session.partial(|| (done > 0).then(|| show(&sums[..done])));
        Ok(())
    })?;
    Ok(sums)
}

/// A weight for every channel: `of_kept` for the kept ones, 0 for the others.
pub fn all_weights(count: usize, kept: &[usize], of_kept: &[f64]) -> Vec<f64> {
    let mut weights = vec![0.0; count];
    for (&k, &w) in kept.iter().zip(of_kept) {
        weights[k] = w;
    }
    weights
}

fn wide(plane: &[f32]) -> Vec<f64> {
    plane.iter().map(|&a| f64::from(a)).collect()
}

/// `(m − min)/(max − min + ε)`.
fn spread(mut mask: Vec<f64>) -> Vec<f64> {
    let least = mask.iter().copied().fold(f64::INFINITY, f64::min);
    let most = mask.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for m in &mut mask {
        *m = (*m - least) / (most - least + EPSILON);
    }
    mask
}
