//! The child: loads one library and runs its explainers when told to.
//!
//! It is the program itself, started anew, so it is built from the same sources and serves a library with the same
//! code. It cuts itself loose before any of the library's code runs: another session, so that no key of the
//! terminal reaches it and `/dev/tty` is none of its; nothing on its standard input; bounds on memory; an end with
//! the program's end.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camtui_plugin::abi;
use rustix::process::{Resource, Rlimit};

use super::confine::{self, Confined};
use super::messages::{self, Done, Order, Report};
use super::remote::{Line, Remote};
use super::wire::{Values, View};
use crate::collect::Collector;
use crate::serve::{Served, code_of};
use crate::{Asked, Grid, Library, Params, Partials, Request};

/// A descriptor that libraries are not likely to mean when they close some.
const LINE: i32 = 100;

/// Runs a child to its end. `library` is its path; standard input is the socket that the program made.
///
/// Whoever calls this does nothing else in the process, before or after.
pub fn serve(library: &Path) -> ExitCode {
    let Ok(stream) = take_line() else {
        eprintln!("this is started by camtui itself, to run a plugin apart");
        return ExitCode::from(2);
    };
    // In the terminal's session a plugin could open it by name, and Ctrl-C would reach it. Who leads a group
    // already (started by hand) cannot leave, and need not.
    let _ = rustix::process::setsid();
    // The end of the program is the end of this, even in an endless loop; elsewhere the socket's end is.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let line: &'static Line = Box::leak(Box::new(Line::new(stream)));
    let (Order::Start { memory, confine, copy_of }, _) = line.order() else { leave() };
    limit(memory);
    crate::on_log(|level, text| {
        line.report(&Report::Log { level: code_of(level), line: text.to_owned() }, &[]);
    });
    let confined = match copy_of {
        _ if !confine => Confined::nothing(),
        Some(original) => confine::confine_copy(library, Path::new(&original)),
        None => confine::confine(library),
    };
    // The program has looked at who may write the file already, and told of it.
    let library = match Library::load(library, Asked::ByFile) {
        Ok((library, _)) => library,
        Err(error) => {
            line.report(&Report::Refused(error.to_string()), &[]);
            return ExitCode::FAILURE;
        }
    };
    let explainers = library.explainers().iter().map(|explainer| explainer.info().clone()).collect();
    flush();
    line.report(&Report::Ready { explainers, confined: confined.bits() }, &[]);
    loop {
        let (Order::Explain(request), tensors) = line.order() else { leave() };
        explain(line, &library, request, &tensors);
    }
}

/// The socket, away from standard input, where the library finds nothing.
fn take_line() -> std::io::Result<UnixStream> {
    let stream: OwnedFd = rustix::io::fcntl_dupfd_cloexec(std::io::stdin().as_fd(), LINE)?;
    let stream = UnixStream::from(stream);
    stream.peer_addr()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(stream)
}

fn limit(memory: u64) {
    let both = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    // Neither can fail for lowering; where it does, the plugin has as much as the user.
    let _ = rustix::process::setrlimit(Resource::As, both(memory));
    // Linux takes 1 for "not even to the program that collects cores", which 0 does not say.
    let _ = rustix::process::setrlimit(Resource::Core, both(u64::from(cfg!(target_os = "linux"))));
}

/// One call, with the library's own function and the same checks as in the program.
fn explain(line: &Line, library: &Library, asked: messages::Request, tensors: &[Values]) {
    let Some(explainer) = library.explainers().get(asked.explainer as usize) else { leave() };
    let seed: &[f32] = tensors.first().map_or(&[], |seed| &seed.data);
    let backend = Remote::new(line, asked.classes as usize, asked.layers.clone());
    let params = Params::of(explainer.info(), asked.params);
    let chosen = asked.chosen.map(|index| index as usize);
    let cancel = AtomicBool::new(false);
    let show = |grid: Grid| {
        line.report(&Report::Partial, &[(&[grid.height, grid.width], &grid.values)]);
    };
    let partial =
        asked.partial_every.map(|every| Partials { every: Duration::from_millis(every), show: &show });
    let request = Request {
        layer: chosen.and_then(|at| asked.layers.get(at)).filter(|_| asked.named).map(|l| l.name.as_str()),
        target: asked.target.map(|class| class as usize),
        seed,
        params: &params,
        random_seed: asked.random_seed,
        cancel: &cancel,
        progress: &|done| line.progress(done),
        terms: asked.terms,
        partial,
        log: &|level, text| {
            line.report(&Report::Log { level: code_of(level), line: text.to_owned() }, &[]);
        },
    };
    let collector = Collector::new(asked.layers.len(), asked.terms);
    let served = Served::new(&backend, &request, asked.layers.clone(), chosen);
    let status =
        explainer.runner().explain(&served, &params, &collector).map_or(abi::FAILED, |ran| ran.status);
    let collected = collector.finish();
    flush();
    let grids = collected.map.iter().chain(collected.channels.iter().map(|channel| &channel.grid));
    let grids: Vec<([usize; 2], &[f32])> =
        grids.map(|grid| ([grid.height, grid.width], grid.values.as_slice())).collect();
    let mut channels: Vec<String> = collected.channels.iter().map(|channel| channel.name.clone()).collect();
    let mut tensors: Vec<View<'_>> = grids.iter().map(|(shape, data)| (shape.as_slice(), *data)).collect();
    let of_terms = collected.terms.as_ref().map(|terms| {
        let area = (terms.height * terms.width).max(1);
        ([terms.values.len() / area, terms.height, terms.width], terms.values.as_slice())
    });
    tensors.extend(of_terms.iter().map(|(shape, data)| (shape.as_slice(), *data)));
    let (mut refused, mut has_terms) = (collected.refused, of_terms.is_some());
    if tensors.iter().map(|(_, data)| data.len()).sum::<usize>() > super::wire::VALUE_LIMIT {
        refused.get_or_insert(crate::SinkError::TooManyValues);
        tensors.truncate(usize::from(collected.map.is_some()));
        channels.clear();
        has_terms = false;
    }
    let done = Done {
        status,
        has_map: collected.map.is_some(),
        channels,
        has_terms,
        notes: collected.notes,
        layer: collected.layer,
        error: collected.error,
        refused,
    };
    line.report(&Report::Done(done), &tensors);
}

/// Hands on what the library's C code has printed and what is still in a buffer, so that it is told with its call.
fn flush() {
    // SAFETY: null means all streams; there is nothing else to go wrong.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Ends this process at once. The library's exit handlers are not asked: nobody waits for what they do.
pub(super) fn leave() -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(super::death::CUT_OFF) }
}
