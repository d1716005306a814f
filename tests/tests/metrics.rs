//! `--metrics`: the figures of a map beside those of maps that know less. The formulas have their own goldens
//! (`crates/camtui-core/src/metrics`); here it is that they are asked about the right class, map and picture.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use camtui_tests::Home;
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
