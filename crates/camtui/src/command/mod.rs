//! The commands beside the main job.

pub mod config;
pub mod doctor;
pub mod man;
pub mod model;
pub mod plugin;
pub mod replay;

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Failure;

/// `camtui completions SHELL`.
pub fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "camtui", &mut script);
    print(&script)
}

/// Writes to standard output. A closed pipe is no error: whoever read it has seen enough.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use clap_complete::Shell;

    use super::*;

    fn script(shell: Shell) -> String {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "camtui", &mut script);
        String::from_utf8(script).unwrap()
    }

    #[test]
    fn completions_know_every_flag() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for argument in Cli::command().get_arguments() {
                let Some(long) = argument.get_long() else { continue };
                let flag = if shell == Shell::Fish { format!("-l {long}") } else { format!("--{long}") };
                assert!(script.contains(&flag), "{shell}: {flag}");
            }
        }
    }

    /// The shells that are here read their scripts without running them.
    #[test]
    fn shells_can_read_their_completions() {
        for (shell, program, argument) in
            [(Shell::Bash, "bash", "-n"), (Shell::Zsh, "zsh", "-n"), (Shell::Fish, "fish", "--no-execute")]
        {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("script");
            std::fs::write(&file, script(shell)).unwrap();
            match Command::new(program).arg(argument).arg(&file).stdin(Stdio::null()).output() {
                Ok(read) => assert!(read.status.success() && read.stderr.is_empty(), "{shell}: {read:?}"),
                Err(_) => println!("skipped: no {program} here"),
            }
        }
    }

    /// Asks bash what it would offer, as it asks the script.
    #[test]
    fn bash_completes() {
        let offered = |words: &str, index: usize| {
            let line = format!(
                "COMP_WORDS=({words}); COMP_CWORD={index}; \
                 _camtui camtui \"${{COMP_WORDS[{index}]}}\" \"${{COMP_WORDS[{}]}}\"; echo \"${{COMPREPLY[@]}}\"",
                index - 1
            );
            let all = format!("{}\n{line}\n", script(Shell::Bash));
            let ran = Command::new("bash").args(["--norc", "-c", &all]).stdin(Stdio::null()).output().ok()?;
            Some(String::from_utf8_lossy(&ran.stdout).into_owned())
        };
        let Some(flags) = offered("camtui --al", 1) else { return println!("skipped: no bash here") };
        assert_eq!(flags.trim(), "--alpha");
        assert_eq!(offered("camtui mod", 1).unwrap().trim(), "model");
        assert_eq!(offered("camtui --interpolation b", 2).unwrap().trim(), "bilinear bicubic");
        assert_eq!(offered("camtui config --sch", 2).unwrap().trim(), "--schema");
    }
}
