//! Convolutions of our own in the runtime's graph.
//!
//! The runtime's convolutions take two to three times as long as they need to. So whole regions of a graph,
//! convolutions with what stands between them, are taken out of it and put back as one operator each, around a program
//! of `camtui-conv`. What that does not know stays the runtime's.
//!
//! [`recognise`] says which nodes are steps, [`regions`] which of them go together, [`fold`] makes fewer steps of them,
//! [`op`] puts them back. A plan that asks for less gets an operator with fewer outputs ([`narrow`]).

mod constants;
mod fold;
mod kernel;
mod max_pool_gradient;
mod op;
mod parameters;
mod recognise;
mod regions;
mod step;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::{HashMap, HashSet};

use camtui_conv::Isa;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractErrorContext;

pub(super) use kernel::{leave, turn_and_leave};
pub(super) use max_pool_gradient::shorten;
pub(super) use parameters::Parameters;

/// The name of the vector instructions that convolutions run with on this machine: `avx512`, `avx2` or `portable`. The last
/// digits of results depend on them.
pub fn instructions() -> &'static str {
    Isa::Auto.resolved().name()
}

/// Makes the runtime know the operators that its graphs have in the place of others.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    max_pool_gradient::register(onnx);
    kernel::register(onnx);
}

/// Replaces what `camtui-conv` can do in a graph that the runtime has read but not simplified yet. Weights that
/// `parameters` hold already are taken from there.
pub(super) fn fuse(model: &mut TypedModel, parameters: &Parameters) -> TractResult<()> {
    // Weights that the file computes of others are constants from here on.
    model.prop_consts()?;
    // Where values are after the regions that make them have been replaced.
    let mut moved: HashMap<OutletId, OutletId> = HashMap::new();
    for region in regions::find(model)? {
        let shapes = region.outputs.iter().map(|&outlet| concrete(model, outlet));
        let shapes = shapes.collect::<TractResult<Vec<_>>>()?;
        let recipe = fold::fold(region.recipe, parameters);
        let name = model.node(region.outputs[0].node).name.clone();
        let fused = op::Fused::new(op::Region { recipe, shapes });
        let now = |outlet: &OutletId| moved.get(outlet).copied().unwrap_or(*outlet);
        let inputs: Vec<OutletId> = region.inputs.iter().map(now).collect();
        let outputs: Vec<OutletId> = region.outputs.clone();
        let made = replace(model, &format!("{name}.fused"), fused, &inputs, &outputs)?;
        moved.extend(outputs.into_iter().zip(made));
    }
    kernel::settle(model)
}

/// Makes the regions of a compiled graph compute no more than its outputs need; `exact` forbids Winograd's convolutions.
pub(super) fn narrow(model: &mut TypedModel, exact: bool) -> TractResult<()> {
    // From the last to the first: the later ones say what is read of the earlier.
    loop {
        let order = model.eval_order()?;
        let read = read(model, &order);
        let wide = order.iter().rev().find_map(|&id| {
            let fused = model.node(id).op_as::<op::Fused>()?;
            let slots: Vec<usize> = (0..model.node(id).outputs.len())
                .filter(|&slot| read.contains(&OutletId::new(id, slot)))
                .collect();
            (!fused.is(&slots, exact)).then_some((id, slots))
        });
        let Some((id, slots)) = wide else { return Ok(()) };
        let node = model.node(id);
        let fused = node.op_as::<op::Fused>().context("a region")?;
        let (fused, places) = fused.only(&slots, exact)?;
        let inputs: Vec<OutletId> = places.iter().map(|&at| node.inputs[at]).collect();
        let outputs: Vec<OutletId> = slots.iter().map(|&slot| OutletId::new(id, slot)).collect();
        let name = node.name.clone();
        replace(model, &format!("{name}.only"), fused, &inputs, &outputs)?;
    }
}

/// The values that the graph's outputs and the nodes of `order` read.
fn read(model: &TypedModel, order: &[usize]) -> HashSet<OutletId> {
    let inputs = order.iter().flat_map(|&id| model.node(id).inputs.iter());
    inputs.chain(&model.outputs).copied().collect()
}

/// Puts an operator in place of whatever makes `outputs`; where these are now.
fn replace(
    model: &mut TypedModel,
    name: &str,
    fused: op::Fused,
    inputs: &[OutletId],
    outputs: &[OutletId],
) -> TractResult<TVec<OutletId>> {
    let mut patch = TypedModelPatch::new("fused");
    let inputs =
        inputs.iter().map(|&input| patch.tap_model(model, input)).collect::<TractResult<Vec<_>>>()?;
    let name = model.unique_name(name.to_owned()).into_owned();
    let made = patch.wire_node(name, fused, &inputs)?;
    for (&output, &by) in outputs.iter().zip(&made) {
        patch.shunt_outside(model, output, by)?;
    }
    patch.apply(model)?;
    let node =
        model.nodes.iter().rev().find(|node| node.op_is::<op::Fused>()).context("the region's node")?;
    Ok((0..outputs.len()).map(|slot| OutletId::new(node.id, slot)).collect())
}

fn concrete(model: &TypedModel, outlet: OutletId) -> TractResult<TVec<usize>> {
    let shape = &model.outlet_fact(outlet)?.shape;
    Ok(shape.as_concrete().context("a shape that is known")?.into())
}
