//! Steps that convolve nothing.

use super::{Random, check, rounds};
use crate::{Activation, Builder, Padding, Shape, Window, Within};

fn shape(random: &mut Random) -> Shape {
    Shape::new(random.between(1, 70), random.between(1, 20), random.between(1, 20))
}

#[test]
fn pools_cut_their_windows_to_the_picture() {
    let random = &mut Random::new(11);
    let mut done = 0;
    while done < rounds(60) {
        let kernel = [random.between(1, 7), random.between(1, 7)];
        let padding = Padding {
            top: random.between(0, kernel[0] - 1),
            left: random.between(0, kernel[1] - 1),
            bottom: random.between(0, kernel[0]),
            right: random.between(0, kernel[1]),
        };
        let window = Window {
            kernel,
            stride: [random.between(1, 3), random.between(1, 3)],
            padding,
            count_include_pad: random.chance(2),
        };
        let mut b = Builder::new();
        let x = b.input(shape(random)).unwrap();
        let (Ok(most), Ok(mean)) = (b.max_pool(x, window), b.average_pool(x, window)) else { continue };
        b.output(most);
        b.output(mean);
        check(&b, random, &format!("{window:?} on {}", b.shape(x)));
        done += 1;
    }
}

#[test]
fn numbers_are_combined_with_pictures_and_with_vectors() {
    let random = &mut Random::new(12);
    for round in 0..rounds(20) {
        let shape = shape(random);
        let mut b = Builder::new();
        let (x, y) = (b.input(shape).unwrap(), b.input(shape).unwrap());
        let v = b.input(Shape::vector(shape.channels)).unwrap();
        let scale = random.numbers(shape.channels);
        let shift = random.numbers(shape.channels);
        let values = [
            b.add(x, y, Activation::Relu).unwrap(),
            b.subtract(x, y, Activation::Linear).unwrap(),
            b.multiply(x, y, Activation::Silu).unwrap(),
            b.multiply(x, v, Activation::Linear).unwrap(),
            b.subtract(v, x, Activation::Tanh).unwrap(),
            b.add(v, x, Activation::HardSigmoid { alpha: 0.2, beta: 0.5 }).unwrap(),
            b.affine(x, scale, shift, Activation::Sigmoid).unwrap(),
            b.activate(x, Activation::HardSwish).unwrap(),
            b.mask(x, y, Within { low: 0.0, high: 0.5 }).unwrap(),
            b.mask(x, y, Within::POSITIVE).unwrap(),
            b.global_average(x).unwrap(),
            b.global_sum(x).unwrap(),
            b.spread(v, shape.height, shape.width).unwrap(),
        ];
        for value in values {
            b.output(value);
        }
        check(&b, random, &format!("round {round} on {shape}"));
    }
}

#[test]
fn channels_are_joined_and_cut_anywhere() {
    let random = &mut Random::new(13);
    for round in 0..rounds(40) {
        let mut b = Builder::new();
        let (height, width) = (random.between(1, 9), random.between(1, 9));
        let parts: Vec<_> = (0..random.between(1, 4))
            .map(|_| {
                let channels =
                    if random.chance(2) { 16 * random.between(1, 3) } else { random.between(1, 40) };
                let x = b.input(Shape::new(channels, height, width)).unwrap();
                if random.chance(4) { x } else { b.activate(x, Activation::Relu).unwrap() }
            })
            .collect();
        let all = b.concatenate(&parts).unwrap();
        let twice = b.concatenate(&[parts[0], all, parts[0]]).unwrap();
        let channels = b.shape(twice).channels;
        let first = if random.chance(2) { 0 } else { random.between(0, channels - 1) };
        let cut = b.slice(twice, first, random.between(1, channels - first)).unwrap();
        let spread = b.activate(cut, Activation::LeakyRelu { slope: -0.5 }).unwrap();
        for value in [all, twice, cut, spread, parts[0]] {
            if !random.chance(3) {
                b.output(value);
            }
        }
        check(&b, random, &format!("round {round}"));
    }
}
