//! Every kind of step, on random shapes, on every instruction set that this machine has, with one, two and three
//! threads, against the definition in double precision ([`crate::reference`]).
//!
//! `CAMTUI_CONV_SHARE=20` tries a twentieth of the shapes, for tools that make each instruction slow (CONTRIBUTING.md
//! says which).

mod convolutions;
mod others;
mod programs;
mod weights;

use crate::graph::Graph;
use crate::{Builder, Isa, Program, Settings, Team, reference};

/// Seeded random numbers.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A whole number from `low` to `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() >> 33) as usize % (high - low + 1)
    }

    pub fn chance(&mut self, of: usize) -> bool {
        self.between(1, of) == 1
    }

    pub fn one_of<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.between(0, these.len() - 1)].clone()
    }

    /// Numbers from −1 to 1.
    pub fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }
}

/// How many random cases a test tries instead of `count`: all, or the share that the environment asks for.
pub(super) fn rounds(count: usize) -> usize {
    let share = std::env::var("CAMTUI_CONV_SHARE").ok();
    let share = share.map_or(1, |n| n.parse::<usize>().expect("CAMTUI_CONV_SHARE is a whole number"));
    count.div_ceil(share.max(1))
}

/// The instruction sets of this machine.
pub(super) fn instruction_sets() -> impl Iterator<Item = Isa> {
    [Isa::Avx512, Isa::Avx2, Isa::Portable].into_iter().filter(|isa| isa.is_here())
}

/// Builds `builder`'s program for each instruction set, runs it twice (so that the second run finds the first one's
/// numbers in its memory) with one, two and three threads, and compares with the definition: 1e-5 of the greatest
/// number of each output. The same bits for any number of threads.
pub(super) fn check(builder: &Builder, random: &mut Random, what: &str) {
    let graph = builder.clone().graph();
    let inputs: Vec<Vec<f32>> =
        graph.inputs.iter().map(|v| random.numbers(graph.nodes[v.0].shape.len())).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(|x| &x[..]).collect();
    let expected = reference::evaluate(&graph, &inputs);
    for isa in instruction_sets() {
        for exact in [true, false] {
            let program = builder.clone().build(Settings { exact, isa }).expect("the instructions are here");
            let mut first = None;
            for threads in [1, 1, 2, 3] {
                let outputs = run(&program, &graph, &inputs, threads);
                for (number, (output, expected)) in outputs.iter().zip(&expected).enumerate() {
                    let error = worst(output, expected);
                    assert!(
                        error < 1e-5,
                        "{what}: output {number} is {error:.1e} off on {isa:?}, exact {exact}"
                    );
                }
                let first = first.get_or_insert_with(|| outputs.clone());
                assert!(same_bits(first, &outputs), "{what}: {threads} threads give other bits on {isa:?}");
            }
        }
    }
}

fn run(program: &Program, graph: &Graph, inputs: &[&[f32]], threads: usize) -> Vec<Vec<f32>> {
    let mut outputs: Vec<Vec<f32>> =
        graph.outputs.iter().map(|v| vec![f32::NAN; graph.nodes[v.0].shape.len()]).collect();
    let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(|x| &mut x[..]).collect();
    let pools = pools();
    let team = if threads == 1 { Team::Alone } else { Team::Pool(&pools[threads - 2]) };
    program.run(inputs, &mut slices, team).expect("slices of the right lengths");
    outputs
}

/// Pools of two and of three threads.
fn pools() -> &'static [rayon::ThreadPool; 2] {
    static POOLS: std::sync::OnceLock<[rayon::ThreadPool; 2]> = std::sync::OnceLock::new();
    POOLS.get_or_init(|| {
        [2, 3].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads to start"))
    })
}

/// The greatest difference, relative to the greatest number.
pub(super) fn worst(output: &[f32], expected: &[f64]) -> f64 {
    let most = expected.iter().fold(0.0f64, |m, x| m.max(x.abs())).max(1e-20);
    output
        .iter()
        .zip(expected)
        .map(|(a, b)| (f64::from(*a) - b).abs() / most)
        // A difference that is not a number is the worst of all.
        .fold(0.0, |m, x| if x <= m { m } else { x })
}

fn same_bits(a: &[Vec<f32>], b: &[Vec<f32>]) -> bool {
    a.iter().flatten().map(|x| x.to_bits()).eq(b.iter().flatten().map(|x| x.to_bits()))
}
