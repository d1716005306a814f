//! A network small enough to be seen through: four channels, pooled and read by one linear layer. What it
//! answers has closed forms, so maps can be checked without a model.
#![allow(clippy::float_cmp, reason = "seeds are exact")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use camtui_host::{
    Answer, Array, Backend, BackendError, Batch, ExplainError, Explainer, Layer, Level, Library, LinearHead,
    Output, Params, Place, Registry, Request, Rule, run,
};

pub const CLASSES: usize = 3;
pub const CHANNELS: usize = 4;

/// `logits = w · mean(pooled)`; every other layer only has values.
pub struct Toy {
    pub has_head: bool,
    pub cancel: AtomicBool,
}

impl Default for Toy {
    fn default() -> Self {
        Self { has_head: true, cancel: AtomicBool::new(false) }
    }
}

/// Numbers between −1 and 1, the same in every run.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

pub fn weights() -> Vec<f32> {
    numbers(CLASSES * CHANNELS, 7)
}

pub fn layers() -> Vec<Layer> {
    let layer =
        |name: &str, shape: &[usize], gradient| Layer { name: name.into(), shape: shape.into(), gradient };
    vec![
        layer("early", &[7, 9, 8], true),
        layer("conv", &[CHANNELS, 5, 6], true),
        layer("pooled", &[CHANNELS, 2, 3], true),
        layer("closed", &[CHANNELS, 2, 3], false),
        layer("flat", &[CHANNELS], false),
    ]
}

pub fn values(layer: &str) -> Array {
    let at = layers().iter().position(|l| l.name == layer).unwrap();
    let shape = [vec![1], layers()[at].shape.clone()].concat();
    let count = shape.iter().product();
    Array::new(shape, numbers(count, 11 + at as u64))
}

impl Backend for Toy {
    fn classes(&self) -> usize {
        CLASSES
    }

    fn layers(&self) -> Vec<Layer> {
        layers()
    }

    fn default_layer(&self) -> Option<String> {
        Some("pooled".into())
    }

    fn input(&self) -> Answer<Array> {
        Ok(Array::new([1, 3, 4, 4], numbers(48, 3)))
    }

    fn logits(&self) -> Answer<Array> {
        let pooled = values("pooled");
        self.forward_from("pooled", Batch { shape: pooled.shape(), data: pooled.data() })
    }

    fn activation(&self, layer: &str) -> Answer<Array> {
        Ok(values(layer))
    }

    fn gradient(&self, place: Place<'_>, seed: &[f32], rule: Rule) -> Answer<Array> {
        match place {
            Place::Image => Ok(Array::new([1, 3, 4, 4], vec![seed.iter().sum(); 48])),
            Place::Layer(layer) => {
                let shape = values(layer).shape().to_vec();
                let area = shape[2] * shape[3];
                let gradient = (0..shape[1]).flat_map(|k| {
                    let row: f32 =
                        seed.iter().enumerate().map(|(c, s)| s * weights()[(c * CHANNELS + k) % 12]).sum();
                    let sign = if rule == Rule::Guided { row.max(0.0) } else { row };
                    std::iter::repeat_n(sign / area as f32, area)
                });
                let gradient: Vec<f32> = if layer == "pooled" {
                    gradient.collect()
                } else {
                    gradient.zip(numbers(shape.iter().product(), 29)).map(|(g, n)| g * n).collect()
                };
                Ok(Array::new(shape, gradient))
            }
        }
    }

    fn forward(&self, inputs: Batch<'_>) -> Answer<Array> {
        let sums = inputs.items().flat_map(|item| {
            let sum: f32 = item.iter().sum();
            [sum, -sum, 2.0 * sum]
        });
        Ok(Array::new([inputs.len(), CLASSES], sums.collect::<Vec<f32>>()))
    }

    fn forward_from(&self, layer: &str, activations: Batch<'_>) -> Answer<Array> {
        if layer != "pooled" {
            return Err(BackendError::NotSupported(format!("the toy has no tail after {layer}")));
        }
        let logits = activations.items().flat_map(|item| {
            let means: Vec<f32> = item.chunks(6).map(|plane| plane.iter().sum::<f32>() / 6.0).collect();
            let rows = weights();
            let dot = |row: &[f32]| row.iter().zip(&means).map(|(w, m)| w * m).sum::<f32>();
            rows.chunks(CHANNELS).map(dot).collect::<Vec<f32>>()
        });
        Ok(Array::new([activations.len(), CLASSES], logits.collect::<Vec<f32>>()))
    }

    fn layer_bias(&self, _layer: &str) -> Answer<Array> {
        panic!("the toy's own bug")
    }

    fn linear_head(&self) -> Answer<LinearHead> {
        if !self.has_head {
            return Err(BackendError::NotSupported(
                "its last pooling is followed by two linear layers".into(),
            ));
        }
        let weights = Array::new([CLASSES, CHANNELS], weights());
        Ok(LinearHead { pooled: "pooled".into(), weights, bias: None })
    }

    fn pixel_range(&self) -> Answer<Vec<(f32, f32)>> {
        Ok(vec![(-2.0, 2.0), (-1.0, 3.0), (0.0, 1.0)])
    }
}

/// One-hot.
pub fn class(index: usize) -> Vec<f32> {
    (0..CLASSES).map(|c| f32::from(u8::from(c == index))).collect()
}

pub fn ask(
    explainer: &Explainer,
    toy: &Toy,
    layer: Option<&str>,
    seed: &[f32],
) -> Result<Output, ExplainError> {
    ask_with(explainer, toy, layer, seed, &Params::defaults(explainer.info()), &|_, _| {})
}

pub fn ask_with(
    explainer: &Explainer,
    toy: &Toy,
    layer: Option<&str>,
    seed: &[f32],
    params: &Params,
    log: &(dyn Fn(Level, &str) + Sync),
) -> Result<Output, ExplainError> {
    let request = Request {
        layer,
        target: seed.iter().position(|&s| s == 1.0),
        seed,
        params,
        random_seed: 42,
        cancel: &toy.cancel,
        progress: &|_| {},
        terms: explainer.info().gives_terms,
        partial: None,
        log,
    };
    run(explainer, toy, &request)
}

pub fn registry(library: Library) -> Registry {
    let mut registry = Registry::default();
    assert_eq!(registry.add(library), Vec::<String>::new());
    registry
}

/// The folder that this very profile builds into.
pub fn build_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

/// Builds `package` as this test was built; what came out lies in [`build_folder`].
pub fn cargo_build(package: &str) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", package]);
    cargo.arg("--target-dir").arg(build_folder().parent().unwrap());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "{package} does not build");
}

/// The library that cargo made of `package`.
pub fn built(package: &str) -> PathBuf {
    cargo_build(package);
    let name = package.replace('-', "_");
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    build_folder().join(file)
}

/// Builds `tests/plugins/SOURCE.rs`, with `variant` set as a `cfg`, against the SDK.
pub fn plugin(source: &str, variant: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/plugins/{source}.rs"));
    compiled(&path, &format!("{source}_{variant}"), &["--cfg", &format!("variant=\"{variant}\"")])
}

/// Builds a library from one file against the SDK.
pub fn compiled(source: &Path, name: &str, flags: &[&str]) -> PathBuf {
    static SDK: std::sync::Once = std::sync::Once::new();
    SDK.call_once(|| cargo_build("camtui-plugin"));
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let sdk = build_folder().join("libcamtui_plugin.rlib");
    let made = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", name])
        .args(flags)
        .args(["-A", "warnings", "-o"])
        .arg(&out)
        .arg("--extern")
        .arg(format!("camtui_plugin={}", sdk.display()))
        .arg("-L")
        .arg(format!("dependency={}", build_folder().join("deps").display()))
        .arg(source)
        .output()
        .unwrap();
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    out
}
