//! `camtui plugin list`: every explainer with where it comes from: the file, its hash, and how it is run.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use camtui_host::isolate::confine::Closed;
use camtui_host::{Explainer, Library, Registry};
use camtui_term::sanitise;
use serde_json::{Value, json};

use super::{needs, tell};
use crate::command::print;
use crate::exit::Failure;
use crate::pipeline::digest::sha256_of;
use crate::pipeline::explainers;
use crate::pipeline::isolation::Runs;
use crate::store::Places;

/// Characters of a hash in the table.
const SHORT: usize = 12;

/// Lists the bundled explainers, those that are found and those of the libraries `named`.
pub fn run(named: &[PathBuf], as_json: bool, runs: &Runs, places: &Places) -> Result<(), Failure> {
    let mut notices = Vec::new();
    let registry = explainers::registry(named, runs, places, &mut notices);
    tell(&notices);
    let registry = registry?;
    let mut hashes = HashMap::new();
    let rows: Vec<Row<'_>> = registry
        .explainers()
        .map(|(id, explainer)| {
            let file = explainer.file();
            let hash = file.map(|f| hashes.entry(f.to_owned()).or_insert_with(|| hash(f)).clone());
            Row { id, explainer, hash: hash.flatten() }
        })
        .collect();
    if as_json {
        return print(format!("{}\n", in_json(&registry, &rows, &notices)).as_bytes());
    }
    let mut text = table(&rows);
    let mut told: Vec<String> = registry
        .libraries()
        .iter()
        .filter_map(|library| Some(closed(library)?.join(", ")))
        .map(|words| if words.is_empty() { "nothing on this system".into() } else { words })
        .collect();
    told.dedup();
    for words in told {
        let _ = writeln!(text, "\nclosed to isolated ones: {words}");
    }
    print(text.as_bytes())
}

/// SHA-256 of a file in hexadecimal; none where it has gone since it was loaded.
pub fn hash(file: &Path) -> Option<String> {
    sha256_of(file).ok()
}

struct Row<'a> {
    id: &'a str,
    explainer: &'a Explainer,
    hash: Option<String>,
}

impl Row<'_> {
    fn needs(&self) -> String {
        match needs(self.explainer).join(", ") {
            none if none.is_empty() => "nothing".into(),
            words => words,
        }
    }

    fn hash(&self) -> &str {
        self.hash.as_deref().map_or("-", |hash| &hash[..SHORT])
    }
}

/// Where an explainer runs.
pub fn place(explainer: &Explainer) -> &'static str {
    if explainer.is_isolated() { "isolated" } else { "in process" }
}

/// What its process cannot do, in words; none where it has no process of its own.
pub fn closed(library: &Library) -> Option<Vec<&'static str>> {
    library.confined().map(|confined| confined.closed().map(Closed::words).collect())
}

fn table(rows: &[Row<'_>]) -> String {
    let wide = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let ids = wide(&|row| row.id.chars().count()).max(16);
    let versions = wide(&|row| row.explainer.info().version.chars().count()).max(7);
    let mut text = String::new();
    for row in rows {
        let info = row.explainer.info();
        let _ = writeln!(
            text,
            "{:ids$} {:versions$} {:22} {:10} {:SHORT$} {}",
            row.id,
            info.version,
            row.needs(),
            place(row.explainer),
            row.hash(),
            sanitise(&row.explainer.origin().to_string())
        );
    }
    text
}

fn in_json(registry: &Registry, rows: &[Row<'_>], notices: &[String]) -> Value {
    let explainers: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id,
                "name": row.explainer.info().name,
                "version": row.explainer.info().version,
                "needs": needs(row.explainer),
                "isolated": row.explainer.is_isolated(),
                "bundled": row.explainer.file().is_none(),
                "path": row.explainer.file().map(|f| f.to_string_lossy()),
                "sha256": row.hash,
            })
        })
        .collect();
    let libraries: Vec<Value> = registry
        .libraries()
        .iter()
        .map(|library| json!({ "from": library.origin().to_string(), "closed": closed(library) }))
        .collect();
    json!({ "explainers": explainers, "libraries": libraries, "notices": notices })
}
