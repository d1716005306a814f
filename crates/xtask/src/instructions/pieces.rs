//! The hot paths that are counted, each small enough for callgrind, which is fifty times slower than the processor.

use std::path::Path;

use anyhow::{Context, Result};
use camtui_conv::{Activation, Builder, Convolution, Isa, Padding, Program, Settings, Shape, Team, Weights};

use crate::bench::drawing::{Drawing, Step};

/// All of them.
pub const NAMES: &[&str] = &[
    "stem-7x7",
    "direct-3x3",
    "winograd-3x3",
    "depthwise-3x3",
    "pointwise-1x1",
    "decode",
    "resize",
    "overlay",
    "encode",
];
/// The picture of the last four.
const PICTURE: &str = "examples/chelsea.png";

/// Runs a piece so many times.
pub fn run(name: &str, runs: u64) -> Result<()> {
    match name {
        "stem-7x7" => layer([64, 3, 7, 7], 2, 1, 112, true, runs),
        "direct-3x3" => layer([64, 64, 3, 3], 1, 1, 28, true, runs),
        "winograd-3x3" => layer([64, 64, 3, 3], 1, 1, 56, false, runs),
        "depthwise-3x3" => layer([144, 1, 3, 3], 1, 144, 28, true, runs),
        "pointwise-1x1" => layer([144, 24, 1, 1], 1, 1, 28, true, runs),
        "decode" => picture(Step::Decode, runs),
        "resize" => picture(Step::Resize, runs),
        "overlay" => picture(Step::Overlay, runs),
        "encode" => picture(Step::Encode, runs),
        _ => anyhow::bail!("there is no piece `{name}`; there are: {}", NAMES.join(", ")),
    }
}

/// A convolution that keeps the picture's `size` (or halves it), ReLU and a mean, which leaves the way out to planes out.
fn layer(dims: [usize; 4], stride: usize, groups: usize, size: usize, exact: bool, runs: u64) -> Result<()> {
    let numbers: Vec<f32> = (0..dims.iter().product()).map(|n: usize| (n % 7) as f32 * 0.01 - 0.03).collect();
    let convolution = Convolution {
        stride: [stride; 2],
        padding: Padding::all(dims[2] / 2),
        groups,
        ..Convolution::of(Weights::new(dims, numbers, None)?)
    };
    let mut builder = Builder::new();
    let x = builder.input(Shape::new(dims[1] * groups, size, size))?;
    let y = builder.convolve(x, convolution, None, Activation::Relu)?;
    let mean = builder.global_average(y)?;
    builder.output(mean);
    repeat(&builder.build(Settings { exact, isa: Isa::Avx2 })?, runs)
}

fn repeat(program: &Program, runs: u64) -> Result<()> {
    let inputs: Vec<Vec<f32>> = program.inputs().iter().map(|shape| vec![0.5; shape.len()]).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut outputs: Vec<Vec<f32>> = program.outputs().iter().map(|shape| vec![0.0; shape.len()]).collect();
    for _ in 0..runs {
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        program.run(&inputs, &mut slices, Team::Alone)?;
    }
    Ok(())
}

fn picture(step: Step, runs: u64) -> Result<()> {
    let drawing = Drawing::new(Path::new(PICTURE), 1).context("run this from the repository's root")?;
    drawing.times(step, usize::try_from(runs)?).map(drop)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_is_a_piece() {
        for name in super::NAMES.iter().take(5) {
            super::run(name, 1).unwrap();
        }
        assert!(super::run("sorting", 1).is_err());
    }
}
