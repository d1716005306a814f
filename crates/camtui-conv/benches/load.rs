//! What becomes of a run when others want the processors too: the median time of ResNet-18 on one thread and on two,
//! with no, one and two busy loops beside it.
//!
//! ```sh
//! cargo bench -p camtui-conv --bench load
//! ```
//!
//! Two threads that share two processors with a busy loop cannot have more than two thirds to three quarters of them;
//! a team that waits for threads instead of work falls to a fraction of that.

mod networks;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use camtui_conv::{Program, Settings, Team};

const RUNS: usize = 60;

fn main() {
    let (name, build) = networks::ALL[0];
    let program = build().build(Settings::default()).expect("a program");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    for busy in 0..=2 {
        let stop = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..busy {
                threads.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let alone = median(&program, Team::Alone);
            let two = median(&program, Team::Pool(&pool));
            stop.store(true, Ordering::Relaxed);
            println!(
                "{name}, {busy} busy loops: 1 thread {:.1} ms, 2 threads {:.1} ms, ratio {:.2}",
                alone.as_secs_f64() * 1e3,
                two.as_secs_f64() * 1e3,
                two.as_secs_f64() / alone.as_secs_f64()
            );
        });
    }
}

fn median(program: &Program, team: Team<'_>) -> Duration {
    let picture = vec![0.5; program.inputs()[0].len()];
    let mut scores = vec![0.0; program.outputs()[0].len()];
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            program.run(&[&picture], &mut [&mut scores], team).expect("slices that fit");
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}
