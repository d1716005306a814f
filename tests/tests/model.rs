//! `camtui model …`: what a model is, the exported file, and pulls that must not install anything.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;

use camtui_tests::Home;
use camtui_tests::files::{Array, sha256};
use camtui_tests::program::{example, foreign};
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

/// A sum in which no module ends is asked for by its ONNX name and by its node's, in files of both of PyTorch's exporters.
#[test]
fn any_value_of_a_file_is_a_layer_when_it_is_named() {
    let home = Home::new();
    let cam = Array::read(&foreign("cam.npy"));
    for (file, value, node) in [
        ("torchscript.onnx", "/blocks/blocks.1/Add_output_0", "/blocks/blocks.1/Add"),
        ("dynamo.onnx", "add_1", "node_add_1"),
    ] {
        let model = foreign(file);
        let info = home.camtui(["model", "info", "--json"]).arg(&model).go().code(0).json().remove(0);
        let layers = info["layers"].as_array().unwrap();
        assert!(layers.iter().all(|layer| layer["name"] != value), "it is no layer by itself: {layers:?}");
        for name in [value, node] {
            let ask = || {
                home.camtui(["--render", "-m"])
                    .arg(&model)
                    .args_of("-l")
                    .arg(name)
                    .arg(foreign("picture.npy"))
            };
            let json = ask().args_of("--save-map map.npy --json").go().code(0);
            assert_eq!(
                json.stderr.lines().filter(|line| line.contains("layer")).count(),
                0,
                "{}",
                json.stderr
            );
            let map = Array::read(&home.at("map.npy"));
            assert_eq!(map.shape, cam.shape, "{file} {name}");
            let error = map.relative_error(&cam.values);
            assert!(error < 1e-5, "{file} {name}: {error}");
        }
        let wrong = home
            .camtui(["--render", "-m"])
            .arg(&model)
            .args_of("-l Add_output_9")
            .arg(foreign("picture.npy"));
        wrong.go().code(2).says("has no layer `Add_output_9`");
    }
}

/// What `model init` writes is read with the model, and what is corrected there counts.
#[test]
fn what_a_file_from_elsewhere_does_not_say_is_written_beside_it() {
    let home = Home::new();
    fs::copy(foreign("torchscript.onnx"), home.at("net.onnx")).unwrap();
    let info = || home.camtui(["model", "info", "net.onnx", "--json"]).go().code(0).json().remove(0);
    let init = |more: &str| home.camtui(["model", "init", "net.onnx"]).args_of(more).go();
    assert_eq!(info()["assumed"], true);
    assert_eq!(init("").code(0).quiet().text().trim(), "net.camtui.toml");
    let text = fs::read_to_string(home.at("net.camtui.toml")).unwrap();
    assert!(text.contains("size = [32, 32]"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("guessed = [") && line.contains("\"mean\"")), "{text}");
    assert_eq!(info()["assumed"], true, "guesses stay guesses");

    let known =
        text.lines().filter(|line| !["guessed", "mean", "labels"].iter().any(|key| line.starts_with(key)));
    let labels: Vec<String> = (0..10).map(|class| format!("kind {class}")).collect();
    home.file("kinds.txt", labels.join("\n"));
    let corrected =
        known.chain(["mean = [0.1, 0.2, 0.3]", "labels = \"kinds.txt\""]).collect::<Vec<_>>().join("\n");
    home.file("net.camtui.toml", corrected);
    let told = info();
    assert_eq!((&told["assumed"], &told["labels"][7]), (&false.into(), &"kind 7".into()));
    assert!(told["preprocessing"].to_string().contains("0.1"), "{told}");
    home.camtui(["--render", "-m", "net.onnx", "-t", "kind 7"]).arg(example("chelsea.png")).go().code(0);

    init("").code(2).says("--force");
    init("--force").code(0);
    assert_eq!(fs::read_to_string(home.at("net.camtui.toml")).unwrap(), text);
    home.camtui(["model", "init", "none.onnx"]).go().code(1).says("none.onnx");
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
