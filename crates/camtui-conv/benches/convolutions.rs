//! Layers of well-known shapes, and whole networks with random weights: the time of one run, alone and with a pool
//! of two, and of preparing a network's weights for the first program.
//!
//! ```sh
//! cargo bench -p camtui-conv                    # everything
//! cargo bench -p camtui-conv -- 'resnet18|3x3'  # some
//! ```

mod networks;

use std::hint::black_box;
use std::time::{Duration, Instant};

use camtui_conv::{Activation, Builder, Convolution, Padding, Program, Settings, Shape, Team, Weights};
use criterion::{Criterion, criterion_group, criterion_main};

/// `in, out, kernel, stride, size` of a layer that is convolved with padding that keeps its size.
const LAYERS: [(usize, usize, usize, usize, usize); 10] = [
    (3, 64, 7, 2, 224),
    (64, 64, 3, 1, 56),
    (128, 128, 3, 1, 28),
    (256, 256, 3, 1, 14),
    (512, 512, 3, 1, 7),
    (128, 256, 3, 2, 28),
    (64, 256, 1, 1, 56),
    (1024, 256, 1, 1, 14),
    (24, 144, 1, 1, 56),
    (2048, 512, 1, 1, 7),
];

fn time(c: &mut Criterion, name: &str, program: &Program) {
    let inputs: Vec<Vec<f32>> = program.inputs().iter().map(|s| vec![0.5; s.len()]).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(|x| &x[..]).collect();
    let mut outputs: Vec<Vec<f32>> = program.outputs().iter().map(|s| vec![0.0; s.len()]).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let mut group = c.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for (threads, team) in [("1 thread", Team::Alone), ("2 threads", Team::Pool(&pool))] {
        group.bench_function(threads, |b| {
            b.iter(|| {
                let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(|x| &mut x[..]).collect();
                program.run(black_box(&inputs), &mut slices, team).expect("slices that fit");
            });
        });
    }
    group.finish();
}

fn layers(c: &mut Criterion) {
    for (ins, outs, kernel, stride, size) in LAYERS {
        let dims = [outs, ins, kernel, kernel];
        let weights = Weights::new(dims, vec![0.01; dims.iter().product()], None).expect("numbers that fit");
        let mut b = Builder::new();
        let x = b.input(Shape::new(ins, size, size)).expect("a picture");
        let convolution = Convolution {
            stride: [stride; 2],
            padding: Padding::all(kernel / 2),
            ..Convolution::of(weights)
        };
        let y = b.convolve(x, convolution, None, Activation::Relu).expect("a layer");
        // A mean leaves the way out to planes out of the measure.
        let mean = b.global_average(y).expect("a picture");
        b.output(mean);
        let program = b.build(Settings::default()).expect("a program");
        time(c, &format!("{kernel}x{kernel} s{stride} {ins}-{outs} {size}"), &program);
    }
}

fn whole_networks(c: &mut Criterion) {
    for (name, build) in networks::ALL {
        time(c, name, &build().build(Settings::default()).expect("a program"));
    }
}

/// Programs of weights that no program had before.
fn preparing(c: &mut Criterion) {
    let mut group = c.benchmark_group("prepare");
    group.sample_size(10);
    for (name, build) in networks::ALL {
        for (way, exact) in [("direct", true), ("Winograd", false)] {
            group.bench_function(format!("{name} {way}"), |b| {
                b.iter_custom(|rounds| {
                    let once = |_| {
                        let network = build();
                        let start = Instant::now();
                        let program = network.build(Settings { exact, ..Settings::default() });
                        let time = start.elapsed();
                        drop(black_box(program));
                        time
                    };
                    (0..rounds).map(once).sum()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, layers, whole_networks, preparing);
criterion_main!(benches);
