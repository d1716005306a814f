//! The committed counts, and what is told where others were found.

use std::fmt::Write as _;

use anyhow::{Context, Result};

/// Counts that differ by more than this part have changed. Another build of the same source differs by up to a tenth (in what the
/// compiler takes into one unit, and so draws together).
const TOLERANCE: f64 = 0.25;

/// Instructions of each piece, and the compiler that they are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub compiler: String,
    pub counts: Vec<(String, u64)>,
}

impl Table {
    /// Reads lines `NAME COUNT` and one `compiler VERSION`; `#` begins a remark.
    pub fn parse(text: &str) -> Result<Self> {
        let (mut compiler, mut counts) = (None, Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, rest) = line.split_once(' ').with_context(|| format!("`{line}` is no count"))?;
            if name == "compiler" {
                compiler = Some(rest.trim().to_owned());
            } else {
                let count = rest.trim().parse().with_context(|| format!("`{line}` is no count"))?;
                counts.push((name.to_owned(), count));
            }
        }
        Ok(Self { compiler: compiler.context("it does not name its compiler")?, counts })
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text =
            "# Instructions of one run of each hot path on one thread (AVX2), counted by callgrind.\n\
                        # Written by `xtask instructions --write`; CONTRIBUTING.md says when.\n"
                .to_owned();
        writeln!(text, "compiler {}", self.compiler).expect("a string");
        for (name, count) in &self.counts {
            writeln!(text, "{name:<24} {count:>14}").expect("a string");
        }
        text
    }

    /// A sentence for each piece that takes more than the tolerance more or fewer instructions in `new`, is missing there, or
    /// is not here yet.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let find =
            |table: &Self, name: &str| table.counts.iter().find(|(known, _)| known == name).map(|(_, n)| *n);
        let mut changes = Vec::new();
        for (name, old) in &self.counts {
            let Some(now) = find(new, name) else {
                changes.push(format!("{name}: was {old}, is not counted any more"));
                continue;
            };
            let change = now as f64 / (*old).max(1) as f64 - 1.0;
            if change.abs() > TOLERANCE {
                let kind = if change > 0.0 { "more" } else { "fewer" };
                changes.push(format!("{name}: {old} to {now}, {:.1} % {kind}", 100.0 * change.abs()));
            }
        }
        let added = new.counts.iter().filter(|(name, _)| find(self, name).is_none());
        changes.extend(added.map(|(name, now)| format!("{name}: {now}, not in the table yet")));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[(&str, u64)]) -> Table {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Table { compiler: "rustc 1.0".to_owned(), counts }
    }

    #[test]
    fn a_third_more_or_fewer_is_told() {
        let old = table(&[("a", 1000), ("b", 2000)]);
        assert_eq!(old.changes(&old), [""; 0]);
        assert_eq!(old.changes(&table(&[("a", 1200), ("b", 1600)])), [""; 0]);
        assert_eq!(old.changes(&table(&[("a", 1333), ("b", 2000)])), ["a: 1000 to 1333, 33.3 % more"]);
        assert_eq!(old.changes(&table(&[("a", 1000), ("b", 1400)])), ["b: 2000 to 1400, 30.0 % fewer"]);
    }

    #[test]
    fn pieces_neither_vanish_nor_appear_unnoticed() {
        let changes = table(&[("a", 1000)]).changes(&table(&[("b", 1000)]));
        assert_eq!(changes, ["a: was 1000, is not counted any more", "b: 1000, not in the table yet"]);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let table = table(&[("direct", 12), ("depthwise", 345)]);
        assert_eq!(Table::parse(&table.text()).unwrap(), table);
        assert!(Table::parse("direct 12\n").is_err());
        assert!(Table::parse("compiler rustc\ndirect many\n").is_err());
    }
}
