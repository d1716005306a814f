//! `camtui plugin new PATH`: a project for an explainer of one's own, for somebody who has only this program.
//!
//! The project is written beside its place and then moved there, so that a full disk leaves no half of one. What is in it
//! says `project.rs`.

mod project;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use camtui_term::sanitise;

use crate::exit::Failure;

/// What the explainer is to be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// With the SDK's sources.
    Rust,
    /// With the header.
    C,
}

/// Longest id of an explainer.
const NAME_LIMIT: usize = 64;

/// What cargo refuses as the name of a package, and the SDK's own.
const TAKEN: [&str; 57] = [
    "abstract",
    "alignof",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "use",
    "virtual",
    "while",
    "yield",
];

/// Makes the project; what it returns is printed.
pub fn run(path: &Path, language: Language) -> Result<String, Failure> {
    let place = std::path::absolute(path).map_err(|error| Failure::Usage(error.into()))?;
    let name = name_of(&place).map_err(|why| Failure::Usage(anyhow::anyhow!(why)))?;
    refuse_taken(&place).map_err(|why| Failure::Usage(anyhow::anyhow!(why)))?;
    write(&place, &name, &project::files(language, &name))
        .with_context(|| format!("cannot make {}", sanitise(&place.display().to_string())))?;
    Ok(next(path, &name, language))
}

/// The plugin's name, or why it cannot be one.
fn name_of(place: &Path) -> Result<String, String> {
    let Some(name) = place.file_name() else {
        return Err(format!(
            "{} has no name of its own; name a folder, for example `my-cam`",
            place.display()
        ));
    };
    let name = name.to_string_lossy().into_owned();
    let wrong = if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it does not begin with a letter from a to z"
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)) {
        "it has other characters than a-z, 0-9, - and _"
    } else if name.len() > NAME_LIMIT {
        "it is longer than 64 characters"
    } else if TAKEN.contains(&name.as_str()) || name.replace('-', "_") == "camtui_plugin" {
        "cargo needs that name itself"
    } else {
        return Ok(name);
    };
    let shown = sanitise(&name);
    Err(format!(
        "a plugin cannot be called `{shown}`: {wrong}; the folder's name is the plugin's, for example `{}`",
        better(&name)
    ))
}

/// A name that looks like `name` and is one.
fn better(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = name.chars().map(plain).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let joined: String = words.join("-").chars().skip_while(|c| !c.is_ascii_lowercase()).take(40).collect();
    match joined.trim_end_matches('-') {
        "" => "my-cam".into(),
        taken if TAKEN.contains(&taken) || taken == "camtui-plugin" => format!("my-{taken}"),
        fine => fine.to_owned(),
    }
}

fn refuse_taken(place: &Path) -> Result<(), String> {
    let shown = sanitise(&place.display().to_string());
    match fs::read_dir(place) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(format!(
                "{shown} is there already and not empty; nothing was changed. Name another folder"
            )),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(place).is_err() => {
            Ok(())
        }
        Err(error) => Err(format!("{shown} cannot become a folder of yours ({error}); name another one")),
    }
}

fn write(place: &Path, name: &str, files: &[(PathBuf, String)]) -> Result<(), anyhow::Error> {
    let parent = place.parent().context("it has no parent folder")?;
    fs::create_dir_all(parent)?;
    // The project lies in a folder of the usual rights within the private temporary one.
    let beside = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(parent)?;
    let made = beside.path().join(name);
    for (file, text) in files {
        let file = made.join(file);
        fs::create_dir_all(file.parent().context("every file lies in the project")?)?;
        fs::write(&file, text).with_context(|| sanitise(&file.display().to_string()))?;
    }
    if !place.exists() {
        return Ok(fs::rename(&made, place)?);
    }
    // An empty folder stays the one it is: somebody may stand in it.
    for entry in fs::read_dir(&made)? {
        let entry = entry?;
        fs::rename(entry.path(), place.join(entry.file_name()))?;
    }
    Ok(())
}

/// What was made, and the commands that follow.
fn next(path: &Path, name: &str, language: Language) -> String {
    let (what, commands) = match language {
        Language::Rust => ("Rust", ["cargo test", "cargo build --release"]),
        Language::C => ("C", ["make test", "make"]),
    };
    let library = project::library(language, name);
    let folder = quoted(&path.display().to_string());
    let shown = sanitise(&path.display().to_string());
    format!(
        "made {shown}: an explainer plugin in {what}, with all that it needs to be built\n\n  cd {folder}\n  {}\n  {}\n  \
         camtui photo.jpg --plugin {library}\n\nREADME.md there says what to change for a formula of your own.\n",
        commands[0], commands[1],
    )
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@\\".contains(c);
    let word = sanitise(word);
    if word.chars().all(plain) && !word.is_empty() {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_cargo_and_camtui_both_take() {
        for good in ["my-cam", "a", "rise2", "smooth_grad", &"x".repeat(64)] {
            assert_eq!(name_of(&Path::new("/somewhere").join(good)).as_deref(), Ok(good));
        }
        for (bad, words, instead) in [
            ("My-Cam", "begin with a letter", "`my-cam`"),
            ("myCam", "other characters", "`mycam`"),
            ("my cam", "other characters", "`my-cam`"),
            ("my.cam", "other characters", "`my-cam`"),
            ("2cam", "begin with a letter", "`cam`"),
            ("_cam", "begin with a letter", "`cam`"),
            ("-cam", "begin with a letter", "`cam`"),
            ("größe", "other characters", "`gr-e`"),
            ("漢字", "begin with a letter", "`my-cam`"),
            ("test", "cargo needs", "`my-test`"),
            ("match", "cargo needs", "`my-match`"),
            ("camtui_plugin", "cargo needs", "`my-camtui-plugin`"),
            (&"x".repeat(65), "longer than 64", "`xxx"),
        ] {
            let sentence = name_of(&Path::new("/somewhere").join(bad)).unwrap_err();
            assert!(sentence.contains(words) && sentence.contains(instead), "{sentence}");
        }
        assert!(name_of(Path::new("/")).unwrap_err().contains("no name"));
    }

    #[test]
    fn what_is_proposed_is_a_name() {
        for bad in ["My-Cam", "9", "", "--", "Größe 3", "a\u{1b}[31mb", "x/", "SELF", "Camtui Plugin"] {
            let proposed = better(bad);
            assert_eq!(
                name_of(&Path::new("/somewhere").join(&proposed)).as_deref(),
                Ok(proposed.as_str()),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_list_of_taken_names_is_in_order() {
        assert!(TAKEN.is_sorted());
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_cut_them() {
        assert_eq!(quoted("plugins/my-cam"), "plugins/my-cam");
        assert_eq!(quoted("my plugins/cam"), "'my plugins/cam'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(x)"), "'$(x)'");
    }

    #[test]
    fn an_empty_folder_is_filled_and_any_other_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("my-cam");
        fs::create_dir(&folder).unwrap();
        run(&folder, Language::C).unwrap();
        assert!(folder.join("explainer.c").exists());
        let refused = run(&folder, Language::Rust).unwrap_err().to_string();
        assert!(refused.contains("not empty") && !folder.join("Cargo.toml").exists(), "{refused}");
        let file = home.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(matches!(run(&file, Language::Rust), Err(Failure::Usage(_))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert!(matches!(run(&file.join("below"), Language::Rust), Err(Failure::Usage(_))));
        // Nothing is left beside it.
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }
}
