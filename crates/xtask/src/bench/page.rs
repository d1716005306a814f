//! The figures as tables, on the terminal and between two markers of docs/benchmarks.md: what people wrote around them stays.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::aims::verdicts;
use super::figures::{CAMTUI, Figures};
use super::rows::Row;
use super::stats::Times;
use super::yardstick::APART;

const BEGIN: &str = "<!-- what `xtask bench` has measured begins here -->";
const END: &str = "<!-- what `xtask bench` has measured ends here -->";

/// What stands above the tables.
pub struct Circumstances {
    pub date: String,
    pub machine: String,
    /// Compiler, Python's packages.
    pub versions: Vec<String>,
    pub weights: String,
    pub image: String,
    pub load: [String; 2],
    pub minutes: f64,
}

/// All tables, in Markdown.
pub fn tables(figures: &Figures, about: &Circumstances) -> String {
    let threads = figures.threads();
    let mut text = format!(
        "Measured on {}: {}; {}. {}; the picture is `{}`. Load average {} before and {} after, {:.0} minutes in all.\n\n\
         All take turns in one run, as many threads against as many. A figure is a median, the middle half of all beside it, and \
         (×) what it is of camtui's.\n",
        about.date,
        about.machine,
        about.versions.join(", "),
        about.weights,
        about.image,
        about.load[0],
        about.load[1],
        about.minutes,
    );
    let head = |first: &str| {
        let columns =
            threads.iter().map(|n| if *n == 1 { "1 thread".into() } else { format!("{n} threads") });
        let columns: Vec<String> = columns.collect();
        format!(
            "\n| {first} | {} |\n|{}\n",
            columns.join(" | "),
            "---|".repeat(first.matches('|').count() + 1 + columns.len())
        )
    };
    let verdicts = verdicts(figures, &threads);
    if !verdicts.is_empty() {
        text += "\n### What is aimed at\n";
        text += &head("| network | aim");
        for verdict in verdicts {
            let (what, network, aim) = (verdict.what, verdict.network.title(), verdict.aimed_at);
            writeln!(text, "| {what} | {network} | {aim} | {} |", verdict.cells.join(" | "))
                .expect("a string");
        }
    }
    for row in Row::value_variants() {
        let lines = figures.lines(*row);
        if lines.is_empty() {
            continue;
        }
        write!(text, "\n### {}\n\nIn {}.\n{}", row.title(), row.unit(), head("|")).expect("a string");
        for (network, who) in lines {
            let cell = |threads: &usize| {
                let own = figures
                    .median(*row, network, *threads, CAMTUI)
                    .filter(|_| !who.starts_with(CAMTUI) && who != APART);
                figures
                    .find(*row, network, *threads, who)
                    .map_or_else(|| "–".to_owned(), |times| cell(times, own))
            };
            let cells: Vec<String> = threads.iter().map(cell).collect();
            let title = if row.is_without_network() { "" } else { network.title() };
            writeln!(text, "| {title} | {who} | {} |", cells.join(" | ")).expect("a string");
        }
    }
    text
}

/// A median with three digits, the middle half, and the ratio to `own`.
fn cell(times: &Times, own: Option<f64>) -> String {
    let digits = |value: f64| match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    let mut text = digits(times.median());
    if times.len() > 2 {
        write!(text, " [{} … {}]", digits(times.quantile(0.25)), digits(times.quantile(0.75)))
            .expect("a string");
    }
    if let Some(own) = own {
        write!(text, " (×{:.2})", times.median() / own).expect("a string");
    }
    text
}

/// `page` with `tables` between its markers in place of what was there.
pub fn renewed(page: &str, tables: &str) -> Result<String> {
    let told = || format!("the page has no lines `{BEGIN}` and, after it, `{END}`");
    let (before, rest) = page.split_once(BEGIN).with_context(told)?;
    let (_, after) = rest.split_once(END).with_context(told)?;
    Ok(format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::rows::Network;
    use super::*;

    #[test]
    fn a_page_keeps_what_stands_around_the_tables() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nBy hand.\n");
        let new = renewed(&page, "| new |\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\n| new |\n\n{END}\n\nBy hand.\n"));
        assert_eq!(renewed(&new, "| new |\n").unwrap(), new);
        assert!(renewed("# Title\n", "| new |\n").is_err());
        assert!(renewed(&format!("{END}{BEGIN}"), "").is_err());
    }

    #[test]
    fn a_table_has_a_line_a_program_and_a_column_a_number_of_threads() {
        let mut figures = Figures::default();
        let mut add = |threads, who, times: &[f64]| {
            figures.add(Row::Forward, Network::Resnet18, threads, who, times.iter().copied().collect());
        };
        add(1, CAMTUI, &[10.0, 11.0, 12.0]);
        add(1, "PyTorch", &[22.0]);
        add(2, CAMTUI, &[6.0]);
        let about = Circumstances {
            date: "2026-11-28".to_owned(),
            machine: "a machine".to_owned(),
            versions: vec!["rustc 1".to_owned(), "PyTorch 2".to_owned()],
            weights: "Weights".to_owned(),
            image: "cat.png".to_owned(),
            load: ["0.1".to_owned(), "0.9".to_owned()],
            minutes: 3.2,
        };
        let text = tables(&figures, &about);
        let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            table,
            [
                "| | | 1 thread | 2 threads |",
                "|---|---|---|---|",
                "| ResNet-18 | camtui | 11.0 [10.5 … 11.5] | 6.00 |",
                "| ResNet-18 | PyTorch | 22.0 (×2.00) | – |",
            ]
        );
        assert!(text.contains("2026-11-28") && text.contains("PyTorch 2"));
    }
}
