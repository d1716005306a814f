//! Many passes, a few at a time: batches as large as keep the cores busy and as small as keep the user informed.
//!
//! The size of a batch follows the clock, and so must never show in a map: each item's answer depends on that item alone,
//! and answers are taken up in their order.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::time::{Duration, Instant};

use camtui_plugin::{Error, Session};

/// How long one batch should take: between batches the user is shown progress and may cancel.
const BEAT: Duration = Duration::from_millis(100);
/// Items of the first batch: as many as keep the cores of a small machine busy.
const FIRST: usize = 4;
/// Bytes of inputs in one batch at most, for each core that may work on it: four pictures of ResNet-18's. Each is there several
/// times on its way to the model and back.
const BYTES: usize = 5 << 19;
/// The same for all cores.
const MOST_BYTES: usize = 20 << 20;

/// Calls `run` with one range after another until `0..total` is through, each with a session whose answers end with it;
/// `length` is the number of values of one item.
/// Ends early with [`Error::Cancelled`] once the user does not want the answer any more.
pub fn in_batches(
    session: &Session<'_>,
    total: usize,
    length: usize,
    mut run: impl FnMut(&Session<'_>, Range<usize>) -> Result<(), Error>,
) -> Result<(), Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let bytes = (BYTES * cores).min(MOST_BYTES);
    let most = (bytes / (length * size_of::<f32>()).max(1)).max(1);
    let (mut done, mut size) = (0, FIRST.min(most));
    session.progress(0.0)?;
    while done < total {
        let batch = done..total.min(done + size);
        done = batch.end;
        let begun = Instant::now();
        session.scope(|session| run(session, batch))?;
        let took = begun.elapsed();
        session.progress(done as f32 / total as f32)?;
        if took < BEAT / 2 {
            size = (size * 2).min(most);
        } else if took > BEAT * 3 / 2 {
            size = (size / 2).max(FIRST.min(most));
        }
    }
    Ok(())
}

/// The shape of `count` items where one is `[1, …]`.
pub fn shape_of(count: usize, one: &[usize]) -> Vec<usize> {
    [&[count], one.get(1..).unwrap_or(&[])].concat()
}
