//! Everything that can be wrong with what goes in: each is a sentence and an exit code, nothing is half written, and
//! the rest of the work is done.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use camtui_tests::files::{bomb, bytes, npy};
use camtui_tests::program::{example, repository};
use camtui_tests::{Ended, Home};

fn chelsea() -> Vec<u8> {
    fs::read(example("chelsea.png")).unwrap()
}

fn rocket() -> Vec<u8> {
    fs::read(example("rocket.jpg")).unwrap()
}

/// Renders one file, which must fail with code 1, name the file, and leave nothing.
fn refused(home: &Home, name: &str) -> Ended {
    let ended = home.render([name, "-o", "out", "--save-map", "out"]).go().code(1).says(name);
    assert!(ended.stdout.is_empty(), "{}", ended.text());
    assert_eq!(home.names("out"), [""; 0], "{name}");
    assert!(ended.took < Duration::from_mins(1));
    ended
}

#[test]
fn bad_pictures_are_a_sentence_each() {
    let home = Home::new();
    home.file("text.jpg", "this is no picture");
    home.file("empty.png", "");
    home.file("cut.jpg", &rocket()[..2000]);
    home.file("cut.png", &chelsea()[..500]);
    home.file("bomb.png", bomb(60_000, 60_000));
    home.file("wide.png", bomb(u32::MAX >> 1, 1));
    home.file("flat.png", bomb(0, 10));
    home.file("zeros.bmp", [0; 64]);
    for name in [
        "missing.jpg",
        "text.jpg",
        "empty.png",
        "cut.jpg",
        "cut.png",
        "bomb.png",
        "wide.png",
        "flat.png",
        "zeros.bmp",
    ] {
        let ended = refused(&home, name);
        assert_eq!(ended.stderr.lines().count(), 1, "{name}: {}", ended.stderr);
        assert!(ended.took < Duration::from_secs(30), "{name} took {:?}", ended.took);
    }
}

#[test]
fn folders_and_special_files_are_told_apart() {
    let home = Home::new();
    fs::create_dir(home.at("empty")).unwrap();
    home.file("words/notes.txt", "no picture");
    refused(&home, "empty").says("no pictures in this folder");
    refused(&home, "words").says("no pictures in this folder");
    if cfg!(unix) {
        home.render(["/dev/null", "-o", "out"]).go().code(1).says("/dev/null");
        home.render(["/dev/zero", "-o", "out"]).go().code(1).says("/dev/zero");
    }
}

#[cfg(unix)]
#[test]
fn a_picture_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.file("secret.png", chelsea());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        return println!("skipped: this user may read everything");
    }
    refused(&home, "secret.png");
}

#[test]
fn tensors_that_fit_no_model() {
    let home = Home::new();
    let of = |shape: &[usize]| npy(shape, "<f4", &bytes(&vec![0.5; shape.iter().product()]));
    home.file("row.npy", of(&[3]));
    home.file("flat.npy", of(&[224, 224]));
    home.file("five.npy", of(&[1, 1, 3, 8, 8]));
    home.file("one_channel.npy", of(&[1, 1, 224, 224]));
    home.file("small.npy", of(&[1, 3, 100, 100]));
    home.file("none.npy", of(&[0, 3, 224, 224]));
    home.file("nan.npy", npy(&[1, 3, 224, 224], "<f4", &bytes(&vec![f32::NAN; 3 * 224 * 224])));
    home.file("text.npy", "hello");
    home.file("cut.npy", &of(&[3, 224, 224])[..5000]);
    home.file("objects.npy", npy(&[1], "|O", &[0; 8]));
    home.file("huge.npy", npy(&[1 << 40, 3, 224, 224], "<f4", &[]));
    for name in [
        "row.npy",
        "flat.npy",
        "five.npy",
        "one_channel.npy",
        "small.npy",
        "none.npy",
        "nan.npy",
        "text.npy",
        "cut.npy",
        "objects.npy",
        "huge.npy",
        "missing.npy",
    ] {
        refused(&home, name);
    }
}

#[test]
fn one_bad_picture_among_many_does_not_keep_the_others_from_being_done() {
    let home = Home::new();
    home.file("pics/a.png", chelsea());
    home.file("pics/b.jpg", "broken");
    home.file("pics/c.jpg", rocket());
    home.file("pics/d.png", &chelsea()[..300]);
    let ended = home.render(["pics", "missing.png", "--json", "-o", "out"]).go().code(1);
    assert_eq!(ended.json().len(), 2);
    assert_eq!(home.names("out"), ["a.png", "c.png"]);
    for name in ["b.jpg", "d.png", "missing.png"] {
        assert!(ended.stderr.contains(name), "{name}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.lines().count(), 3);
}

/// Opens a file as the model, which must fail with code 1.
fn no_model(home: &Home, name: &str) -> Ended {
    let picture = example("rocket.jpg");
    let args = ["--render", picture.to_str().unwrap(), "-m", name, "-o", "out"];
    let ended = home.camtui(args).go().code(1);
    assert!(ended.stdout.is_empty() && home.names("out").is_empty());
    home.camtui(["model", "info", name]).go().code(1);
    home.camtui(["model", "export", name, "-o", "copy.onnx"]).go().code(1);
    assert!(!home.at("copy.onnx").exists());
    ended
}

#[test]
fn models_that_are_none() {
    let home = Home::new();
    home.camtui(["model", "export", "efficientnet-lite0", "-o", "whole.onnx"]).go().code(0);
    let whole = fs::read(home.at("whole.onnx")).unwrap();
    home.file("empty.onnx", "");
    home.file("text.onnx", "this is no model");
    home.file("cut.onnx", &whole[..whole.len() / 2]);
    home.file("picture.onnx", rocket());
    home.file("text.pth", "this is no checkpoint");
    home.file("empty.pth", "");
    home.file("strange.bin", "what is this");
    for name in [
        "empty.onnx",
        "text.onnx",
        "cut.onnx",
        "picture.onnx",
        "text.pth",
        "empty.pth",
        "strange.bin",
        "missing.onnx",
    ] {
        no_model(&home, name).says(name);
    }
    no_model(&home, "resnet99").says("resnet18");
    no_model(&home, "resnet18").says("camtui model pull resnet18");
}

#[test]
fn a_checkpoint_that_would_run_a_command_is_refused_by_name() {
    let home = Home::new();
    for name in ["system.pth", "system4.pth", "legacy_system.pth"] {
        let evil = repository().join("tests/goldens/data/checkpoints").join(name);
        home.file(name, fs::read(evil).unwrap());
        let before = home.names(".");
        let ended = no_model(&home, name);
        assert_eq!(home.names("."), before, "it ran something");
        if !name.starts_with("legacy") {
            let said = &ended.stderr;
            assert!(said.contains("system"), "{said}");
        }
    }
}

#[test]
fn control_characters_in_names_do_not_reach_the_terminal() {
    let home = Home::new();
    let name = "red\u{1b}[31m\u{7}.png";
    home.file(name, chelsea());
    let ended = home.render([name]).go().code(0);
    assert!(!ended.stdout.contains(&0x1b) && !ended.stdout.contains(&7), "{:?}", ended.text());
    home.file("bad\u{1b}[31m.png", "x");
    let ended = home.render(["bad\u{1b}[31m.png"]).go().code(1);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}
