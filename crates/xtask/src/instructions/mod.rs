//! `xtask instructions`: how many instructions the hot paths take, held against a committed table.
//!
//! Times depend on the machine's mood, so no test can guard them; valgrind's callgrind counts instructions, and those hardly
//! vary. It knows AVX2 and no AVX-512, so the AVX2 path is counted, on one thread. Each of `pieces` runs once with few and once
//! with more repetitions, in a process of its own: the difference is the piece without its start. Counts depend on the
//! compiler, so the table names it, and with another one nothing is compared.

mod pieces;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use table::Table;

/// Repetitions of the shorter and of the longer run.
const RUNS: [u64; 2] = [1, 3];

#[derive(Args)]
pub struct Instructions {
    /// Write the counts down instead of comparing them
    #[arg(long)]
    write: bool,
    /// The table
    #[arg(long, value_name = "FILE", default_value = "crates/xtask/instructions.txt")]
    table: PathBuf,
    /// Run this piece and count nothing: what callgrind is given
    #[arg(long, value_name = "PIECE", hide = true)]
    piece: Option<String>,
    #[arg(long, default_value_t = 1, hide = true)]
    runs: u64,
}

impl Instructions {
    pub fn run(self) -> Result<()> {
        if let Some(piece) = &self.piece {
            return pieces::run(piece, self.runs);
        }
        if let Some(reason) = unable() {
            ensure!(!self.write, "nothing was counted: {reason}");
            println!("instructions of the hot paths: NOT CHECKED, {reason}");
            return Ok(());
        }
        let compiler = compiler()?;
        let old = std::fs::read_to_string(&self.table)
            .map_err(anyhow::Error::from)
            .and_then(|text| Table::parse(&text))
            .with_context(|| format!("cannot read {}", self.table.display()));
        if let (false, Ok(old)) = (self.write, &old)
            && old.compiler != compiler
        {
            println!(
                "instructions of the hot paths: NOT COMPARED, the table is of {}, this is {compiler}",
                old.compiler
            );
            return Ok(());
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut counts = Vec::new();
        for piece in pieces::NAMES {
            let [few, more] = RUNS.map(|runs| count(piece, runs, folder.path()));
            let each = (more? - few?) / (RUNS[1] - RUNS[0]);
            println!("{piece:<24} {each:>14}");
            counts.push(((*piece).to_owned(), each));
        }
        let new = Table { compiler, counts };
        if self.write {
            std::fs::write(&self.table, new.text())
                .with_context(|| format!("cannot write {}", self.table.display()))?;
            return Ok(());
        }
        let changes = old?.changes(&new);
        if changes.is_empty() {
            return Ok(());
        }
        bail!(
            "instructions of the hot paths have changed:\n  {}\nFewer is fine and more may be meant: \
             `cargo run --release -p xtask -- instructions --write` writes the new counts into {}, to be committed with the \
             change and its reason. Not meant? What changed since that file's last commit is where to look.",
            changes.join("\n  "),
            self.table.display()
        )
    }
}

/// Why nothing can be counted here.
fn unable() -> Option<&'static str> {
    if cfg!(debug_assertions) {
        return Some("this was built without --release");
    }
    if !camtui_conv::Isa::Avx2.is_here() {
        return Some("this machine has no AVX2");
    }
    let valgrind =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!valgrind.is_ok_and(|status| status.success())).then_some("valgrind is not installed")
}

/// `rustc`'s version; the one that is on the path, which is the one that has built this.
fn compiler() -> Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("cannot run rustc")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The instructions of a process that runs `piece` so many times.
fn count(piece: &str, runs: u64, folder: &Path) -> Result<u64> {
    let out = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["instructions", "--piece", piece, "--runs", &runs.to_string()])
        .output()
        .context("cannot run valgrind")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{piece}` fails under callgrind:\n{told}");
    let text = std::fs::read_to_string(&out).context("callgrind wrote nothing")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.with_context(|| format!("callgrind counted nothing of `{piece}`"))
}
