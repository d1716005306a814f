//! All that was measured, to be looked up by whoever prints it or holds it against what is aimed at.

use super::rows::{Network, Row};
use super::stats::Times;

/// camtui's name in every table.
pub const CAMTUI: &str = "camtui";
/// The peer that does the same job.
pub const GRAD_CAM: &str = "pytorch-grad-cam";
/// A yardstick that makes no map.
pub const FORWARD: &str = "ONNX Runtime, forward alone";
/// The graph that camtui runs, by another runtime.
pub const EXPORTED: &str = "ONNX Runtime, camtui's exported graph";
/// What people write by hand.
pub const PYTORCH: &str = "PyTorch";

/// Measurements of one kind by one program.
#[derive(Clone, Debug)]
pub struct Figure {
    pub row: Row,
    pub network: Network,
    pub threads: usize,
    /// The program, and what of it.
    pub who: String,
    pub times: Times,
}

/// Everything, in the order of measuring.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds one; an empty one says nothing and is left out.
    pub fn add(&mut self, row: Row, network: Network, threads: usize, who: &str, times: Times) {
        if !times.is_empty() {
            self.0.push(Figure { row, network, threads, who: who.to_owned(), times });
        }
    }

    /// The measurements of that name.
    pub fn find(&self, row: Row, network: Network, threads: usize, who: &str) -> Option<&Times> {
        let same = |f: &&Figure| f.row == row && f.network == network && f.threads == threads && f.who == who;
        self.0.iter().find(same).map(|figure| &figure.times)
    }

    /// Its median.
    pub fn median(&self, row: Row, network: Network, threads: usize, who: &str) -> Option<f64> {
        self.find(row, network, threads, who).map(Times::median)
    }

    /// The greatest median of a row, whoever's it is.
    pub fn greatest(&self, row: Row, network: Network, threads: usize) -> Option<f64> {
        let same = |f: &&Figure| f.row == row && f.network == network && f.threads == threads;
        self.0.iter().filter(same).map(|figure| figure.times.median()).max_by(f64::total_cmp)
    }

    /// Those of one row, in order, without repetition: network and program.
    pub fn lines(&self, row: Row) -> Vec<(Network, &str)> {
        let mut lines = Vec::new();
        for figure in self.0.iter().filter(|figure| figure.row == row) {
            let line = (figure.network, figure.who.as_str());
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        // Networks one after the other, whatever was measured between.
        let order = |network: Network| lines.iter().position(|(other, _)| *other == network);
        let mut sorted = lines.clone();
        sorted.sort_by_key(|(network, _)| order(*network));
        sorted
    }

    /// Numbers of threads that there are figures of.
    pub fn threads(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.0.iter().map(|figure| figure.threads).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
