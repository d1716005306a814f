//! Taking turns: a few calls of the one, a few of the next, over and over, so that a machine's moods meet all alike.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::stats::Times;

/// Between two that take turns: threads that still spin for the last one come to rest.
const REST: Duration = Duration::from_millis(60);
/// A call that takes so many seconds needs no warming up, and few repetitions.
const SLOW: f64 = 1.5;

/// Runs so many calls and gives the milliseconds (or whatever is measured) of each.
pub type Turn<'a> = Box<dyn FnMut(usize) -> Result<Vec<f64>> + 'a>;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Turns that each takes.
    pub rounds: usize,
    /// Seconds of one turn, about.
    pub seconds: f64,
    /// Calls in a turn, at most.
    pub most: usize,
}

impl Pace {
    /// For figures that are published.
    pub const FULL: Self = Self { rounds: 7, seconds: 0.3, most: 20 };
    /// To see whether everything works.
    pub const QUICK: Self = Self { rounds: 2, seconds: 0.1, most: 3 };

    /// Turns and calls in each, where a call takes `seconds`.
    fn plan(self, seconds: f64) -> (usize, usize) {
        if seconds >= SLOW {
            return (self.rounds.min(2) - 1, 1);
        }
        let calls = (self.seconds / seconds.max(1e-6)) as usize;
        (self.rounds, calls.clamp(1, self.most))
    }
}

/// Lets all take turns. One that fails is told of and left out: it is no reason to measure nothing.
pub fn alternate(mut all: Vec<(String, Turn<'_>)>, pace: Pace) -> Vec<(String, Times)> {
    let mut found = Vec::new();
    let mut plans = Vec::new();
    all.retain_mut(|(name, turn)| {
        std::thread::sleep(REST);
        // The first call loads and compiles; the second tells how long one takes.
        let begun = Instant::now();
        let mut first = turn(1);
        if first.is_ok() && begun.elapsed().as_secs_f64() < SLOW {
            first = turn(1);
        }
        match first {
            Ok(first) => {
                let seconds = first.iter().sum::<f64>() / 1e3;
                let mut times = Times::default();
                if seconds >= SLOW {
                    times.extend(first.into_iter());
                }
                plans.push(pace.plan(seconds));
                found.push((name.clone(), times));
                true
            }
            Err(error) => {
                eprintln!("{name}: not measured: {error:#}");
                false
            }
        }
    });
    for round in 0..pace.rounds {
        for (((name, turn), (rounds, calls)), (_, times)) in all.iter_mut().zip(&plans).zip(&mut found) {
            if round >= *rounds {
                continue;
            }
            std::thread::sleep(REST);
            match turn(*calls) {
                Ok(more) => times.extend(more.into_iter()),
                Err(error) => eprintln!("{name}: a turn is missing: {error:#}"),
            }
        }
    }
    found
}

/// Milliseconds of each call.
pub fn timed(calls: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let one = |_| {
        let begun = Instant::now();
        work()?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    };
    (0..calls).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn all_take_turns_and_who_fails_is_left_out() {
        let order = RefCell::new(String::new());
        let turn = |letter: char, milliseconds: f64| -> Turn<'_> {
            let order = &order;
            Box::new(move |calls| {
                order.borrow_mut().push(letter);
                Ok(vec![milliseconds; calls])
            })
        };
        let pace = Pace { rounds: 3, seconds: 0.01, most: 4 };
        let fails: Turn<'_> = Box::new(|_| anyhow::bail!("it is not installed"));
        let all =
            vec![("a".to_owned(), turn('a', 5.0)), ("f".to_owned(), fails), ("b".to_owned(), turn('b', 1.0))];
        let found = alternate(all, pace);
        assert_eq!(*order.borrow(), "aabbababab");
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found.iter().map(|(_, times)| times.len()).collect::<Vec<_>>(), [3 * 2, 3 * 4]);
    }

    #[test]
    fn what_is_slow_counts_from_its_first_call() {
        let slow: Turn<'_> = Box::new(|calls| Ok(vec![9000.0; calls]));
        let found = alternate(vec![("slow".to_owned(), slow)], Pace::FULL);
        assert_eq!(found[0].1.len(), 2);
    }
}
