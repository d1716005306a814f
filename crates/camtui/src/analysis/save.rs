//! What is seen, as files: the picture as PNG with its provenance, the map as `.npy`, the result as JSON. All three in a folder,
//! or one of them where a file is named.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use camtui_core::file::{encode_png, write_atomic};
use camtui_core::heatmap::Interpolation;
use camtui_core::{Tensor, npy};
use serde_json::{Value, json};

use super::answer::PipelineAnalyst;
use crate::interactive::analyst::{Explanation, Saving};
use crate::interactive::develop::{Developer, Scene};
use crate::interactive::look::Look;
use crate::pipeline::Found;
use crate::pipeline::target::Target;
use crate::render::provenance::Plugin;
use crate::render::record::{self, Record, Timings};

impl PipelineAnalyst {
    /// Writes what is asked for; the paths that were written.
    pub(super) fn write(&self, saving: &Saving) -> Result<Vec<String>, String> {
        let Saving { explanation, look, to } = saving;
        let extension = to.extension().map(OsStr::to_ascii_lowercase);
        let one = extension.as_ref().and_then(|extension| extension.to_str());
        let named = |kind: &str| match one {
            Some(one @ ("png" | "npy" | "json")) => (one == kind).then(|| to.clone()),
            _ => Some(to.join(format!("{}.{kind}", self.stem(explanation)))),
        };
        let mut written = Vec::new();
        let record = self.record(explanation, Some(look))?;
        if let Some(path) = named("png") {
            let scene =
                Scene { explanation: Arc::clone(explanation), minus: None, look: *look, crosshair: None };
            let (width, height) = scene.shape();
            let image = Developer::default().develop(&scene, (width, height));
            let pixels: Vec<u8> =
                image.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
            let png = encode_png(width, height, &pixels, &record.to_string()).map_err(|e| e.to_string())?;
            written.push(put(&path, &png)?);
        }
        if let Some(path) = named("npy") {
            let map = explanation.shown_map(look.signed);
            let tensor = Tensor::new([map.height(), map.width()], map.values().to_vec())
                .expect("a map fills its height and width");
            written.push(put(&path, &npy::write(&tensor))?);
        }
        if let Some(path) = named("json") {
            let text = format!("{record:#}\n");
            written.push(put(&path, text.as_bytes())?);
        }
        Ok(written)
    }

    /// The name of the files of a result, without what tells their kinds apart.
    fn stem(&self, explanation: &Explanation) -> String {
        let question = &explanation.question;
        let picture =
            self.input(question.picture).map_or_else(|_| "picture".to_owned(), |input| input.stem());
        let target = Target { class: explanation.class, against: explanation.against }.slug();
        let explainer = self.explainer_id(question.explainer).unwrap_or_else(|| "map".to_owned());
        let mut stem = format!("{picture}.{target}.{explainer}");
        if !explanation.layers.is_empty() {
            stem = format!("{stem}.{}", explanation.layers.join(","));
        }
        // What was never a file's name must not become a path.
        stem.replace(['/', '\\'], "_")
    }

    /// A result as the headless mode's JSON, and how it is seen.
    pub(super) fn record(&self, explanation: &Explanation, look: Option<&Look>) -> Result<Value, String> {
        let question = &explanation.question;
        let open = self.model(question.model)?;
        let known = self.known(question.picture, question.model)?;
        let chosen = self.chosen(question)?;
        // Fused maps have lost their signs: see `explain`.
        let signed = look.is_some_and(|look| look.signed) && !question.is_fused();
        let found = Found {
            target: Target { class: explanation.class, against: explanation.against },
            explainer: chosen.info().id.clone(),
            layers: explanation.layers.clone(),
            map: explanation.shown_map(signed),
            signed,
            diagnostics: explanation.notes.clone(),
            complaints: explanation.complaints.clone(),
            metrics: None,
            advice: None,
            took: explanation.took,
        };
        let recipe = self.recipe(open);
        let is_tensor = self.picture(question.picture)?.is_tensor();
        let milliseconds = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
        let spent = known.asked.spent();
        let copy = self.reloading.copy_of(&chosen.explainer);
        let plugin = Plugin::of(&chosen.explainer, copy.as_deref());
        let asked = record::Question {
            image_sha256: self.picture(question.picture)?.sha256(),
            model: &open.loaded.name,
            model_file: open.loaded.file.as_deref(),
            variant: open.loaded.other_sizes.variant(),
            metadata: open.loaded.network.metadata(),
            recipe: (!is_tensor).then_some(&recipe),
            chosen: &chosen,
            plugin: plugin.as_ref(),
            signed,
            random_seed: self.random_seed,
            convolutions: open.loaded.network.convolutions(),
            interpolation: Interpolation::Bilinear,
            smooth: question.smooth,
            style: None,
        };
        let image = &self.input(question.picture)?.name();
        let record = Record { image, question: asked, predictions: known.asked.predictions(), found: &found };
        let timings = Timings {
            forward: milliseconds(spent.forward),
            backward: milliseconds(spent.backward),
            explain: milliseconds(explanation.took),
            ..Timings::default()
        };
        let mut value = record.json(timings);
        if let (Some(look), Value::Object(fields)) = (look, &mut value) {
            fields.insert("view".to_owned(), view(look));
        }
        Ok(value)
    }
}

/// How a saved picture was drawn.
fn view(look: &Look) -> Value {
    let (left, top, right, bottom) = look.zoom.window();
    json!({
        "mode": look.mode.name(), "alpha": f32::from(look.alpha) / 100.0, "colormap": look.colours().name(),
        "interpolation": look.interpolation.name(), "top": look.top, "contours": look.contours,
        "part": [left, top, right, bottom],
    })
}

fn put(path: &Path, bytes: &[u8]) -> Result<String, String> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
    }
    write_atomic(path, bytes).map_err(|error| error.to_string())?;
    Ok(path.display().to_string())
}
