//! `--metrics`: the figures of a map beside those of maps that know less. The formulas have their own goldens
//! (`crates/camtui-core/src/metrics`); here it is that they are asked about the right class, map and picture.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use camtui_tests::Home;
use camtui_tests::files::Array;
use camtui_tests::program::example;
use serde_json::Value;

/// One object for each explainer and target.
fn measured(words: &str) -> Vec<Value> {
    let home = Home::new();
    home.render([example("chelsea.png")]).args_of(words).args_of("--metrics --json").go().code(0).json()
}

fn scores(metrics: &Value, key: &str) -> Vec<f64> {
    metrics[key]["curve"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect()
}

#[test]
fn figures_are_of_the_target_and_beside_those_of_maps_that_know_less() {
    let found = measured("-e grad-cam,random-cam --target top1,top2 --seed 7");
    assert_eq!(found.len(), 4);
    for (n, one) in found.iter().enumerate() {
        let metrics = &one["metrics"];
        let probability = one["target"]["probability"].as_f64().unwrap();
        let (deletion, insertion) = (scores(metrics, "deletion"), scores(metrics, "insertion"));
        assert_eq!((deletion.len(), insertion.len(), &metrics["steps"]), (33, 33, &32.into()));
        // The whole picture is where the one begins and the other ends.
        for whole in [deletion[0], insertion[32]] {
            assert!((whole - probability).abs() < 1e-5 * probability, "{whole} {probability}");
        }
        let mean = |curve: &[f64]| curve.windows(2).map(|two| (two[0] + two[1]) / 64.0).sum::<f64>();
        for (key, curve) in [("deletion", &deletion), ("insertion", &insertion)] {
            // Steps are as even as whole pixels allow.
            assert!((metrics[key]["value"].as_f64().unwrap() - mean(curve)).abs() < 1e-4, "{key}");
        }
        for (key, range) in [
            ("deletion", 0.0..=1.0),
            ("insertion", 0.0..=1.0),
            ("road", -0.5..=0.5),
            ("average-drop", 0.0..=1.0),
            ("increase", 0.0..=1.0),
            ("adcc", 0.0..=1.0),
            ("sparsity", 0.0..=1.0),
            ("border-mass", 0.0..=1.0),
        ] {
            for of in ["value", "random-cam", "centred"] {
                let value = metrics[key][of].as_f64().unwrap();
                assert!(range.contains(&value), "{key} {of}: {value}");
            }
        }
        // What is compared with is the same for every explainer, and is the explainer of that name.
        let random = &found[n / 2 * 2 + 1]["metrics"];
        for key in ["deletion", "insertion", "road", "average-drop", "adcc", "sparsity", "border-mass"] {
            assert_eq!(metrics[key]["random-cam"], random[key]["value"], "{key}");
            assert_eq!(metrics[key]["centred"], random[key]["centred"], "{key}");
        }
    }
    assert!(found[1]["metrics"]["sentence"].as_str().unwrap().contains("do not believe it"));
    assert_ne!(found[0]["metrics"]["deletion"], found[2]["metrics"]["deletion"]);
}

#[test]
fn the_same_command_gives_the_same_figures_on_any_number_of_threads() {
    let [one, two] =
        ["1", "2"].map(|n| measured(&format!("-e eigen-cam --threads {n}")).remove(0)["metrics"].clone());
    assert_eq!(one, two);
}

#[test]
fn for_people_it_is_a_table_with_a_sentence() {
    let home = Home::new();
    let ended = home.render([example("chelsea.png")]).args_of("-o map.png --metrics").go().code(0);
    let text = ended.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert!(
        lines[0].contains("grad-cam") && lines[1].contains("this map  random-cam   centred  better"),
        "{text}"
    );
    assert!(lines[2].starts_with("  deletion ") && lines[2].ends_with("  lower"), "{text}");
    assert!(lines.iter().all(|line| line.len() < 160), "{text}");
    // Without it nothing is measured.
    let plain = home.render([example("chelsea.png")]).args_of("--json").go().code(0).json().remove(0);
    assert_eq!(plain["metrics"], serde_json::json!({}));
    home.camtui(["--metrics"]).arg(example("chelsea.png")).go().code(2).says("--render");
}

/// What the order is made of is tested beside the code.
#[test]
fn advice_is_a_strip_and_a_table_in_the_order_of_the_figures() {
    let home = Home::new();
    let words = "--advise -e random-cam,grad-cam -l features,_blocks.10 -o strip.png";
    let ended = home.render([example("chelsea.png")]).args_of(words).go().code(0);
    let text = ended.text();
    let lines: Vec<&str> = text.lines().collect();
    // A legend each, the last with the file's name, then the heading, a line each, and what follows.
    assert!(lines[3].ends_with("strip.png") && lines[4].contains("mean rank"), "{text}");
    let ranked: Vec<&str> =
        lines[5..9].iter().map(|line| line.split("  ").find(|w| w.contains('·')).unwrap()).collect();
    let means: Vec<f64> = lines[5..9]
        .iter()
        .map(|line| line.split("  ").find_map(|w| w.trim().parse().ok()).unwrap())
        .collect();
    assert!(means.is_sorted() && (means.iter().sum::<f64>() - 10.0).abs() < 0.05, "{text}");
    for (n, line) in ranked.iter().enumerate() {
        let (rank, name) = line.trim().split_once(' ').unwrap();
        assert!(rank == (n + 1).to_string() && lines[n].contains(name), "{text}");
    }
    let best = ranked[0].trim().split_once(' ').unwrap().1;
    assert!(lines[9].trim_start().starts_with(&format!("{best}: ")), "{text}");
    // In the strip they stand in the same order, and each can be made again.
    let again = home.camtui(["replay", "strip.png"]).go().code(0).text();
    for (line, name) in again.lines().zip(ranked) {
        assert!(line.contains(name.trim().split_once(' ').unwrap().1), "{again}");
    }
}

/// Enlarged as maps are drawn: half-pixel bilinear, to the model's input.
fn enlarged(map: &Array, side: usize) -> Vec<f64> {
    let [height, width] = map.shape[..] else { panic!("a map") };
    let place = |at: usize, length: usize| {
        let place = ((at as f64 + 0.5) / side as f64 * length as f64 - 0.5).clamp(0.0, (length - 1) as f64);
        (place.floor() as usize, (place.floor() as usize + 1).min(length - 1), place.fract())
    };
    let value = |y: usize, x: usize| f64::from(map.values[y * width + x]);
    let pixel = |n: usize| {
        let ((top, bottom, down), (left, right, along)) = (place(n / side, height), place(n % side, width));
        let row = |y| value(y, left) * (1.0 - along) + value(y, right) * along;
        row(top) * (1.0 - down) + row(bottom) * down
    };
    (0..side * side).map(pixel).collect()
}

#[test]
fn a_list_asks_for_these_and_no_others() {
    let home = Home::new();
    let picture = example("chelsea.png");
    let asked = |words: &str| {
        let words = format!("{words} --json --save-map map.npy");
        home.render([&picture]).args_of(&words).go().code(0).json().remove(0)["metrics"].clone()
    };
    let keys = |metrics: &Value| metrics.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let drop = asked("--metrics=average-drop");
    assert_eq!(keys(&drop), ["average-drop", "sentence"]);
    assert!(drop["sentence"].as_str().unwrap().contains("of 1"), "{drop}");

    // The picture is 451 × 300 pixels, and the model sees all of it in 224 × 224.
    let pointed = asked("--metrics=pointing,sparsity --box 150,40,200,120");
    assert_eq!(keys(&pointed), ["sparsity", "pointing", "on-object", "sentence"]);
    let map = enlarged(&Array::read(&home.at("map.npy")), 224);
    let least = map.iter().copied().fold(f64::INFINITY, f64::min);
    let inside = |n: usize| {
        let x = ((n % 224) as f64 + 0.5) / 224.0 * 451.0;
        let y = ((n / 224) as f64 + 0.5) / 224.0 * 300.0;
        (150.0..350.0).contains(&x.floor()) && (40.0..160.0).contains(&y.floor())
    };
    let peak = (0..map.len()).fold(0, |best, n| if map[n] > map[best] { n } else { best });
    let total: f64 = map.iter().map(|v| v - least).sum();
    let on: f64 = (0..map.len()).filter(|n| inside(*n)).map(|n| map[n] - least).sum();
    assert_eq!(pointed["pointing"]["value"], f64::from(u8::from(inside(peak))));
    let share = pointed["on-object"]["value"].as_f64().unwrap();
    assert!((share - on / total).abs() < 1e-4, "{share} {}", on / total);
    // A mask of the same says the same, and an object that is named is pointed at.
    let mut mask = image::RgbImage::new(451, 300);
    for (x, y) in (150..350).flat_map(|x| (40..160).map(move |y| (x, y))) {
        mask.put_pixel(x, y, image::Rgb([255; 3]));
    }
    mask.save(home.at("mask.png")).unwrap();
    let masked = asked("--metrics=sparsity --mask mask.png");
    assert_eq!(masked["pointing"], pointed["pointing"]);
    assert_eq!(masked["on-object"], pointed["on-object"]);

    let refused = |words: &str, code: i32, says: &str| {
        home.render([&picture]).args_of(words).go().code(code).says(says);
    };
    refused("--metrics=roar", 2, "there is no metric called `roar`; there are deletion, insertion, road");
    refused("--metrics=pointing", 2, "needs the object: --box X,Y,WIDTH,HEIGHT");
    refused("--metrics=pointing --box 1,2,3", 2, "a box is X,Y,WIDTH,HEIGHT");
    refused("--metrics --box 500,2,3,3", 1, "outside of the picture of 451 × 300");
    refused("--box 1,2,3,3", 2, "--metrics");
    home.file("small.png", std::fs::read(home.at("mask.png")).unwrap());
    image::RgbImage::new(10, 10).save(home.at("small.png")).unwrap();
    refused("--metrics --mask small.png", 1, "they must be of one size");
    home.render([&picture, &example("rocket.jpg")])
        .args_of("--metrics --box 1,1,9,9")
        .go()
        .code(2)
        .says("in one picture, and there are 2");
}

#[test]
fn sanity_tells_maps_that_heed_the_model_from_those_that_do_not() {
    let found = measured_list("-e grad-cam,random-cam,eigen-cam,hires-cam --seed 3", "sanity");
    let of = |n: usize| found[n]["metrics"]["sanity"]["value"].as_f64().unwrap();
    // What looks at activations alone is the same whatever the head.
    assert!((of(1) - 1.0).abs() < 1e-6 && (of(2) - 1.0).abs() < 1e-6, "{} {}", of(1), of(2));
    assert!(of(0) < 0.9 && of(0) > -1.0, "{}", of(0));
    // At the pooled layer these are one method.
    assert!((of(0) - of(3)).abs() < 1e-3);
    assert_eq!(found[0]["metrics"]["sanity"]["better"], "lower");
    assert!((found[0]["metrics"]["sanity"]["centred"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    assert!(found[1]["metrics"]["sentence"].as_str().unwrap().contains("hardly changes"));
    let again = measured_list("-e grad-cam --seed 3 --threads 1", "sanity");
    assert_eq!(again[0]["metrics"], found[0]["metrics"]);
    let other = measured_list("-e grad-cam --seed 4", "sanity");
    assert_ne!(other[0]["metrics"]["sanity"], found[0]["metrics"]["sanity"]);
}

fn measured_list(words: &str, list: &str) -> Vec<Value> {
    let home = Home::new();
    let words = format!("{words} --metrics={list} --json");
    home.render([example("chelsea.png")]).args_of(&words).go().code(0).json()
}
