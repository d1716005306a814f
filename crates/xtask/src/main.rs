//! The project's chores: `cargo run --release -p xtask -- --help`.
#![forbid(unsafe_code)]

mod bench;
mod differentiate;
mod embed;
mod explainers;
mod forward;
mod instructions;
mod run_onnx;
#[cfg(unix)]
mod screenshot;

use clap::{Parser, Subcommand};

/// Chores of the camtui project.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measure camtui beside pytorch-grad-cam, bare PyTorch and ONNX Runtime
    Bench(bench::Bench),
    /// Measure how long the interactive session keeps its user waiting
    #[cfg(unix)]
    BenchSession(bench::session::BenchSession),
    /// Make the embedded model's weight file from the published checkpoint
    EmbedModel(embed::EmbedModel),
    /// Write docs/explainers.md from what the bundled explainers say of themselves and what they do on the examples
    Explainers(explainers::Explainers),
    /// Append the gradients to a forward ONNX model
    Differentiate(differentiate::Differentiate),
    /// Build the forward ONNX model of a checkpoint or of seeded weights, to compare it with PyTorch
    ForwardOnnx(forward::ForwardOnnx),
    /// Count the instructions of the hot paths and compare them with those written down
    Instructions(instructions::Instructions),
    /// Run an exported model on tract, to compare it with ONNX Runtime and PyTorch
    RunOnnx(run_onnx::RunOnnx),
    /// Paint what a user of a terminal sees, by a script of what to press
    #[cfg(unix)]
    Screenshot(screenshot::Screenshot),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().chore {
        Chore::Bench(chore) => chore.run(),
        #[cfg(unix)]
        Chore::BenchSession(chore) => chore.run(),
        Chore::EmbedModel(chore) => chore.run(),
        Chore::Explainers(chore) => chore.run(),
        Chore::Differentiate(chore) => chore.run(),
        Chore::ForwardOnnx(chore) => chore.run(),
        Chore::Instructions(chore) => chore.run(),
        Chore::RunOnnx(chore) => chore.run(),
        #[cfg(unix)]
        Chore::Screenshot(chore) => chore.run(),
    }
}
