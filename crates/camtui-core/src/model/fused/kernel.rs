//! Kernels of convolutions that stay in the cache's file until `camtui-conv` packs them.
//!
//! The runtime would read each into memory and copy it before anybody asks for it. So the graph that it is given has an operator
//! in the place of the weight, which says where the numbers lie, and in which order a backward pass reads them. A convolution that stays the runtime's has the ordinary
//! constant again ([`settle`]).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use camtui_conv::{Mapped, Values};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
#[allow(clippy::wildcard_imports, reason = "the macros that make an operator need names of it")]
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::konst::Const;
#[allow(clippy::wildcard_imports, reason = "the macros that make an operator need names of it")]
use tract_onnx::tract_hir::internal::*;

use crate::onnx::build::{int, ints, string};
use crate::onnx::external::place;
use crate::onnx::pb::{GraphProto, ModelProto, TensorProto, tensor_proto::DataType};
use crate::onnx::turn::{Order, turn_weights};

/// The operator's name in the graph that the runtime reads.
const OPERATOR: &str = "CamtuiKernel";
/// Numbers from which on a kernel is left in its file.
const LARGE: usize = 1 << 12;

/// Puts the operator in the place of each large kernel outside the graph that only convolutions read, if its file in `folder` can be
/// mapped.
pub(in crate::model) fn leave(model: &mut ModelProto, folder: &Path) {
    let Some(graph) = model.graph.as_mut() else { return };
    let (read, files) = (only_kernels(graph), Files::of(folder));
    let mut left = Vec::new();
    graph.initializer.retain(|tensor| {
        let node = read.contains(&tensor.name).then(|| files.node(tensor, &tensor.name, None)).flatten();
        let stays = node.is_none();
        left.extend(node);
        stays
    });
    graph.node.splice(0..0, left);
}

/// Turns the weights that the graph turns over, those of them that [`leave`] would leave in their file when they are read.
pub(in crate::model) fn turn_and_leave(model: &mut ModelProto, folder: &Path) {
    let read = model.graph.as_ref().map(only_kernels).unwrap_or_default();
    let files = Files::of(folder);
    turn_weights(model, Some(folder), |tensor, name, order| {
        read.contains(name).then(|| files.node(tensor, name, Some(order))).flatten()
    });
}

/// The files of a folder, and which of them can be mapped.
struct Files<'a> {
    folder: &'a Path,
    mapped: RefCell<HashMap<String, bool>>,
}

impl<'a> Files<'a> {
    fn of(folder: &'a Path) -> Self {
        Self { folder, mapped: RefCell::default() }
    }

    /// The operator that gives `tensor` in this order, or as it is.
    fn node(&self, tensor: &TensorProto, name: &str, order: Option<&Order>) -> Option<NodeProto> {
        let count = tensor.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
        if tensor.dims.len() != 4 || count < LARGE || tensor.data_type != DataType::Float as i32 {
            return None;
        }
        let (location, offset, _) = place(tensor)?;
        let mut mapped = self.mapped.borrow_mut();
        let may = mapped
            .entry(location.to_owned())
            .or_insert_with(|| Mapped::open(&self.folder.join(location), offset, 1).is_ok());
        if !*may {
            return None;
        }
        let mut attribute =
            vec![string("location", location), int("offset", i64::try_from(offset).unwrap_or(i64::MAX))];
        if let Some(Order { first, axes }) = order {
            let (extents, strides): (Vec<i64>, Vec<i64>) =
                axes.iter().map(|&(extent, stride)| (extent as i64, stride as i64)).unzip();
            attribute.extend([
                ints("dims", &extents),
                ints("strides", &strides),
                int("first", *first as i64),
            ]);
        } else {
            attribute.push(ints("dims", &tensor.dims));
        }
        let (op_type, name) = (OPERATOR.into(), name.to_owned());
        Some(NodeProto { op_type, output: vec![name.clone()], name, attribute, ..NodeProto::default() })
    }
}

/// The values that are nothing but the kernels of convolutions.
fn only_kernels(graph: &GraphProto) -> HashSet<String> {
    let mut only: HashMap<&str, bool> = HashMap::new();
    for node in &graph.node {
        let convolution = matches!(node.op_type.as_str(), "Conv" | "ConvTranspose");
        for (at, name) in node.input.iter().enumerate() {
            *only.entry(name).or_insert(true) &= convolution && at == 1;
        }
        // A branch or a loop reads by name whatever it likes.
        if node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
            return HashSet::new();
        }
    }
    for end in graph.input.iter().chain(&graph.output) {
        only.remove(end.name.as_str());
    }
    only.into_iter().filter(|(_, only)| *only).map(|(name, _)| name.to_owned()).collect()
}

/// Makes the runtime know the operator.
pub(in crate::model) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert(OPERATOR, parse);
}

fn parse(context: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let find = |name: &str| node.attribute.iter().find(|a| a.name == name);
    let attribute = |name: &str| find(name).with_context(|| format!("{OPERATOR} without {name}"));
    let dims: Vec<usize> =
        attribute("dims")?.ints.iter().map(|&d| usize::try_from(d)).collect::<Result<_, _>>()?;
    let dims: [usize; 4] = dims.try_into().map_err(|_| format_err!("{OPERATOR} of other than four axes"))?;
    let location = std::str::from_utf8(&attribute("location")?.s)?;
    // A model of somebody else's may have such an operator too: it reads nothing outside of the folder.
    let inside = Path::new(location).file_name().is_some_and(|name| name == location);
    let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let (Some(count), true) = (count, inside) else { bail!("{OPERATOR} of {dims:?} in {location}") };
    let path = Path::new(context.model_dir.unwrap_or_default()).join(location);
    let offset = u64::try_from(attribute("offset")?.i)?;
    let mapped = |count| {
        let name = format!("{location} {offset}");
        Mapped::open(&path, offset, count).map(|mapped| Values::shared(Arc::new(mapped)).called(&name))
    };
    let numbers = if let Some(strides) = find("strides") {
        let first = usize::try_from(attribute("first")?.i)?;
        let strides = strides.ints.iter().map(|&stride| isize::try_from(stride));
        let axes = dims.into_iter().zip(strides.collect::<Result<Vec<_>, _>>()?).collect();
        let order = Order { first, axes };
        let reach = order.reach().filter(|_| order.axes.len() == dims.len());
        let numbers = mapped(reach.context("an order of numbers that are there")?)?;
        turned(numbers, order).context("numbers of this order")?
    } else {
        mapped(count)?
    };
    Ok((expand(Kernel { dims, numbers }), vec![]))
}

/// Numbers that are put into another order when they are first read.
struct Turned {
    numbers: Values,
    order: Order,
    made: OnceLock<Vec<f32>>,
}

/// `numbers` in this order, which does not reach beyond them.
pub(super) fn turned(numbers: Values, order: Order) -> Option<Values> {
    let (len, name) = (order.count()?, numbers.name().map(|name| format!("{name} {order:?}")));
    let values = Values::made_when_read(Arc::new(Turned { numbers, order, made: OnceLock::new() }), len);
    Some(match name {
        Some(name) => values.called(&name),
        None => values,
    })
}

impl AsRef<[f32]> for Turned {
    fn as_ref(&self) -> &[f32] {
        self.made.get_or_init(|| self.order.of(self.numbers.as_slice()))
    }
}

/// A kernel, `[out, in / groups, height, width]`.
#[derive(Clone)]
pub(super) struct Kernel {
    pub dims: [usize; 4],
    pub numbers: Values,
}

impl Kernel {
    fn tensor(&self) -> TractResult<Tensor> {
        Tensor::from_shape(&self.dims, self.numbers.as_slice())
    }
}

/// Gives what the runtime still reads back to it, as ordinary constants.
pub(super) fn settle(model: &mut TypedModel) -> TractResult<()> {
    for id in model.eval_order()? {
        let Some(kernel) = model.node(id).op_as::<Kernel>() else { continue };
        let tensor = kernel.tensor()?.into_arc_tensor();
        let node = &mut model.nodes[id];
        node.outputs[0].fact = TypedFact::try_from(&tensor)?;
        node.op = Box::new(Const::new(tensor)?);
    }
    Ok(())
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({:?})", self.dims)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.dims == other.dims && self.numbers.name() == other.numbers.name()
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.dims.hash(hasher);
        self.numbers.name().hash(hasher);
    }
}

impl Expansion for Kernel {
    fn name(&self) -> StaticName {
        OPERATOR.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 0)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].shape, self.dims.iter().map(ToDim::to_dim).collect::<TVec<TDim>>())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Kernel {
    fn name(&self) -> StaticName {
        OPERATOR.into()
    }

    op_as_typed_op!();
}

impl EvalOp for Kernel {
    // Else the runtime would make a constant of it at once.
    not_out_of_plan!();

    fn eval(&self, _context: &EvalContext, _inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(self.tensor()?.into_tvalue()))
    }
}

impl TypedOp for Kernel {
    as_op!();

    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.dims)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Parameters, fuse};
    use super::*;
    use crate::onnx::build::{Dim, GraphBuilder};
    use crate::onnx::external::externalise;
    use crate::seeded::uniform;

    /// Two convolutions, the second one's kernel also an output's factor, on as many pictures.
    fn network(pictures: usize) -> ModelProto {
        let mut graph = GraphBuilder::new("kernels");
        let shape = |channels| [pictures, channels, 8, 8].map(Dim::Fixed);
        graph.input("x", &shape(32));
        for kernel in ["w1", "w2"] {
            graph.f32s(kernel, &[32, 32, 3, 3], uniform(kernel, &[32, 32, 3, 3], 1, -0.1, 0.1).data());
        }
        graph.node("Conv", &["x", "w1"], "a", vec![ints("pads", &[1; 4])]);
        graph.node("Conv", &["a", "w2"], "b", vec![ints("pads", &[1; 4])]);
        graph.node("ReduceMean", &["w2"], "m", vec![int("keepdims", 0)]);
        graph.node("Mul", &["b", "m"], "y", vec![]);
        graph.output("y", &shape(32));
        graph.into_model()
    }

    /// The network's result, and its operators as they are fused.
    fn result(mut model: ModelProto, pictures: usize, folder: Option<&Path>) -> (Vec<f32>, Vec<String>) {
        let mut onnx = tract_onnx::onnx();
        register(&mut onnx);
        if let Some(folder) = folder {
            leave(&mut model, folder);
        }
        let parsed = onnx.parse(&model, folder.and_then(Path::to_str)).unwrap();
        let mut typed = parsed.model.into_typed().unwrap();
        fuse(&mut typed, &Parameters::default()).unwrap();
        let order = typed.eval_order().unwrap();
        let operators = order.iter().map(|&id| typed.node(id).op.name().into_owned()).collect();
        let x = uniform("x", &[pictures, 32, 8, 8], 1, -1.0, 1.0);
        let x = Tensor::from_shape(x.shape(), x.data()).unwrap();
        let results = typed.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(x.into())).unwrap();
        (results[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect(), operators)
    }

    /// The network with its weights in a file of this mode.
    fn beside(pictures: usize, folder: &Path, mode: u32) -> ModelProto {
        let mut model = network(pictures);
        let weights = externalise(&mut model, "w");
        std::fs::write(folder.join("w"), weights).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder.join("w"), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        model
    }

    fn left(model: &ModelProto, folder: &Path) -> Vec<String> {
        let mut model = model.clone();
        leave(&mut model, folder);
        let nodes = model.graph.unwrap().node;
        nodes.into_iter().filter(|node| node.op_type == OPERATOR).map(|node| node.name).collect()
    }

    #[test]
    fn kernels_in_their_file_give_the_same_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let model = beside(1, folder.path(), 0o644);
        assert_eq!(left(&model, folder.path()), ["w1"], "what more than convolutions read is the graph's");
        let (found, operators) = result(model, 1, Some(folder.path()));
        assert!(operators.iter().any(|name| name == "Fused"), "{operators:?}");
        assert!(operators.iter().all(|name| name != OPERATOR), "{operators:?}");
        assert_eq!(found, result(network(1), 1, None).0);
    }

    #[test]
    fn kernels_of_convolutions_that_stay_the_runtimes_are_constants() {
        let folder = tempfile::tempdir().unwrap();
        let model = beside(2, folder.path(), 0o644);
        let (found, operators) = result(model, 2, Some(folder.path()));
        assert!(operators.iter().all(|name| name != OPERATOR && name != "Fused"), "{operators:?}");
        assert_eq!(found, result(network(2), 2, None).0);
    }

    #[test]
    fn an_operator_in_a_file_reads_nothing_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        beside(1, folder.path(), 0o644);
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let parsed = |folder: &Path, location: &str, dims: [i64; 4]| {
            let mut graph = GraphBuilder::new("kernels");
            let attributes = vec![ints("dims", &dims), string("location", location), int("offset", 0)];
            graph.node(OPERATOR, &[], "y", attributes);
            graph.output("y", &[Dim::Fixed(32), Dim::Fixed(32), Dim::Fixed(3), Dim::Fixed(3)]);
            let mut onnx = tract_onnx::onnx();
            register(&mut onnx);
            onnx.parse(&graph.into_model(), folder.to_str())
        };
        assert!(parsed(folder.path(), "w", [32, 32, 3, 3]).is_ok());
        assert!(parsed(&folder.path().join("inner"), "../w", [32, 32, 3, 3]).is_err());
        assert!(parsed(folder.path(), folder.path().join("w").to_str().unwrap(), [32, 32, 3, 3]).is_err());
        assert!(parsed(folder.path(), "w", [1 << 32, 1 << 32, 3, 3]).is_err());
        assert!(parsed(folder.path(), "w", [-32, 32, 3, 3]).is_err());
    }

    #[test]
    fn numbers_in_another_order_are_those_of_the_file_and_none_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let numbers: Vec<f32> = (0..24).map(|number| number as f32).collect();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(folder.path().join("w"), bytes).unwrap();
        let parsed = |offset: i64, first: i64, strides: &[i64]| {
            let mut graph = GraphBuilder::new("kernels");
            let mut attributes = vec![ints("dims", &[3, 2, 2, 2]), string("location", "w")];
            attributes.extend([int("offset", offset), int("first", first), ints("strides", strides)]);
            graph.node(OPERATOR, &[], "y", attributes);
            graph.output("y", &[Dim::Fixed(3), Dim::Fixed(2), Dim::Fixed(2), Dim::Fixed(2)]);
            let mut onnx = tract_onnx::onnx();
            register(&mut onnx);
            onnx.parse(&graph.into_model(), folder.path().to_str())
        };
        // The gradient's kernel of [2, 3, 2, 2]: channels exchanged, taps from the last to the first.
        let model = parsed(0, 3, &[4, 12, -2, -1]).unwrap().model.into_typed().unwrap();
        let found = model.into_runnable().unwrap().run(tvec!()).unwrap();
        let found: Vec<f32> = found[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect();
        let places =
            (0..3).flat_map(|i| (0..2).flat_map(move |o| [3, 2, 1, 0].map(|tap| o * 12 + i * 4 + tap)));
        assert_eq!(found, places.map(|place| place as f32).collect::<Vec<_>>());
        assert!(parsed(4, 3, &[4, 12, -2, -1]).is_err(), "behind the end");
        assert!(parsed(0, 2, &[4, 12, -2, -1]).is_err(), "before the first");
        assert!(parsed(0, -1, &[4, 12, 2, 1]).is_err());
        assert!(parsed(0, 0, &[i64::MAX, 12, 2, 1]).is_err());
        assert!(parsed(0, 0, &[4, 12, 2]).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_may_write_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let model = beside(1, folder.path(), 0o666);
        assert!(left(&model, folder.path()).is_empty());
        assert_eq!(result(model, 1, Some(folder.path())).0, result(network(1), 1, None).0);
    }
}
