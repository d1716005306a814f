//! Answers the session's questions: opens models when they are first asked, reads pictures, runs explainers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use camtui_core::Recipe;
use camtui_core::heatmap::{Heatmap, Interpolation};
use camtui_core::model::{Cache, Convolutions, ModelSource, Needs, Schedule};
use camtui_core::picture::Photo;
use camtui_core::recipe::Resize;
use camtui_host::{Params, Registry};
use camtui_term::sanitise;
use image::RgbaImage;

use super::kept::Kept;
use super::measure::Measures;
use super::{catalogue, small};
use crate::cli::ExplainArgs;
use crate::inputs::{self, Input};
use crate::interactive::analyst::{
    Analyst, Catalogue, Class, Explanation, ModelDetails, NewPicture, PictureId, Prediction, Question,
    Reloaded, Saving, Target as Wanted, Watch, Worth,
};
use crate::job::Job;
use crate::pipeline::diagnostics::blank;
use crate::pipeline::explainers::Chosen;
use crate::pipeline::models::{self, Loaded};
use crate::pipeline::picture::Picture;
use crate::pipeline::reloading::Reloading;
use crate::pipeline::target::{ClassSpec, Target, TargetSpec, resolve};
use crate::pipeline::{Asked, How, Problem, Tell, biased, explain};
use crate::store::Places;

/// Bytes of decoded pictures that are kept.
const KEPT_PIXELS: usize = 256 << 20;
/// Pictures whose forward pass is kept, in each model.
pub(super) const KEPT_ANSWERS: usize = 6;

/// A model of the catalogue.
pub(super) struct Model {
    pub(super) name: String,
    source: ModelSource,
    /// Opened when it is first asked; or why it cannot be.
    opened: OnceLock<Result<Open, String>>,
}

/// A model that runs.
pub(super) struct Open {
    /// Sessions borrow the network; it is needed until the process ends.
    pub(super) loaded: &'static Loaded,
    pub(super) details: Arc<ModelDetails>,
    notices: Vec<String>,
}

/// What a model said of a picture.
pub(super) struct Known {
    pub(super) asked: Asked<'static>,
    pub(super) predictions: Arc<[Prediction]>,
}

/// See the [module](super).
pub(super) struct PipelineAnalyst {
    pub(super) models: Vec<Model>,
    /// None of its explainers ever changes its place.
    pub(super) registry: RwLock<Registry>,
    pub(super) reloading: Arc<Reloading>,
    targets: Vec<TargetSpec>,
    /// The layers that the command line names.
    layers: Vec<String>,
    resize: Option<Resize>,
    pub(super) random_seed: u64,
    threads: usize,
    convolutions: Convolutions,
    /// How many models the command line named.
    compared: usize,
    cache: Cache,
    paths: Mutex<Vec<PathBuf>>,
    inputs: RwLock<Vec<Input>>,
    pictures: Kept<PictureId, Picture>,
    known: Kept<(PictureId, usize), Known>,
    /// What measuring needs again.
    pub(super) measures: Measures,
}

impl PipelineAnalyst {
    /// Answers for what the command line asked for, and for every other model and explainer there is.
    pub(super) fn new(
        job: Job<'_>,
        args: &ExplainArgs,
        places: &Places,
        paths: &[PathBuf],
        reloading: &Arc<Reloading>,
    ) -> Self {
        let threads = job.threads();
        let here = models::here(places);
        let name = |source: &ModelSource| match (here.iter().find(|(_, known)| known == source), source) {
            (Some((name, _)), _) => name.clone(),
            (None, source) => source.path().map_or_else(
                || source.to_string(),
                |path| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            ),
        };
        let compared = job.sources.len();
        let mut sources = job.sources;
        sources.extend(here.iter().map(|(_, source)| source.clone()));
        let mut models: Vec<Model> = Vec::new();
        for source in sources {
            if !models.iter().any(|known| known.source == source) {
                models.push(Model { name: sanitise(&name(&source)), source, opened: OnceLock::new() });
            }
        }
        // That nothing is kept costs time only, and was told if it can be told.
        let cache = models::cache(places, &mut Vec::new());
        Self {
            models,
            registry: RwLock::new(job.registry),
            reloading: Arc::clone(reloading),
            targets: job.targets,
            layers: args.layer.clone(),
            resize: crate::job::resize(args),
            random_seed: args.seed,
            threads,
            convolutions: args.convolutions(),
            compared,
            cache,
            paths: Mutex::new(paths.to_vec()),
            inputs: RwLock::new(job.inputs),
            pictures: Kept::new(KEPT_PIXELS),
            known: Kept::new(KEPT_ANSWERS),
            measures: Measures::new(args),
        }
    }

    /// All inputs, in the order of their ids.
    pub(super) fn inputs(&self) -> Vec<Input> {
        self.inputs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the session was started on and what was opened since.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The models by what `--model` would say, the current one first.
    pub(super) fn model_names(&self, current: usize) -> Vec<String> {
        let name = |model: &Model| match model.source.path() {
            None => Some(model.name.clone()),
            Some(path) => std::path::absolute(path).ok()?.to_str().map(str::to_owned),
        };
        let first = self.models.get(current).and_then(name);
        let others = self.models.iter().take(self.compared).filter_map(name);
        first.clone().into_iter().chain(others.filter(|other| Some(other) != first.as_ref())).collect()
    }

    pub(super) fn model(&self, index: usize) -> Result<&Open, String> {
        let model = self.models.get(index).ok_or("there is no such model")?;
        let opened = model.opened.get_or_init(|| {
            let mut notices = Vec::new();
            let source = std::slice::from_ref(&model.source);
            let loaded = models::load(
                source,
                &self.layers,
                &self.cache,
                Schedule::OnePicture,
                self.threads,
                self.convolutions,
                &mut notices,
            )
            .map_err(|failure| failure.to_string())?;
            let loaded = loaded.into_iter().next().ok_or("the model was not opened")?;
            let loaded: &'static Loaded = Box::leak(Box::new(loaded));
            let details = Arc::new(catalogue::details(loaded.network.metadata()));
            let notices = notices.iter().map(|notice| sanitise(notice)).collect();
            Ok(Open { loaded, details, notices })
        });
        opened.as_ref().map_err(Clone::clone)
    }

    /// Leaves what the models have prepared for the next start.
    pub(super) fn keep_prepared(&self) {
        let opened = self.models.iter().filter_map(|model| model.opened.get()?.as_ref().ok());
        opened.for_each(|open| open.loaded.network.keep_prepared());
    }

    pub(super) fn input(&self, picture: PictureId) -> Result<Input, String> {
        let inputs = self.inputs.read().unwrap_or_else(PoisonError::into_inner);
        inputs.get(picture).cloned().ok_or_else(|| "there is no such picture".to_owned())
    }

    /// The picture, decoded.
    pub(super) fn picture(&self, id: PictureId) -> Result<Arc<Picture>, String> {
        if let Some(known) = self.pictures.get(&id) {
            return Ok(known);
        }
        let picture = Picture::open(&self.input(id)?)?;
        let bytes = match &picture {
            Picture::Photo(photo) => photo.pixels().len(),
            Picture::Tensor(tensor) => tensor.data().len() * 4,
        };
        Ok(self.pictures.put(id, picture, bytes))
    }

    pub(super) fn recipe(&self, open: &Open) -> Recipe {
        let recipe = open.loaded.network.metadata().recipe.clone().unwrap_or_else(Recipe::imagenet);
        Recipe { resize: self.resize.unwrap_or(recipe.resize), ..recipe }
    }

    /// What the model said of the picture; the model is run if it has not said anything yet.
    pub(super) fn known(&self, id: PictureId, model: usize) -> Result<Arc<Known>, String> {
        if let Some(known) = self.known.get(&(id, model)) {
            return Ok(known);
        }
        let open = self.model(model)?;
        let network = &open.loaded.network;
        let picture = self.picture(id)?;
        let input = picture.input(&self.recipe(open))?;
        // What will be asked first of every picture, so that it is compiled once.
        let mut needs = Needs::default();
        if let Some(layer) = &network.metadata().default_layer {
            needs.activations.insert(layer.clone());
            if network.metadata().layer(layer).is_some_and(|layer| layer.gradient) {
                needs.gradients.insert(layer.clone());
            }
        }
        let asked = Asked::new(network, input, needs).map_err(|problem| problem.to_string())?.of(&picture);
        let shown = |p: &crate::pipeline::Prediction| Prediction {
            index: p.index,
            label: sanitise(&p.label),
            probability: p.probability,
        };
        let predictions = asked.predictions().iter().map(shown).collect();
        Ok(self.known.put((id, model), Known { asked, predictions }, 1))
    }

    /// The explainer with the values of its parameters.
    pub(super) fn chosen(&self, question: &Question) -> Result<Chosen, String> {
        let explainer = {
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            let known = registry.explainers().nth(question.explainer);
            let (id, explainer) = known.ok_or("there is no such explainer")?;
            if registry.is_gone(question.explainer) {
                return Err(format!("{} is gone from its library", sanitise(id)));
            }
            Arc::clone(explainer)
        };
        let pairs: Vec<String> =
            question.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let params = Params::parse(explainer.info(), &pairs).map_err(|error| error.to_string())?;
        Ok(Chosen { explainer, params })
    }

    /// What every map of a question has in common.
    pub(super) fn how<'a>(&self, question: &'a Question) -> How<'a> {
        How {
            explainers: &[],
            layers: &question.layers,
            signed: false,
            interpolation: Interpolation::Bilinear,
            random_seed: self.random_seed,
            smooth: question.smooth,
        }
    }

    /// The target in this picture's classes.
    fn target(&self, wanted: Wanted, known: &Known, open: &Open) -> Result<Target, String> {
        let class = |class| match class {
            Class::Rank(rank) => ClassSpec::Top(rank + 1),
            Class::Index(index) => ClassSpec::Index(index),
        };
        let own;
        let specs = match wanted {
            Wanted::Asked => self.targets.as_slice(),
            Wanted::One(one) => {
                own = [TargetSpec::Class(class(one))];
                &own
            }
            Wanted::Contrast(a, b) => {
                own = [TargetSpec::Contrast(class(a), class(b))];
                &own
            }
        };
        let order: Vec<usize> = known.predictions.iter().map(|p| p.index).collect();
        let labels = &open.loaded.network.metadata().labels;
        let targets = resolve(specs, &order, labels).map_err(|error| error.to_string())?;
        targets.into_iter().next().ok_or_else(|| "nothing was asked for".to_owned())
    }

    fn new_pictures(inputs: &[Input], first: usize) -> Vec<NewPicture> {
        // Folders of one root are told apart by where they are below it, those of several by the whole path.
        let root = |input: &Input| match input {
            Input::File { root, .. } => root.clone(),
            _ => None,
        };
        let several_roots = inputs.windows(2).any(|pair| root(&pair[0]) != root(&pair[1]));
        let folder = |input: &Input| match input {
            Input::File { path, .. } if several_roots => {
                path.parent().map(Path::to_path_buf).unwrap_or_default()
            }
            _ => input.relative_folder(),
        };
        let picture = |(at, input): (usize, &Input)| {
            let path = input.name();
            let name = path.rsplit('/').next().unwrap_or(&path);
            NewPicture {
                id: first + at,
                name: sanitise(name),
                folder: sanitise(&folder(input).display().to_string()),
                path: sanitise(&path),
            }
        };
        inputs.iter().enumerate().map(picture).collect()
    }
}

impl Analyst for PipelineAnalyst {
    fn catalogue(&self) -> Catalogue {
        Catalogue {
            models: self.models.iter().map(|model| model.name.clone()).collect(),
            explainers: self.explainer_infos(),
        }
    }

    fn pictures(&self) -> Vec<NewPicture> {
        Self::new_pictures(&self.inputs.read().unwrap_or_else(PoisonError::into_inner), 0)
    }

    fn explain(&self, question: &Question, watch: &Watch<'_>) -> Result<Explanation, String> {
        let begun = Instant::now();
        let open = self.model(question.model)?;
        let known = self.known(question.picture, question.model)?;
        let chosen = self.chosen(question)?;
        let target = self.target(question.target, &known, open)?;
        // Of several layers or changed pictures the maps are normalised before they are fused, so the ReLU comes first; of one
        // it is the session's, which shows the signed map without asking again.
        let fused = question.is_fused();
        let how = How { explainers: std::slice::from_ref(&chosen), signed: !fused, ..self.how(question) };
        let (photo, seen) = self.picture(question.picture)?.drawn(&self.recipe(open))?;
        let rectify = (chosen.info().rectify || question.smooth.eigen) && !fused;
        let default = || open.details.default_layer.clone().filter(|_| chosen.info().needs.activations);
        let unfinished = |map| Explanation {
            question: question.clone(),
            photo: Arc::clone(&photo),
            seen,
            map,
            rectify,
            predictions: Arc::clone(&known.predictions),
            class: target.class,
            against: target.against,
            layers: if question.layers.is_empty() {
                default().into_iter().collect()
            } else {
                question.layers.clone()
            },
            model: Arc::clone(&open.details),
            notes: vec!["the map as far as it has come; Esc stops here".to_owned()],
            complaints: vec![],
            took: begun.elapsed(),
            unfinished: true,
        };
        let show = watch.partial().map(|show| move |map| show(unfinished(map)));
        let tell = Tell {
            progress: watch.progress(),
            partial: show.as_ref().map(|show| show as &(dyn Fn(Heatmap) + Sync)),
        };
        let own = if chosen.info().needs.biased_gradients {
            // What asks for much of one pass says so beforehand.
            let needs = Needs { gradients: biased(&open.loaded.network).collect(), ..Needs::default() };
            let input = known.asked.session().input().clone();
            let asked = Asked::new(&open.loaded.network, input, needs);
            let picture = self.picture(question.picture)?;
            Some(asked.map_err(|problem| problem.to_string())?.of(&picture))
        } else {
            None
        };
        let found =
            explain(own.as_ref().unwrap_or(&known.asked), &chosen, &target, &how, watch.flag(), &tell)
                .map_err(|problem| match problem {
                    Problem::Cancelled => "cancelled".to_owned(),
                    other => other.to_string(),
                })?;
        let mut notes = open.notices.clone();
        notes.extend(blank(rectify, found.map.values()).map(str::to_owned));
        notes.extend(found.diagnostics.iter().map(|note| sanitise(note)));
        Ok(Explanation {
            question: question.clone(),
            photo,
            seen,
            map: found.map,
            rectify,
            predictions: Arc::clone(&known.predictions),
            class: target.class,
            against: target.against,
            layers: found.layers,
            model: Arc::clone(&open.details),
            notes,
            complaints: found.complaints.iter().map(|text| sanitise(text)).collect(),
            took: found.took,
            unfinished: false,
        })
    }

    fn measure(&self, explanation: &Explanation, watch: &Watch<'_>) -> Result<Worth, String> {
        self.measured(explanation, watch)
    }

    fn predict(
        &self,
        picture: PictureId,
        model: usize,
        watch: &Watch<'_>,
    ) -> Result<Arc<[Prediction]>, String> {
        if watch.cancelled() {
            return Err("cancelled".to_owned());
        }
        Ok(Arc::clone(&self.known(picture, model)?.predictions))
    }

    fn thumbnail(&self, picture: PictureId, side: u32) -> Result<RgbaImage, String> {
        let photo: Arc<Photo> = match self.pictures.get(&picture) {
            Some(known) => known.drawn(&Recipe::imagenet())?.0,
            // Not kept: a list that is scrolled through would drive out what is looked at.
            None => Picture::open(&self.input(picture)?)?.drawn(&Recipe::imagenet())?.0,
        };
        Ok(small(&photo, side))
    }

    fn open(&self, path: Option<PathBuf>) -> Result<Vec<NewPicture>, String> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = path.is_some();
        let wanted: Vec<PathBuf> = match path {
            Some(path) => vec![path],
            None => paths.iter().filter(|path| path.is_dir()).cloned().collect(),
        };
        let (found, errors) = inputs::collect(&wanted);
        let mut inputs = self.inputs.write().unwrap_or_else(PoisonError::into_inner);
        let missing = |input: &Input| matches!(input, Input::File { path, .. } if !path.exists());
        let new: Vec<Input> =
            found.into_iter().filter(|input| !(inputs.contains(input) || asked && missing(input))).collect();
        if asked
            && new.is_empty()
            && let Some(error) = errors.first()
        {
            return Err(error.to_string());
        }
        for path in wanted {
            if asked && !paths.contains(&path) {
                paths.push(path);
            }
        }
        let first = inputs.len();
        inputs.extend(new);
        Ok(Self::new_pictures(&inputs[first..], first))
    }

    fn reload(&self, library: usize) -> Result<Option<Reloaded>, String> {
        self.renew(library)
    }

    fn save(&self, saving: &Saving) -> Result<Vec<String>, String> {
        self.write(saving)
    }

    fn json(&self, explanation: &Explanation) -> String {
        self.record(explanation, None).map_or_else(|why| why, |json| json.to_string())
    }
}
