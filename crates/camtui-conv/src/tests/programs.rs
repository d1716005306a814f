//! Programs of many steps: memory that is used again, borders, values that lie in others, what is left out.

use super::{Random, check, pools, rounds};
use crate::{
    Activation, Builder, ConvError, Convolution, Padding, Program, Settings, Shape, Team, Value, Weights,
    Window, Within,
};

fn kernel(random: &mut Random, outs: usize, ins: usize, size: usize, groups: usize) -> Convolution {
    let dims = [outs, ins / groups, size, size];
    let spread = 1.0 / ((ins / groups * size * size) as f32).sqrt();
    let numbers =
        random.numbers(dims.iter().product()).into_iter().map(|x| 2.0 * x * spread).collect::<Vec<_>>();
    let weights = Weights::new(dims, numbers, Some(random.numbers(outs))).unwrap();
    Convolution { padding: Padding::all(size / 2), groups, ..Convolution::of(weights) }
}

/// Steps of random kinds on values of random age, all of whose shapes fit.
fn random_program(random: &mut Random) -> Builder {
    let mut b = Builder::new();
    let mut values = vec![b.input(Shape::new(random.one_of(&[3, 16, 20]), 17, 19)).unwrap()];
    for _ in 0..random.between(5, 14) {
        let x = random.one_of(&values);
        let shape = b.shape(x);
        let activation = random.one_of(&[Activation::Linear, Activation::Relu, Activation::Silu]);
        let outs = random.one_of(&[8, 16, 24, 32]);
        let same: Vec<Value> = values.iter().copied().filter(|&v| b.shape(v) == shape).collect();
        let other = random.one_of(&same);
        let y = match random.between(0, 8) {
            0 | 1 => {
                let size = random.one_of(&[1, 3, 3, 5]);
                let c = kernel(random, outs, shape.channels, size, 1);
                b.convolve(x, c, None, activation)
            }
            2 => {
                let c = kernel(random, shape.channels, shape.channels, 3, shape.channels);
                b.convolve(x, c, Some(other), activation)
            }
            3 => {
                let c = kernel(random, shape.channels, shape.channels, 3, 1);
                b.convolve(x, c, Some(other), activation)
            }
            4 => b.add(x, other, activation),
            5 => b.mask(x, other, Within::POSITIVE),
            6 => {
                let parts: Vec<Value> = values
                    .iter()
                    .copied()
                    .filter(|&v| (b.shape(v).height, b.shape(v).width) == (shape.height, shape.width))
                    .collect();
                b.concatenate(&parts[parts.len().saturating_sub(3)..])
            }
            7 => {
                let first = random.between(0, shape.channels / 2);
                b.slice(x, first, shape.channels / 2)
            }
            _ => {
                let mean = b.global_average(x).unwrap();
                let c = kernel(random, shape.channels, shape.channels, 1, 1);
                let gate = b.convolve(mean, c, None, Activation::Sigmoid).unwrap();
                b.multiply(x, gate, Activation::Linear)
            }
        };
        // Slices of single channels leave nothing to halve.
        if let Ok(y) = y {
            values.push(y);
        }
    }
    for value in &values {
        if random.chance(3) {
            b.output(*value);
        }
    }
    b.output(values[values.len() - 1]);
    b
}

#[test]
fn programs_of_many_steps_are_right() {
    let random = &mut Random::new(21);
    for round in 0..rounds(60) {
        let b = random_program(random);
        check(&b, random, &format!("program {round}"));
    }
}

/// A dense block: each layer reads the concatenation of all before it, and none of them is copied.
#[test]
fn concatenations_of_concatenations_are_right() {
    let random = &mut Random::new(22);
    let mut b = Builder::new();
    let mut features = vec![b.input(Shape::new(32, 9, 9)).unwrap()];
    features[0] = b.activate(features[0], Activation::Relu).unwrap();
    for _ in 0..4 {
        let all = b.concatenate(&features).unwrap();
        let c = kernel(random, 16, b.shape(all).channels, 3, 1);
        features.push(b.convolve(all, c, None, Activation::Relu).unwrap());
    }
    let all = b.concatenate(&features).unwrap();
    b.output(all);
    check(&b, random, "dense block");
}

/// A depthwise convolution that only a product reads has no results of its own. Where they are given back it has, and the bits
/// are the same.
#[test]
fn depthwise_results_that_only_a_product_reads_are_right() {
    let random = &mut Random::new(25);
    for round in 0..rounds(24) {
        let channels = random.between(1, 70);
        let stride = random.between(1, 2);
        let side = random.between(5, 30);
        let mut b = Builder::new();
        let x = b.input(Shape::new(channels, side, side + 3)).unwrap();
        let size = random.one_of(&[3, 5]);
        let spatial =
            Convolution { stride: [stride; 2], ..kernel(random, channels, channels, size, channels) };
        let activation = random.one_of(&[Activation::RELU6, Activation::Silu]);
        let y = b.convolve(x, spatial, None, activation).unwrap();
        let made = random.between(1, 100);
        let product = kernel(random, made, channels, 1, 1);
        let z = b.convolve(y, product, None, Activation::Linear).unwrap();
        b.output(z);
        check(&b, random, &format!("round {round}: {} to {}", b.shape(x), b.shape(z)));
        let mut apart = b.clone();
        apart.output(y);
        let [together, apart] = [b, apart].map(|b| b.build(Settings::default()).unwrap());
        let input = random.numbers(together.inputs()[0].len());
        let run = |program: &Program| {
            let mut outputs: Vec<Vec<f32>> = program.outputs().iter().map(|s| vec![0.0; s.len()]).collect();
            let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
            program.run(&[&input], &mut slices, Team::Alone).unwrap();
            outputs.swap_remove(0)
        };
        assert!(run(&together) == run(&apart), "round {round}: other bits");
    }
}

#[test]
fn results_that_only_a_product_reads_take_no_memory() {
    let random = &mut Random::new(28);
    let mut b = Builder::new();
    let x = b.input(Shape::new(64, 20, 20)).unwrap();
    let c = kernel(random, 64, 64, 3, 64);
    let y = b.convolve(x, c, None, Activation::Relu).unwrap();
    let c = kernel(random, 16, 64, 1, 1);
    let z = b.convolve(y, c, None, Activation::Relu).unwrap();
    b.output(z);
    let mut apart = b.clone();
    apart.output(y);
    let [together, apart] = [b, apart].map(|b| b.build(Settings::default()).unwrap().memory()[0]);
    assert!(apart - together >= 48 * 20 * 20 * size_of::<f32>(), "{together} and {apart} bytes");
}

/// What is padded below and to the right has more results than pixels: they see the border, not the depthwise convolution of it.
#[test]
fn a_product_that_reads_the_border_joins_nothing() {
    let random = &mut Random::new(26);
    let mut b = Builder::new();
    let x = b.input(Shape::new(16, 9, 9)).unwrap();
    let c = kernel(random, 16, 16, 3, 16);
    let y = b.convolve(x, c, None, Activation::Relu).unwrap();
    let padding = Padding { bottom: 1, right: 1, ..Padding::NONE };
    let c = Convolution { padding, ..kernel(random, 24, 16, 1, 1) };
    let z = b.convolve(y, c, None, Activation::Linear).unwrap();
    b.output(z);
    check(&b, random, "a border below and to the right");
}

/// As in a gradient's seed.
#[test]
fn zeros_of_a_single_row_are_passed_over() {
    let random = &mut Random::new(27);
    for _ in 0..rounds(10) {
        let (channels, made) = (random.between(1, 600), random.between(1, 70));
        let mut b = Builder::new();
        let x = b.input(Shape::vector(channels)).unwrap();
        let y = b.activate(x, Activation::Relu).unwrap();
        let c = kernel(random, made, channels, 1, 1);
        let z = b.convolve(y, c, None, Activation::Linear).unwrap();
        b.output(z);
        check(&b, random, &format!("{channels} to {made}"));
    }
}

#[test]
fn a_run_from_inside_the_pool_and_several_at_once_are_right() {
    let random = &mut Random::new(23);
    let mut b = Builder::new();
    let x = b.input(Shape::new(3, 64, 64)).unwrap();
    let c = kernel(random, 32, 3, 3, 1);
    let y = b.convolve(x, c, None, Activation::Relu).unwrap();
    let c = kernel(random, 32, 32, 3, 1);
    let y = b.convolve(y, c, None, Activation::Relu).unwrap();
    b.output(y);
    let program = b.build(Settings::default()).unwrap();
    let input = random.numbers(3 * 64 * 64);
    let len = program.outputs()[0].len();
    let mut alone = vec![0.0; len];
    program.run(&[&input], &mut [&mut alone], Team::Alone).unwrap();
    let pool = &pools()[1];
    std::thread::scope(|threads| {
        for inside in [true, false, true, false, false] {
            let (program, input, alone) = (&program, &input, &alone);
            threads.spawn(move || {
                for _ in 0..rounds(50) {
                    let mut output = vec![0.0; len];
                    let mut run = || program.run(&[input], &mut [&mut output], Team::Pool(pool)).unwrap();
                    if inside {
                        pool.install(&mut run);
                    } else {
                        run();
                    }
                    assert!(output == *alone);
                }
            });
        }
    });
}

#[test]
fn what_no_output_needs_is_left_out() {
    let random = &mut Random::new(24);
    let mut b = Builder::new();
    let x = b.input(Shape::new(16, 64, 64)).unwrap();
    let small = b.global_average(x).unwrap();
    b.output(small);
    let least = b.clone().build(Settings::default()).unwrap().memory();
    let c = kernel(random, 256, 16, 3, 1);
    b.convolve(x, c, None, Activation::Relu).unwrap();
    assert_eq!(b.build(Settings::default()).unwrap().memory(), least);
}

#[test]
fn what_does_not_fit_is_said() {
    let mut b = Builder::new();
    let x = b.input(Shape::new(4, 8, 8)).unwrap();
    let weights = Weights::new([8, 3, 3, 3], vec![0.0; 216], None).unwrap();
    let error = b.convolve(x, Convolution::of(weights.clone()), None, Activation::Relu).unwrap_err();
    assert_eq!(error.to_string(), "convolve: a kernel [8, 3, 3, 3] in 1 groups on [4,8,8]");
    let five = Weights::new([8, 4, 9, 1], vec![0.0; 288], Some(vec![0.0; 3])).unwrap();
    let tall = b.convolve(x, Convolution::of(five.clone()), None, Activation::Relu).unwrap_err();
    assert!(tall.to_string().contains("does not fit [4,8,8]"), "{tall}");
    let padded = Convolution { padding: Padding::all(1), ..Convolution::of(five) };
    let bias = b.convolve(x, padded, None, Activation::Relu).unwrap_err();
    assert_eq!(bias.to_string(), "convolve: 3 biases for 8 channels");
    assert!(Weights::new([8, 3, 3, 3], vec![0.0; 215], None).is_err());
    assert!(Weights::new([usize::MAX, 3, 3, 3], vec![0.0; 215], None).is_err());
    let none = Convolution { stride: [0, 1], ..Convolution::of(weights) };
    assert!(b.transposed(x, none, Shape::new(3, 8, 8), None, Activation::Relu).is_err());
    let window = Window { kernel: [2; 2], stride: [1; 2], padding: Padding::all(2), count_include_pad: true };
    assert!(b.max_pool(x, window).is_err());
    assert!(b.slice(x, 3, 2).is_err());
    b.output(x);
    let program = b.build(Settings::default()).unwrap();
    let slices = program.run(&[&[0.0; 256]], &mut [&mut [0.0; 255]], Team::Alone).unwrap_err();
    assert!(matches!(slices, ConvError::Slices(_)), "{slices}");
    assert!(program.run(&[], &mut [&mut [0.0; 256]], Team::Alone).is_err());
}

#[test]
fn instructions_are_told_by_their_names() {
    for isa in super::instruction_sets() {
        assert_eq!(crate::Isa::named(isa.name()), Ok(isa));
    }
    let error = crate::Isa::named("sse9").unwrap_err().to_string();
    assert!(error.contains("`sse9`") && error.contains("avx512, avx2, portable"), "{error}");
}
