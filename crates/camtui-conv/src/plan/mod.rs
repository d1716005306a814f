//! From what a program says to what it does: which values are alive, which algorithm convolves, where values lie,
//! and the steps in order.

mod arena;
mod choice;
mod joined;
mod layout;
mod lower;

use crate::graph::Graph;
use crate::simd::Simd;
use crate::step::Step;

pub(crate) use choice::Choice;

/// A program, ready to run on one instruction set.
pub(crate) struct Plan {
    pub steps: Vec<Box<dyn Step>>,
    /// How many chunks each step has.
    pub chunks: Vec<usize>,
    /// Where each buffer begins in the arena.
    pub buffers: Vec<usize>,
    /// Numbers that a run needs, and that each of its threads needs.
    pub arena: usize,
    pub scratch: usize,
}

impl Plan {
    pub fn of<V: Simd>(graph: &Graph, exact: bool) -> Plan {
        let live = live(graph);
        let choices = choice::choose(graph, &live, exact);
        let layout = layout::lay_out(graph, &live, &choices);
        let lowered = lower::lower::<V>(graph, &live, &choices, layout, exact);
        let (buffers, arena) = arena::place(&lowered.sizes, &lowered.lives);
        let chunks = lowered.steps.iter().map(|step| step.chunks()).collect();
        let scratch = lowered.steps.iter().map(|step| step.scratch()).max().unwrap_or(0);
        Plan { steps: lowered.steps, chunks, buffers, arena, scratch: scratch.next_multiple_of(64) }
    }
}

/// Which nodes an output needs.
fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    for output in &graph.outputs {
        live[output.0] = true;
    }
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        if live[i] {
            for operand in node.op.operands() {
                live[operand.0] = true;
            }
        }
    }
    live
}
