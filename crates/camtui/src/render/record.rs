//! What is said of a result beside its picture: the JSON object, the provenance inside a PNG, the legend line.

use std::path::Path;

use serde_json::{Map, Value, json};

use camtui_core::Recipe;
use camtui_core::heatmap::{Interpolation, Style};
use camtui_core::model::{Convolutions, Variant};
use camtui_core::onnx::metadata::Metadata;
use camtui_term::sanitise;

use super::provenance::{self, Plugin};
use super::worth;
use crate::pipeline::advise::Advice;
use crate::pipeline::explainers::Chosen;
use crate::pipeline::predictions::label;
use crate::pipeline::sizes::InputSize;
use crate::pipeline::{Found, Prediction};
use crate::smooth::Smooth;

/// How many predictions the JSON holds.
const PREDICTIONS: usize = 5;

/// The places in a record that decide a result, but for its target and layer.
const DECIDING: [&str; 18] = [
    "/image_sha256",
    "/camtui",
    "/model/sha256",
    "/model/output",
    "/model/input_size",
    "/preprocessing",
    "/explainer/id",
    "/explainer/version",
    "/explainer/params",
    "/explainer/plugin/sha256",
    "/signed",
    "/seed",
    "/exact",
    "/double",
    "/interpolation",
    "/smooth",
    "/colormap",
    "/alpha",
];

/// Times of one result, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Reading and decoding the picture.
    pub decode: f64,
    /// Forward passes of the model, shared by all results of the picture.
    pub forward: f64,
    /// Backward passes so far.
    pub backward: f64,
    /// The explainer, the runtime included.
    pub explain: f64,
    /// Drawing and writing files.
    pub write: f64,
}

/// What a result answers: everything that decides it, whatever the answer is.
pub struct Question<'a> {
    /// SHA-256 of the picture's file, or of the tensor's values.
    pub image_sha256: Option<String>,
    /// The model's name in this run.
    pub model: &'a str,
    /// The model's file, where it has no name that finds it.
    pub model_file: Option<&'a Path>,
    /// How the model was taken, where not as it is taken by itself.
    pub variant: Variant,
    /// What the model says of itself.
    pub metadata: &'a Metadata,
    /// The preprocessing used; none for a tensor taken as it is.
    pub recipe: Option<&'a Recipe>,
    /// The explainer with its parameters.
    pub chosen: &'a Chosen,
    /// The library it came with, where that is not part of the program.
    pub plugin: Option<&'a Plugin>,
    /// Whether the map keeps its sign.
    pub signed: bool,
    /// Seed of random numbers.
    pub random_seed: u64,
    /// How the model's convolutions were computed.
    pub convolutions: Convolutions,
    /// How maps are enlarged where they are fused and drawn.
    pub interpolation: Interpolation,
    /// How the map was smoothed.
    pub smooth: Smooth,
    /// How the map is coloured, where that is all there is to its drawing.
    pub style: Option<Style>,
}

impl Question<'_> {
    /// Whether `record`, of a result that was written earlier, answers this very question, in whatever place model,
    /// picture and library lay then. Its target and its layer are another matter.
    pub fn is_of(&self, record: &Value) -> bool {
        let mut ours = Map::new();
        self.add_settings(&mut ours);
        ours.insert("preprocessing".into(), json!(self.recipe));
        ours.insert("model".into(), self.model());
        ours.insert("explainer".into(), self.explainer());
        // The record was text in between, where the last bit of a number may be lost.
        let Ok(ours) = serde_json::from_str::<Value>(&Value::Object(ours).to_string()) else { return false };
        DECIDING.iter().all(|place| {
            record.pointer(place).unwrap_or(&Value::Null) == ours.pointer(place).unwrap_or(&Value::Null)
        })
    }

    fn model(&self) -> Value {
        let mut model = json!({ "name": self.model, "sha256": self.metadata.source_sha256 });
        if let Some(file) = self.model_file {
            model["file"] = json!(file.to_string_lossy());
        }
        if let Some(output) = &self.variant.output {
            model["output"] = json!(output);
        }
        if let Some((height, width)) = self.variant.size {
            model["input_size"] = json!(InputSize::Fixed(height, width).to_string());
        }
        model
    }

    fn explainer(&self) -> Value {
        let info = self.chosen.info();
        let params: Map<String, Value> =
            self.chosen.params.iter().map(|(key, value)| (key.to_owned(), param(value))).collect();
        let mut explainer = json!({ "id": info.id, "version": info.version, "params": params });
        if let Some(plugin) = self.plugin {
            explainer["plugin"] = json!({ "file": plugin.file.to_string_lossy(), "sha256": plugin.sha256 });
        }
        explainer
    }

    /// The rest of what a rerun needs, after the fields that readers look for by place.
    fn add_settings(&self, fields: &mut Map<String, Value>) {
        fields.insert("signed".into(), json!(self.signed));
        fields.insert("seed".into(), json!(self.random_seed));
        fields.insert("exact".into(), json!(self.convolutions == Convolutions::Exact));
        if self.convolutions == Convolutions::Double {
            fields.insert("double".into(), json!(true));
        }
        fields.insert("interpolation".into(), json!(self.interpolation.name()));
        if let Some(smooth) = self.smooth.name() {
            fields.insert("smooth".into(), json!(smooth));
        }
        if let Some(style) = self.style {
            fields.insert("colormap".into(), json!(style.colormap.name()));
            fields.insert("alpha".into(), json!(style.alpha));
        }
        fields.insert("image_sha256".into(), json!(self.image_sha256));
        fields.insert("camtui".into(), json!(env!("CARGO_PKG_VERSION")));
        fields.insert("platform".into(), json!(provenance::platform()));
    }
}

/// Everything that goes into one record.
pub struct Record<'a> {
    /// The picture's name.
    pub image: &'a str,
    /// What was asked.
    pub question: Question<'a>,
    /// All classes, best first.
    pub predictions: &'a [Prediction],
    /// The map.
    pub found: &'a Found,
}

impl Record<'_> {
    /// The JSON object of one result.
    pub fn json(&self, timings: Timings) -> Value {
        let mut fields = self.facts();
        let found = self.found;
        fields.insert("map".into(), provenance::map(&found.map));
        fields.insert("diagnostics".into(), json!(found.diagnostics));
        fields.insert("metrics".into(), worth::json(found.metrics.as_ref()));
        let ms = |value: f64| (value * 1000.0).round() / 1000.0;
        if let Some(Advice { rank, mean_rank, among }) = found.advice {
            fields.insert("advice".into(), json!({ "rank": rank, "of": among, "mean_rank": mean_rank }));
        }
        let mut times = json!({
            "decode": ms(timings.decode), "forward": ms(timings.forward), "backward": ms(timings.backward),
            "explain": ms(timings.explain), "write": ms(timings.write),
        });
        if let Some(cost) = found.metrics.as_ref().and_then(|measured| measured.cost) {
            times["again"] = json!(ms(cost.as_secs_f64() * 1e3));
        }
        fields.insert("timings_ms".into(), times);
        self.question.add_settings(&mut fields);
        Value::Object(fields)
    }

    /// What is needed to make the result again, and to tell that it is the same: the same object without what was
    /// measured.
    pub fn provenance(&self) -> Value {
        let mut fields = self.facts();
        fields.insert("map".into(), provenance::map(&self.found.map));
        self.question.add_settings(&mut fields);
        Value::Object(fields)
    }

    fn facts(&self) -> Map<String, Value> {
        let prediction = |p: &Prediction| json!({ "index": p.index, "label": p.label, "probability": p.probability, "logit": p.logit });
        let facts = json!({
            "image": self.image,
            "model": self.question.model(),
            "preprocessing": self.question.recipe,
            "predictions": self.predictions.iter().take(PREDICTIONS).map(prediction).collect::<Vec<_>>(),
            "target": self.target(),
            "explainer": self.question.explainer(),
            "layer": self.layer(),
        });
        match facts {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// One line for people: class, probability, explainer, layer.
    pub fn legend(&self) -> String {
        let target = &self.found.target;
        let name = |class: usize| label(self.question.metadata, class);
        let probability = self.probability(target.class) * 100.0;
        let mut line = format!("{} {probability:.1} %", name(target.class));
        if let Some(against) = target.against {
            let other = self.probability(against) * 100.0;
            line = format!("{line} ~ {} {other:.1} %", name(against));
        }
        line = format!("{line} · {}", self.question.chosen.info().id);
        if let Some(layer) = self.layer() {
            line = format!("{line} · {layer}");
        }
        sanitise(&format!("{line} · {} · {}", self.question.model, self.image))
    }

    /// A few words for under a small picture: explainer and layer, with advice its rank.
    pub fn caption(&self) -> String {
        let id = &self.question.chosen.info().id;
        let place = self.found.advice.map_or_else(String::new, |advice| format!("{} ", advice.rank));
        let caption = self.layer().map_or_else(|| id.clone(), |layer| format!("{id} · {layer}"));
        sanitise(&format!("{place}{caption}"))
    }

    fn target(&self) -> Value {
        let target = &self.found.target;
        let class = |index: usize| json!({ "index": index, "label": label(self.question.metadata, index) });
        let mut value = class(target.class);
        value["probability"] = json!(self.probability(target.class));
        if let Some(against) = target.against {
            value["against"] = class(against);
        }
        value
    }

    fn layer(&self) -> Option<String> {
        (!self.found.layers.is_empty()).then(|| self.found.layers.join(","))
    }

    fn probability(&self, class: usize) -> f32 {
        self.predictions.iter().find(|p| p.index == class).map_or(0.0, |p| p.probability)
    }
}

fn param(value: &camtui_host::ParamValue) -> Value {
    use camtui_host::ParamValue;
    match value {
        ParamValue::Bool(v) => json!(v),
        ParamValue::Int(v) => json!(v),
        ParamValue::Float(v) => json!(v),
        ParamValue::Choice(_, v) | ParamValue::Text(v) => json!(v),
    }
}
