//! Folds what transformers compute on tokens into pictures, so that their layers have maps.
//!
//! A vision transformer cuts the picture into patches and goes on with a row of them, `[N, tokens, channels]`, a class
//! token or others in front; Swin keeps rows and columns but puts the channels last. A layer of that kind is made a picture
//! `[N, channels, height, width]` in the graph itself: its tokens are folded, and unfolded again for what comes after.
//! The values are the same to the bit, and everything behind (gradients, tails, explainers) sees an ordinary layer.
//! It is what pytorch-grad-cam's `reshape_transform` does outside the network.

mod roles;

use std::collections::{HashMap, HashSet};

use crate::onnx::build::{GraphBuilder, int, ints};
use crate::onnx::metadata::Layer;
use crate::onnx::pb::{GraphProto, NodeProto};

use super::active;
use super::shapes::Shapes;
use roles::{Role, Roles, Walk};

/// Between a value's name and what is made of it.
const FOLD: &str = "/fold/";

/// Where a value's channels and places lie.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// Axis of the channels.
    channel: usize,
    places: Places,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Places {
    /// Axes of rows and columns.
    Apart { row: usize, column: usize },
    /// Tokens `before`, then `height` · `width` in rows, then tokens `after`.
    Tokens { axis: usize, before: usize, height: usize, width: usize, after: usize },
}

/// Folds each of `layers` that lies on tokens, or has its channels last. Gives the name of the layer to be explained by
/// default, where any was folded: the last that the classes depend on in all its places. (Behind the last attention
/// only the class token counts.)
pub(crate) fn fold(graph: &mut GraphProto, opset: i64, layers: &mut [Layer]) -> Option<String> {
    // Without one there are neither tokens nor channels at the end.
    if !graph.node.iter().any(|n| n.op_type == "Transpose") {
        return None;
    }
    let names = graph.node.iter().flat_map(|n| &n.output).chain(graph.initializer.iter().map(|t| &t.name));
    let taken: HashSet<String> = names.filter_map(|name| Some(name.split_once(FOLD)?.0.to_owned())).collect();
    let image = graph.input.first()?.name.clone();
    let active = active::values(graph, &image);
    let shapes = Shapes::infer(graph, opset);
    let walk = Walk::through(graph, &shapes, &active);
    let fixed = not_to_be_replaced(graph);
    let mut layouts: HashMap<String, (Layout, Vec<usize>)> = HashMap::new();
    let free = |value: &str| !(fixed.contains(value) || taken.contains(value) || value.contains(FOLD));
    for layer in layers.iter().filter(|l| free(&l.value)) {
        let found = walk.roles(&layer.value).zip(shapes.get(&layer.value));
        if let Some(found) = found.and_then(|(roles, shape)| layout(roles, &shape)) {
            layouts.insert(layer.value.clone(), found);
        }
    }
    if layouts.is_empty() {
        return None;
    }
    let default = default_layer(graph, &walk, &active, layers);
    let grids = insert(graph, &layouts);
    for layer in layers {
        if let Some(grid) = grids.get(&layer.value) {
            layer.value.clone_from(grid);
        }
    }
    default
}

/// Values that are read by their names from elsewhere: the graph's outputs, and what inner graphs read.
fn not_to_be_replaced(graph: &GraphProto) -> HashSet<String> {
    let own = |node: &NodeProto| node.input.iter().filter(|i| !i.is_empty()).count();
    let inner = graph.node.iter().flat_map(|node| active::read(node).into_iter().skip(own(node)));
    graph.output.iter().map(|o| o.name.as_str()).chain(inner).map(str::to_owned).collect()
}

/// The last layer with places, all of which the classes depend on. What attention makes of it for itself (queries, keys,
/// values) is passed over: it is the layer before that people mean.
fn default_layer(
    graph: &GraphProto,
    walk: &Walk,
    active: &HashSet<String>,
    layers: &[Layer],
) -> Option<String> {
    let (mut counted, mut inside): (HashSet<&str>, HashSet<&str>) = Default::default();
    for node in graph.node.iter().rev() {
        let is = |set: &HashSet<&str>| node.output.iter().any(|o| set.contains(o.as_str()));
        let inputs = || node.input.iter().filter(|i| active.contains(*i)).map(String::as_str);
        let projects = matches!(node.op_type.as_str(), "MatMul" | "Gemm" | "Conv" | "LayerNormalization");
        if walk.attends(node) || is(&inside) && !projects && inputs().count() == 1 {
            inside.extend(inputs());
        }
        if walk.mixes(node) || is(&counted) {
            counted.extend(inputs());
        }
    }
    let last = layers.iter().rev().find(|l| {
        let value = l.value.as_str();
        counted.contains(value) && !inside.contains(value) && walk.places(value) > 1
    });
    Some(last?.name.clone())
}

/// How a value is to be folded, and its extents; `None` where it is a picture already, or no picture.
fn layout(roles: &Roles, shape: &[Option<usize>]) -> Option<(Layout, Vec<usize>)> {
    use Role::{Batch, Channel, Column, Place, Row};
    let extents: Vec<usize> = shape.iter().skip(1).copied().collect::<Option<_>>()?;
    let at = |wanted: Role| roles.iter().position(|r| *r == wanted);
    let channel = at(Channel)?;
    if roles.first() != Some(&Batch) || roles[..] == [Batch, Channel, Row, Column] {
        return None;
    }
    let places = match (roles.len(), at(Row), at(Column)) {
        (4, Some(row), Some(column)) => Places::Apart { row, column },
        (3, None, None) => {
            let place = |(axis, role): (usize, &Role)| match *role {
                Place { before, height, width } => Some((axis, before, height, width)),
                _ => None,
            };
            let (axis, before, height, width) = roles.iter().enumerate().find_map(place)?;
            let after =
                extents.get(axis - 1)?.checked_sub(before.checked_add(height.checked_mul(width)?)?)?;
            Places::Tokens { axis, before, height, width, after }
        }
        _ => return None,
    };
    Some((Layout { channel, places }, extents))
}

/// Puts the foldings behind the nodes whose values they fold; gives the name of each value's picture.
fn insert(
    graph: &mut GraphProto,
    layouts: &HashMap<String, (Layout, Vec<usize>)>,
) -> HashMap<String, String> {
    let (mut grids, mut unfolded): (HashMap<_, _>, HashMap<_, String>) = Default::default();
    let nodes = std::mem::take(&mut graph.node);
    let mut builder = GraphBuilder::extend(std::mem::take(graph));
    for mut node in nodes {
        for input in &mut node.input {
            if let Some(tokens) = unfolded.get(input) {
                input.clone_from(tokens);
            }
        }
        let outputs = node.output.clone();
        builder.push(node);
        for value in outputs {
            let Some((layout, extents)) = layouts.get(&value) else { continue };
            let fold = Fold { value: &value, layout, extents };
            let (grid, tokens) = fold.write(&mut builder);
            grids.insert(value.clone(), grid);
            unfolded.insert(value, tokens);
        }
    }
    *graph = builder.into_graph();
    grids
}

/// One value that is folded.
struct Fold<'a> {
    value: &'a str,
    layout: &'a Layout,
    /// Without the batch.
    extents: &'a [usize],
}

impl Fold<'_> {
    fn name(&self, part: &str) -> String {
        format!("{}{FOLD}{part}", self.value)
    }

    /// Writes the nodes; gives the names of the picture and of what is unfolded from it again.
    fn write(&self, to: &mut GraphBuilder) -> (String, String) {
        match self.layout.places {
            Places::Apart { row, column } => {
                let forth = [0, self.layout.channel, row, column];
                let grid = self.transposed(to, self.value, "grid", &forth);
                let back = self.transposed(to, &grid, "tokens", &inverse(&forth));
                (grid, back)
            }
            Places::Tokens { axis, before, height, width, after } => {
                let whole = before + after == 0;
                let count = height * width;
                let part = |to: &mut GraphBuilder, name: &str, from: usize, length: usize| {
                    self.slice(to, name, axis, [from, from + length])
                };
                let patches = if whole { self.value.to_owned() } else { part(to, "patches", before, count) };
                let forth = [0, self.layout.channel, axis];
                let rows = self.transposed(to, &patches, "rows", &forth);
                let channels = self.extents[self.layout.channel - 1];
                let grid = self.reshaped(to, &rows, "grid", &[channels, height, width]);
                let rows = self.reshaped(to, &grid, "row", &[channels, count]);
                let last = if whole { "tokens" } else { "unfolded" };
                let mut tokens = self.transposed(to, &rows, last, &inverse(&forth));
                if !whole {
                    let first = (before > 0).then(|| part(to, "before", 0, before));
                    let rest = (after > 0).then(|| part(to, "after", before + count, after));
                    let parts: Vec<&str> =
                        [first.as_deref(), Some(&tokens), rest.as_deref()].into_iter().flatten().collect();
                    let joined = self.name("tokens");
                    to.node("Concat", &parts, &joined, vec![int("axis", axis as i64)]);
                    tokens = joined;
                }
                (grid, tokens)
            }
        }
    }

    fn slice(&self, to: &mut GraphBuilder, name: &str, axis: usize, range: [usize; 2]) -> String {
        let bound = |which: &str| self.name(&format!("{name}/{which}"));
        let constants = [("from", range[0]), ("to", range[1]), ("axis", axis)].map(|(which, value)| {
            to.i64s(&bound(which), &[1], &[value as i64]);
            bound(which)
        });
        let output = self.name(name);
        to.node("Slice", &[self.value, &constants[0], &constants[1], &constants[2]], &output, vec![]);
        output
    }

    fn transposed(&self, to: &mut GraphBuilder, from: &str, name: &str, perm: &[usize]) -> String {
        let output = self.name(name);
        let perm: Vec<i64> = perm.iter().map(|&a| a as i64).collect();
        to.node("Transpose", &[from], &output, vec![ints("perm", &perm)]);
        output
    }

    fn reshaped(&self, to: &mut GraphBuilder, from: &str, name: &str, extents: &[usize]) -> String {
        let (output, target) = (self.name(name), self.name(&format!("{name}/shape")));
        // A zero keeps the batch.
        let shape: Vec<i64> = std::iter::once(0).chain(extents.iter().map(|&d| d as i64)).collect();
        to.i64s(&target, &[shape.len()], &shape);
        to.node("Reshape", &[from, &target], &output, vec![]);
        output
    }
}

fn inverse(perm: &[usize]) -> Vec<usize> {
    (0..perm.len()).map(|axis| perm.iter().position(|&p| p == axis).unwrap_or(axis)).collect()
}

#[cfg(test)]
mod tests;
