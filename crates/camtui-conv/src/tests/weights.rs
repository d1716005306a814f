//! Numbers that are put into the order that programs want, scaled before, and asked for afterwards.

use std::sync::Arc;

use super::{Random, instruction_sets, run};
use crate::{Activation, Builder, Convolution, Isa, Padding, Settings, Shape, Shelf, Values, Weights};

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

/// Numbers and factors of [`DIMS`].
fn drawn(random: &mut Random) -> ([Vec<f32>; 4], [Vec<f32>; 4]) {
    let numbers = DIMS.map(|dims| random.numbers(dims.iter().product()));
    (numbers, DIMS.map(|dims| random.numbers(dims[0] * dims[1])))
}

/// What a shelf that has grown writes.
fn written(shelf: &Shelf) -> Vec<u8> {
    let mut bytes = Vec::new();
    shelf.write(&mut bytes).unwrap();
    bytes
}

/// Weights of [`DIMS`] that a shelf knows, made of `numbers` and scaled.
fn named(numbers: &[Vec<f32>; 4], factors: &[Vec<f32>; 4], shelf: &Arc<Shelf>) -> Vec<Weights> {
    let of = |at: usize| {
        let values = Values::from(numbers[at].clone()).called(&at.to_string());
        let weights = Weights::new(DIMS[at], values, None).unwrap();
        let weights = weights.scaled(factors[at].clone(), None).unwrap();
        weights.keep_on(shelf);
        weights
    };
    (0..DIMS.len()).map(of).collect()
}

/// What one start has prepared the next one finds, and prepares nothing: it could not, of numbers that are zero.
#[test]
fn what_is_kept_on_a_shelf_is_found_there() {
    let random = &mut Random::new(83);
    let (numbers, factors) = drawn(random);
    let zeros = DIMS.map(|dims| vec![0.0; dims.iter().product()]);
    let picture = random.numbers(32 * 400);
    let path = std::env::temp_dir().join(format!("camtui-conv-shelf-{}", std::process::id()));
    for isa in instruction_sets() {
        for exact in [true, false] {
            let made = |weights: &[Weights]| {
                let builder = builder(weights);
                let program = builder.clone().build(Settings { exact, isa }).unwrap();
                run(&program, &builder.graph(), &[&picture], 1)
            };
            let shelf = Arc::new(Shelf::new("these"));
            assert!(!shelf.has_grown());
            let expected = made(&named(&numbers, &factors, &shelf));
            assert!(shelf.has_grown());
            let whole = written(&shelf);
            assert!(!shelf.has_grown());
            std::fs::write(&path, &whole).unwrap();

            let kept = Arc::new(Shelf::open(&path, "these").unwrap());
            let found = named(&zeros, &factors, &kept);
            assert_eq!(made(&found), expected, "{isa:?}, exact {exact}");
            assert!(!kept.has_grown());
            let known = named(&numbers, &factors, &shelf);
            assert_eq!(found[0].numbers().as_slice(), known[0].numbers().as_slice());
            // Other factors are other weights, and what is kept goes on into the next file.
            let others = factors.clone().map(|factors| factors.iter().map(|factor| factor * 0.5).collect());
            assert_ne!(made(&named(&numbers, &others, &kept)), expected);
            assert!(kept.has_grown());
            let more = written(&kept);
            assert!(more.len() > whole.len() * 3 / 2);
        }
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_shelf_of_another_label_or_with_a_damaged_index_is_refused() {
    let random = &mut Random::new(89);
    let (numbers, factors) = drawn(random);
    let shelf = Arc::new(Shelf::new("these"));
    builder(&named(&numbers, &factors, &shelf)).build(Settings::default()).unwrap();
    let whole = written(&shelf);
    let path = std::env::temp_dir().join(format!("camtui-conv-damage-{}", std::process::id()));
    let open = |bytes: &[u8], label: &str| {
        std::fs::write(&path, bytes).unwrap();
        Shelf::open(&path, label).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(open(&whole, "these"), Ok(()));
    let refused = Err(std::io::ErrorKind::InvalidData);
    assert_eq!(open(&whole, "those"), refused);
    for length in [0, 4, 15, 16, 100, 4096, whole.len() / 8 * 4] {
        assert_eq!(open(&whole[..length], "these"), refused, "{length} bytes");
    }
    let index = u32::from_le_bytes(whole[8..12].try_into().unwrap()) as usize;
    for at in 0..16 + index {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        assert_eq!(open(&bytes, "these"), refused, "byte {at}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// Each by itself: what is sound is found, and what is not is prepared, and kept in its place.
#[test]
fn a_damaged_kernel_is_prepared_again() {
    let random = &mut Random::new(101);
    let (numbers, factors) = drawn(random);
    let shelf = Arc::new(Shelf::new("these"));
    let build = |shelf: &Arc<Shelf>| {
        builder(&named(&numbers, &factors, shelf)).build(Settings::default()).map(drop).unwrap();
    };
    build(&shelf);
    let whole = written(&shelf);
    let path = std::env::temp_dir().join(format!("camtui-conv-kernel-{}", std::process::id()));
    for _ in 0..super::rounds(100) {
        let mut bytes = whole.clone();
        let at = random.between(whole.len() / 2, whole.len() - 1);
        bytes[at] ^= 4;
        // What lies between two blocks is nobody's.
        let read = f32::from_le_bytes(whole[at / 4 * 4..][..4].try_into().unwrap()) != 0.0;
        std::fs::write(&path, &bytes).unwrap();
        let damaged = Arc::new(Shelf::open(&path, "these").unwrap());
        build(&damaged);
        assert!(damaged.has_grown() || !read, "byte {at}");
        let mended = written(&damaged);
        assert!(mended == whole, "byte {at}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// If this fails, the forms have changed, and so must the version of what is kept ([`crate::weights`]).
#[test]
fn forms_are_those_of_the_version_that_is_kept() {
    let random = &mut Random::new(97);
    let numbers = DIMS.map(|dims| random.numbers(dims.iter().product()));
    let factors = DIMS.map(|dims| vec![0.5; dims[0] * dims[1]]);
    let shelf = Arc::new(Shelf::new("these"));
    let settings = Settings { exact: true, isa: Isa::Portable };
    builder(&named(&numbers, &factors, &shelf)).build(settings).unwrap();
    let whole = written(&shelf);
    assert_eq!((whole.len(), crc32fast::hash(&whole)), (87_040, 2_496_106_601));
}
