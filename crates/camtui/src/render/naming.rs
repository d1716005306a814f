//! What the files are called that `--output` and `--save-map` write.
//!
//! `STEM[.MODEL][.TARGET][.EXPLAINER][.LAYER].png`, the bracketed parts where there are several; in one PNG several explainers
//! stand side by side. Two pictures with one stem
//! keep the folders they were found in; what would still clash is numbered. All names are fixed before work begins,
//! so that they do not depend on which picture is done first.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::inputs::Input;

/// Where results of one kind (`png`, `npy`) go.
#[derive(Clone, Debug)]
pub struct Destination {
    target: Place,
    extension: &'static str,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Folder { folder: PathBuf, stems: Vec<PathBuf> },
}

/// What else a name has to tell apart.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "any of these may be several")]
pub struct Several {
    /// More than one model.
    pub models: bool,
    /// More than one target.
    pub targets: bool,
    /// More than one explainer.
    pub explainers: bool,
    /// More than one layer, each with a map of its own.
    pub layers: bool,
}

impl Several {
    fn any(self) -> bool {
        self.models || self.targets || self.explainers || self.layers
    }
}

/// Several results would go to one file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is one file, but there are several results: name a folder")]
pub struct OneFile(String);

impl Destination {
    /// `path` as given on the command line, for `inputs`.
    pub fn new(
        path: &Path,
        extension: &'static str,
        inputs: &[Input],
        several: Several,
    ) -> Result<Self, OneFile> {
        let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) && !path.is_dir();
        if is_file {
            if inputs.len() > 1 || several.any() {
                return Err(OneFile(path.display().to_string()));
            }
            return Ok(Self { target: Place::File(path.to_owned()), extension });
        }
        Ok(Self { target: Place::Folder { folder: path.to_owned(), stems: stems(inputs) }, extension })
    }

    /// Whether everything goes to one file.
    pub fn is_file(&self) -> bool {
        matches!(self.target, Place::File(_))
    }

    /// The folders that files of so many pictures go to.
    pub fn folders(&self, pictures: usize) -> impl Iterator<Item = PathBuf> {
        (0..pictures).filter_map(|index| self.path(index, &[]).parent().map(Path::to_owned))
    }

    /// The file for one result of the picture at `index`. `parts` are model, target and explainer, where they are told apart.
    pub fn path(&self, index: usize, parts: &[&str]) -> PathBuf {
        match &self.target {
            Place::File(path) => path.clone(),
            Place::Folder { folder, stems } => {
                let mut name = folder.join(&stems[index]).into_os_string();
                for part in parts {
                    name.push(".");
                    name.push(safe(part));
                }
                name.push(".");
                name.push(self.extension);
                name.into()
            }
        }
    }
}

/// A part of a file name without separators and control characters.
fn safe(part: &str) -> String {
    part.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '_' } else { c }).collect()
}

/// One name a picture, without extension, relative to the output folder.
fn stems(inputs: &[Input]) -> Vec<PathBuf> {
    let count = |names: &[PathBuf]| {
        let mut seen: HashMap<PathBuf, usize> = HashMap::new();
        for name in names {
            *seen.entry(name.clone()).or_default() += 1;
        }
        seen
    };
    let plain: Vec<PathBuf> = inputs.iter().map(|i| PathBuf::from(safe(&i.stem()))).collect();
    let clashes = count(&plain);
    let foldered: Vec<PathBuf> = inputs
        .iter()
        .zip(&plain)
        .map(
            |(input, stem)| if clashes[stem] > 1 { input.relative_folder().join(stem) } else { stem.clone() },
        )
        .collect();
    let clashes = count(&foldered);
    let mut taken: HashSet<PathBuf> = foldered.iter().filter(|stem| clashes[*stem] == 1).cloned().collect();
    foldered
        .into_iter()
        .map(|stem| {
            if clashes[&stem] == 1 || taken.insert(stem.clone()) {
                return stem;
            }
            let numbered = (2..).map(|number: usize| {
                let mut name = stem.clone().into_os_string();
                name.push(format!("-{number}"));
                PathBuf::from(name)
            });
            let free = numbered.into_iter().find(|name| taken.insert(name.clone()));
            free.expect("there are more numbers than pictures")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Input {
        Input::File { path: path.into(), root: Some("pics".into()) }
    }

    #[test]
    fn names_tell_apart_what_there_is_several_of() {
        let inputs = [file("pics/dog.jpg"), file("pics/cat.jpg")];
        let several = Several { explainers: true, ..Several::default() };
        let to = Destination::new(Path::new("out"), "png", &inputs, several).unwrap();
        assert_eq!(to.path(1, &["grad-cam"]), PathBuf::from("out/cat.grad-cam.png"));
    }

    #[test]
    fn clashing_stems_keep_their_folder_or_get_a_number() {
        let inputs =
            [file("pics/a/dog.jpg"), file("pics/b/dog.jpg"), file("pics/b/dog.png"), file("pics/cat.jpg")];
        let to = Destination::new(Path::new("out"), "png", &inputs, Several::default()).unwrap();
        let names: Vec<_> = (0..4).map(|i| to.path(i, &[])).collect();
        let expected =
            ["out/a/dog.png", "out/b/dog.png", "out/b/dog-2.png", "out/cat.png"].map(PathBuf::from);
        assert_eq!(names, expected);
    }

    #[test]
    fn a_number_does_not_clash_with_a_picture_of_that_name() {
        let inputs = [file("pics/dog.jpg"), file("pics/dog.png"), file("pics/dog-2.png")];
        let to = Destination::new(Path::new("out"), "png", &inputs, Several::default()).unwrap();
        let names: Vec<_> = (0..3).map(|i| to.path(i, &[])).collect();
        assert_eq!(names, ["out/dog.png", "out/dog-3.png", "out/dog-2.png"].map(PathBuf::from));
    }

    #[test]
    fn one_file_takes_one_result() {
        let one = [file("dog.jpg")];
        let to = Destination::new(Path::new("map.npy"), "npy", &one, Several::default()).unwrap();
        assert_eq!(to.path(0, &[]), PathBuf::from("map.npy"));
        let two = [file("dog.jpg"), file("cat.jpg")];
        assert!(Destination::new(Path::new("map.npy"), "npy", &two, Several::default()).is_err());
    }
}
