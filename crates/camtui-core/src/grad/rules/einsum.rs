//! Products summed over named axes.

use crate::onnx::build;
use crate::onnx::pb::NodeProto;

use super::Gradients;
use crate::grad::equation::Equation;
use crate::grad::error::Reason;
use crate::grad::tape::Tape;

/// `y[out] = Σ a[A]·b[B]·…` over the letters that `out` lacks: `da[A] = Σ dy[out]·b[B]·…` over those that `A` lacks. Along a
/// letter that is in `A` alone every element gets the same.
pub(super) fn einsum(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    let equation =
        Equation::of(node).ok_or(Reason::Form("its equation is not one of letters that differ"))?;
    let mut extents: Vec<(char, usize)> = Vec::new();
    for (letters, value) in equation.inputs.iter().zip(&node.input) {
        let shape = tape.shape(value)?;
        if shape.len() != letters.len() {
            return Err(Reason::Form("its equation does not fit its inputs"));
        }
        for (&letter, extent) in letters.iter().zip(shape) {
            let Some(extent) = extent else { continue };
            if extents.iter().any(|&(l, e)| l == letter && e != extent) {
                return Err(Reason::Form("its inputs are broadcast"));
            }
            extents.push((letter, extent));
        }
    }
    let extent = |letter: char| extents.iter().find(|(l, _)| *l == letter).map(|&(_, e)| e as i64);
    let mut gradients = Vec::new();
    for (n, own) in equation.inputs.iter().enumerate() {
        if !tape.is_active(&node.input[n]) {
            gradients.push(None);
            continue;
        }
        let others: Vec<usize> = (0..equation.inputs.len()).filter(|&m| m != n).collect();
        let elsewhere = |letter: &char| {
            equation.output.contains(letter) || others.iter().any(|&m| equation.inputs[m].contains(letter))
        };
        let shared: Vec<char> = own.iter().copied().filter(elsewhere).collect();
        let text = |letters: &[char]| letters.iter().collect::<String>();
        let mut terms = vec![text(&equation.output)];
        terms.extend(others.iter().map(|&m| text(&equation.inputs[m])));
        let terms = format!("{}->{}", terms.join(","), text(&shared));
        let inputs: Vec<&str> =
            std::iter::once(dy).chain(others.iter().map(|&m| node.input[m].as_str())).collect();
        let mut d = tape.op("Einsum", &inputs, vec![build::string("equation", &terms)]);
        if shared.len() < own.len() {
            let alone: Vec<i64> = (0..own.len()).filter(|&a| !elsewhere(&own[a])).map(|a| a as i64).collect();
            let sides: Option<Vec<i64>> =
                own.iter().map(|l| if elsewhere(l) { Some(1) } else { extent(*l) }).collect();
            let sides = sides.ok_or_else(|| Reason::UnknownShape(node.input[n].clone()))?;
            let axes = tape.integers(&alone);
            // Einsum came with opset 12, and axes became an input with 13.
            d = match tape.opset {
                ..13 => tape.op("Unsqueeze", &[&d], vec![build::ints("axes", &alone)]),
                _ => tape.op("Unsqueeze", &[&d, &axes], vec![]),
            };
            let sides = tape.integers(&sides);
            d = tape.op("Expand", &[&d, &sides], vec![]);
        }
        gradients.push(Some(d));
    }
    Ok(gradients)
}
