//! Numbers that are put into the order that programs want, scaled before, and asked for afterwards.

use super::{Random, instruction_sets, run};
use crate::{Activation, Builder, Convolution, Padding, Settings, Shape, Weights};

/// Three kinds of convolutions, and what they make of a picture of 32 channels.
fn builder(weights: &[Weights]) -> Builder {
    let mut b = Builder::new();
    let x = b.input(Shape::new(32, 20, 20)).unwrap();
    let [dense, depthwise, grouped, up] = weights else { panic!("four weights") };
    let padded = |weights: &Weights, groups| Convolution {
        padding: Padding::all(1),
        groups,
        ..Convolution::of(weights.clone())
    };
    let y = b.convolve(x, padded(dense, 1), None, Activation::Relu).unwrap();
    let y = b.convolve(y, padded(depthwise, 40), None, Activation::Linear).unwrap();
    let y = b.convolve(y, padded(grouped, 4), None, Activation::Linear).unwrap();
    let turned = Convolution { stride: [2, 2], ..Convolution::of(up.clone()) };
    let y = b.transposed(y, turned, Shape::new(9, 40, 40), None, Activation::Linear).unwrap();
    b.output(y);
    b
}

const DIMS: [[usize; 4]; 4] = [[40, 32, 3, 3], [40, 1, 3, 3], [24, 10, 3, 3], [24, 9, 2, 2]];

/// Whatever the programs have made of them, the numbers are still there, each as it was.
#[test]
fn numbers_come_back_out_of_the_form_that_holds_them() {
    let random = &mut Random::new(57);
    for isa in instruction_sets() {
        for exact in [true, false] {
            let numbers = DIMS.map(|dims| random.numbers(dims.iter().product()));
            let of = |(dims, numbers): (&[usize; 4], &Vec<f32>)| {
                Weights::new(*dims, numbers.clone(), None).unwrap()
            };
            let weights: Vec<Weights> = DIMS.iter().zip(&numbers).map(of).collect();
            let settings = Settings { exact, isa };
            let _program = builder(&weights).build(settings).unwrap();
            for (weights, numbers) in weights.iter().zip(&numbers) {
                assert_eq!(weights.numbers().as_slice(), numbers.as_slice(), "{isa:?} {:?}", weights.dims());
                assert_eq!(weights.sample(usize::MAX), *numbers);
            }
            // Another program makes its own form of what came back.
            let picture = random.numbers(32 * 400);
            let fresh: Vec<Weights> = DIMS.iter().zip(&numbers).map(of).collect();
            let other = Settings { exact: !exact, isa };
            let made = |weights: &[Weights]| {
                let builder = builder(weights);
                run(&builder.clone().build(other).unwrap(), &builder.graph(), &[&picture], 1)
            };
            assert_eq!(made(&weights), made(&fresh));
        }
    }
}

/// Scaled twice, then packed: as if the numbers had been multiplied at once.
#[test]
fn scaled_numbers_are_those_of_their_products() {
    let random = &mut Random::new(71);
    let mut pairs = Vec::new();
    for dims in DIMS {
        let [outer, inner, height, width] = dims;
        let numbers = random.numbers(dims.iter().product());
        let factors = [(); 2].map(|()| random.numbers(outer * inner));
        let weights = Weights::new(dims, numbers.clone(), None).unwrap();
        let scaled =
            weights.scaled(factors[0].clone(), None).unwrap().scaled(factors[1].clone(), None).unwrap();
        let product = |(at, x): (usize, &f32)| {
            let kernel = at / (height * width);
            x * (factors[0][kernel] * factors[1][kernel])
        };
        let expected: Vec<f32> = numbers.iter().enumerate().map(product).collect();
        assert_eq!(scaled.numbers().as_slice(), expected);
        assert_eq!(scaled.sample(usize::MAX), expected);
        assert_eq!(weights.numbers().as_slice(), numbers);
        assert!(weights.scaled(vec![1.0], None).is_err());
        pairs.push((dims, factors, numbers, expected));
    }
    let picture = random.numbers(32 * 400);
    for isa in instruction_sets() {
        for exact in [true, false] {
            let scaled = pairs.iter().map(|(dims, [one, two], numbers, _)| {
                let weights = Weights::new(*dims, numbers.clone(), None).unwrap();
                weights.scaled(one.clone(), None).unwrap().scaled(two.clone(), None).unwrap()
            });
            let expected =
                pairs.iter().map(|(dims, .., expected)| Weights::new(*dims, expected.clone(), None).unwrap());
            let made = |weights: Vec<Weights>| {
                let builder = builder(&weights);
                run(
                    &builder.clone().build(Settings { exact, isa }).unwrap(),
                    &builder.graph(),
                    &[&picture],
                    1,
                )
            };
            assert_eq!(made(scaled.collect()), made(expected.collect()), "{isa:?}, exact {exact}");
        }
    }
}
