//! Kernels that one start leaves in the cache for the next, in the form that programs want.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use camtui_core::Tensor;
use camtui_core::grad::Rule;
use camtui_core::model::{Cache, IMAGE, ModelSource, Needs, Schedule, Session, open};

/// What a start computes: logits, and a gradient to the picture.
fn answers(folder: &Path) -> (Tensor, Tensor) {
    answers_of(&Cache::new(folder))
}

fn answers_of(cache: &Cache) -> (Tensor, Tensor) {
    let opened = open(&ModelSource::Embedded, cache).unwrap();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    let network = opened.into_network(Schedule::OnePicture, 2);
    let shape = network.input_shape();
    let numbers = (0..shape.iter().product::<usize>()).map(|at| ((at * 7919) % 1000) as f32 / 500.0 - 1.0);
    let session =
        Session::new(&network, Tensor::new(shape, numbers.collect()).unwrap(), Needs::default()).unwrap();
    let mut seed = vec![0.0; network.metadata().classes];
    seed[3] = 1.0;
    let gradient = session.gradient(IMAGE, &seed, Rule::Plain).unwrap();
    ((*session.logits().unwrap()).clone(), (*gradient).clone())
}

fn off(found: &Tensor, expected: &Tensor) -> f32 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    let differences = found.data().iter().zip(expected.data()).map(|(a, b)| a - b);
    norm(&mut { differences }) / norm(&mut expected.data().iter().copied())
}

fn prepared(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("models")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = files.filter(|path| path.extension().is_some_and(|end| end == "prepared"));
    let path = found.next().expect("a start leaves what it has prepared");
    assert!(found.next().is_none());
    path
}

#[test]
fn the_next_start_finds_what_one_has_prepared_and_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // Without a cache weights are in the graph, where the runtime folds some of them by itself.
    let (logits, gradient) = answers_of(&Cache::disabled());
    let expected = answers(folder.path());
    assert!(off(&expected.0, &logits) < 1e-5);
    assert!(
        off(&expected.1, &gradient) < 1e-2,
        "of weights some of which are read from the last to the first"
    );
    let path = prepared(folder.path());
    let (kept, written) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    assert!(kept.len() > 1 << 20, "{} bytes", kept.len());
    assert_eq!(answers(folder.path()), expected);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written, "nothing new, nothing written");
}

#[test]
fn damage_is_noticed_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let expected = answers(folder.path());
    let path = prepared(folder.path());
    let kept = fs::read(&path).unwrap();
    let mut damaged = kept.clone();
    // Inside a number that is not zero.
    let at = (kept.len() / 2..kept.len()).find(|&at| kept[at] != 0).unwrap();
    damaged[at] ^= 0x40;
    for bytes in [damaged.as_slice(), &kept[..kept.len() / 3], b""] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(answers(folder.path()), expected);
        assert!(fs::read(&path).unwrap() == kept, "made again");
    }
}

/// Kernels kept of other weights are not these: an entry that is made again has other facts in its header.
#[test]
fn what_was_kept_of_other_weights_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let expected = answers(folder.path());
    let path = prepared(folder.path());
    let mut kept = fs::read(&path).unwrap();
    // The index's first line is the label, with the checksum of the weights at its end.
    let end = 16 + kept[16..].iter().position(|&byte| byte == b'\n').unwrap();
    kept[end - 1] = if kept[end - 1] == b'0' { b'1' } else { b'0' };
    let index = 16..16 + u32::from_le_bytes(kept[8..12].try_into().unwrap()) as usize;
    let checksum = crc32fast::hash(&kept[index]);
    kept[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &kept).unwrap();
    assert_eq!(answers(folder.path()), expected);
    assert!(fs::read(&path).unwrap() != kept, "made again");
}
