//! Branches whose condition is known: an `If` is replaced by what it would do.
//!
//! Exporters write an `If` where a module asks for a shape: PyTorch's older one puts one around the `squeeze` of a local
//! response normalisation. Once the picture's extents are fixed the answer is too, and no gradient passes an `If`. So the
//! nodes of the branch that is taken go where the `If` was, under names of their own. A condition that depends on pixels
//! or on the batch is left as it is.

use std::collections::{HashMap, HashSet};

use super::pb::{GraphProto, NodeProto};
use crate::grad::Shapes;

/// Replaces every `If` of `graph`, inside branches that are taken too, whose condition follows from shapes and constants.
pub(super) fn take_known(graph: &mut GraphProto, opset: i64) {
    if !graph.node.iter().any(is_branch) {
        return;
    }
    let mut shapes = Shapes::begin(graph, opset);
    let mut names = Names::of(graph);
    // The next node is the last.
    let mut coming: Vec<NodeProto> = std::mem::take(&mut graph.node);
    coming.reverse();
    while let Some(mut node) = coming.pop() {
        if let Some(branch) = taken(&mut node, &shapes) {
            let nodes = names.settle(node, branch, graph, &mut shapes);
            coming.extend(nodes.into_iter().rev());
        } else {
            shapes.follow(&node);
            graph.node.push(node);
        }
    }
}

fn is_branch(node: &NodeProto) -> bool {
    node.op_type == "If" && (node.domain.is_empty() || node.domain == "ai.onnx")
}

/// The branch that `node` takes, where that is known and it is one: without inputs, with as many outputs as the node.
fn taken(node: &mut NodeProto, shapes: &Shapes) -> Option<GraphProto> {
    if !is_branch(node) {
        return None;
    }
    let [holds] = shapes.integers(node.input.first()?)?[..] else { return None };
    let (name, outputs) = (if holds == 0 { "else_branch" } else { "then_branch" }, node.output.len());
    let branch = &mut node.attribute.iter_mut().find(|a| a.name == name)?.g;
    branch.take_if(|g| g.input.is_empty() && g.sparse_initializer.is_empty() && g.output.len() == outputs)
}

/// The names that are borne in a graph, of values and of nodes.
struct Names {
    values: Taken,
    nodes: Taken,
}

impl Names {
    /// Those of `graph` itself; inner graphs may read any of its values.
    fn of(graph: &GraphProto) -> Self {
        let ends = graph.input.iter().chain(&graph.output).map(|v| &v.name);
        let values = graph.node.iter().flat_map(|n| n.input.iter().chain(&n.output));
        let weights = graph.initializer.iter().map(|t| &t.name);
        Self {
            values: ends.chain(values).chain(weights).collect(),
            nodes: graph.node.iter().map(|n| &n.name).collect(),
        }
    }

    /// The nodes that stand for `node`, which takes `branch`, whose tensors go to `graph`.
    fn settle(
        &mut self,
        node: NodeProto,
        branch: GraphProto,
        graph: &mut GraphProto,
        shapes: &mut Shapes,
    ) -> Vec<NodeProto> {
        let mut given = HashMap::new();
        for mut tensor in branch.initializer {
            self.values.rename(&mut tensor.name, &mut given);
            shapes.hold(&tensor);
            graph.initializer.push(tensor);
        }
        // What the branch gives bears the node's names, which the graph reads.
        let mut wanted: HashMap<String, String> = HashMap::new();
        let ends =
            branch.output.into_iter().map(|o| o.name).zip(node.output).filter(|(_, known)| !known.is_empty());
        let ends: Vec<(String, String)> = ends.collect();
        for (inner, known) in &ends {
            wanted.entry(inner.clone()).or_insert_with(|| known.clone());
        }
        let mut nodes = branch.node;
        for inner in &mut nodes {
            rename_reads(inner, &given, None);
            if !inner.name.is_empty() {
                inner.name = self.nodes.fresh(&inner.name);
            }
            for output in inner.output.iter_mut().filter(|o| !o.is_empty()) {
                if let Some(known) = wanted.remove(output) {
                    given.insert(std::mem::replace(output, known.clone()), known);
                } else {
                    self.values.rename(output, &mut given);
                }
            }
        }
        // A tensor, a value from around, or one that is given twice.
        for (inner, known) in ends {
            let from = given.get(&inner).cloned().unwrap_or(inner);
            if from != known {
                nodes.push(NodeProto {
                    name: self.nodes.fresh(&known),
                    op_type: "Identity".into(),
                    input: vec![from],
                    output: vec![known],
                    ..NodeProto::default()
                });
            }
        }
        nodes
    }
}

/// Names of one kind, and how many like each were made.
struct Taken {
    names: HashSet<String>,
    times: HashMap<String, usize>,
}

impl<'n> FromIterator<&'n String> for Taken {
    fn from_iter<I: IntoIterator<Item = &'n String>>(names: I) -> Self {
        Self { names: names.into_iter().cloned().collect(), times: HashMap::new() }
    }
}

impl Taken {
    /// `name`, or one like it that nothing bears; it is borne from then on.
    fn fresh(&mut self, name: &str) -> String {
        if self.names.insert(name.to_owned()) {
            return name.to_owned();
        }
        let times = self.times.entry(name.to_owned()).or_insert(1);
        loop {
            *times += 1;
            let found = format!("{name}_{times}");
            if self.names.insert(found.clone()) {
                return found;
            }
        }
    }

    /// Gives what bears `name` a name of its own and takes down which.
    fn rename(&mut self, name: &mut String, given: &mut HashMap<String, String>) {
        let new = self.fresh(name);
        given.insert(std::mem::replace(name, new.clone()), new);
    }
}

/// An inner graph's own values, which hide those of the same name around it.
struct Hidden<'a> {
    own: HashSet<String>,
    around: Option<&'a Hidden<'a>>,
}

impl Hidden<'_> {
    fn has(&self, name: &str) -> bool {
        self.own.contains(name) || self.around.is_some_and(|around| around.has(name))
    }
}

/// Calls what `node` reads, and what is read inside it, by the names `given`.
fn rename_reads(node: &mut NodeProto, given: &HashMap<String, String>, hidden: Option<&Hidden<'_>>) {
    let rename = |name: &mut String, hidden: Option<&Hidden<'_>>| {
        if let Some(new) = given.get(name)
            && !hidden.is_some_and(|hidden| hidden.has(name))
        {
            name.clone_from(new);
        }
    };
    node.input.iter_mut().for_each(|name| rename(name, hidden));
    for graph in node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs)) {
        let ends = graph.input.iter().map(|v| &v.name).chain(graph.initializer.iter().map(|t| &t.name));
        let own = ends.chain(graph.node.iter().flat_map(|n| &n.output)).cloned().collect();
        let inside = Hidden { own, around: hidden };
        graph.node.iter_mut().for_each(|inner| rename_reads(inner, given, Some(&inside)));
        graph.output.iter_mut().for_each(|output| rename(&mut output.name, Some(&inside)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::build::{Dim, GraphBuilder, batched, int};
    use crate::onnx::pb::{AttributeProto, attribute_proto::AttributeType};

    /// `x → If → y`, which asks whether the extent of `axis` is `extent`.
    fn asking(axis: i64, extent: i64) -> GraphProto {
        let branch = |name: &str, operator: &str| {
            let mut graph = GraphBuilder::new(name);
            graph.node(operator, &["x"], "inner", vec![]);
            graph.output("inner", &[const { Dim::Any }; 4]);
            AttributeProto {
                name: name.into(),
                r#type: AttributeType::Graph as i32,
                g: Some(graph.into_graph()),
                ..AttributeProto::default()
            }
        };
        let mut graph = GraphBuilder::new("asking");
        graph.input("x", &batched(&[3, 4, 4]));
        graph.i64s("axis", &[], &[axis]);
        graph.i64s("extent", &[], &[extent]);
        graph.node("Shape", &["x"], "shape", vec![]);
        graph.node("Gather", &["shape", "axis"], "found", vec![int("axis", 0)]);
        graph.node("Equal", &["found", "extent"], "equal", vec![]);
        graph.node("If", &["equal"], "y", vec![branch("then_branch", "Relu"), branch("else_branch", "Tanh")]);
        graph.output("y", &[const { Dim::Any }; 4]);
        graph.into_graph()
    }

    fn operators(mut graph: GraphProto) -> Vec<String> {
        take_known(&mut graph, 17);
        graph.node.into_iter().skip(3).map(|n| n.op_type).collect()
    }

    #[test]
    fn only_what_is_known_is_taken() {
        assert_eq!(operators(asking(1, 3)), ["Relu"]);
        assert_eq!(operators(asking(1, 1)), ["Tanh"]);
        assert_eq!(operators(asking(0, 1)), ["If"], "the batch may be one or not");
        assert_eq!(operators(asking(0, -1)), ["Tanh"], "it is never negative");
        let mut odd = asking(1, 3);
        odd.node[3].attribute[0].g.as_mut().unwrap().output.clear();
        assert_eq!(operators(odd), ["If"], "a branch without the output");
    }

    /// A file may say ten thousand times the same name; what each is called is not looked for from the start.
    #[test]
    fn many_of_one_name_are_told_apart_soon() {
        let mut graph = asking(1, 3);
        let branch = graph.node.pop().unwrap();
        for n in 0..20_000 {
            let mut more = branch.clone();
            more.output = vec![format!("y{n}")];
            graph.node.push(more);
        }
        take_known(&mut graph, 17);
        let names: HashSet<&String> = graph.node.iter().flat_map(|n| &n.output).collect();
        assert_eq!(names.len(), 3 + 20_000);
    }
}
