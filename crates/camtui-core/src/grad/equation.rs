//! An Einsum's equation: a letter for each axis of each operand, and those that are left.

use super::attributes::string;
use crate::onnx::pb::NodeProto;

/// More operands than this no network multiplies.
const MOST_OPERANDS: usize = 8;

/// `bij,bjk->bik`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Equation {
    /// The letters of each operand.
    pub inputs: Vec<Vec<char>>,
    /// The letters of what comes out.
    pub output: Vec<char>,
}

impl Equation {
    /// The equation of an Einsum. `None` where it names no axes one by one (`...`), one twice (a diagonal), or one that no
    /// operand has.
    pub fn of(node: &NodeProto) -> Option<Self> {
        Self::read(string(node, "equation")?).filter(|e| e.inputs.len() == node.input.len())
    }

    fn read(text: &str) -> Option<Self> {
        let letters = |term: &str| -> Option<Vec<char>> {
            let found: Vec<char> = term.chars().filter(|c| !c.is_whitespace()).collect();
            let once = found.iter().enumerate().all(|(n, c)| !found[..n].contains(c));
            (once && found.iter().all(char::is_ascii_alphabetic)).then_some(found)
        };
        let (terms, output) = match text.split_once("->") {
            Some((terms, output)) => (terms, Some(output)),
            None => (text, None),
        };
        if terms.split(',').count() > MOST_OPERANDS {
            return None;
        }
        let inputs: Vec<Vec<char>> = terms.split(',').map(letters).collect::<Option<_>>()?;
        let all = || inputs.iter().flatten().copied();
        let output = if let Some(output) = output {
            letters(output)?
        } else {
            // What is not said: the letters that come once, in the alphabet's order.
            let mut once: Vec<char> = all().filter(|c| all().filter(|d| d == c).count() == 1).collect();
            once.sort_unstable();
            once
        };
        output.iter().all(|c| all().any(|d| d == *c)).then_some(Self { inputs, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_read() {
        let read = |text: &str| {
            let join = |letters: &Vec<char>| letters.iter().collect::<String>();
            Equation::read(text)
                .map(|e| (e.inputs.iter().map(join).collect::<Vec<_>>().join(","), join(&e.output)))
        };
        let is = |inputs: &str, output: &str| Some((inputs.to_owned(), output.to_owned()));
        assert_eq!(read("b i j, bjk -> bik"), is("bij,bjk", "bik"));
        assert_eq!(read("ij,jk"), is("ij,jk", "ik"));
        assert_eq!(read("nchw->nc"), is("nchw", "nc"));
        for wrong in ["...ij->...ji", "ii->i", "ij->ik", "i1->i", "a,a,a,a,a,a,a,a,a->a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
