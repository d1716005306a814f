//! Convolutions of every kind.
//!
//! Seen red for a changed sign in the transform of Winograd's pixels, a strip of seven pixels done as six
//! (depthwise), a last row of a phase left out (transposed), sums begun anew after 256 terms (direct),
//! one sum over all terms in an exact convolution.

use super::{Random, check, instruction_sets, rounds, run};
use crate::{Activation, Builder, Convolution, Padding, Settings, Shape, Value, Weights, reference};

const ACTIVATIONS: [Activation; 6] = [
    Activation::Linear,
    Activation::Relu,
    Activation::RELU6,
    Activation::Silu,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::HardSwish,
];

const KERNELS: [[usize; 2]; 12] =
    [[1, 1], [3, 3], [5, 5], [7, 7], [1, 3], [3, 1], [1, 7], [7, 1], [2, 2], [4, 3], [6, 6], [2, 5]];

fn weights(random: &mut Random, dims: [usize; 4], biases: usize) -> Weights {
    let bias = (!random.chance(4)).then(|| random.numbers(biases));
    Weights::new(dims, random.numbers(dims.iter().product()), bias).unwrap()
}

/// Adds a convolution of `x` with what it is followed by, if the kernel fits.
fn convolve(random: &mut Random, b: &mut Builder, x: Value, convolution: Convolution) -> bool {
    let activation = random.one_of(&ACTIVATIONS);
    let Ok(plain) = b.convolve(x, convolution.clone(), None, Activation::Linear) else { return false };
    let add = if random.chance(2) { Some(b.input(b.shape(plain)).unwrap()) } else { None };
    let y = b.convolve(x, convolution, add, activation).unwrap();
    b.output(y);
    true
}

/// Whether a transposed convolution could be added likewise.
fn transpose(random: &mut Random, b: &mut Builder, convolution: Convolution, output: Shape) -> bool {
    let forward = {
        let mut b = Builder::new();
        let x = b.input(output).unwrap();
        let dims = convolution.weights.dims();
        let zeros = Weights::new(dims, vec![0.0; dims.iter().product()], None).unwrap();
        let forward = Convolution { weights: zeros, ..convolution.clone() };
        b.convolve(x, forward, None, Activation::Linear).map(|y| b.shape(y))
    };
    let Ok(from) = forward else { return false };
    let x = b.input(from).unwrap();
    let add = if random.chance(2) { Some(b.input(output).unwrap()) } else { None };
    let activation = random.one_of(&ACTIVATIONS);
    let y = b.transposed(x, convolution, output, add, activation).unwrap();
    b.output(y);
    true
}

fn any_padding(random: &mut Random, most: usize) -> Padding {
    let mut side = || random.between(0, most);
    Padding { top: side(), left: side(), bottom: side(), right: side() }
}

/// Shapes of which many are tiny, and some as large as a test may be.
fn picture(random: &mut Random, channels: usize) -> Shape {
    let most = random.one_of(&[1, 5, 9, 24]);
    Shape::new(channels, random.between(1, most), random.between(1, most))
}

#[test]
fn dense_convolutions_are_right_on_random_shapes() {
    let random = &mut Random::new(1);
    let mut done = 0;
    while done < rounds(160) {
        let kernel = random.one_of(&KERNELS);
        let ins = random.between(1, random.0 as usize % 70 + 1);
        let outs = random.between(1, random.0 as usize % 70 + 1);
        let mut b = Builder::new();
        let x = b.input(picture(random, ins)).unwrap();
        let convolution = Convolution {
            weights: weights(random, [outs, ins, kernel[0], kernel[1]], outs),
            stride: [random.between(1, 3), random.between(1, 3)],
            dilation: random.one_of(&[[1, 1], [1, 1], [2, 2], [1, 3]]),
            padding: any_padding(random, 4),
            groups: 1,
        };
        if convolve(random, &mut b, x, convolution) {
            check(&b, random, &format!("dense {done}: {kernel:?} of {ins} to {outs} on {}", b.shape(x)));
            done += 1;
        }
    }
}

#[test]
fn three_by_three_convolutions_are_right_by_winograd() {
    let random = &mut Random::new(2);
    for round in 0..rounds(60) {
        let (ins, outs) = (random.between(16, 80), random.between(1, 80));
        let most = random.one_of(&[4, 9, 40]);
        let shape = Shape::new(ins, random.between(3, most.max(3)), random.between(3, most.max(3)));
        let mut b = Builder::new();
        let x = b.input(shape).unwrap();
        let padding = any_padding(random, 2);
        let convolution =
            Convolution { weights: weights(random, [outs, ins, 3, 3], outs), padding, ..of_nothing() };
        assert!(convolve(random, &mut b, x, convolution));
        check(&b, random, &format!("3×3 {round}: {ins} to {outs} on {shape}"));
    }
}

#[test]
fn groups_do_not_see_each_other() {
    let random = &mut Random::new(3);
    let mut done = 0;
    while done < rounds(80) {
        let groups = random.one_of(&[2, 3, 4, 8, 16, 33]);
        let (read, made) = match random.between(0, 3) {
            0 | 1 => (1, 1),
            // Depthwise, each channel several times.
            2 => (1, random.between(2, 6)),
            _ => (random.between(1, 9), random.between(1, 9)),
        };
        let kernel = random.one_of(&KERNELS);
        let mut b = Builder::new();
        let x = b.input(picture(random, groups * read)).unwrap();
        let convolution = Convolution {
            weights: weights(random, [groups * made, read, kernel[0], kernel[1]], groups * made),
            stride: [random.between(1, 3), random.between(1, 3)],
            dilation: [random.between(1, 2), random.between(1, 2)],
            padding: any_padding(random, kernel[0] + 1),
            groups,
        };
        if convolve(random, &mut b, x, convolution) {
            check(&b, random, &format!("{groups} groups of {read} to {made}, {kernel:?}, {}", b.shape(x)));
            done += 1;
        }
    }
}

#[test]
fn transposed_convolutions_are_the_gradients_of_convolutions() {
    let random = &mut Random::new(4);
    let mut done = 0;
    while done < rounds(80) {
        let groups = random.one_of(&[1, 1, 1, 2, 4, 20]);
        let (read, made) = if groups == 20 { (1, 1) } else { (random.between(1, 40), random.between(1, 40)) };
        let kernel = random.one_of(&KERNELS);
        let output = picture(random, groups * made);
        let convolution = Convolution {
            weights: weights(random, [groups * read, made, kernel[0], kernel[1]], groups * made),
            stride: [random.between(1, 3), random.between(1, 3)],
            dilation: [random.between(1, 2); 2],
            padding: any_padding(random, 3),
            groups,
        };
        let mut b = Builder::new();
        if transpose(random, &mut b, convolution, output) {
            check(
                &b,
                random,
                &format!("transposed {done}: {kernel:?}, {groups} × {read} to {made}, {output}"),
            );
            done += 1;
        }
    }
}

/// What a network's first layer spreads back to the picture: few channels, all phases of which one product makes.
#[test]
fn gradients_of_a_picture_are_right() {
    let random = &mut Random::new(6);
    // Channels of the layer and of the picture, kernel, stride, size.
    for (read, made, kernel, stride, size) in [
        (64, 3, 7, 2, 40),
        (32, 3, 3, 2, 33),
        (24, 1, 11, 4, 47),
        (96, 3, 4, 4, 32),
        (40, 3, 16, 16, 48),
        (20, 9, 2, 2, 12),
        (17, 5, 3, 3, 21),
    ] {
        for padding in [0, kernel / 2] {
            let mut b = Builder::new();
            let convolution = Convolution {
                weights: weights(random, [read, made, kernel, kernel], made),
                stride: [stride; 2],
                padding: Padding::all(padding),
                ..of_nothing()
            };
            let output = Shape::new(made, size, size);
            assert!(transpose(random, &mut b, convolution.clone(), output));
            assert!(transpose(random, &mut b, convolution, output));
            check(&b, random, &format!("spread {read} to {made}, {kernel}×{kernel} by {stride}, {size}²"));
        }
    }
}

/// The layers of real networks: deep sums, many pixels, whole vectors.
#[test]
fn layers_of_networks_are_right() {
    let random = &mut Random::new(5);
    let layers = [
        // in, out, kernel, stride, size
        (3, 64, 7, 2, 56),
        (64, 64, 3, 1, 28),
        (64, 128, 3, 2, 28),
        (128, 96, 1, 1, 21),
        (160, 256, 3, 1, 7),
        (512, 40, 3, 1, 7),
        (600, 100, 1, 1, 1),
    ];
    for (ins, outs, kernel, stride, size) in layers {
        let mut b = Builder::new();
        let x = b.input(Shape::new(ins, size, size)).unwrap();
        let convolution = Convolution {
            weights: weights(random, [outs, ins, kernel, kernel], outs),
            stride: [stride; 2],
            padding: Padding::all(kernel / 2),
            ..of_nothing()
        };
        assert!(convolve(random, &mut b, x, convolution));
        check(&b, random, &format!("layer {ins} to {outs}, {kernel}×{kernel}, {size}²"));
    }
}

fn of_nothing() -> Convolution {
    Convolution::of(Weights::new([1, 1, 1, 1], vec![0.0], None).unwrap())
}

#[test]
fn exact_convolutions_round_little() {
    let random = &mut Random::new(9);
    let mut b = Builder::new();
    let x = b.input(Shape::new(512, 4, 4)).unwrap();
    let weights = Weights::new([32, 512, 3, 3], random.numbers(32 * 512 * 9), None).unwrap();
    let y = Convolution { padding: Padding::all(1), ..Convolution::of(weights) };
    let y = b.convolve(x, y, None, Activation::Linear).unwrap();
    b.output(y);
    let graph = b.clone().graph();
    let numbers = random.numbers(512 * 16);
    let expected = &reference::evaluate(&graph, &[&numbers])[0];
    for isa in instruction_sets() {
        let program = b.clone().build(Settings { exact: true, isa }).unwrap();
        let output = &run(&program, &graph, &[&numbers], 1)[0];
        let squares = |of: &dyn Fn((&f32, &f64)) -> f64| output.iter().zip(expected).map(of).sum::<f64>();
        let error = (squares(&|(a, b)| (f64::from(*a) - b).powi(2)) / squares(&|(_, b)| b * b)).sqrt();
        // 4608 terms, one after the other, are off by a millionth.
        assert!(error < 2.5e-7, "{error:.1e} on {isa:?}");
    }
}
