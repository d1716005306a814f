//! Every step as its definition says, in double precision, plane by plane: slow, and what the kernels are measured
//! against.

use crate::graph::{Arithmetic, Graph, Node, Op};
use crate::{Activation, Convolution, Shape, Window};

/// The outputs of a graph for `inputs`, as planes.
pub(crate) fn evaluate(graph: &Graph, inputs: &[&[f32]]) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    let mut given = inputs.iter();
    for node in &graph.nodes {
        let value = match node.op {
            Op::Input => given.next().map_or_else(Vec::new, |x| x.iter().map(|&x| x.into()).collect()),
            _ => step(graph, node, &values),
        };
        values.push(value);
    }
    graph.outputs.iter().map(|v| values[v.0].clone()).collect()
}

fn step(graph: &Graph, node: &Node, values: &[Vec<f64>]) -> Vec<f64> {
    let to = node.shape;
    let finish =
        |mut sums: Vec<f64>, bias: Option<&[f32]>, add: Option<&Vec<f64>>, activation: Activation| {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += bias.map_or(0.0, |b| b[i / to.pixels()].into()) + add.map_or(0.0, |a| a[i]);
                *sum = activation.exactly(*sum);
            }
            sums
        };
    match &node.op {
        Op::Input => unreachable!("inputs are given"),
        Op::Convolve { x, convolution, add, activation } => {
            let from = graph.nodes[x.0].shape;
            let mut sums = vec![0.0; to.len()];
            products(convolution, from, to, |i, w, o| sums[o] += values[x.0][i] * w);
            finish(sums, convolution.weights.bias(), add.map(|a| &values[a.0]), *activation)
        }
        Op::Transposed { x, convolution, add, activation } => {
            let from = graph.nodes[x.0].shape;
            let mut sums = vec![0.0; to.len()];
            products(convolution, to, from, |i, w, o| sums[i] += values[x.0][o] * w);
            finish(sums, convolution.weights.bias(), add.map(|a| &values[a.0]), *activation)
        }
        Op::MaxPool { x, window } => pool(&values[x.0], graph.nodes[x.0].shape, to, *window, |seen| {
            seen.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        Op::AveragePool { x, window } => {
            let [kh, kw] = window.kernel;
            pool(&values[x.0], graph.nodes[x.0].shape, to, *window, |seen| {
                let count = if window.count_include_pad { kh * kw } else { seen.len() };
                seen.iter().sum::<f64>() / count as f64
            })
        }
        Op::Reduce { x, scale } => values[x.0]
            .chunks(graph.nodes[x.0].shape.pixels())
            .map(|plane| plane.iter().sum::<f64>() * f64::from(*scale))
            .collect(),
        Op::Spread { x } => (0..to.len()).map(|i| values[x.0][i / to.pixels()]).collect(),
        Op::Activate { x, activation } => finish(values[x.0].clone(), None, None, *activation),
        Op::Combine { how, x, y, activation } => {
            let at = |v: crate::Value, i: usize| {
                values[v.0][if graph.nodes[v.0].shape == to { i } else { i / to.pixels() }]
            };
            let combined = (0..to.len())
                .map(|i| match how {
                    Arithmetic::Add => at(*x, i) + at(*y, i),
                    Arithmetic::Subtract => at(*x, i) - at(*y, i),
                    Arithmetic::Multiply => at(*x, i) * at(*y, i),
                })
                .collect();
            finish(combined, None, None, *activation)
        }
        Op::Affine { x, scale, shift, activation } => {
            let scaled = values[x.0]
                .iter()
                .enumerate()
                .map(|(i, x)| x * f64::from(scale[i / to.pixels()]) + f64::from(shift[i / to.pixels()]))
                .collect();
            finish(scaled, None, None, *activation)
        }
        Op::Mask { g, y, within } => values[g.0]
            .iter()
            .zip(&values[y.0])
            .map(|(g, y)| if f64::from(within.low) < *y && *y < f64::from(within.high) { *g } else { 0.0 })
            .collect(),
        Op::Concatenate { parts } => parts.iter().flat_map(|p| values[p.0].iter().copied()).collect(),
        Op::Slice { x, first } => values[x.0][first * to.pixels()..][..to.len()].to_vec(),
    }
}

/// Calls `each` with every product of a convolution from shape `from` to shape `to`: where in the input, the weight,
/// where in the output.
fn products(c: &Convolution, from: Shape, to: Shape, mut each: impl FnMut(usize, f64, usize)) {
    let [out, ins, kh, kw] = c.weights.dims();
    let numbers = c.weights.numbers();
    let mut weights = numbers.as_slice().iter();
    for o in 0..out {
        for i in 0..ins {
            let channel = o / (out / c.groups) * ins + i;
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let weight = f64::from(*weights.next().expect("as many as the dims say"));
                for (oy, ox) in (0..to.height).flat_map(|y| (0..to.width).map(move |x| (y, x))) {
                    let y = (oy * c.stride[0] + ky * c.dilation[0]).wrapping_sub(c.padding.top);
                    let x = (ox * c.stride[1] + kx * c.dilation[1]).wrapping_sub(c.padding.left);
                    if y < from.height && x < from.width {
                        each(
                            (channel * from.height + y) * from.width + x,
                            weight,
                            (o * to.height + oy) * to.width + ox,
                        );
                    }
                }
            }
        }
    }
}

/// `of` the pixels that each window sees.
fn pool(x: &[f64], from: Shape, to: Shape, window: Window, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let inside = |o: usize, axis: usize, before: usize, size: usize| {
        let start = o * window.stride[axis];
        start.saturating_sub(before)..(start + window.kernel[axis]).saturating_sub(before).min(size)
    };
    let mut result = Vec::with_capacity(to.len());
    for plane in x.chunks(from.pixels()) {
        for (oy, ox) in (0..to.height).flat_map(|y| (0..to.width).map(move |x| (y, x))) {
            let columns = inside(ox, 1, window.padding.left, from.width);
            let seen: Vec<f64> = inside(oy, 0, window.padding.top, from.height)
                .flat_map(|y| plane[y * from.width..][columns.clone()].iter().copied())
                .collect();
            result.push(of(&seen));
        }
    }
    result
}
