//! From the paths on the command line to a list of pictures.
//!
//! Folders are searched (not recursively into hidden ones), globs expanded where the shell has not, and `-` reads one
//! picture or a list of paths from stdin. What is named outright is kept even when it cannot be read: the error is
//! told when its turn comes, and the other pictures still get done.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camtui_core::{Tensor, npy};

/// What a folder is searched for.
const PICTURES: [&str; 9] = ["jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// The most that is read from stdin: a picture larger than this is refused anyway.
const STDIN_LIMIT: u64 = 512 << 20;

/// One picture to explain.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A file. `root` is the folder it was found under, if it was found.
    File {
        /// Its path.
        path: PathBuf,
        /// The folder that was named on the command line.
        root: Option<PathBuf>,
    },
    /// A picture that came on stdin.
    Stdin(Vec<u8>),
    /// One preprocessed input of a `.npy` file.
    Tensor {
        /// The file.
        path: PathBuf,
        /// `[1, C, H, W]`.
        tensor: Arc<Tensor>,
        /// Its place in the file, where the file holds several.
        item: Option<usize>,
    },
}

impl Input {
    /// How the picture is called in messages and results.
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Tensor { path, item: None, .. } => path.display().to_string(),
            Self::Stdin(_) => "stdin".into(),
            Self::Tensor { path, item: Some(item), .. } => format!("{}[{item}]", path.display()),
        }
    }

    /// The stem of the files made for it.
    pub fn stem(&self) -> String {
        let stem = |path: &Path| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match self {
            Self::File { path, .. } | Self::Tensor { path, item: None, .. } => stem(path),
            Self::Stdin(_) => "stdin".into(),
            Self::Tensor { path, item: Some(item), .. } => format!("{}-{item}", stem(path)),
        }
    }

    /// The folder of the picture, relative to what was named on the command line.
    pub fn relative_folder(&self) -> PathBuf {
        match self {
            Self::File { path, root } => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let relative = root.as_ref().map_or(folder, |r| folder.strip_prefix(r).unwrap_or(folder));
                relative.components().filter(|c| matches!(c, std::path::Component::Normal(_))).collect()
            }
            Self::Tensor { path, .. } => {
                let folder = path.parent().unwrap_or(Path::new(""));
                folder.components().filter(|c| matches!(c, std::path::Component::Normal(_))).collect()
            }
            Self::Stdin(_) => PathBuf::new(),
        }
    }
}

/// A path on the command line leads to nothing.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A folder without pictures.
    #[error("{0}: no pictures in this folder")]
    EmptyFolder(String),
    /// A folder that cannot be read.
    #[error("{path}: cannot read this folder: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A glob that matches nothing.
    #[error("{0}: no such file, and nothing matches it as a pattern")]
    NoMatch(String),
    /// A pattern that is none.
    #[error("{path}: no such file, and not a pattern either: {reason}")]
    Pattern {
        /// As given.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor file that cannot be used.
    #[error("{path}: {reason}")]
    Tensor {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Stdin gave nothing or failed.
    #[error("stdin: {0}")]
    Stdin(String),
}

/// All pictures that `paths` lead to, in order, and what went wrong with some.
pub fn collect(paths: &[PathBuf]) -> (Vec<Input>, Vec<InputError>) {
    let (mut inputs, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == "-" {
            match from_stdin() {
                Ok(Stdin::Picture(bytes)) => inputs.push(Input::Stdin(bytes)),
                Ok(Stdin::Paths(listed)) => {
                    let (more, wrong) = collect(&listed);
                    inputs.extend(more);
                    errors.extend(wrong);
                }
                Err(error) => errors.push(error),
            }
        } else if path.is_dir() {
            match folder(path) {
                Ok(found) if found.is_empty() => {
                    errors.push(InputError::EmptyFolder(path.display().to_string()));
                }
                Ok(found) => inputs.extend(found),
                Err(error) => errors.push(error),
            }
        } else if path.symlink_metadata().is_err() && looks_like_pattern(path) {
            match pattern(path) {
                Ok(found) => inputs.extend(found),
                Err(error) => errors.push(error),
            }
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
            match tensors(path) {
                Ok(found) => inputs.extend(found),
                Err(reason) => errors.push(InputError::Tensor { path: path.display().to_string(), reason }),
            }
        } else {
            inputs.push(Input::File { path: path.clone(), root: None });
        }
    }
    (inputs, errors)
}

/// Those of the paths that are folders.
pub fn folders(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().filter(|path| path.is_dir()).cloned().collect()
}

enum Stdin {
    Picture(Vec<u8>),
    Paths(Vec<PathBuf>),
}

fn from_stdin() -> Result<Stdin, InputError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(STDIN_LIMIT)
        .read_to_end(&mut bytes)
        .map_err(|e| InputError::Stdin(e.to_string()))?;
    if bytes.is_empty() {
        return Err(InputError::Stdin("nothing came: expected one picture, or paths, one a line".into()));
    }
    // A list of paths is text; every picture format starts with bytes that are not.
    match std::str::from_utf8(&bytes) {
        Ok(text) if image::guess_format(&bytes).is_err() => {
            let named = |line: &&str| !line.is_empty() && *line != "-";
            Ok(Stdin::Paths(text.lines().map(str::trim_end).filter(named).map(PathBuf::from).collect()))
        }
        _ => Ok(Stdin::Picture(bytes)),
    }
}

/// The inputs `[N, C, H, W]` or `[C, H, W]` of a `.npy` file, each as `[1, C, H, W]`.
fn tensors(path: &Path) -> Result<Vec<Input>, String> {
    let whole = npy::read(path).map_err(|e| e.to_string())?;
    let (count, shape) = match *whole.shape() {
        [c, h, w] => (1, [1, c, h, w]),
        [n, c, h, w] => (n, [1, c, h, w]),
        _ => {
            return Err(format!("a model's input is [N, C, H, W] or [C, H, W], this is {:?}", whole.shape()));
        }
    };
    let length = shape.iter().product::<usize>();
    if count == 0 || length == 0 {
        return Err(format!("there is nothing in a tensor of shape {:?}", whole.shape()));
    }
    if whole.data().iter().any(|v| !v.is_finite()) {
        return Err("the tensor holds values that are no finite numbers".into());
    }
    let one = |(item, data): (usize, &[f32])| Input::Tensor {
        path: path.to_owned(),
        tensor: Arc::new(Tensor::new(shape, data.to_vec()).expect("a chunk of exactly one input")),
        item: (count > 1).then_some(item),
    };
    Ok(whole.data().chunks_exact(length).enumerate().map(one).collect())
}

fn folder(root: &Path) -> Result<Vec<Input>, InputError> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|e| InputError::Folder { path: folder.display().to_string(), reason: e.to_string() })?;
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A link to a folder is not followed: it could lead in a circle.
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                open.push(path);
            } else if has_picture_name(&path) && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|path| Input::File { path, root: Some(root.to_owned()) }).collect())
}

fn has_picture_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| PICTURES.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

fn looks_like_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b))
}

fn pattern(path: &Path) -> Result<Vec<Input>, InputError> {
    let text = path.display().to_string();
    let matches = glob::glob(&path.to_string_lossy())
        .map_err(|e| InputError::Pattern { path: text.clone(), reason: e.to_string() })?;
    let found: Vec<Input> =
        matches.flatten().filter(|p| p.is_file()).map(|path| Input::File { path, root: None }).collect();
    if found.is_empty() { Err(InputError::NoMatch(text)) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order_and_hidden_files_left_out() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", "notes.txt", ".hidden.png", "deep/c.webp", ".git/d.png"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let (inputs, errors) = collect(&[root.path().to_owned()]);
        assert!(errors.is_empty());
        let names: Vec<_> = inputs.iter().map(Input::stem).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(inputs[2].relative_folder(), PathBuf::from("deep"));
    }

    #[test]
    fn patterns_expand_and_say_when_they_match_nothing() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("one.png"), "x").unwrap();
        let (inputs, errors) = collect(&[root.path().join("*.png"), root.path().join("*.gif")]);
        assert_eq!(inputs.len(), 1);
        assert!(matches!(errors.as_slice(), [InputError::NoMatch(_)]));
    }

    #[test]
    fn a_missing_file_and_an_odd_name_are_kept_for_their_turn() {
        let root = tempfile::tempdir().unwrap();
        let odd = root.path().join("odd[1].png");
        std::fs::write(&odd, "x").unwrap();
        let (inputs, errors) = collect(&[PathBuf::from("missing.png"), odd.clone()]);
        assert_eq!(inputs.len(), 2);
        assert_eq!(inputs[1], Input::File { path: odd, root: None });
        assert!(errors.is_empty());
    }
}
