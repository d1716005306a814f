//! The binary and the libraries under test, built as this very test was.
//!
//! `cargo test` builds the program before the tests of its own package, but nobody promises that for this one. What
//! is missing or older than its sources is therefore built by calling cargo again, once, in the same profile; what is
//! fresh is used as it lies there, because a second cargo with another choice of packages may choose other features
//! and compile every dependency anew.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::Run;

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// One of the files that tests/goldens/foreign.py has made: a model as PyTorch exports it, and what PyTorch makes of a picture.
pub fn foreign(name: &str) -> PathBuf {
    repository().join("tests/goldens/data/foreign").join(name)
}

/// A picture that comes with camtui.
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

/// The folder that this profile builds into: a test lies in its `deps`, a program in it.
pub fn build_folder() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let deps = own.ancestors().find(|folder| folder.ends_with("deps"));
    deps.unwrap_or(&own).parent().expect("every program lies in a folder").to_owned()
}

/// A folder for what tests make and later runs may find again.
pub fn scratch() -> PathBuf {
    let folder = build_folder().parent().unwrap().join("tmp/camtui-tests");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program.
pub fn camtui() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let file = build_folder().join(format!("camtui{}", std::env::consts::EXE_SUFFIX));
        built(&file, "camtui")
    })
}

/// The bundled explainers as a library of their own.
pub fn standard() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built(&library("camtui_standard"), "camtui-standard"))
}

/// The smallest plugin.
pub fn template() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built(&library("camtui_template"), "camtui-template"))
}

/// `tests/plugins/NAME.rs`, compiled against the SDK.
pub fn plugin(name: &str) -> PathBuf {
    plugin_with(name, name, &[])
}

/// The same as the library `out`, with more flags for the compiler.
pub fn plugin_with(name: &str, out: &str, flags: &[&str]) -> PathBuf {
    static SDK: OnceLock<PathBuf> = OnceLock::new();
    let sdk = SDK.get_or_init(|| built(&build_folder().join("libcamtui_plugin.rlib"), "camtui-plugin"));
    let out = scratch().join(library(out).file_name().unwrap());
    let made = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", name])
        .args(flags)
        .arg("-o")
        .arg(&out)
        .arg("--extern")
        .arg(format!("camtui_plugin={}", sdk.display()))
        .arg("-L")
        .arg(format!("dependency={}", build_folder().join("deps").display()))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(format!("{name}.rs")))
        .output()
        .unwrap();
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    out
}

/// The same run with what the author of a plugin has: the very cargo that built this test, and no network.
#[must_use]
pub fn with_tools(run: Run) -> Run {
    let cargo = std::env::var_os("CARGO").map(PathBuf::from);
    // The toolchain's own folder, so that no wrapper has to find its settings in somebody's home.
    let toolchain = cargo.as_deref().and_then(Path::parent).filter(|folder| folder.is_absolute());
    let mine = run.command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    let path = mine.map(OsStr::to_owned).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let folders = toolchain.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).unwrap();
    run.env("PATH", path).env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_COLOR", "never")
}

/// `tests/plugins/NAME.c`, compiled against the header with these `-D` definitions, as `out`. `None`, with a line that says
/// so, where there is no C compiler.
pub fn c_plugin(name: &str, definitions: &[&str], out: &Path) -> Option<()> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no C compiler `{compiler}`");
        return None;
    }
    let made = Command::new(&compiler)
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-I"])
        .arg(repository().join("crates/camtui-plugin/include"))
        .args(definitions.iter().map(|definition| format!("-D{definition}")))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins").join(format!("{name}.c")))
        .arg("-o")
        .arg(out)
        .output()
        .unwrap();
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    Some(())
}

fn library(name: &str) -> PathBuf {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    build_folder().join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
}

/// `file`, after `package` has been built if it had to be.
fn built(file: &Path, package: &str) -> PathBuf {
    if !is_fresh(file) {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(repository()).args(["build", "--quiet", "--package", package]);
        cargo.arg("--target-dir").arg(build_folder().parent().unwrap());
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "{package} does not build");
    }
    assert!(file.exists(), "{package} built, but there is no {}", file.display());
    file.to_owned()
}

/// Whether `file` is younger than all sources that cargo noted beside it.
fn is_fresh(file: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified()).ok();
    let Some(made) = changed(file) else { return false };
    let Ok(notes) = fs::read_to_string(file.with_extension("d")) else { return false };
    let Some((_, sources)) = notes.split_once(": ") else { return false };
    // Spaces inside a name are escaped; a name cut in two is not found, and not found means build.
    sources
        .split_whitespace()
        .all(|source| changed(Path::new(source)).is_some_and(|at: SystemTime| at <= made))
}
