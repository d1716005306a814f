//! What one does in a session: find, ask, compare, look closer, keep, take up again, seen from the terminal's side.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use camtui_tests::files::{Array, provenance};
use camtui_tests::program::{example, plugin};
use camtui_tests::session::{first, gone, look, quit, run, says, start_wide};
use camtui_tests::terminal::{KITTY, Mouse, PLAIN, Screen, Session};
use camtui_tests::{Home, Run};
use serde_json::Value;

/// A folder of its own with both example pictures.
fn pictures(home: &Home) -> Run {
    fs::create_dir(home.at("pictures")).unwrap();
    for name in ["chelsea.png", "rocket.jpg"] {
        fs::copy(example(name), home.at("pictures").join(name)).unwrap();
    }
    home.camtui(["-m", "efficientnet-lite0", "pictures"])
}

/// Where these words begin, column and row.
fn find(session: &Session, words: &str) -> (u16, u16) {
    let emulator = session.emulator();
    let screen = emulator.screen();
    let (_, cols) = screen.size();
    let rows: Vec<String> = screen.rows(0, cols).collect();
    let found = rows.iter().enumerate().find_map(|(row, text)| {
        let at = text.find(words)?;
        Some((text[..at].chars().count() as u16, row as u16))
    });
    found.unwrap_or_else(|| panic!("no {words:?}"))
}

#[test]
fn the_clipboard_gets_the_path_and_the_result() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types("y");
    session.wait_until_it("a path", |emulator| emulator.clipboard().is_some());
    let path = session.emulator().clipboard().unwrap().to_vec();
    assert_eq!(fs::canonicalize(String::from_utf8(path).unwrap()).unwrap(), example("chelsea.png"));
    session.types("Y");
    session.wait_until_it("a result", |emulator| {
        emulator.clipboard().is_some_and(|text| text.starts_with(b"{"))
    });
    let result: Value = serde_json::from_slice(session.emulator().clipboard().unwrap()).unwrap();
    assert_eq!(result["explainer"]["id"], "grad-cam");
    assert!(result["predictions"].as_array().unwrap().len() >= 5);
    quit(session);
}

#[test]
fn the_mouse_chooses_classes_and_pictures_and_its_wheel_enlarges() {
    let home = Home::new();
    let mut session = start_wide(run(&home), PLAIN);
    first(&session);
    let class = find(&session, "tiger cat");
    session.clicks(class);
    session.wait_for(look::OTHER_CLASS);
    session.wait_for("▶ tiger cat");
    // A class that was chosen stays for other pictures; here the likeliest is wanted again.
    session.types("T");
    first(&session);
    let picture = find(&session, "rocket.jpg");
    session.clicks(picture);
    session.wait_until_it("the other picture", |emulator| says(emulator, look::SECOND));
    session.mouse(Mouse::ScrollUp, (70, 12));
    session.wait_until("enlarged", |screen| {
        screen
            .contents()
            .lines()
            .any(|line| line.contains("×") && !line.contains("×7") && line.contains("bilinear"))
            || screen.contents().contains("1.2×")
            || screen.contents().contains("1.3×")
    });
    session.types("u");
    session.wait_until("undone", |screen| {
        !screen.contents().contains("1.2×") && !screen.contents().contains("1.3×")
    });
    quit(session);
}

/// Saves into the folder `kept` and ends the session; gives the path of the one file there that ends so.
fn kept(home: &Home, mut session: Session) -> impl Fn(&str) -> PathBuf {
    session.types("f");
    session.wait_for("save to");
    // What stands there is cleared, what is pasted comes as one text.
    session.types("\x15\x1b[200~kept\x1b[201~");
    session.wait_for("> kept");
    session.types("\r");
    session.wait_for("saved kept/");
    quit(session);
    let names = home.names("kept");
    assert_eq!(names.len(), 3, "{names:?}");
    let folder = home.at("kept");
    move |kind| folder.join(names.iter().find(|name| name.ends_with(kind)).unwrap())
}

#[test]
fn what_is_saved_is_what_the_headless_mode_computes() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types(look::NEXT_CLASS);
    session.wait_for(look::OTHER_CLASS);
    let of = kept(&home, session);
    home.render([example("chelsea.png")]).args_of("-t top2 --save-map map.npy").go().code(0);
    assert_eq!(fs::read(of(".npy")).unwrap(), fs::read(home.at("map.npy")).unwrap());
    let told: Value = serde_json::from_slice(&fs::read(of(".json")).unwrap()).unwrap();
    let inside = provenance(&of(".png"));
    for value in [&told, &inside] {
        assert_eq!(value["explainer"]["id"], "grad-cam");
        assert_eq!(value["view"]["colormap"], "jet");
    }
    let saved = image::open(of(".png")).unwrap();
    let original = image::open(example("chelsea.png")).unwrap();
    assert_eq!((saved.width(), saved.height()), (original.width(), original.height()));
    assert!(Array::read(&of(".npy")).values.iter().any(|value| *value > 0.0));
    for kind in [".json", ".png"] {
        let again = home.camtui([OsStr::new("replay"), of(kind).as_os_str()]).go().code(0);
        assert!(again.text().contains("the map is the same, byte for byte"), "{}", again.text());
    }
}

/// Smoothed by key, kept, and taken up by the next session: the map of `--smooth`.
#[test]
fn a_smoothed_map_is_that_of_the_headless_mode_and_stays_smoothed() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types("B");
    session.wait_for("· smoothed: aug");
    session.types("BB");
    session.wait_for("· smoothed: aug,eigen");
    let of = kept(&home, session);
    home.render([example("chelsea.png")]).args_of("--smooth aug,eigen --save-map map.npy").go().code(0);
    assert_eq!(fs::read(of(".npy")).unwrap(), fs::read(home.at("map.npy")).unwrap());
    let again = home.camtui([OsStr::new("replay"), of(".json").as_os_str()]).go().code(0);
    assert!(again.text().contains("the map is the same, byte for byte"), "{}", again.text());
    let session = start_wide(home.camtui(["--resume"]), KITTY);
    session.wait_for("· smoothed: aug,eigen");
    quit(session);
}

/// What `--metrics` names is measured from the start, the object of `--box` in the first picture with it.
#[test]
fn a_session_measures_what_the_command_line_names() {
    let home = Home::new();
    let asked = "--metrics=sanity --box 100,40,250,240";
    let session = start_wide(home.camtui([example("chelsea.png")]).args_of(asked), KITTY);
    session.wait_for("Egyptian cat 79.1 %");
    let line =
        home.render([example("chelsea.png")]).args_of(asked).args_of("--json").go().code(0).json().remove(0);
    for (name, figure) in [("sanity", "sanity"), ("on-object", "on-object")] {
        let value = line["metrics"][figure]["value"].as_f64().unwrap();
        session.wait_for(&format!("{name:<13}{value:>7.3}"));
    }
    session.wait_for("road ");
    quit(session);
}

#[test]
fn a_picture_is_found_by_typing_and_asked_why_not() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types("/rock");
    session.wait_until_it("the match", |emulator| says(emulator, look::SECOND));
    session.types("\r");
    session.types("w");
    session.wait_for("drilling platform 43.1 % ~ ");
    session.wait_for("≠ ");
    session.types("u");
    gone(&session, " % ~ ");
    quit(session);
}

#[test]
fn a_tile_that_is_opened_becomes_the_question_and_can_be_undone() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types("c");
    let marked = |screen: &Screen| {
        let text = screen.contents();
        let (_, rest) = text.split_once("▶ ")?;
        Some(rest.split_once(" ·")?.0.to_owned())
    };
    // A class is marked in the same way, and before the tiles are there it is the first on the screen.
    session.wait_until("the first tile", |screen| marked(screen).as_deref() == Some("grad-cam"));
    gone(&session, "comparing");
    session.types("n");
    session.wait_until("another tile", |screen| {
        marked(screen).is_some_and(|tile| tile.contains("cam") && tile != "grad-cam")
    });
    let tile = marked(session.emulator().screen()).unwrap();
    assert_ne!(tile, "grad-cam", "it would be the question already");
    session.types("\r");
    session.wait_until_it("one picture", |emulator| {
        let text = emulator.screen().contents();
        !text.contains("ρ ") && text.contains("▶ Egyptian cat") && text.contains("look ")
    });
    session.wait_for(&format!("Egyptian cat 79.1 % · {tile} ·"));
    session.types("u");
    session.wait_for("Egyptian cat 79.1 % · grad-cam ·");
    quit(session);
}

#[test]
fn a_map_is_measured_beside_it_and_the_session_stays_quick() {
    let home = Home::new();
    let mut session = start_wide(run(&home), KITTY);
    first(&session);
    session.types("a");
    session.wait_for("measuring …");
    // What is asked meanwhile does not wait for it.
    session.types("w");
    session.wait_for(" % ~ ");
    session.types("u");
    gone(&session, " % ~ ");
    // The same figures as --metrics.
    let line =
        home.render([example("chelsea.png")]).args_of("--metrics --json").go().code(0).json().remove(0);
    let road = line["metrics"]["road"]["value"].as_f64().unwrap();
    session.wait_for(&format!("{:<13}{road:>7.3}", "road"));
    quit(session);
}

#[test]
fn new_pictures_appear_and_bad_ones_do_no_harm() {
    let home = Home::new();
    let mut session = start_wide(pictures(&home), KITTY);
    first(&session);
    session.wait_for("1/2");
    fs::copy(example("rocket.jpg"), home.at("pictures/another.jpg")).unwrap();
    session.wait_for("/3");
    session.wait_for("another.jpg");
    home.file("pictures/bad.png", "no picture");
    session.wait_for("/4");
    // A folder that is pasted, and that is looked out for from then on.
    fs::create_dir(home.at("more")).unwrap();
    fs::copy(example("rocket.jpg"), home.at("more/first.jpg")).unwrap();
    session.types("O");
    session.wait_for("add a folder");
    session.types("\x1b[200~more\x1b[201~");
    session.wait_for("> more");
    session.types("\r");
    session.wait_until_it("what is there", |emulator| says(emulator, ("first.jpg", look::SECOND.1)));
    fs::copy(example("chelsea.png"), home.at("more/second.png")).unwrap();
    session.wait_for("/6");
    // To the bad one and on.
    session.types("/bad");
    // All of it, so that Esc comes by itself: with a letter after it, it would be Alt.
    session.wait_for("/ bad");
    session.wait_until("told", |screen| screen.contents().matches("bad.png").count() > 1);
    session.types("\x1b");
    gone(&session, "/ bad");
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("the next one", |emulator| says(emulator, look::FIRST));
    quit(session);
}

#[test]
fn a_folder_opened_in_a_session_on_one_picture_is_looked_out_for() {
    let home = Home::new();
    fs::create_dir(home.at("more")).unwrap();
    fs::copy(example("rocket.jpg"), home.at("more/first.jpg")).unwrap();
    let run = home.camtui(["-m", "efficientnet-lite0"]).arg(example("chelsea.png"));
    let mut session = start_wide(run, PLAIN);
    first(&session);
    session.types("O");
    session.wait_for("add a folder");
    session.types("more\r");
    session.wait_for("2/2");
    fs::copy(example("chelsea.png"), home.at("more/second.png")).unwrap();
    session.wait_for("/3");
    quit(session);
}

#[test]
fn two_models_are_compared_at_once() {
    let home = Home::new();
    home.camtui(["model", "export", "efficientnet-lite0", "-o", "other.onnx"]).go().code(0);
    let mut session = start_wide(run(&home).args_of("-m other.onnx"), KITTY);
    session.wait_until("three tiles", |screen| {
        let text = screen.contents();
        text.contains("▶ efficientnet-lite0") && text.contains(" − ") && !text.contains("comparing")
    });
    session.wait_until_it("three pictures and the list's", |emulator| {
        camtui_tests::session::only_what_is_shown(emulator) && emulator.shown().len() == 5
    });
    session.types("\x1b");
    session
        .wait_until_it("one of them", |emulator| says(emulator, look::FIRST) && emulator.shown().len() == 3);
    quit(session);
}

#[test]
fn a_session_is_taken_up_where_it_was_left() {
    let home = Home::new();
    let mut session = start_wide(run(&home), PLAIN);
    first(&session);
    session.types(" ");
    session.wait_for("●");
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("the second", |emulator| says(emulator, look::SECOND));
    session.types("x+");
    session.wait_until("another look", |screen| {
        let text = screen.contents();
        text.contains(" 60 %") || text.contains(" 55 %")
    });
    let look_of = |session: &Session| {
        let text = session.emulator().screen().contents();
        text.lines().find_map(|line| Some(line.split_once("look ")?.1.trim().to_owned())).unwrap()
    };
    let before = look_of(&session);
    assert!(!before.starts_with("jet"), "{before}");
    quit(session);
    let session = start_wide(home.camtui(["--resume"]), PLAIN);
    session.wait_until_it("the second again", |emulator| says(emulator, look::SECOND));
    session.wait_for("●");
    session.wait_for("2/2");
    assert_eq!(look_of(&session), before);
    quit(session);
}

#[test]
fn names_of_any_kind_reach_the_terminal_as_letters_only() {
    let home = Home::new();
    fs::create_dir(home.at("pictures")).unwrap();
    let names = [
        "\u{1b}[31mred\u{7}.png",
        "犬と猫.png",
        "👩\u{200d}👩\u{200d}👧.png",
        "\u{202e}gnp.evil.png",
        "a\nb.png",
    ];
    for name in names {
        fs::copy(example("chelsea.png"), home.at("pictures").join(name)).unwrap();
    }
    let mut session = start_wide(home.camtui(["-m", "efficientnet-lite0", "pictures"]), PLAIN);
    session.wait_for("/5");
    session.types("g");
    for place in 1..=5 {
        session.wait_until_it(&format!("picture {place}"), |emulator| {
            says(emulator, (&format!("  {place}/5"), "Egyptian cat 79.1 %"))
        });
        session.types(look::NEXT_PICTURE);
    }
    session.types("y");
    session.wait_until_it("a path", |emulator| emulator.clipboard().is_some());
    session.wait_for("犬と猫.png");
    session.types("b");
    gone(&session, "犬と猫.png");
    let text = quit(session).text();
    for raw in ["\x1b[31mred", "red\x07", "\u{202e}", "a\nb"] {
        assert!(!text.contains(raw), "{raw:?} came raw");
    }
}

#[test]
fn a_long_computation_shows_how_far_it_is_and_is_cancelled_at_once() {
    let home = Home::new();
    let mut session = start_wide(run(&home), PLAIN);
    first(&session);
    session.types("e");
    session.wait_for("hires-cam");
    session.types("occlu\r");
    session.wait_until("how far it is", |screen| {
        let header = screen.contents().lines().next().unwrap_or_default().to_owned();
        header.contains("computing …") && header.contains(" %")
    });
    let asked = Instant::now();
    session.types("\x1b");
    session.wait_for("cancelled");
    gone(&session, "computing …");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    session.wait_for("· grad-cam ·");
    // It is really given up, and not by the next question.
    session.wait_for_rest(Duration::from_millis(300));
    let before = session.process().cpu().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let spent = session.process().cpu().unwrap().saturating_sub(before);
    assert!(spent < Duration::from_millis(100), "it still computes");
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("the next picture", |emulator| says(emulator, look::SECOND));
    quit(session);
}

#[test]
fn an_explainer_that_panics_is_a_sentence_and_the_session_goes_on() {
    let home = Home::new();
    let run = run(&home).args_of("-e bursts --plugin").arg(plugin("misbehaves"));
    let mut session = start_wide(run, PLAIN);
    session.wait_for("out of luck");
    session.types("e");
    session.wait_for("hires-cam");
    session.types("grad-cam\r");
    first(&session);
    session.types(look::NEXT_PICTURE);
    session.wait_until_it("the next picture", |emulator| says(emulator, look::SECOND));
    quit(session);
}

#[test]
fn keys_and_colours_are_the_users() {
    let home = Home::new();
    home.file("config/config.toml", "theme = 'light'\n[keys]\nnext-picture = ['ö']\nquit = 'X'\n");
    let mut session = start_wide(run(&home), PLAIN);
    first(&session);
    // Its own key no longer does it.
    session.types("jq");
    session.types("n");
    session.wait_for(look::OTHER_CLASS);
    session.types("ö");
    session.wait_until_it("the next picture", |emulator| says(emulator, look::SECOND));
    session.wait_for("X quit");
    session.types("X");
    let light = session.end().code(0).text();
    home.file("config/config.toml", "theme = 'dark'\n");
    let session = start_wide(run(&home), PLAIN);
    first(&session);
    let dark = quit(session).text();
    // The title's and the target's colours are others.
    let colours = |text: &str| -> std::collections::BTreeSet<String> {
        let before_picture = text.split("Egyptian cat").next().unwrap_or_default();
        before_picture.split("\x1b[").filter_map(|part| Some(part.split_once('m')?.0.to_owned())).collect()
    };
    assert!(colours(&light) != colours(&dark), "both themes have the same colours");
}

/// A map of many passes is drawn before it is done, Esc leaves it as it is, and what is unfinished is not kept. Whole it is the
/// headless mode's, to the bit.
#[test]
fn a_map_is_drawn_as_it_converges_and_stops_where_it_is_told_to() {
    let home = Home::new();
    let picture = example("chelsea.png");
    let asked = |masks: &str| {
        let mut run = home.camtui(["-m", "efficientnet-lite0", "-e", "rise", "-P", masks]);
        run = run.arg(&picture);
        start_wide(run, KITTY)
    };
    let mut session = asked("masks=100000");
    session.wait_until("a map that is not done", |screen| {
        let text = screen.contents();
        text.contains("· rise") && text.contains("computing … ") && text.contains("as far as it has come")
    });
    session.types("\x1b");
    session.wait_for("stopped at ");
    session.types("f");
    session.wait_for("unfinished, so it is not kept");
    quit(session);

    let session = asked("masks=60");
    session.wait_until("a map that is done", |screen| {
        let text = screen.contents();
        text.contains("· rise") && !text.contains("computing …") && !text.contains("as far as it has come")
    });
    let of = kept(&home, session);
    home.render([&picture]).args_of("-e rise -P masks=60 --save-map map.npy").go().code(0);
    assert_eq!(fs::read(of(".npy")).unwrap(), fs::read(home.at("map.npy")).unwrap());
}

#[test]
fn several_explainers_of_the_command_line_are_seen_side_by_side() {
    let home = Home::new();
    let run = home.camtui(["-m", "efficientnet-lite0", "-e", "grad-cam,eigen-cam"]);
    let mut session = start_wide(run.arg(example("chelsea.png")), KITTY);
    session.wait_until("two tiles", |screen| {
        let text = screen.contents();
        text.contains("grad-cam · features") && text.contains("eigen-cam · features") && text.contains("ρ ")
    });
    session.types("\x1b");
    gone(&session, "eigen-cam · features");
    first(&session);
    quit(session);
}
