//! Prepared numbers that are kept and taken back.

use std::sync::Arc;

use super::{Random, instruction_sets, run};
use crate::memory::Block;
use crate::{Activation, Builder, Convolution, Padding, Settings, Shape, Values, Weights};

/// Numbers as a mapped file has them: aligned to 64 bytes, `offset` numbers further.
struct Mapped {
    block: Block,
    range: std::ops::Range<usize>,
}

impl AsRef<[f32]> for Mapped {
    fn as_ref(&self) -> &[f32] {
        // SAFETY: the block is not written any more.
        let all = unsafe { std::slice::from_raw_parts(self.block.start(), self.block.len()) };
        &all[self.range.clone()]
    }
}

fn mapped(numbers: &[f32], offset: usize) -> Values {
    let mut block = Block::zeros(offset + numbers.len());
    block.as_mut_slice()[offset..].copy_from_slice(numbers);
    Values::shared(Arc::new(Mapped { range: offset..offset + numbers.len(), block }))
}

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

/// The second program's kernels are all zeros, so that its results can only come from what was kept.
#[test]
fn kept_forms_are_used_as_they_are() {
    let random = &mut Random::new(31);
    let picture = random.numbers(32 * 400);
    for isa in instruction_sets() {
        for exact in [true, false] {
            let made: Vec<Weights> = DIMS
                .iter()
                .map(|dims| Weights::new(*dims, random.numbers(dims.iter().product()), None).unwrap())
                .collect();
            let taken = DIMS.map(|dims| Weights::new(dims, vec![0.0; dims.iter().product()], None).unwrap());
            let settings = Settings { exact, isa };
            let first = builder(&made);
            let expected = run(&first.clone().build(settings).unwrap(), &first.graph(), &[&picture], 1);
            for (made, taken) in made.iter().zip(&taken) {
                let kept = made.prepared();
                assert!(!kept.is_empty());
                for form in kept {
                    taken.with_prepared(&form.tag(), mapped(form.numbers(), 0)).unwrap();
                }
            }
            let second = builder(&taken);
            let outputs = run(&second.clone().build(settings).unwrap(), &second.graph(), &[&picture], 1);
            assert!(outputs == expected, "{isa:?}, exact {exact}");
            assert!(expected[0].iter().any(|x| x.abs() > 0.1));
        }
    }
}

#[test]
fn what_cannot_be_a_form_is_refused() {
    let weights = DIMS.map(|dims| Weights::new(dims, vec![0.5; dims.iter().product()], None).unwrap());
    builder(&weights).build(Settings::default()).unwrap();
    for (weights, dims) in weights.iter().zip(DIMS) {
        for form in weights.prepared() {
            let (tag, numbers) = (form.tag(), form.numbers());
            let other = Weights::new(dims, vec![0.5; dims.iter().product()], None).unwrap();
            assert!(other.with_prepared(&tag, mapped(numbers, 1)).is_err(), "not aligned");
            assert!(other.with_prepared(&tag, mapped(&numbers[1..], 0)).is_err(), "too few");
            for cut in 0..tag.len() {
                assert!(other.with_prepared(&tag[..cut], mapped(numbers, 0)).is_err(), "{cut} bytes");
            }
            // Other words are refused, or say a form of the same size: nothing that a kernel could read beyond.
            for word in 0..tag.len() / 4 {
                for bits in [0, 1, 3, 7, 0xff, 0xffff_ffffu32] {
                    let mut tag = tag.clone();
                    tag[word * 4..][..4].copy_from_slice(&bits.to_le_bytes());
                    let _ = other.with_prepared(&tag, mapped(numbers, 0));
                }
            }
            for taken in other.prepared() {
                assert_eq!(taken.numbers().len(), numbers.len());
            }
        }
    }
}

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
    for dims in DIMS {
        let [outer, inner, height, width] = dims;
        let numbers = random.numbers(dims.iter().product());
        let factors = [(); 2].map(|()| random.numbers(outer * inner));
        let weights = Weights::new(dims, numbers.clone(), None).unwrap();
        let scaled =
            weights.scaled(factors[0].clone(), None).unwrap().scaled(factors[1].clone(), None).unwrap();
        let product = |(at, x): (usize, &f32)| factors.iter().fold(*x, |x, f| x * f[at / (height * width)]);
        let expected: Vec<f32> = numbers.iter().enumerate().map(product).collect();
        assert_eq!(scaled.numbers().as_slice(), expected);
        assert_eq!(scaled.sample(usize::MAX), expected);
        assert_eq!(weights.numbers().as_slice(), numbers);
        assert!(weights.scaled(vec![1.0], None).is_err());
    }
}
