//! The same command gives the same bytes on any number of threads: every explainer there is, smoothed or not, and measured.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use camtui_core::onnx::build::{GraphBuilder, batched, int, ints};
use camtui_core::seeded::uniform;
use camtui_core::{Tensor, npy};
use prost::Message as _;
use serde_json::Value;

const SIDE: usize = 24;
const THREADS: [&str; 3] = ["1", "2", "3"];

/// Two convolutions, the second with a batch norm, pooled and read by one linear layer; weights drawn by lot.
fn network(path: &Path) {
    let mut graph = GraphBuilder::new("net");
    graph.input("image", &batched(&[3, SIDE, SIDE]));
    graph.output("logits", &batched(&[5]));
    let mut weight = |name: &str, shape: &[usize], bound: f32| {
        graph.f32s(name, shape, uniform(name, shape, 1, -bound, bound).data());
    };
    weight("first.weight", &[6, 3, 3, 3], 0.47);
    weight("first.bias", &[6], 0.2);
    weight("second.weight", &[8, 6, 3, 3], 0.33);
    weight("norm.bias", &[8], 0.3);
    weight("norm.mean", &[8], 0.3);
    weight("fc.weight", &[5, 8], 1.0);
    weight("fc.bias", &[5], 0.3);
    graph.f32s("norm.weight", &[8], &[1.0, 0.8, 1.2, 0.9, 1.1, 1.0, 0.7, 1.3]);
    graph.f32s("norm.var", &[8], &[0.5, 0.6, 0.9, 0.7, 0.8, 1.0, 0.6, 0.5]);
    let pads = || ints("pads", &[1, 1, 1, 1]);
    graph.node("Conv", &["image", "first.weight", "first.bias"], "/first/Conv", vec![pads()]);
    graph.node("Relu", &["/first/Conv"], "/relu1/Relu", vec![]);
    let two = vec![pads(), ints("strides", &[2, 2])];
    graph.node("Conv", &["/relu1/Relu", "second.weight"], "/second/Conv", two);
    let norm = ["/second/Conv", "norm.weight", "norm.bias", "norm.mean", "norm.var"];
    graph.node("BatchNormalization", &norm, "/norm/BatchNormalization", vec![]);
    graph.node("Relu", &["/norm/BatchNormalization"], "/relu2/Relu", vec![]);
    graph.node("GlobalAveragePool", &["/relu2/Relu"], "/pool/GlobalAveragePool", vec![]);
    graph.node("Flatten", &["/pool/GlobalAveragePool"], "/Flatten", vec![int("axis", 1)]);
    graph.node("Gemm", &["/Flatten", "fc.weight", "fc.bias"], "logits", vec![int("transB", 1)]);
    std::fs::write(path, graph.into_model().encode_to_vec()).unwrap();
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        network(&home.0.path().join("net.onnx"));
        let picture = uniform("picture", &[1, 3, SIDE, SIDE], 2, -1.0, 1.0);
        let tensor = Tensor::new([1, 3, SIDE, SIDE], picture.data().to_vec()).unwrap();
        std::fs::write(home.0.path().join("x.npy"), npy::write(&tensor)).unwrap();
        home
    }

    fn run(&self, words: &[&str]) -> Vec<u8> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_camtui"));
        command.current_dir(self.0.path()).args(words);
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "CAMTUI_CACHE_DIR"] {
            command.env(variable, self.0.path());
        }
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{words:?}: {said}");
        out.stdout
    }

    /// The ids of all explainers, or of those that give what they add up.
    fn explainers(&self, terms_only: bool) -> Vec<String> {
        let listed: Value = serde_json::from_slice(&self.run(&["plugin", "list", "--json"])).unwrap();
        let ids =
            listed["explainers"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        let gives = |id: &String| {
            let info: Value = serde_json::from_slice(&self.run(&["plugin", "info", id, "--json"])).unwrap();
            let info = info.get("explainers").map_or(&info, |all| &all[0]);
            info["gives_terms"] == true
        };
        ids.filter(|id| !terms_only || gives(id)).collect()
    }

    /// What is said of each explainer, without the times.
    fn said(&self, explainers: &[String], words: &str, threads: &str) -> Vec<Value> {
        // Of those that are asked, each takes the parameters that it knows.
        let few = if explainers.iter().any(|id| id == "rise") {
            "-P masks=40 -P samples=12 -P steps=6 -P segments=6 -P top=8 -P window=6"
        } else {
            "-P samples=12 -P steps=6 -P top=8"
        };
        let all = explainers.join(",");
        let mut line =
            vec!["--render", "x.npy", "-m", "net.onnx", "--json", "--seed", "5", "-e", all.as_str()];
        line.extend(few.split(' ').chain(words.split_whitespace()));
        line.extend(["--threads", threads]);
        let text = String::from_utf8(self.run(&line)).unwrap();
        let mut said: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for one in &mut said {
            one.as_object_mut().unwrap().remove("timings_ms");
        }
        said
    }
}

fn same(words: &str, terms_only: bool) {
    let home = Home::new();
    let explainers = home.explainers(terms_only);
    assert_eq!(explainers.len(), if terms_only { 15 } else { 30 });
    let [one, rest @ ..] = THREADS;
    let expected = home.said(&explainers, words, one);
    assert_eq!(expected.len(), explainers.len());
    for threads in rest {
        for (found, expected) in home.said(&explainers, words, threads).iter().zip(&expected) {
            assert_eq!(found, expected, "{} {words} on {threads} threads", expected["explainer"]["id"]);
        }
    }
}

#[test]
fn every_explainer_gives_the_same_bytes_on_any_number_of_threads() {
    same("", false);
    same("-l norm -t top2", false);
}

#[test]
fn so_do_smoothed_maps() {
    same("--smooth aug", false);
    same("--smooth eigen", true);
    same("--smooth aug,eigen -l norm", true);
}

#[test]
fn so_do_the_figures() {
    same(
        "--metrics=deletion,insertion,road,average-drop,increase,adcc,sparsity,border-mass,pointing,sanity --box 3,4,9,8",
        false,
    );
}
