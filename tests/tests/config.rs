//! The configuration as a user meets it: honoured, overruled by flags, and refused with every mistake's place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use camtui_tests::Home;
use camtui_tests::files::provenance;
use camtui_tests::program::example;

fn pixels(home: &Home, args: &str) -> Vec<u8> {
    let run = home.render([example("chelsea.png")]).args_of("-o out.png").args_of(args);
    run.go().code(0);
    image::open(home.at("out.png")).unwrap().to_rgb8().into_raw()
}

#[test]
fn headless_runs_honour_it_and_flags_go_before_it() {
    let home = Home::new();
    let flags = pixels(&home, "--alpha 0.9 --colormap viridis --interpolation nearest --signed");
    let plain = pixels(&home, "");
    home.file(
        "config/config.toml",
        "explainer = 'cam'\n[view]\nalpha = 0.9\ncolormap = 'viridis'\ninterpolation = 'nearest'\nsigned = true\n",
    );
    assert!(pixels(&home, "-e grad-cam") == flags, "the file says what the flags said");
    assert!(flags != plain);
    let overruled = "-e grad-cam --alpha 0.5 --colormap jet --interpolation bilinear --signed=false";
    assert!(pixels(&home, overruled) == plain);
    assert!(pixels(&home, "--config /dev/null") == plain);
    pixels(&home, "");
    assert_eq!(provenance(&home.at("out.png"))["explainer"]["id"], "cam");

    // The model comes from the file as well: here one that is not there.
    home.file("other.toml", "model = 'no-such-model'\n");
    let run = home.camtui(["--render", "--config", "other.toml"]).arg(example("chelsea.png"));
    run.go().code(1).says("no-such-model");
}

#[test]
fn mistakes_end_every_run_with_their_places() {
    let home = Home::new();
    home.file("config/config.toml", "[view]\nalhpa = 0.3\nmode = 'overly'\n\n[keys]\nqiut = 'q'\n");
    for args in [&["--render", "x.png"][..], &["config"]] {
        let ended = home.camtui(args).go().code(2);
        let file = home.at("config/config.toml");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 3, "{}", ended.stderr);
        for (line, (place, near)) in
            lines.iter().zip([("2:1", "`alpha`"), ("3:8", "`overlay`"), ("6:1", "`quit`")])
        {
            let place = format!("{}:{place}: ", file.display());
            assert!(line.contains(&place) && line.ends_with(&format!("did you mean {near}?")), "{line}");
        }
        assert!(ended.stdout.is_empty());
    }
    home.camtui(["config", "--config", "none.toml"]).go().code(2).says("none.toml");
    // What needs no configuration still works.
    home.camtui(["model", "list"]).go().code(0);
    home.camtui(["config", "--schema"]).go().code(0).quiet();
}

#[test]
fn what_it_prints_is_a_configuration() {
    let home = Home::new();
    home.file("config/config.toml", "mouse = false\n[keys]\nquit = 'x'\n");
    let printed = home.camtui(["config"]).go().code(0).quiet();
    assert!(printed.text().contains("mouse = false # line 1\n"), "{}", printed.text());
    assert!(printed.text().contains("quit = [\"x\"] # line 3\n"), "{}", printed.text());
    home.file("again.toml", &printed.stdout);
    let again = home.camtui(["config", "--config", "again.toml"]).go().code(0).quiet();
    let values = |text: &str| {
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(" # ").next());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&again.text()), values(&printed.text()));

    let path = home.camtui(["config", "--path"]).go().code(0).quiet().text();
    assert_eq!(path.trim_end(), home.at("config/config.toml").to_str().unwrap());
    let schema = home.camtui(["config", "--schema"]).go().code(0).text();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["properties"]["view"]["properties"]["alpha"]["maximum"], 1.0);
    assert!(!fs::exists(home.at("state")).unwrap(), "nothing was written");
}
