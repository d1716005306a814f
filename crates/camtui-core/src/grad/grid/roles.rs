//! What each axis of a value stands for: channels, rows, columns, or a row of tokens.
//!
//! It is followed from the picture on. Convolutions say it outright; transposing, reshaping, slicing and joining move
//! it; windows of attention lose it, and the sum with what went past them brings it back. Nothing is guessed from
//! extents: what is not understood has no roles.

use std::collections::{HashMap, HashSet};

use super::super::attributes::{int, ints};
use super::super::shapes::{Shapes, axis};
use crate::onnx::pb::{GraphProto, NodeProto};

/// Operators that compute each value from those at its own place, or (norms) keep it there.
const PLACE_BY_PLACE: [&str; 48] = [
    "Abs",
    "Add",
    "BatchNormalization",
    "Cast",
    "Celu",
    "Clip",
    "Cos",
    "Div",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "Reciprocal",
    "Relu",
    "Selu",
    "Sigmoid",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
    "Where",
];

/// What one axis stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Batch,
    Channel,
    Row,
    Column,
    /// Tokens: `before` of another kind, then the places of a picture row by row, then perhaps more of another kind.
    Place {
        before: usize,
        height: usize,
        width: usize,
    },
    Other,
}

use Role::{Batch, Channel, Column, Other, Place, Row};

pub(super) type Roles = Vec<Role>;

impl Role {
    fn is_place(&self) -> bool {
        matches!(self, Row | Column | Place { .. })
    }
}

/// The roles of all values of a graph.
pub(super) struct Walk<'a> {
    shapes: &'a Shapes,
    active: &'a HashSet<String>,
    known: HashMap<String, Roles>,
}

impl<'a> Walk<'a> {
    /// Goes through `graph` once; `active` are the values that depend on the picture.
    pub fn through(graph: &GraphProto, shapes: &'a Shapes, active: &'a HashSet<String>) -> Self {
        let mut walk = Self { shapes, active, known: HashMap::new() };
        if let Some(image) = graph.input.first() {
            walk.known.insert(image.name.clone(), vec![Batch, Channel, Row, Column]);
        }
        for node in &graph.node {
            let found = walk.outputs(node);
            for output in node.output.iter().filter(|o| active.contains(*o)) {
                let rank = shapes.get(output).map(|shape| shape.len());
                if let Some(roles) = found.as_ref().filter(|roles| rank == Some(roles.len())) {
                    walk.known.insert(output.clone(), roles.clone());
                }
            }
        }
        walk
    }

    /// The roles of the axes of `value`.
    pub fn roles(&self, value: &str) -> Option<&Roles> {
        self.known.get(value)
    }

    /// How many places of the picture `value` has, 1 where none are known of.
    pub fn places(&self, value: &str) -> usize {
        let shape = self.shapes.get(value);
        let (Some(roles), Some(shape)) = (self.roles(value), shape) else { return 1 };
        let extent = |(role, extent): (&Role, &Option<usize>)| match *role {
            Row | Column => *extent,
            Place { height, width, .. } => height.checked_mul(width),
            _ => Some(1),
        };
        roles.iter().zip(&shape).map(extent).try_fold(1_usize, |n, d| n.checked_mul(d?)).unwrap_or(1)
    }

    /// Whether each place of what goes into `node` counts for each place of what comes out: attention and pooling.
    pub fn mixes(&self, node: &NodeProto) -> bool {
        let over = |along: &dyn Fn(&Roles) -> Option<bool>| {
            let given = node.input.first().filter(|i| self.active.contains(*i));
            given.and_then(|i| self.roles(i)).and_then(along) == Some(true)
        };
        match node.op_type.as_str() {
            "MatMul" => self.attends(node) || over(&|roles| Some(roles.last()?.is_place())),
            "GlobalAveragePool" | "GlobalMaxPool" => true,
            op if op.starts_with("Reduce") => over(&|roles| {
                let axes = self.reduced(node, roles.len())?;
                Some(roles.iter().enumerate().any(|(a, r)| r.is_place() && axes.contains(&a)))
            }),
            _ => false,
        }
    }

    /// Whether `node` multiplies what was computed with what was computed: queries with keys, weights with values.
    pub fn attends(&self, node: &NodeProto) -> bool {
        node.op_type == "MatMul" && node.input.iter().filter(|i| self.active.contains(*i)).count() > 1
    }

    /// The axes that a reducing node reduces over.
    fn reduced(&self, node: &NodeProto, rank: usize) -> Option<Vec<usize>> {
        let since = if node.op_type == "ReduceSum" { 13 } else { 18 };
        let axes = self.shapes.axes(node, since, rank)?;
        Some(if axes.is_empty() { (0..rank).collect() } else { axes })
    }

    /// The roles of what `node` computes.
    fn outputs(&self, node: &NodeProto) -> Option<Roles> {
        let first = node.input.first()?;
        match node.op_type.as_str() {
            "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool" | "LpPool" | "Resize" => {
                (self.shapes.get(first)?.len() == 4).then(|| vec![Batch, Channel, Row, Column])
            }
            "Transpose" => {
                let roles = self.roles(first)?;
                let perm = ints(node, "perm")?;
                perm.iter().map(|&p| roles.get(usize::try_from(p).ok()?).copied()).collect()
            }
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.regrouped(first, node.output.first()?),
            "MatMul" => {
                let (last, before) = self.roles(first)?.split_last()?;
                // What a product runs over is gone. A linear layer gives each place new channels.
                let mixed = self.attends(node) || last.is_place() || before.contains(&Channel);
                let last = if mixed { Other } else { Channel };
                Some(before.iter().copied().chain([last]).collect())
            }
            "Concat" => self.joined(node),
            "Slice" => self.sliced(node),
            "Split" => {
                let roles = self.roles(first)?;
                let along = axis(int(node, "axis").unwrap_or(0), roles.len())?;
                (!roles[along].is_place()).then(|| roles.clone())
            }
            op if op.starts_with("Reduce") => {
                let roles = self.roles(first)?;
                let axes = self.reduced(node, roles.len())?;
                let kept = int(node, "keepdims").unwrap_or(1) != 0;
                let channels_only = axes.iter().all(|&a| !roles[a].is_place());
                (kept && channels_only).then(|| {
                    let role = |(a, r): (usize, &Role)| if axes.contains(&a) { Other } else { *r };
                    roles.iter().enumerate().map(role).collect()
                })
            }
            operator if PLACE_BY_PLACE.contains(&operator) => self.alike(node),
            _ => None,
        }
    }

    /// Computed place by place from inputs of the output's shape, which agree where they stand for something.
    fn alike(&self, node: &NodeProto) -> Option<Roles> {
        let shape = self.shapes.get(node.output.first()?)?;
        let like = node.input.iter().filter(|i| self.shapes.get(i).as_ref() == Some(&shape));
        let mut carriers = like.filter_map(|i| self.roles(i));
        let mut found = carriers.next()?.clone();
        for roles in carriers {
            for (role, other) in found.iter_mut().zip(roles) {
                match (*role, *other) {
                    (one, other) if one == other => {}
                    (one, Other) => *role = one,
                    (Other, other) => *role = other,
                    _ => return None,
                }
            }
        }
        Some(found)
    }

    /// Axes joined or parted, by their extents from left to right. Axes of one value stand for nothing.
    fn regrouped(&self, from: &str, to: &str) -> Option<Roles> {
        let roles = self.roles(from)?;
        let (from, to) = (self.shapes.get(from)?, self.shapes.get(to)?);
        if roles.first() != Some(&Batch) || from.first()? != to.first()? {
            return None;
        }
        let long = |shape: &[Option<usize>]| -> Option<Vec<(usize, usize)>> {
            let extents = shape.iter().enumerate().skip(1).map(|(n, &d)| Some((n, d?)));
            Some(extents.collect::<Option<Vec<_>>>()?.into_iter().filter(|&(_, d)| d > 1).collect())
        };
        let mut found = vec![Other; to.len()];
        found[0] = Batch;
        let (from, to) = (long(&from)?, long(&to)?);
        let (mut from, mut to) = (from.as_slice(), to.as_slice());
        while !from.is_empty() {
            let (mut a, mut b) = (1, 1);
            let (mut left, mut right) = (from[0].1, to.first()?.1);
            while left != right {
                if left < right {
                    left = left.checked_mul(from.get(a)?.1)?;
                    a += 1;
                } else {
                    right = right.checked_mul(to.get(b)?.1)?;
                    b += 1;
                }
            }
            let group: Vec<(Role, usize)> = from[..a].iter().map(|&(n, d)| (roles[n], d)).collect();
            for (&(n, _), role) in to[..b].iter().zip(regroup(&group, &to[..b])) {
                found[n] = role;
            }
            (from, to) = (&from[a..], &to[b..]);
        }
        to.is_empty().then_some(found)
    }

    /// Joined along channels all stays; along tokens, others may come before and after.
    fn joined(&self, node: &NodeProto) -> Option<Roles> {
        let carriers: Vec<usize> =
            (0..node.input.len()).filter(|&n| self.roles(&node.input[n]).is_some()).collect();
        let position = *carriers.first()?;
        let mut roles = self.roles(&node.input[position])?.clone();
        let along = axis(int(node, "axis")?, roles.len())?;
        match &mut roles[along] {
            Channel => node.input.iter().all(|i| self.roles(i) == Some(&roles)).then_some(roles),
            Place { before, .. } if carriers.len() == 1 => {
                for other in &node.input[..position] {
                    let added = *self.shapes.get(other)?.get(along)?;
                    *before = before.checked_add(added?)?;
                }
                Some(roles)
            }
            _ => None,
        }
    }

    /// A part of the channels, the tokens that are places, or every second row: what keeps each place where it is.
    fn sliced(&self, node: &NodeProto) -> Option<Roles> {
        let (input, output) = (node.input.first()?, node.output.first()?);
        let mut roles = self.roles(input)?.clone();
        let (from, to) = (self.shapes.get(input)?, self.shapes.get(output)?);
        let list = |n: usize| self.shapes.integers(node.input.get(n)?);
        let (starts, steps) = (list(1)?, list(4));
        let axes = list(3).unwrap_or_else(|| (0..starts.len() as i64).collect());
        for (n, &along) in axes.iter().enumerate() {
            let along = axis(along, roles.len())?;
            if from[along] == to[along] && steps.as_ref().is_none_or(|s| s.get(n) == Some(&1)) {
                continue;
            }
            let (whole, part) = (from[along]?, to[along]?);
            let step = steps.as_ref().map_or(Some(1), |s| usize::try_from(*s.get(n)?).ok())?;
            let start = *starts.get(n)?;
            match &mut roles[along] {
                Row | Column if step > 1 && whole == part.checked_mul(step)? => {}
                Place { before, height, width } if step == 1 => {
                    let start = if start < 0 { start.checked_add(whole as i64)? } else { start };
                    let start = usize::try_from(start).ok()?;
                    let end = before.checked_add(height.checked_mul(*width)?)?;
                    if start > *before || start.checked_add(part)? < end {
                        return None;
                    }
                    *before -= start;
                }
                Channel | Other => {}
                _ => return None,
            }
        }
        Some(roles)
    }
}

/// The roles of the axes `to` that are made of axes of these roles and extents.
fn regroup(from: &[(Role, usize)], to: &[(usize, usize)]) -> Roles {
    match (from, to) {
        ([(role, _)], [_]) => vec![*role],
        ([(Row, height), (Column, width)], [_]) => {
            vec![Place { before: 0, height: *height, width: *width }]
        }
        ([(Place { before: 0, height, width }, _)], [(_, h), (_, w)]) if h == height && w == width => {
            vec![Row, Column]
        }
        // Windows of several rows: where a window begins goes on downwards.
        ([(side @ (Row | Column), _)], [_, rest @ ..]) => {
            std::iter::once(*side).chain(rest.iter().map(|_| Other)).collect()
        }
        ([inner @ .., (Channel, _)], [_]) if inner.iter().all(|(role, _)| !role.is_place()) => vec![Channel],
        _ => vec![Other; to.len()],
    }
}

#[cfg(test)]
mod tests;
