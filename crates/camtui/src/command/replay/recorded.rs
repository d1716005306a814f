//! What a file says of how it came about: records out of JSON and PNG files, and the command line that each stands for.

use std::path::{Path, PathBuf};

use camtui_core::file::{png_provenance, read_regular};
use clap::Parser as _;
use serde_json::Value;

use crate::cli::{Cli, ExplainArgs, ReplayArgs};
use crate::store::catalogue;

/// The largest file that is read: 1 GiB, as for pictures.
const LIMIT: u64 = 1 << 30;

/// One result, as its record says.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The record.
    pub record: Value,
    /// The PNG that holds it.
    pub png: Option<Vec<u8>>,
}

/// The records in a file, at least one.
pub fn read(path: &Path) -> Result<Vec<Recorded>, String> {
    let bytes = read_regular(path, LIMIT).map_err(|error| error.to_string())?;
    let name = path.display();
    if bytes.starts_with(b"\x89PNG") {
        let text = png_provenance(&bytes)
            .ok_or_else(|| format!("{name} does not say how it was made: it has no text called `camtui`"))?;
        let mut records = several(text.as_bytes(), path).map_err(|error| {
            format!("{name}: its text called `camtui` is not what camtui writes: {error}")
        })?;
        // Of a strip the maps are compared: its pixels are no single result's.
        if let [alone] = &mut records[..] {
            alone.png = Some(bytes);
        }
        return Ok(records);
    }
    several(&bytes, path)
        .map_err(|error| format!("{name} is neither a PNG nor JSON that camtui wrote: {error}"))
}

/// One record after the other.
fn several(text: &[u8], path: &Path) -> Result<Vec<Recorded>, String> {
    let mut records = Vec::new();
    for record in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        let record = record.map_err(|error| error.to_string())?;
        records.push(Recorded { record: checked(record, path)?, png: None });
    }
    if records.is_empty() { Err("it is empty".into()) } else { Ok(records) }
}

/// A record that has what no replay can do without.
fn checked(record: Value, path: &Path) -> Result<Value, String> {
    let has = |place: &str| record.pointer(place).is_some();
    let needed = ["/image", "/model/sha256", "/target/index", "/explainer/id", "/map/sha256"];
    match needed.into_iter().find(|place| !has(place)) {
        None => Ok(record),
        Some(place) => {
            let what = place.trim_start_matches('/').replace('/', ".");
            let name = path.display();
            Err(format!(
                "{name} does not say `{what}`, so it cannot be made again; camtui's --json and PNGs do"
            ))
        }
    }
}

impl Recorded {
    /// A text in the record.
    pub fn text(&self, place: &str) -> Option<&str> {
        self.record.pointer(place)?.as_str()
    }

    /// The line that people know it by.
    pub fn name(&self) -> String {
        let part = |place| self.text(place).unwrap_or_default();
        let mut name = format!("{} · {}", part("/image"), part("/target/label"));
        if let Some(against) = self.text("/target/against/label") {
            name = format!("{name} ~ {against}");
        }
        name = format!("{name} · {}", part("/explainer/id"));
        self.text("/layer").map_or_else(|| name.clone(), |layer| format!("{name} · {layer}"))
    }

    /// Where the picture is: as recorded, seen from here or from the record's own folder.
    pub fn image(&self, args: &ReplayArgs) -> Result<PathBuf, String> {
        let recorded = self.text("/image").unwrap_or_default();
        // One of several inputs of a tensor file is called `FILE.npy[N]`.
        let tensor =
            |file: &&str| Path::new(file).extension().is_some_and(|end| end.eq_ignore_ascii_case("npy"));
        let file = recorded.rsplit_once('[').map(|(file, _)| file).filter(tensor);
        let file = Path::new(file.unwrap_or(recorded));
        let beside = args.file.parent().unwrap_or(Path::new("")).join(file);
        let places = match &args.image {
            Some(path) => vec![path.clone()],
            None => vec![file.to_owned(), beside],
        };
        places.iter().find(|path| path.exists()).cloned().ok_or_else(|| match &args.image {
            Some(path) => format!("there is no picture {}", path.display()),
            None => format!("the picture {recorded} is not here; --image FILE says where it is now"),
        })
    }

    /// What `--model` would say.
    fn model(&self, args: &ReplayArgs) -> Result<String, String> {
        let (name, file) = (self.text("/model/name").unwrap_or_default(), self.text("/model/file"));
        let elsewhere = "--model FILE says where it is now";
        match (&args.model, file) {
            (Some(model), _) => Ok(model.clone()),
            (None, Some(file)) if Path::new(file).exists() => Ok(file.to_owned()),
            (None, Some(file)) => Err(format!("the model {name} is not at {file} any more; {elsewhere}")),
            (None, None) if catalogue::find(name).is_some() => Ok(name.to_owned()),
            (None, None) => Err(format!("where the model {name} lies was not recorded; {elsewhere}")),
        }
    }

    /// The library that must be loaded.
    pub fn plugin(&self, args: &ReplayArgs) -> Result<Option<PathBuf>, String> {
        let Some(recorded) = self.text("/explainer/plugin/file") else { return Ok(None) };
        let path = args.plugin.clone().unwrap_or_else(|| recorded.into());
        if path.exists() {
            return Ok(Some(path));
        }
        let path = path.display();
        Err(format!("the plugin {path} is not here; --plugin FILE says where it is now"))
    }

    /// The command line that makes it again.
    pub fn words(&self, args: &ReplayArgs) -> Result<ExplainArgs, String> {
        let class = |place: &str| self.record.pointer(place).and_then(Value::as_u64);
        let index = class("/target/index").ok_or("the record's target is no class")?;
        let target = match class("/target/against/index") {
            Some(against) => format!("{index}~{against}"),
            None => index.to_string(),
        };
        let mut words = vec!["camtui".to_owned(), "--render".to_owned()];
        let mut say = |flag: &str, value: String| words.push(format!("--{flag}={value}"));
        say("model", self.model(args)?);
        say("target", target);
        let id = self.text("/explainer/id").unwrap_or_default();
        match self.plugin(args)? {
            Some(path) => {
                let origin = path.canonicalize().unwrap_or_else(|_| path.clone());
                say("explainer", format!("{}:{id}", camtui_host::Origin::File(origin).name()));
                say("plugin", path.to_str().ok_or("the plugin's path is no text")?.to_owned());
            }
            None => say("explainer", id.to_owned()),
        }
        for (key, value) in self.record["explainer"]["params"].as_object().into_iter().flatten() {
            say(
                "param",
                format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            );
        }
        for (flag, place) in [
            ("output-name", "/model/output"),
            ("input-size", "/model/input_size"),
            ("layer", "/layer"),
            ("resize", "/preprocessing/resize"),
            ("interpolation", "/interpolation"),
            ("smooth", "/smooth"),
            ("colormap", "/colormap"),
        ] {
            if let Some(value) = self.text(place) {
                say(flag, value.to_owned());
            }
        }
        // Older records do not say it: there was no other way then.
        for (flag, place) in [("exact", "/exact"), ("double", "/double")] {
            let said = self.record.pointer(place).and_then(Value::as_bool);
            say(flag, said.unwrap_or_default().to_string());
        }
        for (flag, place) in [("seed", "/seed"), ("signed", "/signed"), ("alpha", "/alpha")] {
            if let Some(value) = self.record.pointer(place) {
                say(flag, value.to_string());
            }
        }
        let cli = Cli::try_parse_from(words)
            .map_err(|error| format!("the record asks for what this camtui does not know: {error}"))?;
        Ok(ExplainArgs { threads: args.threads, in_process: args.in_process, ..cli.explain })
    }
}
