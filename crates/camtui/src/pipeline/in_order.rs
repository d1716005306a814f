//! Many pictures on several threads, results in the order of the pictures.
//!
//! Threads take the next picture as they become free; a result waits until those before it have been handed on. A
//! thread does not run further ahead than the window allows, so a slow picture costs waiting, not memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<T> {
    next: usize,
    handed_on: usize,
    stopped: bool,
    done: BTreeMap<usize, T>,
}

/// Runs `work` for `0..count` on `threads` threads and hands the results to `sink` in order, on the calling thread.
///
/// `sink` may stop everything by breaking; items not begun are then left out. A panic inside `work` becomes a result
/// through `panicked`, with the panic's words, so that one item cannot take the others with it.
pub fn in_order<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
    panicked: impl Fn(usize, String) -> T + Sync,
    mut sink: impl FnMut(usize, T) -> ControlFlow<()>,
) {
    let window = threads * 2;
    let shared =
        (Mutex::new(State { next: 0, handed_on: 0, stopped: false, done: BTreeMap::new() }), Condvar::new());
    let (state, changed) = &shared;
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                while let Some(index) = claim(state, changed, count, window) {
                    let result = catch_unwind(AssertUnwindSafe(|| work(index)))
                        .unwrap_or_else(|panic| panicked(index, words(&*panic)));
                    lock(state).done.insert(index, result);
                    changed.notify_all();
                }
            });
        }
        for index in 0..count {
            let result = {
                let mut now = lock(state);
                loop {
                    if let Some(result) = now.done.remove(&index) {
                        break result;
                    }
                    now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
                }
            };
            let flow = sink(index, result);
            let mut now = lock(state);
            now.handed_on = index + 1;
            now.stopped = flow.is_break();
            drop(now);
            changed.notify_all();
            if flow.is_break() {
                break;
            }
        }
    });
}

fn claim<T>(state: &Mutex<State<T>>, changed: &Condvar, count: usize, window: usize) -> Option<usize> {
    let mut now = lock(state);
    while !now.stopped && now.next < count && now.next >= now.handed_on + window {
        now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
    }
    if now.stopped || now.next >= count {
        return None;
    }
    now.next += 1;
    Some(now.next - 1)
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic said.
pub fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_order_whatever_finishes_first() {
        let mut seen = Vec::new();
        let work = |i: usize| {
            std::thread::sleep(Duration::from_millis((20 - i as u64) / 4));
            i * i
        };
        in_order(
            20,
            4,
            work,
            |_, _| 0,
            |i, r| {
                seen.push((i, r));
                ControlFlow::Continue(())
            },
        );
        assert_eq!(seen, (0..20).map(|i| (i, i * i)).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_runs_further_ahead_than_the_window() {
        let begun = AtomicUsize::new(0);
        let work = |i: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            i
        };
        in_order(
            50,
            2,
            work,
            |i, _| i,
            |i, _| {
                std::thread::sleep(Duration::from_millis(1));
                assert!(begun.load(Ordering::SeqCst) <= i + 4 + 1, "{i}");
                ControlFlow::Continue(())
            },
        );
    }

    #[test]
    fn a_panic_is_one_item_s_result() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let work = |i: usize| if i == 3 { panic!("bad picture") } else { format!("{i}") };
        let mut seen = Vec::new();
        in_order(
            6,
            2,
            work,
            |_, words| words,
            |_, r| {
                seen.push(r);
                ControlFlow::Continue(())
            },
        );
        std::panic::set_hook(hook);
        assert_eq!(seen, ["0", "1", "2", "bad picture", "4", "5"]);
    }

    #[test]
    fn stopping_leaves_the_rest_out() {
        let begun = AtomicUsize::new(0);
        let work = |_: usize| begun.fetch_add(1, Ordering::SeqCst);
        in_order(
            1000,
            2,
            work,
            |_, _| 0,
            |i, _| if i == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
        );
        assert!(begun.load(Ordering::SeqCst) < 20);
    }
}
