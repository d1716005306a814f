//! DFF: a layer taken apart into a few concepts, each a pattern of channels and where it shows.
//!
//! Collins, Achanta and Süsstrunk, "Deep Feature Factorization for Concept Discovery", ECCV 2018. As in pytorch-grad-cam
//! each channel's least value is taken off first, so that any layer has a non-negative factorisation.
#![forbid(unsafe_code)]

use camtui_plugin::{Description, Error, Explainer, Map, Param, Params, Session};

use crate::factorise::{Factors, Matrix, factorise};
use crate::weighted::channels;

/// `A − min ≈ W·H`, W `[K, n]` and H `[n, Z]` non-negative; row i of H, times the size of column i of W, is concept i's
/// map.
pub struct Dff;

impl Explainer for Dff {
    fn describe() -> Description {
        Description::new("dff", "Deep Feature Factorization")
            .summary(
                "A ≈ W·H, both non-negative: where each of n concepts shows, strongest first; the first is the map, all are \
                 its channels; --seed decides the start",
            )
            .reference("Collins et al. 2018, https://arxiv.org/abs/1806.10206")
            .needs_activations()
            .class_agnostic()
            .param(Param::int("concepts", 5).range(1..=64).help("into how many concepts the layer is taken apart"))
            .param(Param::int("concept", 1).range(1..=64).help("which of them is the map: 1 is the strongest"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let layer = session.layer()?;
        let count = channels(&layer)?;
        let activation = session.activation(&layer)?;
        let (height, width) = (activation.height(), activation.width());
        let most = count.min(height * width);
        let concepts = usize::try_from(params.int("concepts")?).unwrap_or(1).min(most);
        let chosen = usize::try_from(params.int("concept")?).unwrap_or(1);
        if chosen > concepts {
            return Err(Error::NotSupported(format!(
                "concept {chosen} was asked for, and {} is taken apart into {concepts}; choose one up to {concepts}",
                layer.name()
            )));
        }
        let mut values = Vec::with_capacity(count * height * width);
        for plane in activation.planes() {
            let least = plane.iter().copied().fold(f32::INFINITY, f32::min);
            values.extend(plane.iter().map(|&a| f64::from(a) - f64::from(least)));
        }
        let matrix = Matrix { rows: count, columns: height * width, values };
        let Factors { maps, rounds } =
            factorise(&matrix, concepts, session.random_seed(), |done| session.progress(done))?;
        let chosen_map = &maps[chosen - 1];
        let mut map = Map::from_f64(height, width, chosen_map).of_layer(&layer);
        for (at, concept) in maps.iter().enumerate() {
            let values = concept.iter().map(|&v| v as f32).collect();
            map = map.with_channel(format!("concept {}", at + 1), height, width, values);
        }
        Ok(match rounds {
            Some(_) => map,
            None => map.with_note("the factorisation had not settled when it was stopped; another --seed may give other concepts"),
        })
    }
}
