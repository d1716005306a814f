//! What is in a new project: the templates with another name, and the SDK or the header.
//!
//! All of it is text inside this program. `plugins/template` and `plugins/template-c` are the one source: what is built
//! and tested there is what a user gets.

use std::path::PathBuf;

use super::Language;

/// The names of files below a folder of the repository, and their texts.
macro_rules! embedded {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        [$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../", $folder, "/", $file)))),+]
    };
}

const RUST: [(&str, &str); 5] =
    embedded!("plugins/template": ".gitignore", "Cargo.toml", "README.md", "src/lib.rs", "src/tests.rs");

const C: [(&str, &str); 5] =
    embedded!("plugins/template-c": ".gitignore", "Makefile", "README.md", "explainer.c", "test.c");

/// Without its `Cargo.toml`, which speaks of the repository's workspace.
const SDK: [(&str, &str); 15] = embedded!("crates/camtui-plugin":
    "include/camtui_plugin.h", "src/abi.rs", "src/describe.rs", "src/entry.rs", "src/error.rs", "src/lib.rs", "src/map.rs",
    "src/panics.rs", "src/params.rs", "src/random.rs", "src/session.rs", "src/testing/mod.rs", "src/testing/serve.rs", "src/testing/setting.rs",
    "src/testing/tests.rs",
);

const LICENCES: [(&str, &str); 2] = embedded!(".": "LICENSE-APACHE", "LICENSE-MIT");

const HEADER: &str = "include/camtui_plugin.h";

/// Every file of a new project with its path in it.
pub fn files(language: Language, name: &str) -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    match language {
        Language::Rust => {
            files.extend(RUST.map(|(file, text)| (file.into(), renamed(text, name))));
            let manifest = files.iter_mut().find(|(file, _)| file.ends_with("Cargo.toml"));
            let (_, manifest) = manifest.expect("the template is a package");
            *manifest = of_its_own(manifest);
            files.push(("sdk/Cargo.toml".into(), sdk_manifest()));
            files.extend(SDK.map(|(file, text)| (PathBuf::from("sdk").join(file), text.to_owned())));
        }
        Language::C => {
            files.extend(C.map(|(file, text)| (file.into(), renamed(text, name))));
            let (_, header) = SDK.iter().find(|(file, _)| *file == HEADER).expect("it is listed above");
            files.push(("sdk/camtui_plugin.h".into(), (*header).to_owned()));
        }
    }
    files.extend(LICENCES.map(|(file, text)| (PathBuf::from("sdk").join(file), text.to_owned())));
    files
}

/// Where building puts the library, from the project's folder.
pub fn library(language: Language, name: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    match language {
        Language::Rust => format!("target/release/{DLL_PREFIX}{}{DLL_SUFFIX}", name.replace('-', "_")),
        Language::C => format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"),
    }
}

/// A template's text with the plugin's name: of the package, of the library, and as the explainer's id.
fn renamed(text: &str, name: &str) -> String {
    text.replace("camtui-template", name)
        .replace("camtui_template", &name.replace('-', "_"))
        .replace("mean-activation", name)
}

/// The template's `Cargo.toml` outside of the repository: the SDK lies in the project, which belongs to no workspace that
/// happens to lie around it; and the licence is for its author to choose.
fn of_its_own(manifest: &str) -> String {
    let manifest = manifest
        .replace("path = \"../../crates/camtui-plugin\"", "path = \"sdk\"")
        .replace("license = \"MIT OR Apache-2.0\"\n", "# license = \"…\"\n");
    format!("{manifest}\n# This project stands alone, wherever it lies.\n[workspace]\n")
}

fn sdk_manifest() -> String {
    format!(
        "[package]\nname = \"camtui-plugin\"\ndescription = \"The explainer interface of camtui: C ABI and safe SDK\"\n\
         version = \"{}\"\nedition = \"2024\"\nrust-version = \"{}\"\nlicense = \"{}\"\npublish = false\n",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_RUST_VERSION"),
        env!("CARGO_PKG_LICENSE"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn text(files: &[(PathBuf, String)], name: &str) -> String {
        let found = files.iter().find(|(file, _)| file == Path::new(name));
        found.unwrap_or_else(|| panic!("there is no {name}")).1.clone()
    }

    /// Every file below a folder, but what building puts there.
    fn below(folder: &str) -> BTreeSet<String> {
        let root = repository().join(folder);
        let (mut found, mut open) = (BTreeSet::new(), vec![root.clone()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                if path.is_dir() && name != "target" && name != "tests" {
                    open.push(path);
                } else if path.is_file() && path.extension().is_none_or(|e| e != "so" && e != "lock") {
                    found.insert(name);
                }
            }
        }
        found
    }

    #[test]
    fn nothing_of_the_templates_and_the_sdk_is_left_out() {
        let listed = |files: &[(&str, &str)]| {
            files.iter().map(|(file, _)| (*file).to_owned()).collect::<BTreeSet<_>>()
        };
        assert_eq!(listed(&RUST), below("plugins/template"));
        assert_eq!(listed(&C), below("plugins/template-c"));
        let mut sdk = below("crates/camtui-plugin");
        assert!(sdk.remove("Cargo.toml"));
        assert_eq!(listed(&SDK), sdk);
    }

    #[test]
    fn a_project_has_its_own_name_everywhere_and_no_way_back_to_the_repository() {
        for language in [Language::Rust, Language::C] {
            for (file, text) in files(language, "my-cam") {
                let shown = file.display();
                for word in ["template", "mean-activation", "../"] {
                    let of_camtui = file.starts_with("sdk");
                    assert!(of_camtui || !text.contains(word), "{shown} speaks of {word}");
                }
            }
        }
        let rust = files(Language::Rust, "my-cam");
        let manifest: toml::Table = text(&rust, "Cargo.toml").parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("my-cam"));
        assert_eq!(manifest["dependencies"]["camtui-plugin"]["path"].as_str(), Some("sdk"));
        assert!(manifest.contains_key("workspace") && manifest["package"].get("license").is_none());
        assert!(text(&rust, "src/lib.rs").contains("Description::new(\"my-cam\""));
        assert!(text(&rust, "README.md").contains("target/release/libmy_cam.so"));
        let c = files(Language::C, "my-cam");
        assert!(text(&c, "Makefile").contains("\nNAME = my-cam\n"));
        assert!(text(&c, "explainer.c").contains("CAMTUI_TEXT(\"my-cam\")"));
    }

    /// An edition is nowhere to be had but in the manifest.
    #[test]
    fn the_sdk_is_the_same_package_in_a_project_and_here() {
        let ours: toml::Table = fs::read_to_string(repository().join("Cargo.toml")).unwrap().parse().unwrap();
        let sdk: toml::Table = sdk_manifest().parse().unwrap();
        for key in ["version", "edition", "rust-version", "license"] {
            assert_eq!(sdk["package"][key], ours["workspace"]["package"][key], "{key}");
        }
        let own = fs::read_to_string(repository().join("crates/camtui-plugin/Cargo.toml")).unwrap();
        let own: toml::Table = own.parse().unwrap();
        assert_eq!(own["package"]["description"], sdk["package"]["description"]);
        assert!(!own.contains_key("dependencies"), "a project could not be built without a network");
    }

    /// What a user reads as the author's own code: all but comments, blank lines and the test.
    #[test]
    fn the_template_has_at_most_twenty_lines_of_the_authors_own() {
        let rust = files(Language::Rust, "my-cam");
        let text = text(&rust, "src/lib.rs");
        let own = text.split("#[cfg(test)]").next().unwrap().lines().map(str::trim);
        let own = own.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        assert!((10..=20).contains(&own), "{own} lines");
    }
}
