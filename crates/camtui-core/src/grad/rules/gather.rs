//! Elements picked along an axis: by constant indices, or from a start to an end in steps.

use crate::onnx::pb::NodeProto;

use super::{Gradients, axis_of, input, only_first_active};
use crate::grad::attributes::int;
use crate::grad::error::Reason;
use crate::grad::shapes::axis;
use crate::grad::tape::Tape;
use crate::onnx::build;

/// How often one element may be read; above that the graph would grow too much.
const OFTEN: usize = 64;

/// `y[…, j, …] = x[…, index[j], …]`: `dx[…, q, …] = Σ dy[…, j, …]` over the `j` with `index[j] = q`.
pub(super) fn gather(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, indices) = (input(node, 0)?, input(node, 1)?);
    let shape = tape.shape(x)?;
    let along = axis_of(node, "axis", 0, shape.len())?;
    let constant = tape.shapes().integers(indices);
    if shape.len() == 1 && tape.opset >= 16 && (shape[along].is_none() || constant.is_none()) {
        return Ok(vec![Some(looked_up(tape, x, indices, dy))]);
    }
    let extent = shape[along].ok_or_else(|| Reason::UnknownShape(x.into()))?;
    let picked = constant.ok_or(Reason::Form("its indices are not constant"))?;
    let sources: Option<Vec<usize>> = picked.iter().map(|&i| axis(i, extent)).collect();
    let sources = sources.ok_or(Reason::Form("an index is beyond its input"))?;
    let mut counts = vec![0; extent];
    for &q in &sources {
        counts[q] += 1;
    }
    if counts.iter().any(|&c| c > OFTEN) {
        return Err(Reason::Form("it repeats an element more than 64 times"));
    }
    let mut dy = dy.to_owned();
    if tape.shape(indices)?.len() != 1 {
        // The indices' own axes become one.
        let open = shape.iter().enumerate().filter(|(a, d)| *a != along && d.is_none()).count();
        if open > 1 {
            return Err(Reason::UnknownShape(x.into()));
        }
        let mut flat: Vec<i64> = shape.iter().map(|d| d.map_or(-1, |d| d as i64)).collect();
        flat[along] = sources.len() as i64;
        dy = tape.reshape(&dy, &flat);
    }
    Ok(vec![Some(tape.scatter(&dy, shape.len(), along, &sources, extent)?)])
}

/// `y[j…] = x[index[j…]]` of a list, whatever the batch makes of its length and the indices, which must not count from the
/// end: each `dy[j…]` is added to zeros at its index. (PyTorch's newer exporter writes a strided view in this way.)
fn looked_up(tape: &mut Tape, x: &str, indices: &str, dy: &str) -> String {
    let (zeros, last) = (tape.zeros_like(x), tape.integers(&[-1]));
    let places = tape.op("Unsqueeze", &[indices, &last], vec![]);
    tape.op("ScatterND", &[&zeros, &places, dy], vec![build::string("reduction", "add")])
}

/// `y[j…, …] = x[index[j…], …]`, each index naming as many axes as it has numbers: each `dy[j…, …]` is added to zeros there.
pub(super) fn gather_nd(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let (x, indices) = (input(node, 0)?, input(node, 1)?);
    if int(node, "batch_dims").unwrap_or(0) != 0 || tape.opset < 16 {
        return Err(Reason::Form("it picks from each of a batch, or its opset is below 16"));
    }
    if tape.shapes().integers(indices).is_none_or(|places| places.is_empty() || places.iter().any(|&p| p < 0))
    {
        return Err(Reason::Form("its indices are not constant, or count from the end"));
    }
    let zeros = tape.zeros_like(x);
    let added = vec![build::string("reduction", "add")];
    Ok(vec![Some(tape.op("ScatterND", &[&zeros, indices, dy], added))])
}

/// `y[…, j, …] = x[…, start + j·step, …]`: `dx` has `dy[…, j, …]` there and zeros elsewhere.
pub(super) fn slice(tape: &mut Tape, node: &NodeProto, dy: &str) -> Result<Gradients, Reason> {
    only_first_active(tape, node)?;
    let x = input(node, 0)?;
    let shape = tape.shape(x)?;
    let taken = tape.shapes().slices(node).ok_or(Reason::Form("its range is not constant"))?;
    let (mut pads, mut rest) = (Vec::new(), Vec::new());
    for (along, sources) in taken {
        let extent = shape[along].ok_or_else(|| Reason::UnknownShape(x.into()))?;
        let consecutive = sources.windows(2).all(|w| w[1] == w[0] + 1);
        match sources.first() {
            Some(&first) if consecutive => {
                pads.push((along, first as i64, (extent - first - sources.len()) as i64));
            }
            _ => rest.push((along, sources, extent)),
        }
    }
    let mut dx = tape.pad(dy, shape.len(), &pads);
    for (along, sources, extent) in rest {
        dx = tape.scatter(&dx, shape.len(), along, &sources, extent)?;
    }
    Ok(vec![Some(dx)])
}
