//! Networks made up from bytes: mostly ones that mean something, with now and then an attribute out of any range.
//!
//! A network is a picture, up to sixteen operators each on values that are already there, and an end that makes class
//! scores of the last value. Whether shapes fit is left to chance, as it would be in a damaged file.

use camtui_core::onnx::build::{Dim, GraphBuilder, float, int, ints, string};
use camtui_core::onnx::pb::attribute_proto::AttributeType;
use camtui_core::onnx::pb::{AttributeProto, ModelProto};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use Attribute::{Axes, Flag, Float, Group, List, Mode, Number, Padding, Whole};
use Input::{Any, Few, Indices, Scale, Value, Weight};

/// What an operator reads.
#[derive(Clone, Copy)]
enum Input {
    /// A value that depends on the picture.
    Value,
    /// Any value, or a constant.
    Any,
    /// A constant of f32 with random extents.
    Weight,
    /// A constant of f32 with one axis.
    Scale,
    /// A constant list of integers: axes, a shape, sizes; or one that was computed.
    Indices,
    /// Left out, or a constant list.
    Few,
}

/// What an operator is told.
#[derive(Clone, Copy)]
enum Attribute {
    Number(&'static str),
    Flag(&'static str),
    Group(&'static str),
    Float(&'static str),
    /// As many as there are spatial axes.
    List(&'static str),
    /// Twice as many.
    Padding(&'static str),
    Axes(&'static str),
    Mode(&'static str, &'static [&'static str]),
    /// A permutation, or what should be one.
    Whole(&'static str),
}

const AUTO_PAD: Attribute = Mode("auto_pad", &["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]);

type Operator = (&'static str, &'static [Input], &'static [Attribute]);

const OPERATORS: &[Operator] = &[
    (
        "Conv",
        &[Value, Weight],
        &[List("strides"), List("dilations"), Padding("pads"), Group("group"), AUTO_PAD],
    ),
    ("Conv", &[Value, Weight, Scale], &[List("kernel_shape"), Padding("pads")]),
    (
        "ConvTranspose",
        &[Value, Weight],
        &[List("strides"), List("output_padding"), List("output_shape"), Padding("pads"), AUTO_PAD],
    ),
    (
        "MaxPool",
        &[Value],
        &[List("kernel_shape"), List("strides"), Padding("pads"), Flag("ceil_mode"), AUTO_PAD],
    ),
    (
        "AveragePool",
        &[Value],
        &[
            List("kernel_shape"),
            List("strides"),
            Padding("pads"),
            List("dilations"),
            Flag("ceil_mode"),
            Flag("count_include_pad"),
        ],
    ),
    ("LpPool", &[Value], &[List("kernel_shape"), Number("p"), Padding("pads")]),
    ("GlobalAveragePool", &[Value], &[]),
    ("GlobalMaxPool", &[Value], &[]),
    ("BatchNormalization", &[Value, Scale, Scale, Scale, Scale], &[Float("epsilon")]),
    ("InstanceNormalization", &[Value, Scale, Scale], &[Float("epsilon")]),
    ("LayerNormalization", &[Value, Scale, Scale], &[Number("axis"), Float("epsilon")]),
    ("GroupNormalization", &[Value, Scale, Scale], &[Number("num_groups"), Float("epsilon")]),
    ("LRN", &[Value], &[Number("size"), Float("alpha"), Float("bias")]),
    ("Relu", &[Value], &[]),
    ("LeakyRelu", &[Value], &[Float("alpha")]),
    ("PRelu", &[Value, Weight], &[]),
    ("Elu", &[Value], &[Float("alpha")]),
    ("Gelu", &[Value], &[Mode("approximate", &["none", "tanh", "?"])]),
    ("HardSwish", &[Value], &[]),
    ("HardSigmoid", &[Value], &[Float("alpha"), Float("beta")]),
    ("Clip", &[Value, Any, Any], &[]),
    ("Softplus", &[Value], &[]),
    ("Mish", &[Value], &[]),
    ("Erf", &[Value], &[]),
    ("Abs", &[Value], &[]),
    ("Add", &[Value, Any], &[]),
    ("Sub", &[Any, Value], &[]),
    ("Mul", &[Value, Any], &[]),
    ("Div", &[Any, Value], &[]),
    ("Pow", &[Value, Any], &[]),
    ("Max", &[Value, Any, Any], &[]),
    ("Min", &[Value, Any], &[]),
    ("Sum", &[Value, Any, Any], &[]),
    ("Where", &[Any, Value, Any], &[]),
    ("Greater", &[Value, Any], &[]),
    ("MatMul", &[Value, Weight], &[]),
    ("MatMul", &[Any, Value], &[]),
    ("Gemm", &[Value, Weight, Any], &[Flag("transA"), Flag("transB"), Float("alpha"), Float("beta")]),
    ("ReduceMean", &[Value, Few], &[Axes("axes"), Flag("keepdims"), Flag("noop_with_empty_axes")]),
    ("ReduceSum", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("ReduceMax", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("ReduceL2", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("Concat", &[Value, Any], &[Number("axis")]),
    ("Slice", &[Value, Indices, Indices, Few, Few], &[]),
    ("Pad", &[Value, Indices, Any, Few], &[Mode("mode", &["constant", "reflect", "edge", "wrap"])]),
    ("Reshape", &[Value, Indices], &[Flag("allowzero")]),
    ("Flatten", &[Value], &[Number("axis")]),
    ("Transpose", &[Value], &[Whole("perm")]),
    ("Squeeze", &[Value, Few], &[Axes("axes")]),
    ("Unsqueeze", &[Value, Indices], &[Axes("axes")]),
    ("Expand", &[Value, Indices], &[]),
    ("Tile", &[Value, Indices], &[]),
    (
        "Resize",
        &[Value, Few, Scale, Few],
        &[
            Mode("mode", &["nearest", "linear", "cubic"]),
            Mode(
                "coordinate_transformation_mode",
                &["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"],
            ),
            Mode("nearest_mode", &["floor", "ceil", "round_prefer_floor"]),
            Axes("axes"),
        ],
    ),
    ("Gather", &[Value, Indices], &[Number("axis")]),
    ("Softmax", &[Value], &[Number("axis")]),
    ("LogSoftmax", &[Value], &[Number("axis")]),
    ("Identity", &[Value], &[]),
    ("Dropout", &[Value], &[]),
    ("Cast", &[Value], &[Number("to")]),
    ("Shape", &[Any], &[Number("start"), Number("end")]),
    ("Gather", &[Indices, Indices], &[Number("axis")]),
    ("Slice", &[Indices, Indices, Indices, Few, Few], &[]),
    ("Concat", &[Indices, Indices], &[Number("axis")]),
    ("Reshape", &[Indices, Indices], &[]),
    ("Transpose", &[Indices], &[Whole("perm")]),
    ("Div", &[Indices, Indices], &[]),
    ("Mul", &[Indices, Indices], &[]),
    ("Sub", &[Indices, Indices], &[]),
    ("Mod", &[Indices, Indices], &[]),
    ("Range", &[Indices, Indices, Indices], &[]),
    ("ConstantOfShape", &[Indices], &[]),
    ("Cast", &[Indices], &[Number("to")]),
    ("Split", &[Value, Few], &[Number("axis"), List("split"), Number("num_outputs")]),
    ("DepthToSpace", &[Value], &[Number("blocksize"), Mode("mode", &["DCR", "CRD"])]),
    ("SpaceToDepth", &[Value], &[Number("blocksize")]),
    ("CumSum", &[Value, Indices], &[Flag("reverse"), Flag("exclusive")]),
    ("Trilu", &[Value, Indices], &[Flag("upper")]),
    ("GatherND", &[Value, Indices], &[Number("batch_dims")]),
    ("ArgMax", &[Value], &[Number("axis"), Flag("keepdims")]),
    ("ReduceL1", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("ReduceLogSumExp", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("Sin", &[Value], &[]),
    (
        "Einsum",
        &[Value, Any],
        &[Mode("equation", &["nchw,nchv->nhwv", "nchw,c->nhw", "nchw,ck->nkhw", "ab,bc"])],
    ),
    ("Einsum", &[Value], &[Mode("equation", &["nchw->nwc", "nchw", "nca->can", "n->nn"])]),
    ("If", &[Indices], &[]),
    ("Atan", &[Value], &[]),
    ("Celu", &[Value], &[Float("alpha")]),
    ("ThresholdedRelu", &[Value], &[Float("alpha")]),
    ("ReduceLogSum", &[Value, Few], &[Axes("axes"), Flag("keepdims")]),
    ("Equal", &[Indices, Indices], &[]),
    ("Unheard", &[Value], &[]),
];

/// Makes a network of the bytes in `u`.
pub fn network(u: &mut Unstructured) -> Result<ModelProto> {
    let mut made = Made {
        graph: GraphBuilder::new("fuzzed"),
        values: vec!["x".into()],
        lists: Vec::new(),
        constants: 0,
    };
    let side = |u: &mut Unstructured| Ok(Dim::Fixed(u.int_in_range(1..=9)?));
    let picture = [Dim::Symbol("N"), Dim::Fixed(3), side(u)?, side(u)?];
    made.graph.input("x", &picture);
    let opset = *u.choose(&[11, 13, 17, 18, 21, 9])?;
    for n in 0..u.int_in_range(1..=16)? {
        let operator = *u.choose(OPERATORS)?;
        made.operator(u, operator, n)?;
    }
    let last = made.values.last().cloned().unwrap_or_default();
    if u.ratio(3, 4)? {
        made.graph.node("GlobalAveragePool", &[&last], "pooled", vec![]);
        made.graph.node("Flatten", &["pooled"], "scores", vec![]);
    } else {
        made.graph.node("Flatten", &[&last], "scores", vec![int("axis", 1)]);
    }
    // The last axis is the number of classes, whatever it will turn out to be.
    let classes = if u.arbitrary()? { Dim::Any } else { Dim::Fixed(u.int_in_range(1..=9)?) };
    made.graph.output("scores", &[Dim::Symbol("N"), classes]);
    let mut model = made.graph.into_model();
    model.opset_import[0].version = opset;
    Ok(model)
}

struct Made {
    graph: GraphBuilder,
    values: Vec<String>,
    lists: Vec<String>,
    constants: usize,
}

impl Made {
    fn operator(&mut self, u: &mut Unstructured, (name, inputs, told): Operator, n: usize) -> Result<()> {
        let mut reads = Vec::new();
        for &input in inputs {
            reads.push(self.input(u, input)?);
        }
        while reads.last().is_some_and(String::is_empty) {
            reads.pop();
        }
        let mut attributes = Vec::new();
        for &attribute in told {
            if u.ratio(1, 2)? {
                attributes.push(attribute.make(u)?);
            }
        }
        if name == "If" {
            for which in ["then_branch", "else_branch"] {
                attributes.push(self.branch(u, which)?);
            }
        }
        let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
        let outputs: Vec<String> = match name {
            "Split" => (0..u.int_in_range(1..=3)?).map(|part| format!("v{n}_{part}")).collect(),
            _ => vec![format!("v{n}")],
        };
        let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.graph.node_with_outputs(name, &reads, &names, attributes);
        let list = matches!(inputs.first(), Some(Indices)) && name != "If" || name == "Shape";
        (if list { &mut self.lists } else { &mut self.values }).extend(outputs);
        Ok(())
    }

    /// A branch of at most three operators, whose values may bear the names of those outside, or of each other.
    fn branch(&mut self, u: &mut Unstructured, which: &str) -> Result<AttributeProto> {
        let mut inner = GraphBuilder::new(which);
        let mut last = u.choose(&self.values)?.clone();
        for _ in 0..u.int_in_range(0..=3)? {
            let operator = *u.choose(&["Relu", "Neg", "Identity", "Squeeze", "Unheard", "If"])?;
            let output = if u.arbitrary()? {
                u.choose(&self.values)?.clone()
            } else {
                format!("inside{}", u.int_in_range(0..=2)?)
            };
            let mut attributes = Vec::new();
            let mut reads = last.clone();
            if operator == "If" {
                reads = self.list(u)?;
                attributes = vec![self.branch(u, "then_branch")?, self.branch(u, "else_branch")?];
            }
            inner.node(operator, &[&reads], &output, attributes);
            last = if u.ratio(7, 8)? { output } else { u.choose(&self.values)?.clone() };
        }
        if u.ratio(7, 8)? {
            inner.output(&last, &[]);
        }
        let (name, g) = (which.into(), Some(inner.into_graph()));
        Ok(AttributeProto { name, r#type: AttributeType::Graph as i32, g, ..AttributeProto::default() })
    }

    fn input(&mut self, u: &mut Unstructured, input: Input) -> Result<String> {
        Ok(match input {
            // The newest value often, so that networks become deep.
            Value if u.ratio(2, 3)? => self.values.last().cloned().unwrap_or_default(),
            Value => u.choose(&self.values)?.clone(),
            Any => match u.int_in_range(0..=3)? {
                0 => self.constant(u, 4)?,
                1 => self.constant(u, 1)?,
                2 => String::new(),
                _ => u.choose(&self.values)?.clone(),
            },
            Weight => self.constant(u, 4)?,
            Scale => self.constant(u, 1)?,
            Few if u.ratio(1, 2)? => String::new(),
            Indices | Few if !self.lists.is_empty() && u.ratio(1, 2)? => u.choose(&self.lists)?.clone(),
            Indices | Few => self.list(u)?,
        })
    }

    fn constant(&mut self, u: &mut Unstructured, rank: usize) -> Result<String> {
        let rank = if u.ratio(1, 8)? { u.int_in_range(0..=5)? } else { rank };
        let mut dims = Vec::new();
        for _ in 0..rank {
            dims.push(*u.choose(&[1_usize, 3, 3, 2, 4, 6])?);
        }
        let name = self.named();
        let value = f32::from(u.arbitrary::<i8>()?) / 8.0;
        self.graph.f32s(&name, &dims, &vec![value; dims.iter().product()]);
        Ok(name)
    }

    fn list(&mut self, u: &mut Unstructured) -> Result<String> {
        let mut values = Vec::new();
        for _ in 0..u.int_in_range(0..=5)? {
            values.push(number(u)?);
        }
        let name = self.named();
        match values[..] {
            [value] if u.arbitrary()? => self.graph.i64s(&name, &[], &[value]),
            [a, b, c, d] if u.arbitrary()? => self.graph.i64s(&name, &[2, 2], &[a, b, c, d]),
            _ => self.graph.i64s(&name, &[values.len()], &values),
        }
        Ok(name)
    }

    fn named(&mut self) -> String {
        self.constants += 1;
        format!("c{}", self.constants)
    }
}

impl Attribute {
    fn make(self, u: &mut Unstructured) -> Result<AttributeProto> {
        let list = |u: &mut Unstructured, usual: usize| {
            let count = if u.ratio(1, 8)? { u.int_in_range(0..=6)? } else { usual };
            (0..count).map(|_| number(u)).collect::<Result<Vec<i64>>>()
        };
        Ok(match self {
            Number(name) | Group(name) => int(name, number(u)?),
            Flag(name) => int(name, u.int_in_range(0..=1)?),
            Float(name) => float(name, *u.choose(&[0.0, 0.5, 1.0, -1.0, 1e-5, f32::INFINITY, f32::NAN])?),
            List(name) => ints(name, &list(u, 2)?),
            Padding(name) => ints(name, &list(u, 4)?),
            Axes(name) => {
                let count = u.int_in_range(0..=3)?;
                ints(name, &list(u, count)?)
            }
            Mode(name, words) => string(name, u.choose(words)?),
            Whole(name) => {
                let mut perm = vec![0, 1, 2, 3];
                perm.swap(u.int_in_range(0..=3)?, u.int_in_range(0..=3)?);
                perm.truncate(u.int_in_range(1..=4)?);
                ints(name, &perm)
            }
        })
    }
}

/// A small number mostly; else one at an edge.
fn number(u: &mut Unstructured) -> Result<i64> {
    if u.ratio(7, 8)? {
        return u.int_in_range(-3..=8);
    }
    const EDGES: [i64; 10] = [
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
        i32::MAX as i64,
        i32::MIN as i64,
        1 << 32,
        65_536,
        1_000,
        -1_000,
        1 << 62,
    ];
    Ok(*u.choose(&EDGES)?)
}
