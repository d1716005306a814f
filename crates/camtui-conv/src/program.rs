//! A program that is ready to run, and how a run is asked for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::graph::Graph;
use crate::memory::Block;
use crate::plan::Plan;
use crate::simd::Portable;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::team::{self, Team};
use crate::{ConvError, Shape};

/// How a program is to be built.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// No Winograd convolutions: every product of a convolution is computed and summed as written.
    pub exact: bool,
    /// The instructions to use.
    pub isa: Isa,
}

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isa {
    /// The widest that this machine has.
    #[default]
    Auto,
    /// AVX-512F: sixteen numbers.
    Avx512,
    /// AVX2 with FMA: eight numbers.
    Avx2,
    /// Whatever the compiler makes of loops over eight numbers.
    Portable,
}

impl Isa {
    /// Whether this machine has the instructions.
    pub fn is_here(self) -> bool {
        match self {
            Isa::Auto | Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => std::is_x86_feature_detected!("avx512f") && Isa::Avx2.is_here(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx512 | Isa::Avx2 => false,
        }
    }

    /// What `Auto` stands for: the widest that this machine has, or those that the environment variable
    /// `CAMTUI_INSTRUCTIONS` names (`avx512`, `avx2` or `portable`), which may compute what another machine would. The error is that of
    /// a name that is none, or of instructions that this machine has not got.
    pub fn auto() -> Result<Isa, ConvError> {
        static CHOSEN: OnceLock<Result<Isa, ConvError>> = OnceLock::new();
        let chosen = || match std::env::var("CAMTUI_INSTRUCTIONS") {
            Ok(name) if !name.is_empty() => Isa::named(&name),
            _ => Ok(Isa::widest()),
        };
        CHOSEN.get_or_init(chosen).clone()
    }

    /// Of this machine.
    fn widest() -> Isa {
        [Isa::Avx512, Isa::Avx2].into_iter().find(|isa| isa.is_here()).unwrap_or(Isa::Portable)
    }

    pub(crate) fn named(name: &str) -> Result<Isa, ConvError> {
        let named = [Isa::Avx512, Isa::Avx2, Isa::Portable].into_iter().find(|isa| isa.name() == name);
        let isa = named.ok_or_else(|| {
            ConvError::Isa(format!(
                "CAMTUI_INSTRUCTIONS is `{name}`, which is none of avx512, avx2, portable"
            ))
        })?;
        if isa.is_here() { Ok(isa) } else { Err(ConvError::Isa(format!("this machine has no {name}"))) }
    }

    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Auto => "auto",
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Portable => "portable",
        }
    }

    /// What is used where `Auto` is asked for: [`Isa::auto`], or the widest where that is an error.
    #[must_use]
    pub fn resolved(self) -> Isa {
        if self == Isa::Auto { Isa::auto().unwrap_or_else(|_| Isa::widest()) } else { self }
    }
}

/// Steps that are ready to run, any number of times and from several threads at once. A clone is the same program.
#[derive(Clone)]
pub struct Program(Arc<Ready>);

struct Ready {
    plan: Arc<Plan>,
    inputs: Vec<Shape>,
    outputs: Vec<Shape>,
    /// Memory of runs that are over, for those to come.
    arenas: Mutex<Vec<Arena>>,
}

/// Memory for a run of so many threads.
struct Arena {
    threads: usize,
    block: Arc<Block>,
}

impl Program {
    pub(crate) fn new(graph: &Graph, settings: Settings) -> Result<Self, ConvError> {
        let isa = if settings.isa == Isa::Auto { Isa::auto()? } else { settings.isa };
        if !isa.is_here() {
            return Err(ConvError::Isa(format!("this machine has no {}", isa.name())));
        }
        let plan = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Plan::of::<Avx512>(graph, settings.exact),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Plan::of::<Avx2>(graph, settings.exact),
            _ => Plan::of::<Portable>(graph, settings.exact),
        };
        let shapes = |values: &[crate::Value]| values.iter().map(|v| graph.nodes[v.0].shape).collect();
        Ok(Program(Arc::new(Ready {
            plan: Arc::new(plan),
            inputs: shapes(&graph.inputs),
            outputs: shapes(&graph.outputs),
            arenas: Mutex::default(),
        })))
    }

    /// The shapes of what a run is given.
    pub fn inputs(&self) -> &[Shape] {
        &self.0.inputs
    }

    /// The shapes of what a run gives back.
    pub fn outputs(&self) -> &[Shape] {
        &self.0.outputs
    }

    /// The bytes that each run at a time needs, and each of its threads on top.
    pub fn memory(&self) -> [usize; 2] {
        [self.0.plan.arena, self.0.plan.scratch].map(|numbers| numbers * size_of::<f32>())
    }

    /// Runs all steps on `inputs`, planes of the shapes that [`inputs`](Self::inputs) gives, and writes `outputs`
    /// likewise. The memory that the run needs is kept for the next one.
    pub fn run(
        &self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        team: Team<'_>,
    ) -> Result<(), ConvError> {
        same_lengths("inputs", self.inputs(), inputs.iter().map(|s| s.len()))?;
        same_lengths("outputs", self.outputs(), outputs.iter().map(|s| s.len()))?;
        let plan = &self.0.plan;
        let arena = self.arena(team.threads());
        let from: Vec<*const f32> = inputs.iter().map(|s| s.as_ptr()).collect();
        let to: Vec<*mut f32> = outputs.iter_mut().map(|s| s.as_mut_ptr()).collect();
        // SAFETY: the instructions were detected in `new`; the arena was made for this plan and this many threads,
        // and is ours until it goes back; the lengths were checked.
        unsafe { team::work(plan, &arena.block, &from, &to, team) };
        self.arenas().push(arena);
        Ok(())
    }

    fn arena(&self, threads: usize) -> Arena {
        let mut arenas = self.arenas();
        if let Some(i) = arenas.iter().position(|arena| arena.threads >= threads) {
            return arenas.swap_remove(i);
        }
        drop(arenas);
        let plan = &self.0.plan;
        Arena { threads, block: Arc::new(Block::zeros(plan.arena + threads * plan.scratch)) }
    }

    fn arenas(&self) -> std::sync::MutexGuard<'_, Vec<Arena>> {
        self.0.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_lengths(
    what: &str,
    shapes: &[Shape],
    lengths: impl ExactSizeIterator<Item = usize>,
) -> Result<(), ConvError> {
    if shapes.len() != lengths.len() {
        return Err(ConvError::Slices(format!("{} {what} given, {} needed", lengths.len(), shapes.len())));
    }
    for (i, (shape, length)) in shapes.iter().zip(lengths).enumerate() {
        if shape.len() != length {
            return Err(ConvError::Slices(format!(
                "{what}: number {i} has {length} numbers, its shape is {shape}"
            )));
        }
    }
    Ok(())
}
