//! The threads that do what takes time, each with a [mailbox](super::mailbox), each reporting by actions:
//!
//! - one answers the question of the moment; a newer one cancels it;
//! - one does what can wait (tiles of a comparison, classifying, prefetching, measuring), and stands still while the first works;
//! - one makes pixels for the terminal out of answers, the large picture before tiles and thumbnails;
//! - one reads small pictures for the list;
//! - one does what touches files: opening, saving, JSON;
//! - one uses libraries anew that were rebuilt, which takes as long as a library takes to describe itself.
//!
//! The threads end with the process: a long computation must not delay quitting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use std::{io, thread};

use camtui_core::heatmap::Ranks;
use camtui_term::Capabilities;
use image::RgbaImage;

use super::action::{Action, Effect, Slot, Tiled};
use super::analyst::{Analyst, Explanation, PictureId, Question, Saving, Watch};
use super::develop::{Developer, Scene};
use super::mailbox::Mailbox;
use super::picture::{self, Encoded, Plan};

/// How often a computation that can wait looks whether it may go on.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest that thumbnails and prefetching stand back for the session's first picture.
const FIRST: Duration = Duration::from_secs(2);
/// The longest side of the pixels that thumbnails are made from.
const THUMBNAIL_SIDE: u32 = 256;

/// Takes an action to the session.
pub type Report = Arc<dyn Fn(Action) + Send + Sync>;

struct Explain {
    number: u64,
    question: Question,
    cancelled: Arc<AtomicBool>,
}

/// What can wait, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Tiles,
    Predict,
    Prefetch,
    Measure,
}

enum LaterJob {
    Tiles(u64, Vec<(usize, Question)>),
    Predict(u64, Vec<PictureId>, usize),
    Prefetch(Vec<PictureId>, usize),
    Measure(Vec<Arc<Explanation>>),
}

enum Pixels {
    Scene(u64, Box<Scene>, (u16, u16)),
    Thumbnail(RgbaImage, (u16, u16)),
}

enum Files {
    Open(Option<PathBuf>),
    Save(Box<Saving>),
    Json(Arc<Explanation>),
}

/// Which pictures, and for an area of so many cells each.
type Thumbnails = (Vec<PictureId>, (u16, u16));

/// The session's side of all threads.
pub struct Workers {
    questions: Arc<Mailbox<(), Explain>>,
    later: Arc<Mailbox<Later, LaterJob>>,
    pixels: Arc<Mailbox<Slot, Pixels>>,
    thumbnails: Arc<Mailbox<(), Thumbnails>>,
    files: Arc<Mailbox<usize, Files>>,
    libraries: Arc<Mailbox<usize, ()>>,
    /// Counts jobs for files: each is done, none replaces another.
    filed: AtomicUsize,
    /// Turned true when the latest question is no longer wanted.
    cancelled: Arc<AtomicBool>,
    /// Turned true when what is being done of these kinds is no longer wanted.
    stale: Arc<Mutex<Stale>>,
    capabilities: Arc<RwLock<Capabilities>>,
    first: Arc<First>,
}

/// Whether the first picture of the session, for which everybody waits, is on its way: reading thumbnails and prefetching
/// would take the processor from it.
#[derive(Default)]
struct First {
    asked: AtomicBool,
    there: AtomicBool,
}

impl First {
    /// Stands still while it is on its way, but not for ever: a slow explainer may be the first.
    fn let_pass(&self) {
        let begun = Instant::now();
        while self.asked.load(Ordering::Relaxed)
            && !self.there.load(Ordering::Relaxed)
            && begun.elapsed() < FIRST
        {
            thread::sleep(PAUSE);
        }
    }

    fn is_there(&self) {
        self.there.store(true, Ordering::Relaxed);
    }
}

/// The flags of the jobs that can wait and are being done.
#[derive(Default)]
struct Stale {
    running: Option<(Later, Arc<AtomicBool>)>,
}

impl Workers {
    /// Starts the threads.
    pub fn start(
        analyst: &Arc<dyn Analyst>,
        capabilities: &Capabilities,
        report: &Report,
    ) -> io::Result<Self> {
        let workers = Self {
            questions: Mailbox::new(),
            later: Mailbox::new(),
            pixels: Mailbox::new(),
            thumbnails: Mailbox::new(),
            files: Mailbox::new(),
            libraries: Mailbox::new(),
            filed: AtomicUsize::new(0),
            cancelled: Arc::default(),
            stale: Arc::default(),
            capabilities: Arc::new(RwLock::new(capabilities.clone())),
            first: Arc::default(),
        };
        // True while the question of the moment is being answered.
        let busy = Arc::new(AtomicBool::new(false));
        workers.start_explaining(analyst, report, &busy)?;
        workers.start_later(analyst, report, &busy)?;
        workers.start_pixels(report)?;
        workers.start_thumbnails(analyst)?;
        workers.start_files(analyst, report)?;
        workers.start_libraries(analyst, report)?;
        Ok(workers)
    }

    fn start_explaining(
        &self,
        analyst: &Arc<dyn Analyst>,
        report: &Report,
        busy: &Arc<AtomicBool>,
    ) -> io::Result<()> {
        let (mailbox, analyst, report, busy) =
            (Arc::clone(&self.questions), Arc::clone(analyst), Arc::clone(report), Arc::clone(busy));
        let first = Arc::clone(&self.first);
        spawn("camtui-explain", move || {
            loop {
                let ((), Explain { number, question, cancelled }) = mailbox.take();
                busy.store(true, Ordering::Release);
                let progress = |done| report(Action::Progress(number, done));
                let partial = |explanation| report(Action::Converging(number, Arc::new(explanation)));
                let watch = Watch::new(&cancelled, &progress).showing(&partial);
                let result = guarded(|| analyst.explain(&question, &watch)).map(Arc::new);
                busy.store(false, Ordering::Release);
                if result.is_err() {
                    first.is_there();
                }
                report(Action::Explained(number, result));
            }
        })
    }

    fn start_later(
        &self,
        analyst: &Arc<dyn Analyst>,
        report: &Report,
        busy: &Arc<AtomicBool>,
    ) -> io::Result<()> {
        let (mailbox, analyst, report, busy) =
            (Arc::clone(&self.later), Arc::clone(analyst), Arc::clone(report), Arc::clone(busy));
        let (stale, first) = (Arc::clone(&self.stale), Arc::clone(&self.first));
        spawn("camtui-later", move || {
            loop {
                let (kind, job) = mailbox.take();
                let cancelled = Arc::new(AtomicBool::new(false));
                stale.lock().unwrap_or_else(PoisonError::into_inner).running =
                    Some((kind, Arc::clone(&cancelled)));
                // What is more urgent comes first: the question of the moment, then tiles before the rest.
                let wait = || {
                    while busy.load(Ordering::Acquire) && !cancelled.load(Ordering::Relaxed) {
                        thread::sleep(PAUSE);
                    }
                    cancelled.load(Ordering::Relaxed)
                };
                first.let_pass();
                run_later(&*analyst, &report, job, &cancelled, &wait);
                stale.lock().unwrap_or_else(PoisonError::into_inner).running = None;
            }
        })
    }

    fn start_pixels(&self, report: &Report) -> io::Result<()> {
        let (mailbox, report, capabilities) =
            (Arc::clone(&self.pixels), Arc::clone(report), Arc::clone(&self.capabilities));
        let first = Arc::clone(&self.first);
        spawn("camtui-pixels", move || {
            // The large picture's steps are kept, and its draft's; tiles would drive them out.
            let (mut developer, mut drafter) = (Developer::default(), Developer::default());
            loop {
                let (slot, job) = mailbox.take();
                let terminal = capabilities.read().unwrap_or_else(PoisonError::into_inner).clone();
                let (number, result) = match job {
                    Pixels::Thumbnail(image, area) => {
                        (0, guarded(|| picture::encode(&image, &terminal, area)))
                    }
                    Pixels::Scene(number, scene, area) if slot == Slot::Main => {
                        let plan = Plan::new(scene.shape(), &terminal, area);
                        if let Some(draft) = plan.draft(&terminal)
                            && let Ok(draft) =
                                guarded(|| encode_scene(&mut drafter, &scene, &terminal, draft))
                        {
                            report(Action::Developed(slot, number, Ok(Arc::new(draft))));
                            first.is_there();
                            // While a key is held there are drafts alone.
                            if mailbox.holds(slot) {
                                continue;
                            }
                        }
                        (number, guarded(|| encode_scene(&mut developer, &scene, &terminal, plan)))
                    }
                    Pixels::Scene(number, scene, area) => {
                        let mut once = Developer::default();
                        let plan = Plan::new(scene.shape(), &terminal, area);
                        (number, guarded(|| encode_scene(&mut once, &scene, &terminal, plan)))
                    }
                };
                report(Action::Developed(slot, number, result.map(Arc::new)));
                if !matches!(slot, Slot::Thumbnail(_)) {
                    first.is_there();
                }
            }
        })
    }

    fn start_thumbnails(&self, analyst: &Arc<dyn Analyst>) -> io::Result<()> {
        let (mailbox, analyst, pixels) =
            (Arc::clone(&self.thumbnails), Arc::clone(analyst), Arc::clone(&self.pixels));
        let first = Arc::clone(&self.first);
        spawn("camtui-thumbnails", move || {
            loop {
                let ((), (wanted, area)) = mailbox.take();
                first.let_pass();
                for id in wanted {
                    // Another part of the list is looked at by now.
                    if !mailbox.is_empty() {
                        break;
                    }
                    if let Ok(image) = guarded(|| analyst.thumbnail(id, THUMBNAIL_SIDE)) {
                        pixels.post(Slot::Thumbnail(id), Pixels::Thumbnail(image, area));
                    }
                }
            }
        })
    }

    fn start_files(&self, analyst: &Arc<dyn Analyst>, report: &Report) -> io::Result<()> {
        let (mailbox, analyst, report) = (Arc::clone(&self.files), Arc::clone(analyst), Arc::clone(report));
        spawn("camtui-files", move || {
            loop {
                let (_, job) = mailbox.take();
                report(match job {
                    Files::Open(path) => {
                        let asked = path.is_some();
                        Action::Opened(asked, guarded(|| analyst.open(path)))
                    }
                    Files::Save(saving) => Action::Saved(guarded(|| analyst.save(&saving))),
                    Files::Json(explanation) => match guarded(|| Ok(analyst.json(&explanation))) {
                        Ok(text) => Action::Json(text),
                        Err(why) => Action::Said(why),
                    },
                });
            }
        })
    }

    fn start_libraries(&self, analyst: &Arc<dyn Analyst>, report: &Report) -> io::Result<()> {
        let (mailbox, analyst, report) =
            (Arc::clone(&self.libraries), Arc::clone(analyst), Arc::clone(report));
        spawn("camtui-plugins", move || {
            loop {
                let (library, ()) = mailbox.take();
                if let Some(result) = guarded(|| analyst.reload(library)).transpose() {
                    report(Action::Reloaded(result));
                }
            }
        })
    }

    /// Begins the work that an effect asks for; effects that are the loop's own are none.
    pub fn begin(&mut self, effect: Effect) {
        match effect {
            Effect::Explain(number, question) => self.explain(number, question),
            Effect::Cancel => self.cancel(),
            Effect::Develop(slot, number, scene, area) => self.develop(slot, number, scene, area),
            Effect::Tiles(number, questions) => self.tiles(number, questions),
            Effect::Predict(number, pictures, model) => self.predict(number, pictures, model),
            Effect::Prefetch(pictures, model) => self.prefetch(pictures, model),
            Effect::Measure(answers) => self.measure(answers),
            Effect::Thumbnails(pictures, area) => self.thumbnails(pictures, area),
            Effect::Open(path) => self.open(path),
            Effect::Reload(library) => self.reload(library),
            Effect::Save(saving) => self.save(saving),
            Effect::Json(explanation) => self.json(explanation),
            Effect::Copy(_) | Effect::Clear | Effect::Suspend | Effect::Quit | Effect::Interrupt => {}
        }
    }

    /// Answers this instead of whatever is being answered.
    pub fn explain(&mut self, number: u64, question: Question) {
        self.cancel();
        self.cancelled = Arc::default();
        self.first.asked.store(true, Ordering::Relaxed);
        self.questions.post((), Explain { number, question, cancelled: Arc::clone(&self.cancelled) });
    }

    /// Gives up what is being answered.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Makes this ready for the terminal.
    pub fn develop(&self, slot: Slot, number: u64, scene: Box<Scene>, area: (u16, u16)) {
        self.pixels.post(slot, Pixels::Scene(number, scene, area));
    }

    /// Answers these for a comparison, instead of those of an older one.
    pub fn tiles(&self, number: u64, questions: Vec<(usize, Question)>) {
        self.pixels.withdraw(|slot| matches!(slot, Slot::Tile(_)));
        self.later(Later::Tiles, LaterJob::Tiles(number, questions));
    }

    /// Classifies these, instead of those of an older list.
    pub fn predict(&self, number: u64, pictures: Vec<PictureId>, model: usize) {
        self.later(Later::Predict, LaterJob::Predict(number, pictures, model));
    }

    /// Prepares for questions about these.
    pub fn prefetch(&self, pictures: Vec<PictureId>, model: usize) {
        self.later(Later::Prefetch, LaterJob::Prefetch(pictures, model));
    }

    /// Measures these, instead of others; with none, nothing is measured any more.
    pub fn measure(&self, answers: Vec<Arc<Explanation>>) {
        self.later(Later::Measure, LaterJob::Measure(answers));
    }

    fn later(&self, kind: Later, job: LaterJob) {
        let stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((running, flag)) = &stale.running
            && (*running == kind
                || *running == Later::Prefetch
                || *running == Later::Measure && kind == Later::Tiles)
        {
            flag.store(true, Ordering::Relaxed);
        }
        self.later.post(kind, job);
    }

    /// Makes these thumbnails, instead of those of an older list.
    pub fn thumbnails(&self, wanted: Vec<PictureId>, area: (u16, u16)) {
        self.pixels.withdraw(|slot| matches!(slot, Slot::Thumbnail(id) if !wanted.contains(&id)));
        self.thumbnails.post((), (wanted, area));
    }

    /// Adds what a path leads to.
    pub fn open(&self, path: Option<PathBuf>) {
        self.file(Files::Open(path));
    }

    /// Uses a library anew that was rebuilt.
    pub fn reload(&self, library: usize) {
        self.libraries.post(library, ());
    }

    /// Writes files.
    pub fn save(&self, saving: Box<Saving>) {
        self.file(Files::Save(saving));
    }

    /// Makes JSON.
    pub fn json(&self, explanation: Arc<Explanation>) {
        self.file(Files::Json(explanation));
    }

    fn file(&self, job: Files) {
        self.files.post(self.filed.fetch_add(1, Ordering::Relaxed), job);
    }

    /// The terminal is another one from now on.
    pub fn set_capabilities(&self, capabilities: &Capabilities) {
        *self.capabilities.write().unwrap_or_else(PoisonError::into_inner) = capabilities.clone();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Does what can wait; `wait` stands still while something more urgent is done and says whether to give up.
fn run_later(
    analyst: &dyn Analyst,
    report: &Report,
    job: LaterJob,
    cancelled: &AtomicBool,
    wait: &(dyn Fn() -> bool + Sync),
) {
    match job {
        LaterJob::Tiles(number, questions) => {
            for (tile, question) in questions {
                if wait() {
                    return;
                }
                report(Action::TileProgress(number, tile, 0.0));
                let progress = |done| {
                    report(Action::TileProgress(number, tile, done));
                    wait();
                };
                let watch = Watch::new(cancelled, &progress);
                let result = guarded(|| analyst.explain(&question, &watch)).map(|explanation| {
                    let ranks = Ranks::of(&explanation.shown_map(false));
                    Arc::new(Tiled { explanation: Arc::new(explanation), ranks })
                });
                if !cancelled.load(Ordering::Relaxed) {
                    report(Action::TileExplained(number, tile, result));
                }
            }
        }
        LaterJob::Predict(number, pictures, model) => {
            let watch = Watch::new(cancelled, &|_| {});
            for id in pictures {
                if wait() {
                    return;
                }
                let result = guarded(|| analyst.predict(id, model, &watch));
                report(Action::Predicted(number, id, result));
            }
        }
        LaterJob::Measure(answers) => {
            let watch = Watch::new(cancelled, &|_| {});
            for answer in answers {
                if wait() {
                    return;
                }
                let result = guarded(|| analyst.measure(&answer, &watch)).map(Arc::new);
                if !cancelled.load(Ordering::Relaxed) {
                    report(Action::Measured(Box::new(answer.question.clone()), result));
                }
            }
        }
        LaterJob::Prefetch(pictures, model) => {
            let watch = Watch::new(cancelled, &|_| {});
            for id in pictures {
                if wait() {
                    return;
                }
                // Whether it can be done is told when it is asked for.
                let _ = guarded(|| analyst.predict(id, model, &watch));
            }
        }
    }
}

fn encode_scene(
    developer: &mut Developer,
    scene: &Scene,
    terminal: &Capabilities,
    plan: Plan,
) -> Result<Encoded, String> {
    let image = developer.develop(scene, (plan.width, plan.height));
    picture::encode_as(&image, terminal, plan)
}

/// Runs a job; a panic in it becomes its error.
fn guarded<T>(job: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(format!("camtui made a mistake here and has gone on without this: {message}"))
    })
}

#[cfg(test)]
mod tests;
