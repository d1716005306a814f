//! An analyst that knows no model: pictures and maps by formula, quick explainers and a slow one, so that the session can be
//! run, tested and measured by itself.
#![allow(dead_code, clippy::unwrap_used, reason = "each of its users needs another part")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use camtui::interactive::analyst::{
    Analyst, Catalogue, Class, ExplainerInfo, Explanation, Figure, LayerInfo, ModelDetails, NewPicture,
    ParamInfo, ParamKind, PictureId, Prediction, Question, Reloaded, Saving, Target, Watch, Worth,
};
use camtui::interactive::browser::Sort;
use camtui::interactive::keys::Keymap;
use camtui::interactive::layout::Panes;
use camtui::interactive::look::Look;
use camtui::interactive::state::Start;
use camtui_core::heatmap::Heatmap;
use camtui_core::picture::{Photo, Rect};
use image::{Rgba, RgbaImage};

/// Number of classes.
pub const CLASSES: usize = 12;

/// See the file's page.
pub struct MadeUp {
    pictures: Mutex<Vec<String>>,
    /// How long the slow explainer takes.
    pub slow: Duration,
    /// What a library that was rebuilt changes.
    pub rebuilt: Mutex<Option<Reloaded>>,
    /// A picture that cannot be read.
    pub broken: Option<PictureId>,
    details: Arc<ModelDetails>,
    photo: Arc<Photo>,
}

impl MadeUp {
    /// With so many pictures of that size.
    pub fn new(pictures: usize, (width, height): (u32, u32)) -> Self {
        let name = |at: usize| format!("folder{}/picture{at:03}.jpg", at % 3);
        let layers = [("conv1", 64, 28), ("layer3", 256, 14), ("layer4", 512, 7)];
        let layer = |(name, channels, side): (&str, usize, usize)| LayerInfo {
            name: name.to_owned(),
            shape: vec![channels, side, side],
            gradient: name != "conv1",
        };
        let pixels = (0..height)
            .flat_map(|y| {
                (0..width).flat_map(move |x| [(x * 255 / width) as u8, (y * 255 / height) as u8, 90])
            })
            .collect();
        Self {
            pictures: Mutex::new((0..pictures).map(name).collect()),
            slow: Duration::from_millis(500),
            rebuilt: Mutex::new(None),
            broken: None,
            details: Arc::new(ModelDetails {
                layers: layers.map(layer).to_vec(),
                default_layer: Some("layer4".to_owned()),
                labels: (0..CLASSES).map(label).collect(),
            }),
            photo: Arc::new(Photo::from_rgb("made up", width, height, pixels).unwrap()),
        }
    }

    /// What a session over it starts with.
    pub fn start(&self) -> Start {
        let question = Question {
            picture: 0,
            model: 0,
            target: Target::Asked,
            explainer: 0,
            params: Vec::new(),
            layers: Vec::new(),
            smooth: camtui::smooth::Smooth::default(),
        };
        Start {
            catalogue: self.catalogue(),
            pictures: self.pictures(),
            question,
            marked: Vec::new(),
            look: Look::default(),
            panes: Panes::default(),
            sort: Sort::default(),
            keymap: Keymap::default(),
            thumbnails: true,
            compared_models: 1,
            compared_explainers: Vec::new(),
            measuring: false,
            save_to: ".".to_owned(),
            notices: Vec::new(),
        }
    }

    fn predictions(picture: PictureId, model: usize) -> Arc<[Prediction]> {
        (0..CLASSES)
            .map(|rank| {
                let index = (rank + picture + model) % CLASSES;
                Prediction { index, label: label(index), probability: 0.5_f32.powi(rank as i32 + 1) }
            })
            .collect()
    }

    /// What it would say.
    pub fn answer(&self, question: &Question) -> Result<Explanation, String> {
        let predictions = Self::predictions(question.picture, question.model);
        let class = |class| match class {
            Class::Rank(rank) => predictions[rank].index,
            Class::Index(index) => index,
        };
        let (class, against) = match question.target {
            Target::Asked => (predictions[0].index, None),
            Target::One(one) => (class(one), None),
            Target::Contrast(a, b) => (class(a), Some(class(b))),
        };
        let layer = question.layers.first().cloned().unwrap_or_else(|| "layer4".to_owned());
        let known = self.details.layers.iter().find(|known| known.name == layer).ok_or("no such layer")?;
        let side = known.shape[1];
        let peak = ((class + question.explainer) % side, (question.picture + question.model) % side);
        let values = (0..side * side).map(|at| {
            let (x, y) = (at % side, at / side);
            let far = x.abs_diff(peak.0).pow(2) + y.abs_diff(peak.1).pow(2);
            (-(far as f32) / side as f32).exp() - 0.2
        });
        Ok(Explanation {
            question: question.clone(),
            photo: Arc::clone(&self.photo),
            seen: Rect::whole(self.photo.width(), self.photo.height()),
            map: Heatmap::new(side, side, values.collect()).unwrap(),
            rectify: true,
            predictions,
            class,
            against,
            layers: vec![layer],
            model: Arc::clone(&self.details),
            notes: Vec::new(),
            complaints: Vec::new(),
            unfinished: false,
            took: Duration::from_millis(31),
        })
    }

    fn check(&self, picture: PictureId) -> Result<(), String> {
        if Some(picture) == self.broken {
            return Err("bad.jpg is no picture that camtui can read".to_owned());
        }
        Ok(())
    }
}

fn label(index: usize) -> String {
    let names = ["tench", "Samoyed", "white wolf", "Arctic fox", "tabby", "犬 and 猫", "crane", "maillot"];
    names.get(index).map_or_else(|| format!("class {index}"), |name| (*name).to_owned())
}

impl Analyst for MadeUp {
    fn catalogue(&self) -> Catalogue {
        let explainer = |id: &str, gradients, slow, params| ExplainerInfo {
            id: id.to_owned(),
            summary: format!("the formula of {id}"),
            params,
            gradients,
            slow,
            class_agnostic: false,
            gone: false,
        };
        let window = ParamInfo {
            key: "window".to_owned(),
            help: "the side of what is masked, in pixels".to_owned(),
            kind: ParamKind::Int(Some((1, 64))),
            default: "32".to_owned(),
        };
        Catalogue {
            models: ["one", "two"].map(str::to_owned).to_vec(),
            explainers: vec![
                explainer("grad-cam", true, false, Vec::new()),
                explainer("eigen-cam", false, false, Vec::new()),
                explainer("layer-cam", true, false, Vec::new()),
                explainer("hires-cam", true, false, Vec::new()),
                explainer("occlusion", false, true, vec![window]),
            ],
        }
    }

    fn pictures(&self) -> Vec<NewPicture> {
        let pictures = self.pictures.lock().unwrap();
        pictures.iter().enumerate().map(|(id, path)| picture(id, path)).collect()
    }

    fn explain(&self, question: &Question, watch: &Watch<'_>) -> Result<Explanation, String> {
        self.check(question.picture)?;
        let explainer = &self.catalogue().explainers[question.explainer];
        if explainer.slow {
            let steps = (self.slow.as_millis() / 5).max(1);
            for step in 0..steps {
                if watch.cancelled() {
                    return Err("cancelled".to_owned());
                }
                watch.progress()(step as f32 / steps as f32);
                if let Some(show) = watch.partial().filter(|_| step > 0) {
                    show(Explanation { unfinished: true, ..self.answer(question)? });
                }
                sleep(self.slow / steps as u32);
            }
        }
        self.answer(question)
    }

    fn measure(&self, _: &Explanation, _: &Watch<'_>) -> Result<Worth, String> {
        let figure = |name, more| Figure { name, more, own: 0.4, random: Some(0.3), centred: 0.2 };
        Ok(Worth {
            figures: vec![figure("deletion", Some(false)), figure("insertion", Some(true))],
            faithfulness: [0.4, -0.4, 0.0, 0.0],
            deletion: vec![0.9, 0.1],
            insertion: vec![0.1, 0.9],
            sentence: "made up".to_owned(),
            cost: Duration::ZERO,
        })
    }

    fn predict(
        &self,
        picture: PictureId,
        model: usize,
        _watch: &Watch<'_>,
    ) -> Result<Arc<[Prediction]>, String> {
        self.check(picture)?;
        Ok(Self::predictions(picture, model))
    }

    fn thumbnail(&self, picture: PictureId, side: u32) -> Result<RgbaImage, String> {
        self.check(picture)?;
        Ok(RgbaImage::from_fn(side, side, |x, y| Rgba([picture as u8, x as u8, y as u8, 255])))
    }

    fn open(&self, path: Option<PathBuf>) -> Result<Vec<NewPicture>, String> {
        let Some(path) = path else { return Ok(Vec::new()) };
        let path = path.display().to_string();
        if path.contains("missing") {
            return Err(format!("{path}: there is no such file"));
        }
        let mut pictures = self.pictures.lock().unwrap();
        pictures.push(path);
        let id = pictures.len() - 1;
        Ok(vec![picture(id, &pictures[id])])
    }

    fn reload(&self, _library: usize) -> Result<Option<Reloaded>, String> {
        Ok(self.rebuilt.lock().unwrap().take())
    }

    fn save(&self, saving: &Saving) -> Result<Vec<String>, String> {
        Ok(vec![saving.to.join("picture.png").display().to_string()])
    }

    fn json(&self, explanation: &Explanation) -> String {
        format!("{{\"class\":{}}}", explanation.class)
    }
}

fn picture(id: PictureId, path: &str) -> NewPicture {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    NewPicture { id, path: path.to_owned(), name: name.to_owned(), folder: folder.to_owned() }
}
