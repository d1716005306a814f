//! `camtui replay`: what was made is made again, and whatever is not the same is told.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use camtui_tests::Home;
use camtui_tests::files::{Array, bytes, middle_of_chelsea, provenance, sha256};
use camtui_tests::program::{example, template};
use serde_json::Value;

fn chelsea(home: &Home) -> String {
    let path = home.at("cat.png");
    fs::copy(example("chelsea.png"), &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The map that a record holds, read without camtui's code.
fn held(record: &Value) -> Vec<f32> {
    use base64::Engine as _;
    let held = record["map"]["values"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(held).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn every_output_says_what_it_was_made_of() {
    let home = Home::new();
    let cat = chelsea(&home);
    let args =
        [cat.as_str(), "-o", "o.png", "--save-map", "o.npy", "--json", "--alpha", "0.3", "--seed", "7"];
    let line =
        home.render(args).args_of("-e occlusion -P window=64 --colormap turbo").go().code(0).json().remove(0);
    let said = provenance(&home.at("o.png"));
    for record in [&line, &said] {
        assert_eq!(record["image_sha256"], sha256(&home.at("cat.png")));
        assert_eq!(record["model"]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(record["explainer"]["params"]["window"], 64);
        assert!(record["explainer"]["version"].is_string());
        assert_eq!((&record["seed"], &record["signed"]), (&7.into(), &false.into()));
        assert_eq!((&record["colormap"], &record["interpolation"]), (&"turbo".into(), &"bilinear".into()));
        assert!((record["alpha"].as_f64().unwrap() - 0.3).abs() < 1e-6);
        assert_eq!(record["camtui"], env!("CARGO_PKG_VERSION"));
        assert_eq!(bytes(&held(record)), bytes(&Array::read(&home.at("o.npy")).values));
        assert_eq!(record["map"]["sha256"], {
            fs::write(home.at("raw"), bytes(&held(record))).unwrap();
            sha256(&home.at("raw"))
        });
    }
    assert!(said.get("timings_ms").is_none(), "what differs from run to run has no place in a file");
}

/// Another input size, and each picture's own: seen by the map's shape, and replayed to the byte.
#[test]
fn other_input_sizes_are_recorded_and_made_again() {
    let home = Home::new();
    let cat = chelsea(&home);
    let (width, height) = image::open(&cat).unwrap().to_rgb8().dimensions();
    let steps = |side: u32| u64::from((side + 16) / 32);
    let own = format!("{}x{}", steps(height) * 32, steps(width) * 32);
    for (asked, recorded, map) in
        [("160x256", "160x256", [5, 8]), ("picture", own.as_str(), [steps(height), steps(width)])]
    {
        home.render([&cat, "--input-size", asked, "-o", "o.png"]).go().code(0);
        let said = provenance(&home.at("o.png"));
        assert_eq!(said["model"]["input_size"], recorded);
        assert_eq!([said["map"]["height"].as_u64(), said["map"]["width"].as_u64()], map.map(Some));
        let said = home.camtui(["replay", "o.png"]).go().code(0).quiet().text();
        assert!(said.starts_with("same: "), "{said}");
    }
    home.render([&cat, "--input-size", "31"]).go().code(2).says("32 to 8192 pixels");
}

#[test]
fn a_strip_holds_a_record_of_each_of_its_maps() {
    let home = Home::new();
    let cat = chelsea(&home);
    let ended = home.render([&cat, "-o", "strip.png", "-e", "grad-cam,eigen-cam,fem"]).go().code(0);
    assert_eq!(ended.text().matches("strip.png").count(), 1, "{}", ended.text());
    let strip = image::open(home.at("strip.png")).unwrap().to_rgb8();
    let photo = image::open(&cat).unwrap().to_rgb8();
    // The photo and three maps, 448 wide each, above a line of captions.
    let tall = (photo.height() * 448).div_ceil(photo.width());
    assert_eq!(strip.dimensions(), (4 * 448 + 3 * 6, tall + 28));
    let tile = |n: u32| image::imageops::crop_imm(&strip, n * 454, 0, 448, tall).to_image();
    assert!((0..4).all(|a| (0..a).all(|b| tile(a) != tile(b))), "each tile is another picture");
    let said = home.camtui(["replay", "strip.png"]).go().code(0).quiet().text();
    assert_eq!(said.lines().filter(|line| line.starts_with("same: ")).count(), 3, "{said}");
    for id in ["grad-cam", "eigen-cam", "fem"] {
        assert!(said.contains(&format!("· {id} ·")), "{said}");
    }
    // What several classes or pictures make does not fit one file.
    home.render(["cat.png", "-o", "s.png", "-e", "cam,fem", "-t", "top1,top2"])
        .go()
        .code(2)
        .says("name a folder");
}

#[test]
fn what_is_made_again_is_the_same_byte_for_byte() {
    let home = Home::new();
    let cat = chelsea(&home);
    for (n, how) in [
        "-e grad-cam",
        "-e random-cam --seed 5 -t 281",
        "-e layer-cam -l _blocks.10,features --colormap viridis --alpha 0.7 --interpolation bicubic",
        "-e hires-cam -l _blocks.10 --smooth aug --exact",
        "-e saliency --double",
        "-e layer-cam --smooth eigen",
        "-e grad-cam -l _blocks.10 --smooth aug,eigen",
        "-e hires-cam -t top1~top3 --signed --resize center-crop",
        "-e occlusion -P window=64 -P stride=40 -t top2",
    ]
    .iter()
    .enumerate()
    {
        let (png, json) = (format!("{n}.png"), format!("{n}.json"));
        let line =
            home.render([cat.as_str(), "--json", "-o", &png, "--threads", "1"]).args_of(how).go().code(0);
        fs::write(home.at(&json), &line.stdout).unwrap();
        for file in [&png, &json] {
            let ended =
                home.camtui(["replay", file, "-o", "again.png", "--threads", "2"]).go().code(0).quiet();
            assert!(
                ended.text().starts_with("same: ") && ended.text().contains("byte for byte"),
                "{}",
                ended.text()
            );
            assert_eq!(sha256(&home.at("again.png")), sha256(&home.at(&png)), "{how}");
        }
    }
    // One answer a record, and each kind of file by its ending.
    let two = [fs::read(home.at("0.json")).unwrap(), fs::read(home.at("1.json")).unwrap()].concat();
    home.file("two.json", two);
    let ended = home.camtui(["replay", "two.json", "--json", "-o", "folder"]).go().code(0).quiet();
    assert_eq!(ended.json().iter().map(|line| line["same"].as_bool()).collect::<Vec<_>>(), [Some(true); 2]);
    assert_eq!(home.names("folder"), ["1-cat.png", "2-cat.png"]);
    home.camtui(["replay", "two.json", "-o", "one.png"]).go().code(2).says("name a folder");
    home.camtui(["replay", "0.png", "-o", "m.npy"]).go().code(0);
    assert_eq!(bytes(&Array::read(&home.at("m.npy")).values), bytes(&held(&provenance(&home.at("0.png")))));
    home.camtui(["replay", "0.png", "-o", "r.json"]).go().code(0);
    home.camtui(["replay", "r.json"]).go().code(0);
}

/// A record of the picture with something in it changed.
fn changed(home: &Home, change: impl Fn(&mut Value)) {
    let cat = chelsea(home);
    let mut record = home.render([cat.as_str(), "--json"]).go().code(0).json().remove(0);
    change(&mut record);
    home.file("changed.json", record.to_string());
}

/// As on a machine whose processor knows less: other last digits, which are told, and the same bytes there.
#[test]
fn other_instructions_are_another_machine() {
    let home = Home::new();
    let cat = chelsea(&home);
    let made = home.render([cat.as_str(), "--json"]).env("CAMTUI_INSTRUCTIONS", "portable").go().code(0);
    let record = made.json().remove(0);
    assert!(record["platform"].as_str().unwrap().ends_with("-portable"), "{record}");
    fs::write(home.at("made.json"), record.to_string()).unwrap();
    home.camtui(["replay", "made.json"]).env("CAMTUI_INSTRUCTIONS", "portable").go().code(0);
    let line =
        home.camtui(["replay", "made.json", "--json", "--tolerance", "1e-4"]).go().code(0).json().remove(0);
    assert!(line["same"] == true || line["notes"].to_string().contains("-portable"), "{line}");

    // In double precision the runtime computes all of it, with whatever instructions.
    let double = || home.render([&cat, "--double", "-e", "saliency", "--json"]);
    let portable = double().env("CAMTUI_INSTRUCTIONS", "portable").go().code(0).json().remove(0);
    assert_eq!(portable["map"]["sha256"], double().go().code(0).json()[0]["map"]["sha256"]);

    let wrong = home.render([&cat]).env("CAMTUI_INSTRUCTIONS", "abacus").go().code(1);
    wrong.says("`abacus`").says("avx512, avx2, portable");
}

#[test]
fn a_map_that_differs_is_told_with_the_largest_difference() {
    use base64::Engine as _;
    let home = Home::new();
    let mut largest = 0.0;
    changed(&home, |record| {
        let mut values = held(record);
        let range =
            values.iter().copied().fold(0.0, f32::max) - values.iter().copied().fold(f32::MAX, f32::min);
        values[24] += 0.01 * range;
        record["map"]["values"] = base64::engine::general_purpose::STANDARD.encode(bytes(&values)).into();
        record["map"]["sha256"] = "0".repeat(64).into();
        record["platform"] = "abacus-none".into();
    });
    let replay = || home.camtui(["replay", "changed.json", "--json"]);
    let line = replay().go().code(1).json().remove(0);
    let of_range = line["map"]["of_range"].as_f64().unwrap();
    assert!((of_range - 0.01).abs() < 3e-4, "{of_range}");
    largest = f64::max(largest, line["map"]["largest_difference"].as_f64().unwrap());
    assert!(largest > 0.0 && line["same"] == false);
    assert!(line["notes"].to_string().contains("abacus-none"), "{line}");
    replay().arg("--tolerance=0.009").go().code(1);
    replay().arg("--tolerance=0.012").go().code(0);
    let told = home.camtui(["replay", "changed.json"]).go().code(1).says("--tolerance");
    assert!(told.text().starts_with("DIFFERS: ") && told.text().contains("of its range"), "{}", told.text());

    // Without the values only a saved map tells by how much.
    changed(&home, |record| {
        record["map"].as_object_mut().unwrap().remove("values");
        record["map"]["sha256"] = "0".repeat(64).into();
    });
    assert!(home.camtui(["replay", "changed.json"]).go().code(1).text().contains("--map FILE.npy"));
    home.render([&chelsea(&home), "--save-map", "m.npy"]).go().code(0);
    let line = replay().args_of("--map m.npy --tolerance 1e-9").go().code(0).json().remove(0);
    assert_eq!(line["map"]["largest_difference"], 0.0);
}

#[test]
fn pixels_that_were_touched_are_told() {
    let home = Home::new();
    let cat = chelsea(&home);
    home.render([cat.as_str(), "-o", "o.png"]).go().code(0);
    let mut file = fs::read(home.at("o.png")).unwrap();
    // Another alpha in the text: the same map, drawn otherwise. The chunk's length stays, its checksum is mended.
    let at = file.windows(11).position(|part| part == b"\"alpha\":0.5").unwrap();
    file[at + 10] = b'4';
    let start = file.windows(4).position(|part| part == b"iTXt").unwrap();
    let length = u32::from_be_bytes(file[start - 4..start].try_into().unwrap()) as usize;
    let crc = crc32(&file[start..start + 4 + length]);
    file[start + 4 + length..start + 8 + length].copy_from_slice(&crc.to_be_bytes());
    fs::write(home.at("o.png"), file).unwrap();
    let ended = home.camtui(["replay", "o.png"]).go().code(1);
    assert!(
        ended.text().contains("map is the same") && ended.text().contains("of 255 at most"),
        "{}",
        ended.text()
    );
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(crc & 1))))
    })
}

#[test]
fn what_is_missing_or_another_is_told_in_a_sentence() {
    let home = Home::new();
    let replay = || home.camtui(["replay", "changed.json"]);
    changed(&home, |_| {});
    fs::rename(home.at("cat.png"), home.at("moved.png")).unwrap();
    replay().go().code(1).says("--image FILE says where it is now");
    replay().args_of("--image moved.png").go().code(0).quiet();
    fs::copy(example("rocket.jpg"), home.at("moved.png")).unwrap();
    replay().args_of("--image moved.png").go().code(1).says("is not the one this was made with");

    home.camtui(["model", "export", "efficientnet-lite0", "-o", "other.onnx"]).go().code(0);
    changed(&home, |record| record["model"]["sha256"] = "0".repeat(64).into());
    replay().go().code(1).says("the model efficientnet-lite0 is not the one");
    replay().args_of("--model other.onnx").go().code(1).says("--model names another");
    changed(&home, |record| record["model"] = serde_json::json!({ "name": "resnet18", "sha256": "0" }));
    replay().go().code(1).says("camtui model pull resnet18");
    changed(&home, |record| record["model"]["name"] = "unheard".into());
    replay().go().code(1).says("--model FILE says where it is now");
    replay().args_of("--model efficientnet-lite0").go().code(0);

    changed(&home, |record| record["explainer"]["version"] = "0.0.0".into());
    replay().go().code(0).says("the explainer's version was 0.0.0");
    changed(&home, |record| record["explainer"]["id"] = "unheard".into());
    replay().go().code(1).says("unheard");
    changed(&home, |record| drop(record.as_object_mut().unwrap().remove("map")));
    replay().go().code(1).says("map.sha256");

    home.file("empty.json", "");
    home.camtui(["replay", "empty.json"]).go().code(1).says("is empty");
    home.camtui(["replay", "moved.png"]).go().code(1).says("neither a PNG nor JSON");
    let plain = example("chelsea.png");
    home.camtui(["replay", plain.to_str().unwrap()]).go().code(1).says("no text called `camtui`");
    home.camtui(["replay", "missing.json"]).go().code(1).says("missing.json");
    home.camtui(["replay"]).go().code(2);
}

#[test]
fn a_model_from_a_file_and_a_tensor_are_found_again() {
    let home = Home::new();
    home.camtui(["model", "export", "efficientnet-lite0", "-o", "mine.onnx"]).go().code(0);
    let input = middle_of_chelsea([127.0 / 255.0; 3], [128.0 / 255.0; 3]);
    let mut two = Array { shape: vec![2, 3, 224, 224], values: vec![0.25; input.values.len()] };
    two.values.extend(&input.values);
    two.write(&home.at("two.npy"));
    let run = home.camtui(["--render", "-m", "mine.onnx", "two.npy", "--json"]).go().code(0);
    home.file("two.json", &run.stdout);
    assert_eq!(run.json()[1]["model"]["file"], "mine.onnx");
    let ended = home.camtui(["replay", "two.json"]).go().code(0).quiet();
    assert_eq!(ended.text().matches("same: two.npy[").count(), 2, "{}", ended.text());
}

#[test]
fn a_plugin_is_known_by_its_hash() {
    let home = Home::new();
    let library = home.at("libmine.so");
    fs::copy(template(), &library).unwrap();
    let cat = chelsea(&home);
    let line = home.render([cat.as_str(), "--json", "--plugin", "libmine.so"]).go().code(0);
    home.file("plugin.json", &line.stdout);
    let record = &line.json()[0]["explainer"]["plugin"];
    assert_eq!(record["sha256"], sha256(&library));
    home.camtui(["replay", "plugin.json"]).go().code(0).quiet();
    fs::rename(&library, home.at("libmoved.so")).unwrap();
    home.camtui(["replay", "plugin.json"]).go().code(3).says("--plugin FILE says where it is now");
    home.camtui(["replay", "plugin.json", "--plugin", "libmoved.so"]).go().code(0).quiet();
    let mut other = fs::read(home.at("libmoved.so")).unwrap();
    other.push(0);
    fs::write(&library, other).unwrap();
    home.camtui(["replay", "plugin.json"]).go().code(3).says("is not the one this was made with");
}
