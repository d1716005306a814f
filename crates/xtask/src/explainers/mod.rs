//! `xtask explainers`: writes docs/explainers.md and its pictures from what the bundled explainers say of themselves, from runs
//! on the example pictures, and from [`words`].

mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use words::WORDS;

/// Public-domain photographs; the first is the one shown.
const PICTURES: [&str; 5] = [
    "examples/chelsea.png",
    "examples/rocket.jpg",
    "docs/photographs/coffee.jpg",
    "docs/photographs/camera.png",
    "docs/photographs/astronaut.jpg",
];
/// The model that is part of the program.
const EMBEDDED: &str = "efficientnet-lite0";
/// Longer side of a picture in the page.
const SIDE: u32 = 200;
/// Figures of faithfulness, and which way is better.
const FIGURES: [(&str, &str); 4] =
    [("deletion", "↓"), ("insertion", "↑"), ("road", "↑"), ("average-drop", "↓")];

/// Arguments of the chore; run it from the repository's root.
#[derive(Args)]
pub struct Explainers {
    /// The program
    #[arg(long, default_value = "target/release/camtui")]
    camtui: PathBuf,
    /// A ResNet-18 to measure what a map costs on; without it the embedded model is measured
    #[arg(long, value_name = "FILE")]
    resnet18: Option<PathBuf>,
}

impl Explainers {
    /// Writes the page.
    pub fn run(&self) -> anyhow::Result<()> {
        let pictures = Path::new("docs/explainers");
        std::fs::create_dir_all(pictures)?;
        let mut page = String::new();
        let on = if self.resnet18.is_some() { "ResNet-18" } else { "EfficientNet-Lite0" };
        writeln!(
            page,
            "# Explainers\n\nAll that are bundled, made by `cargo run --release -p xtask -- explainers`. The picture is of Egyptian \
             cat at EfficientNet-Lite0's default layer; the figures are the mean over five pictures (those in `examples` and in \
             `docs/photographs`), each explained for its likeliest class, beside those of `random-cam` and of a Gaussian in the middle \
             ([metrics.md](metrics.md) says what they mean; five pictures show what to look at, not which explainer is best). A map's cost is what one more takes on {on} with two threads, when all is ready; \
             everything at its default parameters. `-P KEY=VALUE` sets one.\n"
        )?;
        // Picture after picture, so that each has both threads.
        let mut records = Vec::new();
        for picture in PICTURES {
            records.extend(self.records(EMBEDDED, &[picture])?);
        }
        let costs = match self.resnet18.as_deref().and_then(Path::to_str) {
            Some(model) => self.records(model, &PICTURES[..1])?,
            None => records.clone(),
        };
        let mut baselines = None;
        for (id, good, bad) in WORDS {
            let told = self.told(id)?;
            self.picture(id, pictures)?;
            let of = |records: &[Value]| -> Vec<Value> {
                records.iter().filter(|record| record["explainer"]["id"] == id).cloned().collect()
            };
            let measured = of(&records);
            let cost = of(&costs).first().and_then(|record| record["timings_ms"]["again"].as_f64());
            let cost = cost.context("the record has no cost")?;
            let mean = |of: &str, key: &str| {
                let all: Vec<f64> =
                    measured.iter().filter_map(|record| record["metrics"][key][of].as_f64()).collect();
                all.iter().sum::<f64>() / all.len() as f64
            };
            let row = |of: &str| FIGURES.map(|(key, _)| format!("{:.3}", mean(of, key))).join(" | ");
            baselines.get_or_insert_with(|| (row("random-cam"), row("centred")));
            let text = |key: &str| told[key].as_str().unwrap_or_default().replace('|', "\\|");
            writeln!(page, "## {} (`{id}`)\n\n![{id}](explainers/{id}.jpg)\n", text("name"))?;
            writeln!(page, "{}.\n", text("summary"))?;
            if !text("reference").is_empty() {
                writeln!(page, "{}\n", text("reference"))?;
            }
            writeln!(
                page,
                "| needs | parameters | cost | {} |",
                FIGURES.map(|(key, way)| format!("{key} {way}")).join(" | ")
            )?;
            writeln!(page, "|---|---|---|{}", "---|".repeat(FIGURES.len()))?;
            writeln!(
                page,
                "| {} | {} | {cost:.1} ms | {} |\n",
                list(&told["needs"]),
                parameters(&told),
                row("value")
            )?;
            writeln!(page, "**Use it**: {good} **It misleads**: {bad}\n")?;
        }
        let (random, centred) = baselines.context("there is no explainer")?;
        writeln!(
            page,
            "## What knows less\n\n| | {} |",
            FIGURES.map(|(key, way)| format!("{key} {way}")).join(" | ")
        )?;
        writeln!(page, "|---|{}", "---|".repeat(FIGURES.len()))?;
        writeln!(page, "| weights drawn by lot | {random} |\n| a Gaussian in the middle | {centred} |")?;
        std::fs::write("docs/explainers.md", page)?;
        Ok(())
    }

    fn output(&self, words: &[&str]) -> anyhow::Result<String> {
        let ended = Command::new(&self.camtui).args(words).stderr(Stdio::inherit()).output()?;
        if !ended.status.success() {
            bail!("{} {words:?} failed", self.camtui.display());
        }
        Ok(String::from_utf8(ended.stdout)?)
    }

    fn told(&self, id: &str) -> anyhow::Result<Value> {
        let mut told: Value = serde_json::from_str(&self.output(&["plugin", "info", id, "--json"])?)?;
        Ok(told["explainers"][0].take())
    }

    /// Measured records of all explainers, picture by picture.
    fn records(&self, model: &str, pictures: &[&str]) -> anyhow::Result<Vec<Value>> {
        let ids = WORDS.map(|(id, ..)| id).join(",");
        let words = ["--render", "--json", "--metrics", "--threads", "2", "--model", model, "-e", &ids];
        self.output(&[&words, pictures].concat())?
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    fn picture(&self, id: &str, folder: &Path) -> anyhow::Result<()> {
        let whole = tempfile::Builder::new().suffix(".png").tempfile()?;
        let to = whole.path().to_str().context("a path that is text")?;
        self.output(&["--render", "--model", EMBEDDED, "-e", id, "-o", to, PICTURES[0]])?;
        let small = image::open(whole.path())?.thumbnail(SIDE, SIDE).to_rgb8();
        small.save(folder.join(format!("{id}.jpg")))?;
        Ok(())
    }
}

fn list(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// `` `window` 0, `stride` 0 ``.
fn parameters(told: &Value) -> String {
    let one = |param: &Value| {
        let default = &param["default"];
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        format!("`{}` {default}", param["key"].as_str().unwrap_or_default())
    };
    told["parameters"].as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}
