//! `--render --resume`: after any interrupt exactly what is missing is done.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use camtui_tests::Home;
use camtui_tests::files::{Array, provenance};
use camtui_tests::program::example;

/// A home with so many different pictures in `pictures`.
fn pictures(count: u8) -> Home {
    let home = Home::new();
    fs::create_dir(home.at("pictures")).unwrap();
    for n in 0..count {
        let picture = image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([(x * 4) as u8, (y * 5) as u8 ^ n.wrapping_mul(37), n.wrapping_mul(91)])
        });
        picture.save(home.at(&format!("pictures/{n:03}.png"))).unwrap();
    }
    home
}

/// What is in a folder: names with bytes, and when they were written.
fn contents(home: &Home, folder: &str) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let read = |name: String| {
        let path = home.at(folder).join(&name);
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        (name, (fs::read(path).unwrap(), written))
    };
    home.names(folder).into_iter().map(read).collect()
}

/// The names of those that were written anew between the two.
fn anew(
    before: &BTreeMap<String, (Vec<u8>, SystemTime)>,
    after: &BTreeMap<String, (Vec<u8>, SystemTime)>,
) -> Vec<String> {
    let same =
        |name: &String| before.get(name).map(|(_, written)| written) == after.get(name).map(|(_, w)| w);
    after.keys().filter(|name| !same(name)).cloned().collect()
}

#[test]
fn only_what_is_missing_or_answers_another_question_is_made() {
    let home = pictures(4);
    let run = |more: &str| {
        home.render(["pictures", "-o", "out", "--save-map", "out", "-e", "grad-cam,random-cam"]).args_of(more)
    };
    run("").go().code(0);
    let first = contents(&home, "out");
    assert_eq!(first.len(), 16);

    let ended = run("--resume").go().code(0);
    assert_eq!(ended.stderr, "camtui: 8 results were there already\n");
    assert!(ended.text().is_empty(), "{}", ended.text());
    assert_eq!(contents(&home, "out"), first);

    // A file that is gone, and a picture that has changed: of its two results only PNGs know.
    fs::remove_file(home.at("out/001.grad-cam.npy")).unwrap();
    fs::remove_file(home.at("out/002.random-cam.png")).unwrap();
    fs::copy(home.at("pictures/000.png"), home.at("pictures/003.png")).unwrap();
    let ended = run("--resume").go().code(0);
    assert_eq!(ended.stderr, "camtui: 4 results were there already\n");
    let second = contents(&home, "out");
    let mut expected = Vec::new();
    for result in ["001.grad-cam", "002.random-cam", "003.grad-cam", "003.random-cam"] {
        expected.extend([format!("{result}.npy"), format!("{result}.png")]);
    }
    assert_eq!(anew(&first, &second), expected);
    assert_eq!(second["001.grad-cam.npy"].0, first["001.grad-cam.npy"].0);
    assert_eq!(second["003.grad-cam.npy"].0, second["000.grad-cam.npy"].0);

    // Another seed is another question to both, since both records say it.
    let ended = run("--resume --seed 1").go().code(0);
    assert!(!ended.stderr.contains("already"), "{}", ended.stderr);
    assert_eq!(anew(&second, &contents(&home, "out")).len(), 16);
    for other in ["--colormap viridis", "--alpha 0.3", "--signed", "--interpolation nearest", "-l _blocks.10"]
    {
        let ended = run("--resume --seed 1").args_of(other).go().code(0);
        assert!(!ended.stderr.contains("already"), "{other}: {}", ended.stderr);
    }
    let said = provenance(&home.at("out/000.grad-cam.png"));
    assert_eq!((said["layer"].as_str(), said["seed"].as_u64()), (Some("_blocks.10"), Some(1)));
}

#[test]
fn classes_by_rank_are_told_apart_once_the_model_has_run() {
    let home = pictures(2);
    let run = |more: &str| home.render(["pictures", "-o", "out", "-t", "all:3"]).args_of(more);
    run("").go().code(0);
    let before = contents(&home, "out");
    assert_eq!(before.len(), 6);
    let gone = before.keys().nth(1).unwrap();
    fs::remove_file(home.at("out").join(gone)).unwrap();
    let ended = run("--resume").go().code(0);
    assert_eq!(ended.stderr, "camtui: 5 results were there already\n");
    let after = contents(&home, "out");
    assert_eq!(anew(&before, &after), std::slice::from_ref(gone));
    assert_eq!(after[gone].0, before[gone].0);
}

#[cfg(unix)]
#[test]
fn a_run_that_was_killed_is_finished_by_the_next() {
    let home = pictures(40);
    let run = |folder: &str| home.render(["pictures", "-o", folder, "--save-map", folder, "--threads", "2"]);
    run("whole").go().code(0);

    for written in [1, 9, 30] {
        let mut command: Command = run("out").into();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while home.names("out").len() < written && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for name in home.names("out") {
            let path = home.at("out").join(&name);
            match Path::new(&name).extension().and_then(|ending| ending.to_str()) {
                Some("png") => drop(image::open(path).unwrap()),
                Some("npy") => drop(Array::read(&path)),
                _ => assert!(name.starts_with(".camtui-"), "{name}"),
            }
        }
    }
    // As an older run would have left it.
    let old = home.file("out/.camtui-abcdef.tmp", "half a picture");
    let long_ago = SystemTime::now() - Duration::from_hours(1);
    fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();

    run("out").arg("--resume").go().code(0);
    assert!(!old.exists());
    let bytes = |folder| {
        let mut contents = contents(&home, folder);
        contents.retain(|name, _| !name.starts_with(".camtui-"));
        contents.into_iter().map(|(name, (bytes, _))| (name, bytes)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(bytes("out"), bytes("whole"));
}

#[test]
fn where_nothing_can_be_resumed_it_says_so() {
    let home = Home::new();
    let cat = example("chelsea.png");
    let cat = cat.to_str().unwrap();
    for (args, words) in [
        (vec!["--json"], "--output or --save-map"),
        (vec!["-o", "cat.png"], "names a single file"),
        (vec!["-o", "out", "--advise"], "--advise ranks all maps"),
    ] {
        let ended = home.render([cat, "--resume"]).args_of(&args.join(" ")).go().code(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert!(home.names("out").is_empty());
}
