//! The regions of a graph that become one operator each.
//!
//! A region must be convex: a path that left it and came back would make the operator wait for itself. So each node gets
//! a level, the number of times that a path to it has left a region: a step has that of what it reads, anything else that
//! reads a step is one above it. A path from a step through something else arrives higher, and no path leads down again.
//! Steps of one level that read each other are a region.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::prelude::*;

use super::constants::picture_of;
use super::recognise::{Found, recognise};
use super::step::{Line, Recipe};

/// One region: what it does, and where its values come from and go to.
pub(super) struct Region {
    pub recipe: Recipe,
    pub inputs: Vec<OutletId>,
    pub outputs: Vec<OutletId>,
}

/// The regions of `model` with at least one convolution.
pub(super) fn find(model: &TypedModel) -> TractResult<Vec<Region>> {
    let order = model.eval_order()?;
    let mut found: HashMap<usize, Found> = HashMap::new();
    let mut levels: HashMap<usize, usize> = HashMap::new();
    for &id in &order {
        let node = model.node(id);
        let step = recognise(model, node);
        let reads = step.as_ref().map_or(node.inputs.as_slice(), |found| found.reads.as_slice());
        let above = |outlet: &OutletId| {
            let leaves = step.is_none() && found.contains_key(&outlet.node);
            levels.get(&outlet.node).copied().unwrap_or_default() + usize::from(leaves)
        };
        let level = reads.iter().map(above).max().unwrap_or_default();
        levels.insert(id, level);
        if let Some(step) = step {
            found.insert(id, step);
        }
    }

    let mut groups = Groups::default();
    for &id in order.iter().filter(|id| found.contains_key(id)) {
        for read in &found[&id].reads {
            if found.contains_key(&read.node) && levels[&read.node] == levels[&id] {
                groups.join(id, read.node);
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &id in order.iter().filter(|id| found.contains_key(id)) {
        members.entry(groups.of(id)).or_default().push(id);
    }
    members.retain(|_, nodes| {
        nodes.iter().any(|id| found[id].lines.iter().any(|line| line.step.is_convolution()))
    });
    let region_of: HashMap<usize, usize> =
        members.iter().flat_map(|(&region, nodes)| nodes.iter().map(move |&id| (id, region))).collect();

    let leaving = leaving(model, &found, &region_of);
    let regions = members.values().map(|nodes| region(model, nodes, &found, &leaving));
    Ok(regions.filter(|region| !region.outputs.is_empty()).collect())
}

/// The values that are read outside the region that makes them, once all regions are replaced.
fn leaving(
    model: &TypedModel,
    found: &HashMap<usize, Found>,
    region_of: &HashMap<usize, usize>,
) -> HashSet<OutletId> {
    let mut leaving: HashSet<OutletId> =
        model.outputs.iter().filter(|outlet| region_of.contains_key(&outlet.node)).copied().collect();
    let mut seen: HashSet<usize> = HashSet::new();
    let mut next: Vec<usize> = model.outputs.iter().map(|outlet| outlet.node).collect();
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        let inside = region_of.get(&id);
        let reads = if inside.is_some() { &found[&id].reads[..] } else { &model.node(id).inputs[..] };
        for read in reads {
            let from = region_of.get(&read.node);
            if from.is_some() && from != inside {
                leaving.insert(*read);
            }
            next.push(read.node);
        }
    }
    leaving
}

fn region(
    model: &TypedModel,
    nodes: &[usize],
    found: &HashMap<usize, Found>,
    leaving: &HashSet<OutletId>,
) -> Region {
    let inside: HashSet<usize> = nodes.iter().copied().collect();
    let mut inputs: Vec<OutletId> = Vec::new();
    for read in nodes.iter().flat_map(|id| &found[id].reads) {
        if !inside.contains(&read.node) && !inputs.contains(read) {
            inputs.push(*read);
        }
    }
    let shape = |outlet: &OutletId| picture_of(model, *outlet).expect("what a step reads is a picture");
    let mut recipe = Recipe { inputs: inputs.iter().map(shape).collect(), ..Recipe::default() };
    let mut values: HashMap<OutletId, usize> =
        inputs.iter().enumerate().map(|(at, outlet)| (*outlet, at)).collect();
    let mut outputs = Vec::new();
    for &id in nodes {
        let Found { lines, reads } = &found[&id];
        let outlet = OutletId::from(id);
        // What is read, then what each line makes, by the numbers of the whole recipe.
        let mut numbers: Vec<usize> = reads.iter().map(|read| values[read]).collect();
        for line in lines {
            let operands = line.operands.iter().map(|&operand| numbers[operand]).collect();
            numbers.push(recipe.inputs.len() + recipe.lines.len());
            recipe.lines.push(Line { step: line.step.clone(), operands });
        }
        let value = numbers[numbers.len() - 1];
        values.insert(outlet, value);
        if leaving.contains(&outlet) {
            recipe.outputs.push(value);
            outputs.push(outlet);
        }
    }
    Region { recipe, inputs, outputs }
}

/// Nodes that belong together.
#[derive(Default)]
struct Groups(HashMap<usize, usize>);

impl Groups {
    fn of(&mut self, mut id: usize) -> usize {
        while let Some(&parent) = self.0.get(&id)
            && parent != id
        {
            let above = self.0.get(&parent).copied().unwrap_or(parent);
            self.0.insert(id, above);
            id = parent;
        }
        id
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        self.0.insert(a, b);
    }
}
