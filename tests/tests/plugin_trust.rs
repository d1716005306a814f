//! What is no plugin, or one that others may have written: refused with a reason, in a moment, and without a line of
//! it being run, whichever command meets it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use camtui_tests::program::{example, repository, template};
use camtui_tests::{Ended, Home};

/// Longest time until something is refused.
const SOON: Duration = Duration::from_secs(2);

/// One of the commands that take a file.
fn meet(home: &Home, command: &str, library: &Path) -> Ended {
    let words = ["plugin".as_ref(), command.as_ref(), library.as_os_str()];
    match command {
        "--plugin" => {
            home.render([example("chelsea.png").as_os_str(), "--plugin".as_ref(), library.as_os_str()]).go()
        }
        _ => home.camtui(words).go(),
    }
}

/// Refused by all of them with code 3 and one line that has these words.
fn refused(home: &Home, library: &Path, words: &str) {
    for command in ["info", "check", "--plugin"] {
        let mut ended = meet(home, command, library);
        // A machine that is busy elsewhere gets another chance.
        for _ in 0..2 {
            if ended.took > SOON {
                ended = meet(home, command, library);
            }
        }
        let (took, what) = (ended.took, format!("{command} {}", library.display()));
        let ended = ended.code(3);
        let told = if command == "check" { ended.text() } else { ended.stderr.clone() };
        let lines = told.lines().filter(|line| line.contains(words)).count();
        assert_eq!(lines, 1, "{what}: {words:?} is not in {told}");
        assert!(took < SOON, "{what}: it took {took:?}");
        assert!(!told.contains('\x1b'), "{what}: {told:?}");
    }
}

fn whole() -> Vec<u8> {
    fs::read(template()).unwrap()
}

#[test]
fn files_that_are_no_libraries() {
    let home = Home::new();
    refused(&home, &home.at("none.so"), "there is no plugin at");
    refused(&home, &home.file("text.so", "#!/bin/sh\necho hello\n"), "it is not a shared library");
    refused(&home, &home.file("empty.so", ""), "it is an empty file");
    fs::create_dir(home.at("folder.so")).unwrap();
    refused(&home, &home.at("folder.so"), "is a folder; a plugin is a shared library file");
    refused(&home, Path::new("/dev/zero"), "/dev/zero is not an ordinary file");
    let fifo = home.at("fifo.so");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    refused(&home, &fifo, "is not an ordinary file");
    symlink("nowhere", home.at("dangling.so")).unwrap();
    refused(&home, &home.at("dangling.so"), "there is no plugin at");
    let picture = home.file("picture.so", fs::read(example("chelsea.png")).unwrap());
    refused(&home, &picture, "it is not a shared library");
}

#[test]
fn libraries_that_are_no_plugins() {
    let home = Home::new();
    let folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];
    for name in ["libc.so.6", "libm.so.6"] {
        let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
        match found {
            Some(library) => refused(&home, &library, "it exports no data symbol `camtui_plugin_entry`"),
            None => println!("skipped: no {name} in the usual folders"),
        }
    }
    let program = std::env::current_exe().unwrap();
    refused(&home, &program, "it exports no data symbol `camtui_plugin_entry`");
}

#[test]
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn libraries_that_are_cut_short_foreign_or_huge() {
    let home = Home::new();
    let whole = whole();
    for (name, length) in [("head.so", 40), ("tables.so", 200), ("half.so", whole.len() / 2)] {
        refused(&home, &home.file(name, &whole[..length]), "it is cut short or damaged");
    }
    let mut foreign = whole.clone();
    foreign[18..20].copy_from_slice(&(if cfg!(target_arch = "aarch64") { 62u16 } else { 183 }).to_le_bytes());
    refused(&home, &home.file("foreign.so", &foreign), "build it for this machine");
    // The least 32-bit ELF: a header without tables.
    let mut narrow = vec![0; 52];
    narrow[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    (narrow[16], narrow[18], narrow[20], narrow[40]) = (3, 3, 1, 52);
    refused(&home, &home.file("narrow.so", &narrow), "it is built for");
    // A terabyte of nothing, and of nothing after a header that promises a library.
    for (name, head, words) in
        [("huge.so", &[][..], "it is not a shared library"), ("promise.so", &whole[..64], "it is")]
    {
        let path = home.file(name, head);
        let grown = File::options().write(true).open(&path).unwrap().set_len(1 << 40);
        match grown {
            Ok(()) => refused(&home, &path, words),
            Err(error) => println!("skipped: no file of a terabyte can be made here: {error}"),
        }
    }
}

#[test]
fn libraries_that_others_may_write() {
    let home = Home::new();
    let path = home.file("own/libopen.so", whole());
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    refused(&home, &path, "everyone on this machine may write the file (mode 0666)");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(home.at("own"), Permissions::from_mode(0o777)).unwrap();
    refused(&home, &path, "everyone on this machine may write the folder");
    symlink(&path, home.at("link.so")).unwrap();
    refused(&home, &home.at("link.so"), "everyone on this machine may write the folder");
    fs::set_permissions(home.at("own"), Permissions::from_mode(0o755)).unwrap();
    // A group's is used when it is named, with a notice, and left out of a search.
    fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
    let named = home.camtui(["plugin".as_ref(), "info".as_ref(), path.as_os_str()]).go().code(0);
    assert!(named.stderr.contains("its group may write the file (mode 0664)"), "{}", named.stderr);
    let list = |args: &[&str]| home.camtui(args).env("CAMTUI_PLUGIN_PATH", home.at("own")).go().code(0);
    let found = list(&["plugin", "list"]);
    assert!(
        !found.text().contains("mean-activation") && found.stderr.contains("chmod g-w"),
        "{}",
        found.stderr
    );
    let found = list(&["plugin", "list", "--json"]);
    assert!(found.json()[0]["notices"][0].as_str().unwrap().contains("libopen.so is not loaded"));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(list(&["plugin", "list"]).text().contains("mean-activation"));
}

#[test]
fn nothing_runs_of_a_library_that_is_refused() {
    let home = Home::new();
    let marker = home.at("marker");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        return println!("skipped: there is no C compiler `{compiler}`");
    }
    let build = |name: &str, define: &str| {
        let out = home.at(name);
        let made = Command::new(&compiler)
            .args(["-std=c11", "-shared", "-fPIC", define, "-I"])
            .arg(repository().join("crates/camtui-plugin/include"))
            .arg(repository().join("tests/plugins/initialiser.c"))
            .arg("-o")
            .arg(&out)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::set_permissions(&out, Permissions::from_mode(0o755)).unwrap();
        out
    };
    // In this process nothing would keep it from writing.
    let go = |library: &Path, words: &str| {
        let args = words.split(' ').map(Into::into).chain([library.as_os_str().to_owned()]);
        let ran = home.camtui(args).env("MARKER", &marker).go();
        (ran.code, fs::remove_file(&marker).is_ok())
    };
    let picture = example("chelsea.png");
    let render = format!("{} --render -o out --in-process --plugin", picture.display());
    for words in ["plugin info --in-process", "plugin check --in-process", render.as_str()] {
        assert!(go(&build("fine.so", "-UMAJOR"), words).1, "{words}: a library that is used is loaded");
        let other = build("other.so", "-DMAJOR=7");
        assert_eq!(go(&other, words), (Some(3), false), "{words}");
        let open = build("open.so", "-UMAJOR");
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(go(&open, words), (Some(3), false), "{words}");
    }
}
