//! `--plugin`: libraries loaded at run time, sound ones and all the others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use camtui_tests::files::{Array, sha256};
use camtui_tests::program::{example, plugin, standard, template};
use camtui_tests::{Ended, Home};

fn with(home: &Home, library: &Path, words: &str) -> Ended {
    let picture = example("chelsea.png");
    let args: [&OsStr; 3] = [picture.as_ref(), "--plugin".as_ref(), library.as_ref()];
    home.render(args).args_of(words).go()
}

#[test]
fn a_loaded_library_gives_the_very_maps_of_the_bundled_one() {
    let home = Home::new();
    let listed = home
        .camtui(["plugin".as_ref(), "list".as_ref(), "--plugin".as_ref(), standard().as_os_str()])
        .go()
        .code(0);
    let ids: Vec<String> =
        listed.text().lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    for id in ["cam", "grad-cam"] {
        let qualified =
            ids.iter().find(|other| other.ends_with(&format!(":{id}"))).unwrap_or_else(|| panic!("{ids:?}"));
        for (name, wanted) in [("linked", id), ("loaded", qualified.as_str())] {
            // On several layers, and with the sign kept.
            for (layer, more) in [("features", ""), ("features", "--signed"), ("_conv_stem", "")] {
                if id == "cam" && layer == "_conv_stem" {
                    continue;
                }
                let words = format!("-e {wanted} -l {layer} {more} --save-map {name}.npy");
                with(&home, standard(), &words).code(0);
                let kept = home.at(&format!("{id}-{layer}{more}.npy"));
                if name == "linked" {
                    fs::rename(home.at("linked.npy"), kept).unwrap();
                } else {
                    assert_eq!(sha256(&home.at("loaded.npy")), sha256(&kept), "{id} {layer} {more}");
                }
            }
        }
    }
}

#[test]
fn the_template_works_and_is_what_is_used_when_only_it_is_named() {
    let home = Home::new();
    let ended = with(&home, template(), "--json --save-map mean.npy").code(0).quiet();
    let line = ended.json().remove(0);
    assert_eq!(line["explainer"]["id"], "mean-activation");
    let map = Array::read(&home.at("mean.npy"));
    assert_eq!(map.shape, [7, 7]);
    // The class plays no part in it.
    with(&home, template(), "-e mean-activation -t 7 --save-map other.npy").code(0);
    assert_eq!(sha256(&home.at("other.npy")), sha256(&home.at("mean.npy")));
    let bundled = with(&home, template(), "-e grad-cam --json").code(0);
    assert_eq!(bundled.json()[0]["explainer"]["id"], "grad-cam");
}

#[test]
fn libraries_are_found_in_the_users_folder_and_by_variable() {
    let home = Home::new();
    let name = template().file_name().unwrap().to_str().unwrap();
    home.file(&format!("data/plugins/{name}"), fs::read(template()).unwrap());
    let text = home.camtui(["plugin", "list"]).go().code(0).text();
    assert!(text.contains("mean-activation"), "{text}");
    let other = Home::new();
    assert!(!other.camtui(["plugin", "list"]).go().code(0).text().contains("mean-activation"));
    let run = other.camtui(["plugin", "list"]).env("CAMTUI_PLUGIN_PATH", home.at("data/plugins"));
    assert!(run.go().code(0).text().contains("mean-activation"));
    // Never because it happens to lie where one works.
    other.file(name, fs::read(template()).unwrap());
    assert!(!other.camtui(["plugin", "list"]).go().code(0).text().contains("mean-activation"));
}

#[test]
fn info_prints_what_a_library_or_an_explainer_says_of_itself() {
    let home = Home::new();
    let of_file = home.camtui(["plugin".as_ref(), "info".as_ref(), template().as_os_str()]).go().code(0);
    assert!(of_file.text().contains("mean-activation") && of_file.text().contains("activations"));
    let of_id = home.camtui(["plugin", "info", "cam"]).go().code(0).text();
    assert!(
        of_id.contains("id: cam") && of_id.contains("version:") && of_id.contains("from: bundled"),
        "{of_id}"
    );
    home.camtui(["plugin", "info", "nonsense"]).go().code(2).says("nonsense");
    home.camtui(["plugin", "info", "missing.so"]).go().code(3).says("missing.so");
}

#[test]
fn what_is_no_plugin_is_a_sentence_and_code_3() {
    let home = Home::new();
    let text = home.file("text.so", "this is no library");
    let empty = home.file("empty.so", "");
    let whole = fs::read(template()).unwrap();
    let cut = home.file("cut.so", &whole[..whole.len() / 2]);
    let folder = home.at("folder.so");
    fs::create_dir(&folder).unwrap();
    let magic = patched(&home, "magic.so", b"camtui\x00\x1a", b"vst3plug");
    let major = patched(&home, "major.so", b"camtui\x00\x1a\x01\0\0\0", b"camtui\x00\x1a\x09\0\0\0");
    for library in [&home.at("missing.so"), &text, &empty, &cut, &folder, &magic, &major] {
        let name = library.file_name().unwrap().to_str().unwrap();
        let ended = with(&home, library, "-o out").code(3).says(name);
        assert_eq!(ended.stderr.lines().count(), 1, "{name}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && home.names("out").is_empty(), "{name}");
        // A library that nothing is asked of is still one that the user named.
        with(&home, library, "-e cam -o out").code(3);
    }
}

/// The template with some bytes changed.
fn patched(home: &Home, name: &str, old: &[u8], new: &[u8]) -> std::path::PathBuf {
    let mut bytes = fs::read(template()).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!places.is_empty(), "{name}");
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    home.file(name, bytes)
}

#[test]
fn a_system_library_is_no_plugin() {
    let home = Home::new();
    let folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];
    let found = folders.iter().map(|folder| Path::new(folder).join("libm.so.6")).find(|path| path.exists());
    let Some(libm) = found else { return println!("skipped: no libm.so.6 in the usual folders") };
    with(&home, &libm, "-o out").code(3).says("camtui_plugin_entry");
}

#[test]
fn what_goes_wrong_inside_a_plugin_is_a_sentence_and_code_3() {
    let home = Home::new();
    let library = plugin("misbehaves");
    let refused = |id: &str, words: &str| {
        let ended =
            with(&home, &library, &format!("-e {id} -o out --save-map out")).code(3).says(id).says(words);
        assert!(ended.stdout.is_empty() && home.names("out").is_empty());
    };
    refused("not-a-number", "not finite numbers");
    refused("fails", "the moon is in the wrong quarter");
    refused("bursts", "out of luck");
    let fine = with(&home, &library, "--save-map fine.npy --json").code(0);
    assert_eq!(fine.json()[0]["explainer"]["id"], "fine");
    assert_eq!(Array::read(&home.at("fine.npy")), Array { shape: vec![1, 2], values: vec![0.25, 0.5] });
}

#[test]
fn one_bad_explainer_among_several_does_not_keep_the_others_from_being_done() {
    let home = Home::new();
    let library = plugin("misbehaves");
    let ended = with(&home, &library, "-e cam,fails,bursts,fine --json -o out").code(3);
    let ids: Vec<String> =
        ended.json().iter().map(|line| line["explainer"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["cam", "fine"]);
    assert_eq!(home.names("out"), ["chelsea.cam.png", "chelsea.fine.png"]);
}
