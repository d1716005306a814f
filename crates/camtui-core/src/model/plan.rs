//! tract, kept behind one small type: a compiled subgraph with named inputs and outputs.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::knobs::KnobScope;

use super::double;
use super::error::ModelError;
use super::fused::{self, Parameters};
use super::network::{Convolutions, Schedule};
use crate::Tensor;
use crate::grad::{MOST_NUMBERS, product};
use crate::onnx::pb::{ModelProto, tensor_proto::DataType};
use crate::onnx::subgraph::Given;

/// A value inside the runtime. Cloning shares the data.
#[derive(Clone, Debug)]
pub(super) struct Value(TValue);

impl Value {
    pub fn new(tensor: &Tensor) -> Result<Self, ModelError> {
        let tensor = tract_onnx::prelude::Tensor::from_shape(tensor.shape(), tensor.data())
            .map_err(|e| ModelError::run("reading an input", &e))?;
        Ok(Self(tensor.into_tvalue()))
    }

    pub fn to_tensor(&self) -> Result<Tensor, ModelError> {
        let failed = |e: TractError| ModelError::run("reading a result", &e);
        let single = self.0.cast_to::<f32>().map_err(failed)?;
        let view = single.to_plain_array_view::<f32>().map_err(failed)?;
        let data = match view.as_slice() {
            Some(values) => values.to_vec(),
            None => view.iter().copied().collect(),
        };
        Ok(Tensor::new(self.0.shape(), data).expect("tract's shape covers its data"))
    }
}

/// Reads a weight with one call, into memory of the right size.
struct OneRead;

impl ModelDataResolver for OneRead {
    fn read_bytes_from_path(
        &self,
        buf: &mut Vec<u8>,
        path: &Path,
        offset: usize,
        length: Option<usize>,
    ) -> TractResult<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset as u64))?;
        let length = length.unwrap_or(usize::MAX);
        buf.reserve_exact(length.min(1 << 30));
        let read = file.take(length as u64).read_to_end(buf)?;
        tract_onnx::tract_core::internal::ensure!(read == length, "the weights end too early");
        Ok(())
    }
}

/// The runtime has a kind of number of its own for extents.
fn numbers(value: TValue) -> Result<Value, ModelError> {
    if value.datum_type() != DatumType::TDim {
        return Ok(Value(value));
    }
    let cast = value.cast_to::<i64>().map(std::borrow::Cow::into_owned);
    cast.map(|t| Value(t.into())).map_err(|e| ModelError::run("running the model", &e))
}

/// The nodes that `outlets` are computed of.
fn behind(model: &TypedModel, outlets: &[OutletId]) -> HashSet<usize> {
    let mut found = HashSet::new();
    let mut next: Vec<usize> = outlets.iter().map(|outlet| outlet.node).collect();
    while let Some(node) = next.pop() {
        if found.insert(node) {
            next.extend(model.nodes[node].inputs.iter().map(|input| input.node));
        }
    }
    found
}

/// Refuses values larger than any classifier's. Here the runtime knows the shapes of all of them, those too that come from
/// operators which the differentiator does not know.
fn bounded(model: &TypedModel) -> TractResult<()> {
    for node in &model.nodes {
        for output in &node.outputs {
            let shape = output.fact.shape.as_concrete();
            let count = shape.map_or(0, |shape| product(shape.iter().copied()));
            tract_onnx::tract_core::internal::ensure!(
                count <= MOST_NUMBERS,
                "the value `{}` has {count} numbers, and {MOST_NUMBERS} are the most that are computed",
                node.name
            );
        }
    }
    Ok(())
}

/// How the parts of one network are compiled.
#[derive(Clone, Debug)]
pub(super) struct Compiling {
    pub schedule: Schedule,
    pub convolutions: Convolutions,
    /// The weights that all parts share.
    pub parameters: Arc<Parameters>,
}

/// How true a plan's values must be to what the graph says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Precision {
    /// Up to a few millionths of the largest value.
    Quick,
    /// As true as its operations are one by one: what masks are made of. A unit near zero that is on instead of off changes
    /// a gradient by far more than the rounding that did it.
    Exact,
}

/// A compiled subgraph. Clones and [`Plan::only`] share one set of weights.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    runnable: Arc<TypedRunnableModel>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Plan {
    /// Compiles `proto`, whose inputs all have concrete shapes. `part` says in errors what it is ("the forward part").
    ///
    /// Takes the graph, so that its copy of the weights is gone before the runtime makes its own packed one.
    /// Weights that are not in the graph are read from `folder`.
    pub fn compile(
        mut proto: ModelProto,
        folder: Option<&Path>,
        part: &'static str,
        compiling: &Compiling,
    ) -> Result<Self, ModelError> {
        let graph = proto.graph.as_ref();
        let names =
            |infos: &[crate::onnx::pb::ValueInfoProto]| infos.iter().map(|i| i.name.clone()).collect();
        let inputs = graph.map(|g| names(&g.input)).unwrap_or_default();
        let outputs = graph.map(|g| names(&g.output)).unwrap_or_default();
        let ours = compiling.convolutions.are_ours();
        if let Some(folder) = folder.filter(|_| ours) {
            fused::leave(&mut proto, folder);
        }
        let build = || -> TractResult<TypedModel> {
            let mut onnx = tract_onnx::onnx();
            onnx.provider = Arc::new(OneRead);
            fused::register(&mut onnx);
            let parsed = onnx.parse(&proto, folder.and_then(Path::to_str))?;
            drop(proto);
            let mut typed = parsed.model.into_typed()?;
            bounded(&typed)?;
            if ours {
                fused::fuse(&mut typed, &compiling.parameters)?;
            }
            if compiling.convolutions == Convolutions::Double {
                double::widen(&mut typed)?;
            }
            typed.into_optimized()
        };
        let model = match compiling.schedule {
            Schedule::OnePicture => build(),
            // A one-thread plan is quicker when the patches of a convolution are gathered before they are multiplied
            // (43 ms against 55 on ResNet-18); with a team of threads it is the other way round.
            Schedule::ManyPictures => {
                KnobScope::new([("TRACT_LAZY_IM2COL_MIN_KERNEL", "1000000")]).and_then(|k| k.enter(build))
            }
        };
        let model = model.map_err(|e| ModelError::compile(part, &e))?;
        let runnable = model.into_runnable().map_err(|e| ModelError::compile(part, &e))?;
        Ok(Self { runnable, inputs, outputs })
    }

    /// The same compiled graph, computing fewer outputs of the inputs that these read. Weights are shared.
    pub fn only(&self, outputs: &[String], precision: Precision) -> Result<Self, ModelError> {
        let mut model = TypedModel::clone(self.runnable.model());
        let outlets: Vec<OutletId> = outputs
            .iter()
            .filter_map(|name| self.outputs.iter().position(|o| o == name))
            .map(|index| model.outputs[index])
            .collect();
        let failed = |e: TractError| ModelError::compile("fewer outputs", &e);
        model.select_output_outlets(&outlets).map_err(failed)?;
        fused::narrow(&mut model, precision == Precision::Exact).map_err(failed)?;
        let read = behind(&model, &model.outputs);
        let sources = model.inputs.clone();
        let kept = |at: &usize| read.contains(&sources[*at].node);
        let (inputs, sources): (Vec<String>, Vec<OutletId>) =
            (0..sources.len()).filter(kept).map(|at| (self.inputs[at].clone(), sources[at])).unzip();
        model.set_input_outlets(&sources).map_err(failed)?;
        let runnable = model.into_runnable().map_err(failed)?;
        Ok(Self { runnable, inputs, outputs: outputs.to_vec() })
    }

    /// What it gives.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Whether it gives that.
    pub fn gives(&self, output: &str) -> bool {
        self.outputs.iter().any(|o| o == output)
    }

    /// What an output is; `None` when there is no such output or its shape is not known before running.
    pub fn output(&self, name: &str) -> Option<Given> {
        let index = self.outputs.iter().position(|o| o == name)?;
        let fact = self.runnable.model().output_fact(index).ok()?;
        let element = match fact.datum_type {
            DatumType::Bool => DataType::Bool,
            DatumType::I32 => DataType::Int32,
            DatumType::I64 | DatumType::TDim => DataType::Int64,
            _ => DataType::Float,
        };
        Some(Given { name: name.into(), shape: fact.shape.as_concrete()?.to_vec(), element })
    }

    /// Runs it; `given` holds a value for every input.
    pub fn run(&self, given: &HashMap<String, Value>) -> Result<HashMap<String, Value>, ModelError> {
        let failed = |e: TractError| ModelError::run("running the model", &e);
        let model = self.runnable.model();
        let input = |(name, &at): (&String, &OutletId)| {
            let value = given.get(name).ok_or_else(|| ModelError::NotGiven(name.clone()))?;
            let takes = model.outlet_fact(at).map_err(failed)?.datum_type;
            double::fit(&value.0, takes).map_err(failed)
        };
        let inputs = self.inputs.iter().zip(&model.inputs).map(input);
        let inputs = inputs.collect::<Result<TVec<TValue>, ModelError>>()?;
        let results = self.runnable.run(inputs).map_err(failed)?;
        let results = results.into_iter().map(numbers).collect::<Result<Vec<Value>, ModelError>>()?;
        Ok(self.outputs.iter().cloned().zip(results).collect())
    }
}
