//! The steps of a laid-out graph, in order.

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Choice;
use super::layout::Layout;
use crate::graph::{Arithmetic, Graph, Op};
use crate::kernel::tile::{DEPTH, EXACT_RUN};
use crate::kernel::transform::{Four, Two, Winograd as TileSize};
use crate::memory::Block;
use crate::simd::{Simd, WIDEST};
use crate::step::border::Clear;
use crate::step::depthwise::{Channelwise, Depthwise};
use crate::step::direct::{self, Direct, Segment, Source};
use crate::step::pixelwise::{Operation, Pixelwise, everywhere};
use crate::step::planes::{FromPlanes, ToPlanes};
use crate::step::pool::{Kind, Pool};
use crate::step::reduce::Reduce;
use crate::step::scatter::Scatter;
use crate::step::winograd::{self, Sizes, Winograd};
use crate::step::{Step, Together};
use crate::view::{Border, BufferId, View};
use crate::walk::Walk;
use crate::weights::{Channels, Form, Prepared};
use crate::{Activation, Convolution, Shape, Value};

/// The steps, and the buffers they use: how large, and from which step to which they are needed.
pub(super) struct Lowered {
    pub steps: Vec<Box<dyn Step>>,
    pub sizes: Vec<usize>,
    pub lives: Vec<Option<RangeInclusive<usize>>>,
}

pub(super) fn lower<V: Simd>(
    graph: &Graph,
    live: &[bool],
    choices: &[Option<Choice>],
    layout: Layout,
    exact: bool,
) -> Lowered {
    let mut lowering = Lowering::<V> {
        graph,
        views: &layout.views,
        inside: &layout.inside,
        choices,
        joined: &super::joined::joined(graph, live, choices),
        run: if exact { EXACT_RUN } else { DEPTH },
        steps: Vec::new(),
        lives: vec![None; layout.sizes.len()],
        sizes: layout.sizes,
        vector: PhantomData,
    };
    for value in (0..graph.nodes.len()).filter(|&v| live[v]) {
        lowering.node(Value(value));
    }
    Lowered { steps: lowering.steps, sizes: lowering.sizes, lives: lowering.lives }
}

struct Lowering<'a, V> {
    graph: &'a Graph,
    views: &'a [Option<View>],
    inside: &'a [bool],
    choices: &'a [Option<Choice>],
    /// Which depthwise convolutions are computed by the product that reads them.
    joined: &'a [bool],
    /// How many numbers of a direct product are summed by themselves.
    run: usize,
    steps: Vec<Box<dyn Step>>,
    sizes: Vec<usize>,
    lives: Vec<Option<RangeInclusive<usize>>>,
    vector: PhantomData<V>,
}

/// What all convolutions of a node have in common.
struct Ends<'a> {
    x: View,
    /// What is read, where it is only computed as it is read.
    joined: Option<Value>,
    out: View,
    add: Option<View>,
    convolution: &'a Convolution,
    bias: Arc<Block>,
    activation: Activation,
}

/// A direct convolution's matrices, before it is known how the work is cut.
struct Product<V> {
    source: Source<V>,
    out: View,
    add: Option<View>,
    weights: Prepared,
    weights_at: usize,
    bias: Arc<Block>,
    bias_at: usize,
    activation: Activation,
}

impl<V: Simd> Lowering<'_, V> {
    fn view(&self, value: Value) -> View {
        self.views[value.0].expect("an operand of what is alive is alive")
    }

    /// Adds a step that uses the buffers of `views`.
    fn push(&mut self, step: Box<dyn Step>, buffers: impl IntoIterator<Item = BufferId>) {
        let now = self.steps.len();
        for buffer in buffers {
            let start = self.lives[buffer].as_ref().map_or(now, |life| *life.start());
            self.lives[buffer] = Some(start..=now);
        }
        self.steps.push(step);
    }

    /// A buffer for the step that comes next.
    fn room(&mut self, numbers: usize) -> BufferId {
        self.sizes.push(numbers);
        self.lives.push(None);
        self.sizes.len() - 1
    }

    /// The steps of one node, and of the outputs it is.
    fn node(&mut self, value: Value) {
        if self.joined[value.0] {
            return;
        }
        let node = &self.graph.nodes[value.0];
        let out = self.view(value);
        let mut buffers = vec![out.buffer];
        for operand in node.op.operands() {
            if self.joined[operand.0] {
                buffers
                    .extend(self.graph.nodes[operand.0].op.operands().iter().map(|x| self.view(*x).buffer));
            } else {
                buffers.push(self.view(operand).buffer);
            }
        }
        let mut work: Vec<Box<dyn Step>> = match (&node.op, self.choices[value.0].as_ref()) {
            (Op::Concatenate { parts }, _) => self.concatenate(parts, out),
            (Op::Slice { x, first }, _) if !self.inside[value.0] => {
                vec![pixelwise::<V>(Operation::Copy, self.view(*x).channels(*first, out.shape.channels), out)]
            }
            (Op::Slice { .. }, _) => vec![],
            (
                Op::Convolve { x, convolution, add, activation }
                | Op::Transposed { x, convolution, add, activation },
                Some(choice),
            ) => {
                let ends = Ends {
                    joined: self.joined[x.0].then_some(*x),
                    add: add.map(|add| self.view(add)),
                    ..self.ends(*x, convolution, out, *activation)
                };
                self.convolution(&ends, choice, &mut buffers)
            }
            (op, _) => vec![self.single(op, value, out)],
        };
        if !work.is_empty() {
            if out.border != Border::default() {
                work.push(Box::new(Clear { view: out }));
            }
            let step = if work.len() == 1 { work.remove(0) } else { Box::new(Together(work)) };
            self.push(step, buffers);
        }
        for (output, _) in self.graph.outputs.iter().enumerate().filter(|(_, v)| **v == value) {
            self.push(Box::new(ToPlanes { x: out, output, vector: PhantomData::<V> }), [out.buffer]);
        }
    }

    fn ends<'c>(
        &self,
        x: Value,
        convolution: &'c Convolution,
        out: View,
        activation: Activation,
    ) -> Ends<'c> {
        let bias = padded(convolution.weights.bias().unwrap_or(&[]), out.shape.channels).into();
        Ends { x: self.view(x), joined: None, out, add: None, convolution, bias, activation }
    }

    /// What is neither a convolution nor a matter of place.
    fn single(&self, op: &Op, value: Value, out: View) -> Box<dyn Step> {
        let vector = PhantomData::<V>;
        match op {
            Op::Input => {
                let input = self.graph.inputs.iter().position(|v| *v == value).expect("an input is listed");
                Box::new(FromPlanes { input, out, vector })
            }
            Op::MaxPool { x, window } => {
                Box::new(Pool { kind: Kind::Max, x: self.view(*x), window: *window, out, vector })
            }
            Op::AveragePool { x, window } => {
                Box::new(Pool { kind: Kind::Average, x: self.view(*x), window: *window, out, vector })
            }
            Op::Reduce { x, scale } => Box::new(Reduce { x: self.view(*x), scale: *scale, out, vector }),
            Op::Spread { x } => pixelwise::<V>(Operation::Copy, everywhere(self.view(*x)), out),
            Op::Activate { x, activation } => Box::new(Pixelwise {
                operation: Operation::Activate,
                x: self.view(*x),
                out,
                activation: *activation,
                vector,
            }),
            Op::Affine { x, scale, shift, activation } => Box::new(Pixelwise {
                operation: Operation::Affine {
                    scale: padded(scale, out.shape.channels),
                    shift: padded(shift, out.shape.channels),
                },
                x: self.view(*x),
                out,
                activation: *activation,
                vector,
            }),
            Op::Mask { g, y, within } => {
                pixelwise::<V>(Operation::Mask(self.view(*y), *within), self.view(*g), out)
            }
            Op::Combine { how, x, y, activation } => {
                let operand = |v: Value| {
                    let view = self.view(v);
                    if view.shape == out.shape { view } else { everywhere(view) }
                };
                let (x, y) = (operand(*x), operand(*y));
                let operation = match how {
                    Arithmetic::Add => Operation::Add(y),
                    Arithmetic::Subtract => Operation::Subtract(y),
                    Arithmetic::Multiply => Operation::Multiply(y),
                };
                Box::new(Pixelwise { operation, x, out, activation: *activation, vector })
            }
            Op::Convolve { .. } | Op::Transposed { .. } | Op::Concatenate { .. } | Op::Slice { .. } => {
                unreachable!("lowered elsewhere")
            }
        }
    }

    /// Copies of the parts that were not made in their place.
    fn concatenate(&self, parts: &[Value], out: View) -> Vec<Box<dyn Step>> {
        let mut first = 0;
        let mut copies = Vec::new();
        for part in parts {
            let (from, to) = (self.view(*part), out.channels(first, self.view(*part).shape.channels));
            if (from.buffer, from.origin) != (to.buffer, to.origin) {
                copies.push(pixelwise::<V>(Operation::Copy, from, to));
            }
            first += from.shape.channels;
        }
        copies
    }

    fn convolution(
        &mut self,
        ends: &Ends<'_>,
        choice: &Choice,
        buffers: &mut Vec<BufferId>,
    ) -> Vec<Box<dyn Step>> {
        match choice {
            Choice::Direct { channels, walks } => {
                let products = (0..channels.products()).flat_map(|p| walks.iter().map(move |w| (p, w)));
                products.map(|(product, walk)| self.direct(ends, *channels, product, walk)).collect()
            }
            Choice::Phases { channels, walks } => vec![self.phases(ends, *channels, walks, buffers)],
            Choice::Winograd { channels, walk, first, out } if *out == Two::OUT => {
                vec![winograd::<V, Two>(ends, *channels, walk, *first)]
            }
            Choice::Winograd { channels, walk, first, .. } => {
                vec![winograd::<V, Four>(ends, *channels, walk, *first)]
            }
            Choice::Depthwise { walks } => {
                let one = |walk: &Walk| -> Box<dyn Step> {
                    let (out, add) = (walk.within(ends.out), ends.add.map(|add| walk.within(add)));
                    Box::new(Depthwise { from: channelwise::<V>(ends, walk), out, add })
                };
                walks.iter().map(one).collect()
            }
        }
    }

    /// One product of one walk.
    fn direct(&self, ends: &Ends<'_>, channels: Channels, product: usize, walk: &Walk) -> Box<dyn Step> {
        let [read, made] = channels.sizes();
        let x = ends.x.channels(product * read, read);
        let k = walk.taps.len() * read;
        let form = Form::Panels { channels, taps: kernel_taps(walk), lanes: V::LANES };
        let source = if let Some(value) = ends.joined {
            self.joined_source(value)
        } else {
            let segments = segments(&x, walk.taps.iter().map(|tap| tap.shift));
            Source::Taps { x, step: walk.step, segments }
        };
        let whole = Product {
            source,
            out: walk.within(ends.out).channels(product * made, made),
            add: ends.add.map(|add| walk.within(add).channels(product * made, made)),
            weights: ends.convolution.weights.in_form(&form),
            weights_at: product * k * made.next_multiple_of(V::LANES),
            bias: ends.bias.clone(),
            bias_at: product * made,
            activation: ends.activation,
        };
        self.product(whole)
    }

    /// One product of all walks, in a step of its own, and what puts each walk's results into their places.
    fn phases(
        &mut self,
        ends: &Ends<'_>,
        channels: Channels,
        walks: &[Walk],
        buffers: &mut Vec<BufferId>,
    ) -> Box<dyn Step> {
        let taps = Walk::side_by_side(walks).expect("walks are taken together that can be");
        let [height, width] = walks[0].results;
        let made = channels.made;
        let shape = Shape::new(walks.len() * made, height, width);
        let (side_by_side, size) = View::whole(self.sizes.len(), shape, Border::default(), false);
        let used = [ends.x.buffer, self.room(size)];
        buffers.extend(used);
        let lanes = V::LANES;
        let form =
            Form::Phases { channels, taps: taps.iter().map(|tap| tap.kernels.clone()).collect(), lanes };
        let bias = ends.convolution.weights.bias().unwrap_or(&[]).repeat(walks.len());
        let whole = Product {
            source: Source::Taps {
                x: ends.x,
                step: [1, 1],
                segments: segments(&ends.x, taps.iter().map(|tap| tap.shift)),
            },
            out: side_by_side,
            add: None,
            weights: ends.convolution.weights.in_form(&form),
            weights_at: 0,
            bias: padded(&bias, shape.channels).into(),
            bias_at: 0,
            activation: ends.activation,
        };
        let product = self.product(whole);
        self.push(product, used);
        let places = walks.iter().map(|walk| walk.within(ends.out)).collect();
        Box::new(Scatter { x: side_by_side, places })
    }

    /// The depthwise convolution that `value` is.
    fn joined_source(&self, value: Value) -> Source<V> {
        let (Op::Convolve { x, convolution, activation, .. }, Some(Choice::Depthwise { walks })) =
            (&self.graph.nodes[value.0].op, &self.choices[value.0])
        else {
            unreachable!("only depthwise convolutions are joined");
        };
        let ends = self.ends(*x, convolution, self.view(value), *activation);
        Source::Depthwise(channelwise(&ends, &walks[0]))
    }

    /// A product, cut into chunks.
    fn product(&self, whole: Product<V>) -> Box<dyn Step> {
        let Product { source, out, add, weights, weights_at, bias, bias_at, activation } = whole;
        let k = source.row_len();
        let split = direct::Split::of::<V>(out.shape.pixels(), k, out.shape.channels);
        let run = self.run;
        Box::new(Direct { source, k, run, out, add, weights, weights_at, bias, bias_at, activation, split })
    }
}

fn winograd<V: Simd, W: TileSize>(
    ends: &Ends<'_>,
    channels: Channels,
    walk: &Walk,
    first: [isize; 2],
) -> Box<dyn Step> {
    let (taps, lanes) = (kernel_taps(walk), V::LANES);
    let sizes = Sizes::of(W::OUT, ends.x.shape.channels, ends.out.shape, lanes);
    let (form, split) = if let Some(rows) = sizes.rows_a_chunk(V::ROWS) {
        (Form::Winograd { channels, taps, out: W::OUT, lanes }, winograd::Split::Rows(rows))
    } else {
        let panels = crate::weights::panels(ends.out.shape.channels, lanes).count();
        let parts = 4usize.div_ceil(panels).min(sizes.tiles().div_ceil(V::ROWS));
        (Form::Panels { channels, taps, lanes }, winograd::Split::Panels { parts })
    };
    Box::new(Winograd {
        x: ends.x,
        first,
        out: ends.out,
        add: ends.add,
        weights: ends.convolution.weights.in_form(&form),
        bias: ends.bias.clone(),
        activation: ends.activation,
        split,
        kinds: PhantomData::<(V, W)>,
    })
}

fn pixelwise<V: Simd>(operation: Operation, x: View, out: View) -> Box<dyn Step> {
    Box::new(Pixelwise { operation, x, out, activation: Activation::Linear, vector: PhantomData::<V> })
}

fn channelwise<V>(ends: &Ends<'_>, walk: &Walk) -> Channelwise<V> {
    Channelwise {
        x: ends.x,
        step: walk.step,
        taps: walk.taps.iter().map(|tap| offset(&ends.x, tap.shift)).collect(),
        weights: ends.convolution.weights.in_form(&Form::Depthwise { taps: kernel_taps(walk) }),
        bias: ends.bias.clone(),
        activation: ends.activation,
        vector: PhantomData,
    }
}

/// What taps see, joined where channels of neighbouring pixels lie side by side.
fn segments(x: &View, shifts: impl Iterator<Item = [isize; 2]>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for shift in shifts {
        let next = Segment { offset: offset(x, shift), len: x.shape.channels };
        match segments.last_mut() {
            Some(last) if last.offset + last.len as isize == next.offset => last.len += next.len,
            _ => segments.push(next),
        }
    }
    segments
}

fn offset(x: &View, [dy, dx]: [isize; 2]) -> isize {
    dy * x.row as isize + dx * x.pixel as isize
}

fn kernel_taps(walk: &Walk) -> Vec<[usize; 2]> {
    walk.taps.iter().map(|tap| tap.kernel).collect()
}

/// Numbers per channel, with zeros up to whole vectors.
fn padded(numbers: &[f32], channels: usize) -> Block {
    let mut block = Block::zeros(channels.next_multiple_of(WIDEST));
    block.as_mut_slice()[..numbers.len()].copy_from_slice(numbers);
    block
}
