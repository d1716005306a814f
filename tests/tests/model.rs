//! `camtui model …`: what a model is, the exported file, and pulls that must not install anything.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;

use camtui_tests::Home;
use camtui_tests::files::{Array, sha256};
use camtui_tests::program::example;
use camtui_tests::server::{body, serve};

#[test]
fn info_tells_layers_classes_preprocessing_and_hash() {
    let home = Home::new();
    let text = home.camtui(["model", "info", "efficientnet-lite0"]).go().code(0).quiet().text();
    let value = |key: &str| {
        let line =
            text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}: {text}"));
        line[key.len()..].trim().to_owned()
    };
    assert_eq!((value("model"), value("classes")), ("efficientnet-lite0".into(), "1000".into()));
    assert_eq!(value("input"), "[N, 3, 224, 224]");
    assert!(value("preprocessing").starts_with("squash"));
    let sum = value("sha256");
    assert!(sum.len() == 64 && sum.chars().all(|c| c.is_ascii_hexdigit()));
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with("* ")).collect();
    assert!(marked[0].contains("features") && marked[0].contains("1280×7×7"), "{marked:?}");

    let json = home.camtui(["model", "info", "efficientnet-lite0", "--json"]).go().code(0).json().remove(0);
    assert_eq!(json["sha256"], sum);
    assert_eq!(json["labels"].as_array().unwrap().len(), 1000);
    assert_eq!(json["labels"][258], "Samoyed");
    let layers = json["layers"].as_array().unwrap();
    let features = layers.iter().find(|layer| layer["name"] == "features").unwrap();
    assert_eq!(features["shape"], serde_json::json!([1280, 7, 7]));
    assert_eq!(json["default_layer"], "features");
}

#[test]
fn an_exported_model_loads_again_whole_and_pruned() {
    let home = Home::new();
    let picture = example("chelsea.png");
    let export = |file: &str, more: &str| {
        home.camtui(["model", "export", "efficientnet-lite0", "-o", file]).args_of(more).go().code(0);
        fs::metadata(home.at(file)).unwrap().len()
    };
    let map = |model: &str, name: &str, words: &str| {
        let run = home.camtui(["--render", picture.to_str().unwrap(), "-m", model, "--save-map", name]);
        run.args_of(words).go().code(0);
        Array::read(&home.at(name))
    };
    let whole = export("whole.onnx", "");
    // The outputs that Grad-CAM needs at the layer.
    let pruned = export("pruned.onnx", "--outputs logits,activation:features,gradient:features");
    assert!(pruned < whole);
    let reference = map("efficientnet-lite0", "reference.npy", "");
    for name in ["whole", "pruned"] {
        let got = map(&format!("{name}.onnx"), &format!("{name}.npy"), "");
        assert!(got.relative_error(&reference.values) < 1e-5, "{name}");
        let info =
            home.camtui(["model", "info", &format!("{name}.onnx"), "--json"]).go().code(0).json().remove(0);
        assert_eq!(info["labels"][258], "Samoyed", "labels travel with the file");
        assert_eq!(info["sha256"].as_str().unwrap().len(), 64);
    }
    // Another size is in the file: the last of five halvings.
    export("wide.onnx", "--outputs logits,activation:features --input-size 160x288");
    let info = home.camtui(["model", "info", "wide.onnx", "--json"]).go().code(0).json().remove(0);
    let features = info["layers"].as_array().unwrap().iter().find(|layer| layer["name"] == "features");
    assert_eq!(features.unwrap()["shape"], serde_json::json!([1280, 5, 9]));
    // What was cut away is told, not guessed.
    let args = ["--render", picture.to_str().unwrap(), "-m", "pruned.onnx", "-l", "_conv_stem", "-o", "out"];
    let cut = home.camtui(args).go();
    assert!(matches!(cut.code, Some(1 | 2)) && cut.stderr.contains("_conv_stem"), "{}", cut.stderr);
    // Logits alone still predict.
    export("logits.onnx", "--outputs logits");
    home.camtui(["model", "info", "logits.onnx"]).go().code(0);
}

#[test]
fn exports_that_cannot_be() {
    let home = Home::new();
    let export =
        |args: &[&str]| home.camtui(["model", "export", "efficientnet-lite0"]).args_of(&args.join(" ")).go();
    export(&["-o", "x.onnx", "--outputs", "logits,gradient:layer9"]).code(2).says("gradient:layer9");
    export(&["-o", "missing/x.onnx"]).code(1).says("missing");
    fs::create_dir(home.at("folder")).unwrap();
    export(&["-o", "folder"]).code(2).says("folder");
    export(&["-o", "x.onnx", "--input-size", "picture"]).code(2).says("one size");
    export(&["-o", "x.onnx", "--input-size", "7"]).code(2).says("32 to 8192 pixels");
    export(&[]).code(2);
    assert_eq!(home.names("."), [""; 0]);
}

#[test]
fn the_list_names_the_models_and_where_they_are() {
    let home = Home::new();
    let text = home.camtui(["model", "list"]).go().code(0).quiet().text();
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(row("resnet18").contains("no"));
    assert!(row("efficientnet-lite0").contains("in the program"));
}

#[test]
fn a_pull_installs_nothing_that_is_not_the_model() {
    let home = Home::new();
    let pull = |url: &str| {
        let run = home.camtui(["model", "pull", "resnet18"]).env("CAMTUI_MODEL_MIRROR", url);
        run.env("CAMTUI_PULL_TIMEOUT_MS", "2000").go().code(1)
    };
    // Right in size and wrong in content; a page that says nothing is here; nothing; no one at all.
    let wrong = pull(&serve(body(46_830_571)));
    assert!(wrong.stderr.contains("f37072fd47e89c5e"), "{}", wrong.stderr);
    pull(&serve(body(5000))).says("5000");
    pull(&serve(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())).says("404");
    pull(&serve(Vec::new()));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let alone = pull(&format!("http://{nobody}"));
    for help in ["--from", "CAMTUI_MODEL_MIRROR", "efficientnet-lite0"] {
        assert!(alone.stderr.contains(help), "{help}: {}", alone.stderr);
    }
    let installed = home.names("data");
    assert!(installed.iter().all(|name| !name.ends_with("f37072fd.pth")), "{installed:?}");
    assert!(
        home.camtui(["model", "list"])
            .go()
            .code(0)
            .text()
            .lines()
            .any(|l| l.starts_with("resnet18") && l.contains(" no "))
    );
    home.camtui(["model", "pull", "resnet99"]).go().code(1).says("resnet18");
    let picture = home.file("not-a-model.pth", "x");
    home.camtui(["model", "pull", "resnet18", "--from"]).arg(&picture).go().code(1).says("not-a-model.pth");
    assert_eq!(sha256(&picture), "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
}
