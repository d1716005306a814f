//! `camtui man`: manual pages made from the command line's own definition, so that they know every flag.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use camtui_core::file::write_atomic;
use camtui_term::sanitise;
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::print;
use crate::cli::Cli;
use crate::exit::Failure;

/// What the main page says beyond the flags: heading, then pairs of a term and what it is.
const SECTIONS: [(&str, &[(&str, &str)]); 3] = [
    (
        "EXIT STATUS",
        &[
            ("0", "Everything was done."),
            ("1", "Something failed; the other pictures were still done."),
            ("2", "The command line or the configuration asks for something that cannot be."),
            ("3", "A plugin failed."),
            ("130", "Interrupted."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("CAMTUI_CONFIG_DIR", "Folder of config.toml."),
            ("CAMTUI_DATA_DIR", "Folder of pulled models and of plugins."),
            ("CAMTUI_CACHE_DIR", "Folder of converted models; may be deleted at any time."),
            ("CAMTUI_STATE_DIR", "Folder of the log and of what a session remembers."),
            ("CAMTUI_PLUGIN_PATH", "Folders with libraries of explainers."),
            ("CAMTUI_PROTOCOL", "What --protocol says, where that flag is not given."),
            ("CAMTUI_MODEL_MIRROR", "Base URL of model downloads."),
            ("NO_COLOR", "No colours, where it is set and not empty."),
        ],
    ),
    (
        "FILES",
        &[
            ("config.toml", "The configuration; \"camtui config --path\" says where it is."),
            ("camtui.log", "What went wrong in interactive sessions, in the state folder."),
            ("session.json", "What --resume takes up, in the state folder."),
        ],
    ),
];

/// Writes every page into `folder`, or prints the main one.
pub fn run(folder: Option<&Path>) -> Result<(), Failure> {
    let pages = pages()?;
    let Some(folder) = folder else {
        return print(pages.first().map_or(&[][..], |(_, page)| page));
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut told = String::new();
    for (name, page) in &pages {
        let path = folder.join(name);
        write_atomic(&path, page).map_err(anyhow::Error::from)?;
        let _ = writeln!(told, "{}", sanitise(&path.display().to_string()));
    }
    print(told.as_bytes())
}

/// The pages with their file names, the main one first.
fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        let man = Man::new(command.clone())
            .source(concat!("camtui ", env!("CARGO_PKG_VERSION")))
            .manual("camtui manual");
        let mut page = Vec::new();
        man.render(&mut page)?;
        if pages.is_empty() {
            page.extend(sections().into_bytes());
        }
        pages.push((man.get_filename(), page));
        let mut inner: Vec<_> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
        inner.reverse();
        open.append(&mut inner);
    }
    Ok(pages)
}

fn sections() -> String {
    let mut text = String::new();
    for (heading, entries) in SECTIONS {
        let _ = writeln!(text, ".SH \"{heading}\"");
        for (term, about) in entries {
            // A bare hyphen may be set as another character, which nobody can copy into a shell.
            let _ =
                writeln!(text, ".TP\n\\fB{}\\fR\n{}", term.replace('-', "\\-"), about.replace('-', "\\-"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn page<'p>(pages: &'p [(String, Vec<u8>)], name: &str) -> &'p str {
        let found = pages.iter().find(|(known, _)| known == name);
        std::str::from_utf8(&found.unwrap_or_else(|| panic!("there is no {name}")).1).unwrap()
    }

    fn each_has_its_flags(command: &clap::Command, pages: &[(String, Vec<u8>)], count: &mut usize) {
        let name = format!("{}.1", command.get_display_name().unwrap_or(command.get_name()));
        let page = page(pages, &name);
        *count += 1;
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            if let Some(long) = argument.get_long() {
                let flag = format!("\\-\\-{}", long.replace('-', "\\-"));
                assert!(page.contains(&flag), "{name} has no {flag}");
            }
            // Whatever the help says of it is there as well; its first word will do.
            let word = argument.get_help().map(|help| help.to_string().split(' ').next().unwrap().to_owned());
            let word = word.unwrap_or_default().replace('-', "\\-");
            assert!(page.contains(&word), "{name} has no help of {}", argument.get_id());
        }
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            each_has_its_flags(inner, pages, count);
        }
    }

    #[test]
    fn every_command_has_a_page_with_all_its_flags() {
        let pages = pages().unwrap();
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut count = 0;
        each_has_its_flags(&command, &pages, &mut count);
        assert_eq!(count, pages.len());
        assert!(count > 8 && pages[0].0 == "camtui.1", "{count}");
        let main = page(&pages, "camtui.1");
        for (heading, entries) in SECTIONS {
            assert!(main.contains(heading) && main.contains(&entries[0].0.replace('-', "\\-")), "{heading}");
        }
        assert!(page(&pages, "camtui-model-export.1").contains("\\-\\-outputs"));
    }

    #[test]
    fn pages_are_sound_to_groff() {
        let groff = |page: &[u8]| {
            let mut child = Command::new("groff")
                .args(["-man", "-Tutf8", "-ww", "-k"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .ok()?;
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), page).unwrap();
            child.wait_with_output().ok()
        };
        for (name, page) in pages().unwrap() {
            let Some(set) = groff(&page) else { return println!("skipped: no groff here") };
            let warnings = String::from_utf8_lossy(&set.stderr);
            assert!(set.status.success() && warnings.is_empty(), "{name}: {warnings}");
            // Bold letters are printed twice, with a backspace between them.
            let mut letters = String::new();
            for letter in String::from_utf8_lossy(&set.stdout).chars() {
                if letter == '\u{8}' {
                    letters.pop();
                } else {
                    letters.push(letter);
                }
            }
            assert!(letters.contains("SYNOPSIS"), "{name}: {letters}");
        }
    }

    #[test]
    fn pages_go_to_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let man1 = folder.path().join("share/man1");
        run(Some(&man1)).unwrap();
        let written = std::fs::read_dir(&man1).unwrap().count();
        assert_eq!(written, pages().unwrap().len());
    }
}
