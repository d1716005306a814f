//! The two figures that started it all, CAM and Grad-CAM in jet at half opacity over the full-size picture, each by
//! one command, and their maps against PyTorch's (`goldens/figures.py`).
//!
//! With `CAMTUI_TEST_CHECKPOINT` and `CAMTUI_TEST_IMAGE` they are made of that ResNet-18 and picture; without, of what
//! comes with camtui, where there is no PyTorch to compare with but the two maps still bind each other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use camtui_tests::Home;
use camtui_tests::files::{Array, middle_of_chelsea, provenance, sha256};
use camtui_tests::program::{example, repository};
use serde_json::Value;

/// The checkpoint and the picture of the goldens, where they are here.
fn originals() -> Option<(PathBuf, PathBuf)> {
    let file = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists());
    Some((file("CAMTUI_TEST_CHECKPOINT")?, file("CAMTUI_TEST_IMAGE")?))
}

fn goldens() -> Value {
    serde_json::from_slice(&fs::read(repository().join("tests/goldens/data/figures.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

/// The two commands; `layer` is Grad-CAM's.
fn figures(home: &Home, model: &str, picture: &Path, layer: &str) {
    let picture = picture.to_str().unwrap();
    let both = "--colormap jet --alpha 0.5 --signed --json";
    let plain = ["--render", "--model", model, picture];
    let drawn = "--colormap jet --alpha 0.5";
    home.camtui(plain).args_of(&format!("-e cam {drawn} -o cam.png --save-map cam.npy")).go().code(0);
    home.camtui(plain)
        .args_of(&format!("-e grad-cam -l {layer} {drawn} -o grad-cam.png --save-map grad-cam.npy"))
        .go()
        .code(0);
    home.camtui(plain).args_of(&format!("-e cam {both} --save-map signed.npy")).go().code(0);
}

/// Jet over the whole picture: every pixel is half of the picture's and half of some colour, which is red where the map
/// is highest and blue where it is lowest.
fn looks_right(home: &Home, picture: &Path) {
    let before = image::open(picture).unwrap().to_rgb8();
    for name in ["cam", "grad-cam"] {
        let path = home.at(&format!("{name}.png"));
        let drawn = image::open(&path).unwrap().to_rgb8();
        assert_eq!(drawn.dimensions(), before.dimensions(), "full size");
        for (a, b) in drawn.pixels().zip(before.pixels()) {
            let ok =
                a.0.iter().zip(b.0).all(|(&a, b)| (-1..=129).contains(&(i32::from(a) - i32::from(b) / 2)));
            assert!(ok, "{a:?} over {b:?}");
        }
        let map = Array::read(&home.at(&format!("{name}.npy")));
        let [h, w] = map.shape[..] else { panic!("{:?}", map.shape) };
        let most = (0..h * w).max_by(|a, b| map.values[*a].total_cmp(&map.values[*b])).unwrap();
        let least = (0..h * w).min_by(|a, b| map.values[*a].total_cmp(&map.values[*b])).unwrap();
        let tint = |at: usize| {
            let x = ((at % w) as u32 * 2 + 1) * drawn.width() / (2 * w as u32);
            let y = ((at / w) as u32 * 2 + 1) * drawn.height() / (2 * h as u32);
            let (a, b) = (drawn.get_pixel(x, y), before.get_pixel(x, y));
            [0, 2].map(|c| i32::from(a[c]) - i32::from(b[c]) / 2)
        };
        let ([red, blue], [cold_red, cold_blue]) = (tint(most), tint(least));
        assert!(red > blue && cold_blue > cold_red, "{name}: {red} {blue} / {cold_red} {cold_blue}");
        assert_eq!(provenance(&path)["explainer"]["id"], name);
    }
}

#[test]
fn two_commands_make_the_two_figures() {
    let home = Home::new();
    let Some((checkpoint, picture)) = originals() else {
        println!(
            "skipped: CAMTUI_TEST_CHECKPOINT and CAMTUI_TEST_IMAGE name no files; the bundled ones are used"
        );
        let picture = example("chelsea.png");
        figures(&home, "efficientnet-lite0", &picture, "features");
        looks_right(&home, &picture);
        // At the pooled layer Grad-CAM is the rectified CAM over the number of cells.
        let (cam, grad_cam) = (Array::read(&home.at("signed.npy")), Array::read(&home.at("grad-cam.npy")));
        let expected: Vec<f32> = cam.values.iter().map(|v| v.max(0.0) / 49.0).collect();
        assert!(grad_cam.relative_error(&expected) < 1e-4, "{}", grad_cam.relative_error(&expected));
        return;
    };
    figures(&home, checkpoint.to_str().unwrap(), &picture, "layer4.1.conv2");
    looks_right(&home, &picture);
    let goldens = goldens();
    if goldens["checkpoint"] != sha256(&checkpoint) || goldens["picture"] != sha256(&picture) {
        return println!("skipped: the goldens are of another checkpoint or picture");
    }
    let said = provenance(&home.at("cam.png"));
    assert_eq!((&said["target"]["index"], &said["target"]["label"]), (&258.into(), &"Samoyed".into()));
    for name in ["cam", "grad-cam"] {
        // Our own decoding and resizing are part of this.
        let map = Array::read(&home.at(&format!("{name}.npy")));
        let wanted = numbers(&goldens["figure"][name]);
        assert_eq!(map.shape, [7, 7]);
        assert!(map.relative_error(&wanted) < 2e-2, "{name}: {}", map.relative_error(&wanted));
        assert!(map.cosine(&wanted) > 0.9999, "{name}: {}", map.cosine(&wanted));
    }
}

#[test]
fn an_exact_tensor_gives_pytorchs_maps() {
    let Some((checkpoint, _)) = originals() else {
        return println!("skipped: CAMTUI_TEST_CHECKPOINT and CAMTUI_TEST_IMAGE name no files");
    };
    let goldens = goldens();
    if goldens["checkpoint"] != sha256(&checkpoint) {
        return println!("skipped: the goldens are of another checkpoint");
    }
    let home = Home::new();
    middle_of_chelsea([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).write(&home.at("exact.npy"));
    let plain = ["--render", "-m", checkpoint.to_str().unwrap(), "exact.npy", "--json"];
    for (name, layer) in [("cam", "layer4"), ("grad-cam", "layer4.1.conv2")] {
        let map = format!("{name}.npy");
        let ended =
            home.camtui(plain).args_of(&format!("-e {name} -l {layer} --save-map {map}")).go().code(0);
        let line = ended.json().remove(0);
        assert_eq!(line["target"]["index"], goldens["exact"]["class"]);
        let logit = line["predictions"][0]["logit"].as_f64().unwrap();
        assert!((logit / goldens["exact"]["logit"].as_f64().unwrap() - 1.0).abs() < 1e-5);
        let error = Array::read(&home.at(&map)).relative_error(&numbers(&goldens["exact"][name]));
        println!("{name}: relative error {error:.2e}");
        assert!(error < 1e-4, "{name}: {error}");
    }
}
