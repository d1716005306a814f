//! Who does a run's work: the calling thread, and helpers from a pool that come when they come.
//!
//! The steps of a run are lists of chunks. Each thread has a share of every list, so that what it reads is mostly what it wrote
//! before, and helps with the others' shares when its own is done. A thread goes on to the next step when
//! the chunks before it are *done*, whoever did them; nobody waits for a thread to *arrive*. So a helper that wakes
//! late, or never, costs nothing but its help, and the run is over when the work is.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::memory::Block;
use crate::plan::Plan;
use crate::step::{Context, Scratch, part};

/// Who does a run's work. The result is the same to the bit.
#[derive(Clone, Copy)]
pub enum Team<'a> {
    /// The calling thread.
    Alone,
    /// The calling thread and those of a pool, together as many as the pool has.
    Pool(&'a rayon::ThreadPool),
}

/// How often a thread looks whether the others are done: at first at once, then letting others run, then asleep.
const SPINS: usize = 20_000;
const YIELDS: usize = 50;

/// What a run calculates with, for as long as anybody may look at it.
pub(crate) struct Run {
    plan: Arc<Plan>,
    arena: Arc<Block>,
    inputs: Vec<*const f32>,
    outputs: Vec<*mut f32>,
    /// Of each step, how many chunks of each thread's share are taken, and how many of all are done.
    claimed: Vec<Counter>,
    done: Vec<Counter>,
    /// How many may come.
    threads: usize,
    /// The first step that is not known to be done.
    reached: AtomicUsize,
    /// Threads that have come; each has its own part of scratch.
    seats: AtomicUsize,
    /// Somebody panicked: everybody leaves.
    broken: AtomicBool,
    /// Threads that work on a chunk or may begin one.
    inside: AtomicUsize,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    bell: Condvar,
}

/// A number that several threads count on, on a line of memory of its own.
#[repr(align(64))]
#[derive(Default)]
struct Counter(AtomicUsize);

fn counters(count: usize) -> Vec<Counter> {
    (0..count).map(|_| Counter::default()).collect()
}

/// Takes some of a share's chunks that nobody has taken yet: many at first, then fewer, the last ones singly. Asking costs more the
/// farther threads are apart, and who comes late or is slow must not hold up the rest.
fn claim(claimed: &AtomicUsize, chunks: usize) -> Range<usize> {
    let mut first = claimed.load(Ordering::Relaxed);
    while first < chunks {
        let end = first + ((chunks - first) / 2).max(1);
        match claimed.compare_exchange_weak(first, end, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return first..end,
            Err(now) => first = now,
        }
    }
    chunks..chunks
}

// SAFETY: the pointers are the caller's slices. They are used only while a chunk that was claimed is not done, and
// `work_with` returns only when all chunks are done, or nobody is inside any more.
unsafe impl Send for Run {}
// SAFETY: as above; chunks of one step write different places (the contract of `Step::run`).
unsafe impl Sync for Run {}

/// Does all of a plan's work.
///
/// # Safety
/// The machine has the instructions that the plan was made for. The arena has room for the plan's buffers and the
/// scratch of all threads of the team, and nobody else uses it. Inputs and outputs have the shapes that the plan's
/// steps expect.
pub(crate) unsafe fn work(
    plan: &Arc<Plan>,
    arena: &Arc<Block>,
    inputs: &[*const f32],
    outputs: &[*mut f32],
    team: Team<'_>,
) {
    let pool = match team {
        Team::Pool(pool) if team.threads() > 1 => pool,
        _ => {
            let cx = Context {
                arena: arena.start(),
                buffers: &plan.buffers,
                scratch: Scratch::new(arena.start().wrapping_add(plan.arena)),
                inputs,
                outputs,
            };
            for (step, chunks) in plan.steps.iter().zip(&plan.chunks) {
                for chunk in 0..*chunks {
                    // SAFETY: the caller's; steps and chunks are in order.
                    unsafe { step.run(&cx, chunk) };
                }
            }
            return;
        }
    };
    let run = Arc::new(Run {
        plan: plan.clone(),
        arena: arena.clone(),
        inputs: inputs.to_vec(),
        outputs: outputs.to_vec(),
        claimed: counters(plan.steps.len() * team.threads()),
        done: counters(plan.steps.len()),
        threads: team.threads(),
        reached: AtomicUsize::new(0),
        seats: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
        inside: AtomicUsize::new(0),
        sleepers: AtomicUsize::new(0),
        lock: Mutex::new(()),
        bell: Condvar::new(),
    });
    for _ in 1..team.threads() {
        let run = run.clone();
        pool.spawn(move || run.help());
    }
    let leaving = Leaving(&run);
    run.help();
    drop(leaving);
    assert!(!run.broken.load(Ordering::Acquire), "a thread of the pool panicked in a convolution");
}

impl Team<'_> {
    /// How many threads work on a run.
    pub(crate) fn threads(self) -> usize {
        match self {
            Team::Alone => 1,
            Team::Pool(pool) => pool.current_num_threads(),
        }
    }
}

/// Lets nobody go on with the caller's slices after the caller has them back, even if it panics.
struct Leaving<'a>(&'a Run);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
            while self.0.inside.load(Ordering::SeqCst) > 0 {
                std::thread::yield_now();
            }
        }
    }
}

/// Counts a thread that is inside, and gives up if it panics there.
struct Inside<'a>(&'a Run);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Run {
    /// Works until nothing is left to do.
    fn help(&self) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let _inside = Inside(self);
        let seat = self.seats.fetch_add(1, Ordering::Relaxed);
        let cx = Context {
            arena: self.arena.start(),
            buffers: &self.plan.buffers,
            scratch: Scratch::new(
                self.arena.start().wrapping_add(self.plan.arena + seat * self.plan.scratch),
            ),
            inputs: &self.inputs,
            outputs: &self.outputs,
        };
        for index in self.reached.load(Ordering::Acquire)..self.plan.steps.len() {
            let (step, all) = (&self.plan.steps[index], self.plan.chunks[index]);
            let done = &self.done[index].0;
            // One's own share first: what lies near it was made by oneself in the step before.
            for share in (seat..self.threads).chain(0..seat) {
                let claimed = &self.claimed[index * self.threads + share].0;
                let share = part(all, self.threads, share);
                loop {
                    if self.broken.load(Ordering::SeqCst) {
                        return;
                    }
                    let chunks = claim(claimed, share.len());
                    if chunks.is_empty() {
                        break;
                    }
                    let count = chunks.len();
                    for chunk in chunks {
                        // SAFETY: `work`'s caller's; the steps before are done, and this chunk is ours.
                        unsafe { step.run(&cx, share.start + chunk) };
                    }
                    if done.fetch_add(count, Ordering::AcqRel) + count == all {
                        self.reached.fetch_max(index + 1, Ordering::AcqRel);
                        self.wake();
                    }
                }
            }
            if !self.wait(|| done.load(Ordering::SeqCst) >= all) {
                return;
            }
        }
    }

    /// Waits until `done`; false if somebody panicked instead.
    fn wait(&self, done: impl Fn() -> bool) -> bool {
        let broken = || self.broken.load(Ordering::SeqCst);
        for turn in 0..SPINS + YIELDS {
            if done() {
                return true;
            }
            if broken() {
                return false;
            }
            if turn < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !done() && !broken() {
            guard = self.bell.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        !broken()
    }

    /// Wakes those who sleep until a step is done.
    fn wake(&self) {
        // Either the sleeper is seen here, or it sees that the step is done before it sleeps.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.bell.notify_all();
        }
    }

    fn give_up(&self) {
        self.broken.store(true, Ordering::SeqCst);
        self.wake();
    }
}
