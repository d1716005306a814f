//! `camtui model list`: the catalogue, with what is on this machine.

use std::io::Write;

use camtui_core::arch::embedded;

use super::catalogue::{self, Entry, Origin};
use super::places::Places;
use super::pull::megabytes;

/// Prints one line per known model: name, whether it is there, size, licence, summary.
pub fn list(places: &Places) -> anyhow::Result<()> {
    match print(catalogue::ENTRIES, places, &mut std::io::stdout().lock()) {
        // `camtui model list | head -1` is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

fn print(entries: &[Entry], places: &Places, out: &mut dyn Write) -> std::io::Result<()> {
    let row = |out: &mut dyn Write, cells: [&str; 5]| {
        let [name, there, size, licence, summary] = cells;
        writeln!(out, "{name:<20} {there:<14} {size:>8}  {licence:<28} {summary}")
    };
    row(out, ["NAME", "INSTALLED", "SIZE", "LICENCE", "WHAT"])?;
    for entry in entries {
        let (there, size) = match entry.origin {
            Origin::Embedded => ("in the program", megabytes(embedded::bytes().len() as u64)),
            Origin::Download(file) => {
                let there = catalogue::installed_entry(entry, places).is_some();
                (if there { "yes" } else { "no" }, megabytes(file.size))
            }
        };
        row(out, [entry.name, there, &size, entry.licence, entry.summary])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(|_| Some(folder.path().into()), None);
        let lines = |places: &Places| {
            let mut out = Vec::new();
            print(catalogue::ENTRIES, places, &mut out).unwrap();
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let before = lines(&places);
        assert_eq!(before.len(), 1 + catalogue::ENTRIES.len());
        assert!(before[1].starts_with("resnet18") && before[1].contains(" no "), "{}", before[1]);
        assert!(before[1].contains("46.8 MB") && before[1].contains("BSD-3-Clause"), "{}", before[1]);
        assert!(before[2].starts_with(embedded::NAME) && before[2].contains(" 9.4 MB "), "{}", before[2]);
        assert!(before[2].contains("in the program") && before[2].contains("Apache-2.0"), "{}", before[2]);

        std::fs::create_dir_all(places.models().unwrap()).unwrap();
        let file = std::fs::File::create(places.models().unwrap().join("resnet18-f37072fd.pth")).unwrap();
        file.set_len(46_830_571).unwrap();
        assert!(lines(&places)[1].contains(" yes "));
    }
}
