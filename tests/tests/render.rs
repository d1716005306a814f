//! `camtui --render` to files and JSON: what is written, under which names, and what is said of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use camtui_tests::Home;
use camtui_tests::files::{Array, bytes, middle_of_chelsea, npy, provenance, sha256};
use camtui_tests::program::example;
use serde_json::Value;

/// EfficientNet-Lite0's preprocessing.
const LITE: ([f32; 3], [f32; 3]) = ([127.0 / 255.0; 3], [128.0 / 255.0; 3]);

fn chelsea() -> String {
    example("chelsea.png").to_str().unwrap().to_owned()
}

fn rocket() -> String {
    example("rocket.jpg").to_str().unwrap().to_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Pixels of a PNG.
fn pixels(path: &Path) -> image::RgbImage {
    image::open(path).unwrap().to_rgb8()
}

#[test]
fn a_png_says_how_it_came_about_and_a_map_is_the_layers_own() {
    let home = Home::new();
    let ended = home.render([&chelsea(), "-o", "cat.png", "--save-map", "cat.npy"]).go().code(0).quiet();
    assert!(ended.text().contains("Egyptian cat") && ended.text().contains("grad-cam"), "{}", ended.text());
    assert_eq!(ended.text().lines().count(), 1);

    let drawn = pixels(&home.at("cat.png"));
    let before = pixels(&example("chelsea.png"));
    assert_eq!(drawn.dimensions(), before.dimensions());
    assert_ne!(drawn, before);

    let said = provenance(&home.at("cat.png"));
    assert_eq!(said["image"], chelsea());
    assert_eq!(said["model"]["name"], "efficientnet-lite0");
    assert_eq!(said["model"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(said["target"]["index"], 285);
    assert_eq!(said["explainer"]["id"], "grad-cam");
    assert_eq!(said["layer"], "features");
    assert_eq!(said["preprocessing"]["resize"], "squash");

    let map = Array::read(&home.at("cat.npy"));
    assert_eq!(map.shape, [7, 7]);
    assert!(map.values.iter().all(|v| *v >= 0.0) && map.values.iter().any(|v| *v > 0.0));
}

#[test]
fn json_has_the_promised_fields_in_the_promised_order() {
    let home = Home::new();
    let ended = home.render([&chelsea(), "--json"]).go().code(0).quiet();
    let [line] = ended.json().try_into().unwrap();
    let promised = [
        "image",
        "model",
        "preprocessing",
        "predictions",
        "target",
        "explainer",
        "layer",
        "map",
        "diagnostics",
        "metrics",
        "timings_ms",
    ];
    let found: Vec<&str> = keys(&line).into_iter().filter(|key| promised.contains(key)).collect();
    assert_eq!(found, promised);
    assert_eq!(keys(&line["model"]), ["name", "sha256"]);
    assert_eq!(keys(&line["explainer"]), ["id", "version", "params"]);
    assert_eq!(keys(&line["map"]), ["height", "width", "min", "max", "sha256", "values"]);
    let predictions = line["predictions"].as_array().unwrap();
    for prediction in predictions {
        assert_eq!(keys(prediction), ["index", "label", "probability", "logit"]);
    }
    let values: Vec<f64> = predictions.iter().map(|p| p["probability"].as_f64().unwrap()).collect();
    assert!(values.is_sorted_by(|a, b| a >= b) && values[0] > 0.5 && values.iter().sum::<f64>() <= 1.0);
    assert_eq!((&line["map"]["height"], &line["map"]["width"]), (&7.into(), &7.into()));
    for (name, time) in line["timings_ms"].as_object().unwrap() {
        assert!(time.as_f64().unwrap() >= 0.0, "{name}");
    }
}

#[test]
fn the_smallest_and_largest_value_are_those_of_the_map() {
    let home = Home::new();
    let ended = home.render([&chelsea(), "--json", "--save-map", "m.npy", "--signed"]).go().code(0);
    let line = ended.json().remove(0);
    let map = Array::read(&home.at("m.npy"));
    let end = |pick: fn(f32, f32) -> f32| f64::from(map.values.iter().copied().reduce(pick).unwrap());
    assert!((line["map"]["min"].as_f64().unwrap() - end(f32::min)).abs() < 1e-7);
    assert!((line["map"]["max"].as_f64().unwrap() - end(f32::max)).abs() < 1e-7);
}

#[test]
fn a_signed_map_is_what_the_other_is_before_its_relu() {
    let home = Home::new();
    // A class that is not there, so that much speaks against it.
    let target = ["-t", "drilling platform"];
    home.render([&chelsea(), "--save-map", "plain.npy"]).arg(target[0]).arg(target[1]).go().code(0);
    home.render([&chelsea(), "--save-map", "signed.npy", "--signed", "-o", "s.png"])
        .arg(target[0])
        .arg(target[1])
        .go()
        .code(0);
    let (plain, signed) = (Array::read(&home.at("plain.npy")), Array::read(&home.at("signed.npy")));
    assert!(signed.values.iter().any(|v| *v < 0.0));
    let rectified: Vec<f32> = signed.values.iter().map(|v| v.max(0.0)).collect();
    assert_eq!(bytes(&plain.values), bytes(&rectified));
}

#[test]
fn results_come_picture_by_model_by_target_by_explainer_under_names_that_tell_them_apart() {
    let home = Home::new();
    home.camtui(["model", "export", "efficientnet-lite0", "-o", "second.onnx"]).go().code(0);
    let ended = home
        .render([&chelsea(), &rocket(), "-m", "second.onnx", "-t", "top1,258", "-e", "cam,grad-cam"])
        .arg("--json")
        .args_of("-o out --save-map out")
        .go()
        .code(0);
    let got: Vec<[String; 4]> = ended
        .json()
        .iter()
        .map(|line| {
            [
                line["image"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
                line["model"]["name"].as_str().unwrap().to_owned(),
                line["target"]["index"].to_string(),
                line["explainer"]["id"].as_str().unwrap().to_owned(),
            ]
        })
        .collect();
    let models: Vec<&String> = got.iter().map(|row| &row[1]).collect();
    let (first, second) = (models[0].clone(), models[4].clone());
    assert_ne!(first, second);
    let mut wanted = Vec::new();
    for (picture, top) in [("chelsea.png", "285"), ("rocket.jpg", "540")] {
        for model in [&first, &second] {
            for target in [top, "258"] {
                for explainer in ["cam", "grad-cam"] {
                    wanted.push([picture, model, target, explainer].map(ToOwned::to_owned));
                }
            }
        }
    }
    assert_eq!(got, wanted);
    let mut files: Vec<String> = wanted
        .iter()
        .map(|[picture, model, target, explainer]| {
            format!("{}.{model}.{target}.{explainer}", picture.split('.').next().unwrap())
        })
        .flat_map(|name| [format!("{name}.npy"), format!("{name}.png")])
        .collect();
    files.sort();
    assert_eq!(home.names("out"), files);
    // The exported file is the same network, so its maps are the same.
    for explainer in ["cam", "grad-cam"] {
        let map = |model: &str| Array::read(&home.at(&format!("out/chelsea.{model}.285.{explainer}.npy")));
        assert!(map(&second).relative_error(&map(&first).values) < 1e-5);
    }
}

#[test]
fn only_what_there_are_several_of_is_in_the_name() {
    let home = Home::new();
    home.render([&chelsea(), "-o", "one"]).go().code(0);
    home.render([&chelsea(), "-o", "classes", "-t", "all:2"]).go().code(0);
    home.render([&chelsea(), "-o", "explainers", "-e", "cam,grad-cam"]).go().code(0);
    home.render([&chelsea(), "-o", "contrast", "-t", "285,285~282"]).go().code(0);
    assert_eq!(home.names("one"), ["chelsea.png"]);
    assert_eq!(home.names("classes"), ["chelsea.282.png", "chelsea.285.png"]);
    assert_eq!(home.names("explainers"), ["chelsea.cam.png", "chelsea.grad-cam.png"]);
    assert_eq!(home.names("contrast"), ["chelsea.285.png", "chelsea.285~282.png"]);
    let one_file = home.render([&chelsea(), &rocket(), "-o", "both.png"]).go().code(2);
    assert!(one_file.stderr.contains("name a folder") && !home.at("both.png").exists());
}

#[test]
fn folders_globs_and_clashing_names() {
    let home = Home::new();
    let small = small_picture(&home);
    for name in ["pics/a/cat.png", "pics/b/cat.png", "pics/deep/er/dog.png", "pics/.hidden/x.png"] {
        home.file(name, &small);
    }
    home.file("pics/notes.txt", "no picture");
    home.render(["pics", "-o", "folder"]).go().code(0);
    assert_eq!(home.names("folder"), ["a/cat.png", "b/cat.png", "dog.png"]);
    home.render(["pics/*/cat.png", "--save-map", "glob"]).go().code(0);
    assert_eq!(home.names("glob").len(), 2);
    home.render(["pics/*/*.gif"]).go().code(1).says("nothing matches");
}

/// A picture that takes no time to draw over.
fn small_picture(home: &Home) -> Vec<u8> {
    let path = home.at("small.png");
    let small = image::open(example("chelsea.png")).unwrap().thumbnail(64, 64);
    small.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}

#[test]
fn a_picture_or_a_list_of_paths_comes_on_standard_input() {
    let home = Home::new();
    let picture = fs::read(example("chelsea.png")).unwrap();
    let piped = home.render(["-", "--json", "--save-map", "maps"]).stdin(picture).go().code(0);
    assert_eq!(piped.json()[0]["image"], "stdin");
    home.render([&chelsea(), "--save-map", "maps"]).go().code(0);
    assert_eq!(sha256(&home.at("maps/stdin.npy")), sha256(&home.at("maps/chelsea.npy")));

    let list = format!("{}\n{}\n", chelsea(), rocket());
    let listed = home.render(["-", "--json"]).stdin(list).go().code(0).json();
    let images: Vec<&str> = listed.iter().map(|line| line["image"].as_str().unwrap()).collect();
    assert_eq!(images, [chelsea(), rocket()]);
    home.render(["-"]).go().code(1).says("stdin");
}

#[test]
fn a_tensor_goes_to_the_model_as_it_is() {
    let home = Home::new();
    let (mean, std) = LITE;
    let tensor = middle_of_chelsea(mean, std);
    tensor.write(&home.at("one.npy"));
    let plain = Array { shape: vec![3, 224, 224], ..tensor.clone() };
    plain.write(&home.at("bare.npy"));
    // The same twice, with a brighter one between.
    let brighter: Vec<f32> = tensor.values.iter().map(|v| v * 1.25).collect();
    let values = [&tensor.values[..], &brighter, &tensor.values].concat();
    Array { shape: vec![3, 3, 224, 224], values }.write(&home.at("three.npy"));
    let doubles: Vec<u8> = tensor.values.iter().flat_map(|v| f64::from(*v).to_be_bytes()).collect();
    home.file("doubles.npy", npy(&[1, 3, 224, 224], ">f8", &doubles));

    let ended = home
        .render(["one.npy", "bare.npy", "three.npy", "doubles.npy", "--threads", "1"])
        .args_of("--save-map maps -o over --json")
        .go()
        .code(0);
    assert!(ended.json().iter().all(|line| line["preprocessing"].is_null()));
    let names = ["one", "bare", "three-0", "three-2", "doubles"];
    let maps = names.map(|name| sha256(&home.at(&format!("maps/{name}.npy"))));
    assert!(maps.iter().all(|map| *map == maps[0]), "bit-equal inputs give bit-equal maps");
    assert_ne!(sha256(&home.at("maps/three-1.npy")), maps[0]);
    // A picture of the model's own size is not resampled, so it becomes the same tensor but for rounding.
    let whole = image::open(example("chelsea.png")).unwrap();
    whole
        .crop_imm((whole.width() - 224) / 2, (whole.height() - 224) / 2, 224, 224)
        .save(home.at("middle.png"))
        .unwrap();
    home.render(["middle.png", "--save-map", "middle.npy", "--threads", "1"]).go().code(0);
    let (photo, exact) = (Array::read(&home.at("middle.npy")), Array::read(&home.at("maps/one.npy")));
    assert!(photo.relative_error(&exact.values) < 2e-5, "{}", photo.relative_error(&exact.values));
    // It is drawn over the picture that it was.
    let faint = home.render(["one.npy", "-o", "faint.png", "--alpha", "0"]).go().code(0);
    drop(faint);
    let (back, whole) = (pixels(&home.at("faint.png")), pixels(&example("chelsea.png")));
    assert_eq!(back.dimensions(), (224, 224));
    let (left, top) = ((whole.width() - 224) / 2, (whole.height() - 224) / 2);
    for (x, y, pixel) in back.enumerate_pixels() {
        let was = whole.get_pixel(left + x, top + y);
        assert!(pixel.0.iter().zip(was.0).all(|(a, b)| a.abs_diff(b) <= 1), "{x},{y}");
    }
}

#[test]
fn targets_are_named_in_every_promised_way() {
    let home = Home::new();
    let ask = |target: &str| {
        let ended = home.render([&chelsea(), "--json", "-t", target]).go().code(0);
        let name = |line: &Value| match &line["target"]["against"]["index"] {
            Value::Null => line["target"]["index"].to_string(),
            against => format!("{}~{against}", line["target"]["index"]),
        };
        ended.json().iter().map(name).collect::<Vec<String>>()
    };
    assert_eq!(ask("top1"), ["285"]);
    assert_eq!(ask("282"), ["282"]);
    assert_eq!(ask("top2,0"), ["282", "0"]);
    assert_eq!(ask("all:3"), ["285", "282", "281"]);
    assert_eq!(ask("Samoyed"), ["258"]);
    assert_eq!(ask("egyptian c"), ["285"]);
    assert_eq!(ask("top1~tiger cat"), ["285~282"]);
}

#[test]
fn a_target_that_cannot_be_is_told_with_what_can() {
    let home = Home::new();
    let refused = |target: &str| {
        let ended = home.render([&chelsea(), "-t", target, "-o", "x.png"]).go();
        assert!(matches!(ended.code, Some(1 | 2)), "{target}: {:?}", ended.code);
        assert!(ended.stdout.is_empty() && !home.at("x.png").exists(), "{target}");
        ended.stderr
    };
    // The start of two labels, and two labels but for the capital.
    let cranes = refused("cran");
    assert!(cranes.contains("134") && cranes.contains("517"), "{cranes}");
    let cardigans = refused("CARDIGAN");
    assert!(cardigans.contains("264") && cardigans.contains("474"), "{cardigans}");
    assert!(refused("1000").contains("1000"));
    assert!(refused("top0").contains("counts from 1"));
    assert!(refused("top1001").contains("1000"));
    assert!(refused("unicorn").contains("unicorn"));
    assert!(refused("5~5").contains("both sides"));
    assert!(refused("1~2~3").contains("two sides"));
    assert!(!refused("").is_empty());
}

#[test]
fn layers_are_chosen_refused_and_fused() {
    let home = Home::new();
    let other =
        home.render([&chelsea(), "--json", "-l", "_conv_stem", "--save-map", "stem.npy"]).go().code(0);
    assert_eq!(other.json()[0]["layer"], "_conv_stem");
    assert_eq!(Array::read(&home.at("stem.npy")).shape, [112, 112]);
    home.render([&chelsea(), "-l", "layer9"]).go().code(2).says("layer9");
    let fused = home
        .render([&chelsea(), "--json", "-l", "features,_conv_stem", "--save-map", "fused.npy"])
        .go()
        .code(0);
    assert_eq!(fused.json()[0]["layer"], "features,_conv_stem");
    let map = Array::read(&home.at("fused.npy"));
    assert_eq!(map.shape, [224, 224]);
    // The mean of two normalised maps.
    assert!(map.values.iter().all(|v| (0.0..=1.0).contains(v)));
}

#[test]
fn how_it_is_resized_enlarged_and_coloured() {
    let home = Home::new();
    let drawn = |args: &str, name: &str| {
        home.render([&chelsea(), "-o", name]).args_of(args).go().code(0);
        pixels(&home.at(name))
    };
    let plain = drawn("", "plain.png");
    let before = pixels(&example("chelsea.png"));
    assert_eq!(drawn("--alpha 0", "none.png"), before);
    let opaque = drawn("--alpha 1 --interpolation nearest", "opaque.png");
    // Seven cells a side, each of one colour.
    let mut colours: Vec<_> = opaque.pixels().map(|pixel| pixel.0).collect();
    colours.sort_unstable();
    colours.dedup();
    assert!((2..=49).contains(&colours.len()), "{} colours", colours.len());
    let mut pictures = vec![plain, opaque, before];
    for name in ["turbo", "viridis", "inferno", "magma", "grey", "diverging"] {
        pictures.push(drawn(&format!("--colormap {name}"), &format!("{name}.png")));
    }
    pictures.push(drawn("--interpolation bicubic", "bicubic.png"));
    pictures.push(drawn("--resize center-crop", "crop.png"));
    for (n, a) in pictures.iter().enumerate() {
        assert!(pictures[n + 1..].iter().all(|b| a != b), "picture {n} is like a later one");
    }
    let grey = drawn("--colormap grey --alpha 1", "grey.png");
    assert!(grey.pixels().all(|p| p[0] == p[1] && p[1] == p[2]));
    home.render([&chelsea(), "--colormap", "rainbow"]).go().code(2).says("turbo");
    for wrong in ["--alpha=2", "--alpha=nan", "--interpolation=lanczos", "--resize=crop", "--width=0"] {
        home.render([&chelsea(), wrong]).go().code(2);
    }
}

#[test]
fn a_centre_crop_leaves_what_was_not_seen_without_map() {
    let home = Home::new();
    home.render([&chelsea(), "-o", "crop.png", "--resize", "center-crop"]).go().code(0);
    let (drawn, before) = (pixels(&home.at("crop.png")), pixels(&example("chelsea.png")));
    // 451×300: the model sees the middle 7/8 of the shorter side.
    assert_eq!(drawn.get_pixel(2, 150), before.get_pixel(2, 150));
    assert_eq!(drawn.get_pixel(448, 297), before.get_pixel(448, 297));
    assert_ne!(drawn.get_pixel(225, 150), before.get_pixel(225, 150));
}

#[test]
fn the_same_question_has_the_same_answer() {
    let home = Home::new();
    for (folder, threads) in [("a", "1"), ("b", "1"), ("c", "2"), ("d", "2")] {
        home.render([&chelsea(), &rocket(), "--threads", threads, "-e", "cam,grad-cam"])
            .args_of(&format!("-o {folder} --save-map {folder}"))
            .go()
            .code(0);
    }
    let hashes = |folder: &str| {
        let names = home.names(folder);
        names.into_iter().map(|n| (sha256(&home.at(&format!("{folder}/{n}"))), n)).collect::<Vec<_>>()
    };
    let first = hashes("a");
    assert_eq!(first.len(), 8);
    for folder in ["b", "c", "d"] {
        assert_eq!(hashes(folder), first, "{folder}");
    }
}

#[test]
fn files_that_are_there_are_replaced() {
    let home = Home::new();
    home.file("out.png", "old");
    home.file("maps/chelsea.npy", "old");
    home.render([&chelsea(), "-o", "out.png", "--save-map", "maps"]).go().code(0);
    assert_eq!(provenance(&home.at("out.png"))["target"]["index"], 285);
    assert_eq!(Array::read(&home.at("maps/chelsea.npy")).shape, [7, 7]);
    assert_eq!(home.names("maps"), ["chelsea.npy"], "nothing half-written lies about");
}

#[test]
fn a_smoothed_map_is_the_mean_over_changed_pictures() {
    let home = Home::new();
    // A map as large as the input, so that nothing is enlarged; on the class of the picture as it is.
    let middle = middle_of_chelsea(LITE.0, LITE.1);
    let changed = |mirror: bool, factor: f32| {
        let mut values: Vec<f32> = middle.values.iter().map(|v| v * factor).collect();
        if mirror {
            values.chunks_exact_mut(224).for_each(<[f32]>::reverse);
        }
        values
    };
    let (mut all, mut mirrors) = (Vec::new(), Vec::new());
    for mirror in [false, true] {
        for factor in [0.9, 1.0, 1.1] {
            all.extend(changed(mirror, factor));
            mirrors.push(mirror);
        }
    }
    Array { shape: vec![6, 3, 224, 224], values: all }.write(&home.at("all.npy"));
    middle.write(&home.at("one.npy"));
    let common = "-e saliency -t 285";
    home.render(["all.npy", "--save-map", "each"]).args_of(common).go().code(0);
    home.render(["one.npy", "--save-map", "smooth.npy", "--smooth", "aug"]).args_of(common).go().code(0);
    let mut expected = vec![0.0; 224 * 224];
    for (n, mirror) in mirrors.into_iter().enumerate() {
        let mut map = Array::read(&home.at(&format!("each/all-{n}.npy"))).values;
        let (low, high) = map.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        for v in &mut map {
            *v = (*v - low) / (high - low);
        }
        if mirror {
            map.chunks_exact_mut(224).for_each(<[f32]>::reverse);
        }
        expected.iter_mut().zip(map).for_each(|(sum, v)| *sum += v / 6.0);
    }
    let off = Array::read(&home.at("smooth.npy")).relative_error(&expected);
    assert!(off < 1e-4, "{off:e}");
}

/// `--smooth eigen` alone and under `aug`, of which it is the mean over changed pictures, each normalised; and where there is
/// nothing to take a principal component of.
#[test]
fn a_map_of_the_principal_component_is_one_of_the_weighted_channels() {
    let home = Home::new();
    let middle = middle_of_chelsea(LITE.0, LITE.1);
    let mut both = middle.values.clone();
    both.extend(middle.values.iter().map(|v| v * 0.9));
    Array { shape: vec![2, 3, 224, 224], values: both }.write(&home.at("two.npy"));
    let of = |smooth: &str, folder: &str, id: &str| {
        let how = ["two.npy", "-t", "285", "-l", "_blocks.10", "-e", id, "--save-map", folder];
        let mut run = home.render(how);
        if !smooth.is_empty() {
            run = run.arg("--smooth").arg(smooth);
        }
        run.go().code(0);
        Array::read(&home.at(&format!("{folder}/two-0.npy")))
    };
    let (plain, eigen) = (of("", "plain", "grad-cam"), of("eigen", "eigen", "grad-cam"));
    assert_eq!(plain.shape, eigen.shape);
    // Another map that rises with the first, without what lies below zero.
    let values = |array: &Array| array.values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    let (a, b) = (values(&plain), values(&eigen));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (am, bm) = (mean(&a), mean(&b));
    assert!(a.iter().zip(&b).map(|(x, y)| (x - am) * (y - bm)).sum::<f64>() > 0.0);
    assert!(eigen.relative_error(&plain.values) > 0.05 && b.iter().all(|v| *v >= 0.0));
    let signed =
        ["two.npy", "-t", "285", "-l", "_blocks.10", "--smooth", "eigen", "--signed", "--save-map", "s"];
    home.render(signed).go().code(0);
    let signed = values(&Array::read(&home.at("s/two-0.npy")));
    // The component is centred, so it adds up to nothing before the ReLU.
    assert!(mean(&signed).abs() < 1e-6 * signed.iter().map(|v| v.abs()).fold(0.0, f64::max));
    for (signed, rectified) in signed.iter().zip(&b) {
        assert!((signed.max(0.0) - rectified).abs() < 1e-9);
    }
    let both = of("aug,eigen", "both", "grad-cam");
    assert!(both.shape == [224, 224] && both.values.iter().all(|v| (0.0..=1.0).contains(v)));
    assert!(both.relative_error(&of("aug", "aug", "grad-cam").values) > 0.05);

    for id in ["eigen-cam", "saliency", "recipro-cam", "rise"] {
        home.render(["two.npy", "-e", id, "--smooth", "eigen"])
            .go()
            .code(1)
            .says(&format!("`{id}` adds up no weighted channels, so --smooth eigen has nothing"));
    }
}
