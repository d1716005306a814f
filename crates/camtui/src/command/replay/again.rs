//! One result made again, by the same pipeline as `--render`, from the very picture, model and library that made it.

use std::path::Path;

use anyhow::anyhow;
use camtui_core::file::encode_png;
use camtui_core::heatmap::{Heatmap, Style};
use camtui_core::model::Schedule;
use camtui_core::npy;
use serde_json::Value;

use super::compare::{self, MapVerdict, PixelVerdict};
use super::recorded::Recorded;
use crate::cli::{ExplainArgs, ReplayArgs};
use crate::config::Config;
use crate::exit::Failure;
use crate::inputs::Input;
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::pipeline::digest::{sha256_of, sha256_of_values};
use crate::pipeline::picture::Picture;
use crate::pipeline::{Answered, Found, Problem};
use crate::render::artifact::{npy_of, overlay};
use crate::render::provenance::{self, Plugin};
use crate::render::record::{Question, Record, Timings};
use crate::store::Places;

/// What came of it.
pub struct Again {
    /// The map.
    pub map: MapVerdict,
    /// The picture with its map, where a PNG was replayed that a command line alone draws.
    pub pixels: Option<PixelVerdict>,
    /// What else is not as it was: versions, preprocessing, what the model says.
    pub notes: Vec<String>,
    /// The result as PNG, `.npy` and JSON.
    pub png: Vec<u8>,
    /// See [`Self::png`].
    pub npy: Vec<u8>,
    /// See [`Self::png`].
    pub json: Value,
}

/// What stands in the way, apart from the words of the command line.
fn failed(text: impl Into<String>) -> Failure {
    Failure::Failed(anyhow!(text.into()))
}

/// Makes it again.
pub fn again(
    recorded: &Recorded,
    args: &ReplayArgs,
    settings: &Config,
    places: &Places,
    interrupt: &Interrupt,
) -> Result<Again, Failure> {
    let path = recorded.image(args).map_err(failed)?;
    let plugin = plugin(recorded, args)?;
    let words = recorded.words(args).map_err(failed)?;
    let words = ExplainArgs { settings: settings.clone(), ..words };
    let mut job = Job::new(&words, &[path], places).map_err(as_failed)?;
    // What there is to notice was noticed when the result was made.
    job.notices.clear();
    let style = job.style;
    let (inputs, explaining) = job.load(Schedule::OnePicture).map_err(as_failed)?;
    let loaded = &explaining.models[0];
    let sha256 = &loaded.network.metadata().source_sha256;
    same_hash(recorded, "/model/sha256", sha256, &format!("the model {}", loaded.name), "--model")?;
    let (picture, image) = the_picture(recorded, &inputs)?;

    let answered = explaining.picture(&picture, interrupt.flag());
    let Some(Answered { predictions, recipe, spent, results, .. }) = answered.into_iter().next() else {
        return Err(failed("no model was asked"));
    };
    let found: Found = match results.into_iter().flatten().next().map(|(_, result)| result) {
        Some(Ok(found)) => found,
        Some(Err(Problem::Cancelled)) => return Err(Failure::Interrupted),
        Some(Err(Problem::Plugin(text))) => return Err(Failure::Plugin(anyhow!(text))),
        Some(Err(problem)) => return Err(failed(problem.to_string())),
        None => return Err(failed("there is no result")),
    };
    let drawn_by_flags = recorded.text("/colormap").is_some();
    let style = if drawn_by_flags { style } else { Style::default_for(found.signed) };
    let question = Question {
        image_sha256: Some(image),
        // As they were called when it was made: where they lie now is no difference.
        model: recorded.text("/model/name").unwrap_or_default(),
        model_file: recorded.text("/model/file").map(Path::new),
        variant: explaining.variant(0, &recipe),
        metadata: loaded.network.metadata(),
        recipe: (!picture.is_tensor()).then_some(&recipe),
        chosen: &explaining.explainers[0],
        plugin: plugin.as_ref(),
        signed: found.signed,
        random_seed: explaining.random_seed,
        convolutions: loaded.network.convolutions(),
        interpolation: explaining.interpolation,
        smooth: explaining.smooth,
        style: drawn_by_flags.then_some(style),
    };
    let image = recorded.text("/image").unwrap_or_default();
    let record = Record { image, question, predictions: &predictions, found: &found };
    let timings = Timings {
        forward: spent.forward.as_secs_f64() * 1e3,
        backward: spent.backward.as_secs_f64() * 1e3,
        explain: found.took.as_secs_f64() * 1e3,
        ..Timings::default()
    };
    let (json, provenance) = (record.json(timings), record.provenance());
    let drawn = overlay(&picture, &recipe, &found, explaining.interpolation, style).map_err(failed)?;
    let drawn = drawn.ok_or_else(|| failed("the picture is too large to draw on"))?;
    let png = encode_png(drawn.width(), drawn.height(), drawn.pixels(), &provenance.to_string())
        .map_err(|error| failed(error.to_string()))?;

    let digest = sha256_of_values(found.map.values());
    let kept = saved_map(recorded, args)?;
    let map =
        compare::maps(&found.map, &digest, recorded.text("/map/sha256").unwrap_or_default(), kept.as_ref());
    let old = recorded.png.as_ref().filter(|_| drawn_by_flags);
    let pixels = old.and_then(|old| compare::pixels(&png, old));
    // Read back as the recorded one was: a number's last digit may not survive that, and is no difference.
    let read_back = serde_json::from_str(&provenance.to_string()).unwrap_or(provenance);
    let mut notes = differences(&recorded.record, &read_back);
    if recorded.png.is_some() && !drawn_by_flags {
        notes.push("it was drawn in a session: its map is compared, its pixels are not".into());
    }
    Ok(Again { map, pixels, notes, png, npy: npy_of(&found.map), json })
}

/// A command line that came out of a record is nobody's wrong usage.
fn as_failed(failure: Failure) -> Failure {
    match failure {
        Failure::Usage(error) => Failure::Failed(error),
        other => other,
    }
}

/// Refuses what is another file than the recorded one.
fn same_hash(recorded: &Recorded, place: &str, now: &str, what: &str, flag: &str) -> Result<(), Failure> {
    let then = recorded.text(place).unwrap_or(now);
    if then == now {
        return Ok(());
    }
    let short = |hash: &str| hash.chars().take(16).collect::<String>();
    Err(failed(format!(
        "{what} is not the one this was made with: its SHA-256 begins with {} and not with {}; {flag} names another",
        short(now),
        short(then)
    )))
}

/// The library, if it is the very one.
fn plugin(recorded: &Recorded, args: &ReplayArgs) -> Result<Option<Plugin>, Failure> {
    let as_plugins = |failure| match failure {
        Failure::Failed(error) => Failure::Plugin(error),
        other => other,
    };
    let Some(path) = recorded.plugin(args).map_err(|text| Failure::Plugin(anyhow!(text)))? else {
        return Ok(None);
    };
    let cannot = |error| Failure::Plugin(anyhow!("cannot read {}: {error}", path.display()));
    let sha256 = sha256_of(&path).map_err(cannot)?;
    let what = format!("the plugin {}", path.display());
    same_hash(recorded, "/explainer/plugin/sha256", &sha256, &what, "--plugin").map_err(as_plugins)?;
    // Under its old name, as everything else in the record.
    let file = recorded.text("/explainer/plugin/file").unwrap_or_default().into();
    Ok(Some(Plugin { file, sha256: Some(sha256) }))
}

/// The picture, if it is the very one, and its hash. Of several tensors in a file the one with that hash.
fn the_picture(recorded: &Recorded, inputs: &[Input]) -> Result<(Picture, String), Failure> {
    let mut last = None;
    for input in inputs {
        let picture = Picture::open(input).map_err(failed)?;
        let sha256 = picture.sha256().unwrap_or_default();
        let what = format!("the picture {}", input.name());
        match same_hash(recorded, "/image_sha256", &sha256, &what, "--image") {
            Ok(()) => return Ok((picture, sha256)),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| failed("there is no picture")))
}

/// The values to compare with: a file's, or those in the record.
fn saved_map(recorded: &Recorded, args: &ReplayArgs) -> Result<Option<Heatmap>, Failure> {
    let Some(path) = &args.map else { return Ok(provenance::held(&recorded.record["map"])) };
    let tensor = npy::read(path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    let shape = tensor.shape().to_vec();
    let [height, width] = shape[..] else {
        return Err(failed(format!("{} holds {shape:?} values, not a map [height, width]", path.display())));
    };
    Heatmap::new(height, width, tensor.data().to_vec()).map(Some).map_err(|error| failed(error.to_string()))
}

/// What is recorded otherwise than it is now, besides the map.
fn differences(then: &Value, now: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let mut versions = |what: &str, place: &str| {
        let at = |record: &Value| record.pointer(place).and_then(Value::as_str).map(str::to_owned);
        if let (Some(then), Some(now)) = (at(then), at(now))
            && then != now
        {
            notes.push(format!("{what} was {then} and is {now}"));
        }
    };
    versions("camtui", "/camtui");
    versions("the platform", "/platform");
    versions("the explainer's version", "/explainer/version");
    for (what, place) in [
        ("the preprocessing", "/preprocessing"),
        ("the explainer's parameters", "/explainer/params"),
        ("the layer", "/layer"),
        ("the target's label", "/target/label"),
    ] {
        if let (Some(then), Some(now)) = (then.pointer(place), now.pointer(place))
            && then != now
        {
            notes.push(format!("{what} was {then} and is {now}"));
        }
    }
    if then.get("predictions") != now.get("predictions") {
        notes.push(format!("what the model says of the picture moved{}", logits(then, now)));
    }
    notes
}

/// By how much the scores moved.
fn logits(then: &Value, now: &Value) -> String {
    let all = |record: &Value| -> Vec<(u64, f64)> {
        let listed = record["predictions"].as_array().into_iter().flatten();
        listed.filter_map(|p| Some((p["index"].as_u64()?, p["logit"].as_f64()?))).collect()
    };
    let now = all(now);
    let moved = all(then).into_iter().filter_map(|(class, then)| {
        now.iter().find(|(other, _)| *other == class).map(|(_, now)| (now - then).abs())
    });
    let largest = moved.fold(0.0, f64::max);
    if largest > 0.0 { format!(", by {largest:.1e} in a score at most") } else { String::new() }
}

/// Whether records say where they were made: older ones do not.
pub fn made_elsewhere(recorded: &Recorded) -> bool {
    recorded.text("/platform").is_some_and(|platform| platform != provenance::platform())
        || recorded.text("/camtui").is_some_and(|version| version != env!("CARGO_PKG_VERSION"))
}
