//! The bundled explainers against the code of their peers: maps of pytorch-grad-cam and of Captum for made-up layers
//! (`tests/goldens/formulas.py`), and the identities that hold for a network that ends in pooling and one linear layer.
//!
//! Each formula was broken once and its golden went red: the inner ReLU left out of Layer-CAM, g² in the place of g³ and
//! the mean in that of the sum in Grad-CAM++, |g| for g in `HiResCAM`, Σg for Σg·A in XGrad-CAM, Eigen-CAM without centring
//! and with its sign turned, Occlusion without the mean over overlaps and with cells that do not divide the picture.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact values"
)]

mod toy;

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use camtui_host::{
    Answer, Array, Backend, Batch, ExplainError, Layer, Library, LinearHead, Output, Params, Place, Registry,
    Request, Rule, run,
};
use serde::Deserialize;
use toy::{Toy, ask, class, registry, values};

#[derive(Deserialize)]
struct Goldens {
    layers: Vec<Stored>,
    occlusion: Vec<Patches>,
}

/// A layer with what it holds, and the peers' maps of it.
#[derive(Deserialize)]
struct Stored {
    name: String,
    shape: Vec<usize>,
    activation: Vec<f32>,
    gradient: Vec<f32>,
    maps: std::collections::BTreeMap<String, Vec<f64>>,
    /// With the peer's `eigen_smooth`.
    smoothed: std::collections::BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct Patches {
    window: i64,
    stride: i64,
    baseline: String,
    seed: Vec<f32>,
    /// Only in the first; the others are of the same.
    #[serde(default)]
    input: Vec<f32>,
    height: usize,
    width: usize,
    map: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../../../tests/goldens/data/formulas.json")).unwrap()
}

fn bundled() -> Registry {
    registry(Library::bundled("standard", camtui_standard::entry()).unwrap())
}

/// `|a − b| / |b|`.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(&a, b)| f64::from(a) - b))
        / norm(&mut expected.iter().copied())
}

impl Backend for Stored {
    fn classes(&self) -> usize {
        1
    }

    fn layers(&self) -> Vec<Layer> {
        vec![Layer { name: "stored".into(), shape: self.shape.clone(), gradient: true }]
    }

    fn default_layer(&self) -> Option<String> {
        Some("stored".into())
    }

    fn input(&self) -> Answer<Array> {
        Ok(Array::new([1, 3, 2, 2], vec![0.0; 12]))
    }

    fn logits(&self) -> Answer<Array> {
        Ok(Array::new([1, 1], vec![1.0]))
    }

    fn activation(&self, _layer: &str) -> Answer<Array> {
        Ok(Array::new([&[1], &self.shape[..]].concat(), self.activation.clone()))
    }

    fn gradient(&self, _place: Place<'_>, seed: &[f32], _rule: Rule) -> Answer<Array> {
        let gradient: Vec<f32> = self.gradient.iter().map(|g| g * seed[0]).collect();
        Ok(Array::new([&[1], &self.shape[..]].concat(), gradient))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        Err(camtui_host::BackendError::NotSupported("it has no head".into()))
    }
}

fn request<'a>(
    seed: &'a [f32],
    params: &'a Params,
    cancel: &'a AtomicBool,
    progress: &'a (dyn Fn(f32) + Sync),
) -> Request<'a> {
    Request {
        layer: None,
        target: Some(0),
        seed,
        params,
        random_seed: 42,
        cancel,
        progress,
        terms: false,
        partial: None,
        log: &|_, _| {},
    }
}

fn map_of(backend: &dyn Backend, id: &str, seed: &[f32], pairs: &[&str]) -> Result<Output, ExplainError> {
    let registry = bundled();
    let explainer = registry.find(id).unwrap();
    let params = Params::parse(explainer.info(), pairs).unwrap();
    run(explainer, backend, &request(seed, &params, &AtomicBool::new(false), &|_| {}))
}

#[test]
fn maps_of_one_layer_are_those_of_pytorch_grad_cam() {
    for stored in goldens().layers {
        assert_eq!(stored.maps.len(), 9);
        for (id, expected) in &stored.maps {
            let pairs: &[&str] = if id == "fem" { &["sigmas=1"] } else { &[] };
            let output = map_of(&stored, id, &[1.0], pairs).unwrap();
            assert_eq!([output.map.height, output.map.width], stored.shape[1..]);
            let off = error(&output.map.values, expected);
            assert!(off < 1e-6, "{id} {}: {off:.1e}", stored.name);
        }
    }
}

#[test]
fn the_principal_component_of_the_terms_is_pytorch_grad_cams_eigen_smooth() {
    let registry = bundled();
    for stored in goldens().layers {
        assert_eq!(stored.smoothed.len(), 6);
        for (id, expected) in &stored.smoothed {
            let explainer = registry.find(id).unwrap();
            let params = Params::defaults(explainer.info());
            let never = AtomicBool::new(false);
            let asked = Request { terms: true, ..request(&[1.0], &params, &never, &|_| {}) };
            let output = run(explainer, &stored, &asked).unwrap();
            let terms = output.terms.unwrap();
            let planes = terms.values.chunks_exact(terms.height * terms.width);
            let columns = planes.map(|plane| plane.iter().map(|&v| f64::from(v)).collect()).collect();
            let map = camtui_standard::principal_map(columns).unwrap();
            let map: Vec<f32> = map.iter().map(|&v| v as f32).collect();
            let off = error(&map, expected);
            assert!(off < 1e-5, "{id} {}: {off:.1e}", stored.name);
        }
    }
}

#[test]
fn terms_are_given_by_those_that_weigh_activations_and_asked_of_no_other() {
    let (registry, stored) = (bundled(), goldens().layers.remove(1));
    let gives: Vec<&str> = registry
        .explainers()
        .filter(|(_, explainer)| explainer.info().gives_terms)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        gives,
        [
            "grad-cam",
            "grad-cam++",
            "hires-cam",
            "xgrad-cam",
            "elementwise-cam",
            "layer-cam",
            "cam",
            "finer-cam",
            "shapley-cam",
            "fem",
            "ablation-cam",
            "score-cam",
            "ss-cam",
            "is-cam",
            "random-cam"
        ]
    );
    let explainer = registry.find("eigen-cam").unwrap();
    let params = Params::defaults(explainer.info());
    let never = AtomicBool::new(false);
    let asked = Request { terms: true, ..request(&[1.0], &params, &never, &|_| {}) };
    let refused = run(explainer, &stored, &asked).unwrap_err();
    assert!(matches!(refused, ExplainError::NotSupported { .. }), "{refused}");
    // Nobody pays for terms that are not wanted.
    assert!(map_of(&stored, "grad-cam", &[1.0], &[]).unwrap().terms.is_none());
}

#[test]
fn weights_that_cannot_be_trusted_are_told() {
    let [after, _, before] = &goldens().layers[..] else { panic!("three layers") };
    for id in ["xgrad-cam", "grad-cam++"] {
        assert!(map_of(after, id, &[1.0], &[]).unwrap().notes.is_empty());
    }
    // One channel whose activations cancel but for rounding, and one whose sum makes α negative.
    let mut stored = Stored { maps: std::collections::BTreeMap::new(), ..goldens().layers.remove(2) };
    assert_eq!(stored.shape, before.shape);
    for (at, value) in stored.activation[..9].iter_mut().enumerate() {
        *value = [1.0, -1.0, 0.001][at % 3];
    }
    stored.activation[9..18].fill(-20.0);
    let notes = |id| map_of(&stored, id, &[1.0], &[]).unwrap().notes;
    assert_eq!(
        notes("xgrad-cam"),
        [
            "XGrad-CAM's weights are not to be trusted for 1 of 5 channels of stored: the activations there, by whose sum it \
          divides, nearly cancel; choose a layer after a ReLU"
        ]
    );
    assert_eq!(
        notes("grad-cam++"),
        [
            "Grad-CAM++'s weights are not to be trusted for 1 of 5 channels of stored: the activations there add up to so much \
          below zero that α turns negative; choose a layer after a ReLU"
        ]
    );
    stored.activation.fill(0.25);
    let flat = map_of(&stored, "eigen-cam", &[1.0], &[]).unwrap();
    assert!(flat.map.values.iter().all(|v| *v == 0.0));
    assert_eq!(flat.notes, ["stored is the same at every position, so Eigen-CAM has nothing to show"]);
}

/// `cam` = Z·`grad-cam`, `grad-cam` = `hires-cam` = `xgrad-cam`, `layer-cam` = Σ r(w)·A/Z where a linear layer reads the
/// pooled one; elsewhere they differ.
#[test]
fn at_the_pooled_layer_the_family_agrees_and_elsewhere_it_differs() {
    let registry = bundled();
    // The toy's activations lie on both sides of zero: of the sum that XGrad-CAM divides by little is left, and ε shows.
    let toy = Toy::default();
    for seed in [class(0), class(1), class(2), vec![1.0, -1.0, 0.0]] {
        let map = |id: &str, layer: &str| -> Vec<f64> {
            let output = ask(registry.find(id).unwrap(), &toy, Some(layer), &seed).unwrap();
            output.map.values.iter().map(|&v| f64::from(v)).collect()
        };
        let floats = |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
        let grad_cam = map("grad-cam", "pooled");
        let per_position: Vec<f64> = map("cam", "pooled").iter().map(|v| v / 6.0).collect();
        for (id, other) in [
            ("cam", per_position),
            ("hires-cam", map("hires-cam", "pooled")),
            ("xgrad-cam", map("xgrad-cam", "pooled")),
        ] {
            let off = error(&floats(&other), &grad_cam);
            assert!(off < if id == "xgrad-cam" { 1e-4 } else { 1e-6 }, "{id}: {off:.1e}");
        }
        let activation = values("pooled");
        let weights = toy::weights();
        let weight = |k: usize| (0..3).map(|c| seed[c] * weights[c * toy::CHANNELS + k]).sum::<f32>();
        let expected: Vec<f64> = (0..6)
            .map(|at| {
                let term = |k: usize| f64::from(weight(k).max(0.0) * activation.data()[k * 6 + at]);
                (0..toy::CHANNELS).map(term).sum::<f64>() / 6.0
            })
            .collect();
        // Where every weight is negative, the map is zero.
        for (found, expected) in map("layer-cam", "pooled").iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }

        let before = map("grad-cam", "early");
        for id in ["hires-cam", "xgrad-cam", "layer-cam", "grad-cam++"] {
            assert!(error(&floats(&map(id, "early")), &before) > 0.1, "{id}");
        }
    }
}

#[test]
fn random_cam_is_decided_by_its_seed_and_by_nothing_else() {
    let registry = bundled();
    let random_cam = registry.find("random-cam").unwrap();
    assert!(random_cam.info().class_agnostic && random_cam.info().rectify);
    let toy = Toy::default();
    let params = Params::defaults(random_cam.info());
    let map = |random_seed, seed: &[f32]| {
        let request = Request { random_seed, ..request(seed, &params, &toy.cancel, &|_| {}) };
        run(random_cam, &toy, &request).unwrap().map.values
    };
    assert_eq!(map(1, &class(0)), map(1, &class(0)));
    assert_eq!(map(1, &class(0)), map(1, &class(2)));
    assert_ne!(map(1, &class(0)), map(2, &class(0)));

    // One channel alone shows its weight: uniform in −1…1, so the mean of many is near 0 and of their squares near 1/3.
    let one = Stored {
        name: String::new(),
        shape: vec![1, 1, 1],
        activation: vec![1.0],
        gradient: vec![0.0],
        maps: std::collections::BTreeMap::new(),
        smoothed: std::collections::BTreeMap::new(),
    };
    let weights: Vec<f64> = (0..4000)
        .map(|random_seed| {
            let request = Request { random_seed, ..request(&[1.0], &params, &toy.cancel, &|_| {}) };
            f64::from(run(random_cam, &one, &request).unwrap().map.values[0])
        })
        .collect();
    assert!(weights.iter().all(|w| (-1.0..=1.0).contains(w)));
    let mean = |of: &dyn Fn(f64) -> f64| weights.iter().map(|&w| of(w)).sum::<f64>() / weights.len() as f64;
    assert!(mean(&|w| w).abs() < 0.04 && (mean(&|w| w * w) - 1.0 / 3.0).abs() < 0.02);
}

#[test]
fn eigen_cam_rises_with_the_activations_and_knows_no_class() {
    let registry = bundled();
    let eigen_cam = registry.find("eigen-cam").unwrap();
    assert!(eigen_cam.info().class_agnostic && !eigen_cam.info().needs.gradients);
    let toy = Toy::default();
    for layer in ["early", "conv", "pooled"] {
        let map = ask(eigen_cam, &toy, Some(layer), &class(0)).unwrap().map.values;
        assert_eq!(map, ask(eigen_cam, &toy, Some(layer), &class(1)).unwrap().map.values);
        let activation = values(layer);
        let rises: f32 = activation
            .data()
            .chunks(map.len())
            .flat_map(|plane| plane.iter().zip(&map))
            .map(|(a, m)| a * m)
            .sum();
        assert!(rises > 0.0, "{layer}: {rises}");
        assert!(map.iter().sum::<f32>().abs() < 1e-4, "it is centred");
    }
}

/// The quadratic network of `formulas.py`, in f64 like there; it counts what it is asked.
struct Quadratic {
    input: Vec<f32>,
    batches: Mutex<RefCell<Vec<usize>>>,
    cancel: Option<AtomicBool>,
}

impl Quadratic {
    fn new(input: Vec<f32>) -> Self {
        Self { input, batches: Mutex::default(), cancel: None }
    }

    fn answer(x: &[f32]) -> Vec<f32> {
        let sum = |c: usize| -> f64 {
            let term = |i: usize| (0.37 * (c * x.len() + i) as f64).sin() * f64::from(x[i]);
            (0..x.len()).map(term).sum()
        };
        (0..3).map(|c| (sum(c) / 5.0).powi(2) as f32).collect()
    }
}

impl Backend for Quadratic {
    fn classes(&self) -> usize {
        3
    }

    fn layers(&self) -> Vec<Layer> {
        vec![]
    }

    fn default_layer(&self) -> Option<String> {
        None
    }

    fn input(&self) -> Answer<Array> {
        Ok(Array::new([1, 3, 9, 11], self.input.clone()))
    }

    fn logits(&self) -> Answer<Array> {
        Ok(Array::new([1, 3], Self::answer(&self.input)))
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        panic!("there is no {layer}")
    }

    fn gradient(&self, _place: Place<'_>, _seed: &[f32], _rule: Rule) -> Answer<Array> {
        panic!("there is no gradient")
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        self.batches.lock().unwrap().borrow_mut().push(inputs.len());
        if let Some(cancel) = &self.cancel {
            cancel.store(true, Ordering::Relaxed);
        }
        Ok(Array::new([inputs.len(), 3], inputs.items().flat_map(Self::answer).collect::<Vec<f32>>()))
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        panic!("there is no head")
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        Ok(vec![(-2.0, 2.0), (-1.0, 3.0), (0.0, 1.0)])
    }
}

#[test]
fn occlusion_is_captums() {
    let patches = goldens().occlusion;
    let quadratic = Quadratic::new(patches[0].input.clone());
    for case in &patches {
        let pairs = [
            format!("window={}", case.window),
            format!("stride={}", case.stride),
            format!("baseline={}", case.baseline),
        ];
        let output =
            map_of(&quadratic, "occlusion", &case.seed, &pairs.each_ref().map(String::as_str)).unwrap();
        assert_eq!((output.map.height, output.map.width, output.layer), (case.height, case.width, None));
        let off = error(&output.map.values, &case.map);
        assert!(off < 1e-5, "{pairs:?}: {off:.1e}");
    }
}

#[test]
fn occlusion_tells_how_far_it_is_and_ends_when_cancelled() {
    let input = goldens().occlusion.remove(0).input;
    let registry = bundled();
    let occlusion = registry.find("occlusion").unwrap();
    let info = occlusion.info();
    assert!(info.needs.forward && !info.needs.activations && !info.needs.gradients && !info.rectify);
    let params = Params::parse(info, &["window=2", "stride=1"]).unwrap();
    let told = Mutex::new(vec![]);
    let progress = |done| told.lock().unwrap().push(done);
    let quadratic = Quadratic::new(input.clone());
    let seed = class(0);
    run(occlusion, &quadratic, &request(&seed, &params, &AtomicBool::new(false), &progress)).unwrap();
    let told = told.into_inner().unwrap();
    let batches = quadratic.batches.into_inner().unwrap().into_inner();
    assert_eq!(batches.iter().sum::<usize>(), 80);
    assert_eq!(told.len(), batches.len() + 1);
    assert!(told.is_sorted() && told[0] == 0.0 && told[told.len() - 1] == 1.0, "{told:?}");

    let stopped = Quadratic { cancel: Some(AtomicBool::new(false)), ..Quadratic::new(input.clone()) };
    let cancel = stopped.cancel.as_ref().unwrap();
    let ended = run(occlusion, &stopped, &request(&seed, &params, cancel, &|_| {}));
    assert_eq!(ended.unwrap_err(), ExplainError::Cancelled);
    assert_eq!(stopped.batches.lock().unwrap().borrow().len(), 1);

    let refused =
        |pairs: &[&str]| map_of(&Quadratic::new(input.clone()), "occlusion", &seed, pairs).unwrap_err();
    assert!(matches!(refused(&["window=10"]), ExplainError::NotSupported { .. }));
    assert_eq!(
        refused(&["window=3", "stride=4"]).to_string(),
        "`occlusion`: a stride of 4 pixels with a window of 3 leaves gaps that no patch covers; take a stride of 3 at most"
    );
}
