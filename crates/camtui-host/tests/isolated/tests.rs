//! The tests themselves.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use camtui_host::{
    Asked, ExplainError, Explainer, Isolation, Library, Output, Params, Registry, Request, on_log, run,
};

use crate::toy::{Toy, ask, ask_with, built, class, plugin, registry};

/// First word of a child's command line.
pub const CHILD: &str = "run-a-plugin";

/// First word of a program that is killed while its child works.
pub const HOLDER: &str = "be-killed";

const TESTS: &[(&str, fn())] = &[
    ("both_ways_give_the_same_bits", both_ways_give_the_same_bits),
    ("everything_can_be_asked_from_afar", everything_can_be_asked_from_afar),
    ("maps_converge_and_terms_come_from_afar", maps_converge_and_terms_come_from_afar),
    ("a_child_stays_warm", a_child_stays_warm),
    ("deaths_are_sentences_and_the_next_call_works", deaths_are_sentences_and_the_next_call_works),
    ("memory_has_a_limit", memory_has_a_limit),
    ("silence_has_an_end", silence_has_an_end),
    ("cancelling_ends_a_call_within_a_second", cancelling_ends_a_call_within_a_second),
    ("complaints_come_with_the_map", complaints_come_with_the_map),
    ("several_calls_at_once", several_calls_at_once),
    ("nothing_of_the_users_surroundings_is_seen", nothing_of_the_users_surroundings_is_seen),
    ("no_child_outlives_a_killed_program", no_child_outlives_a_killed_program),
    ("what_fails_in_order_fails_as_ever", what_fails_in_order_fails_as_ever),
    ("what_is_no_plugin_is_refused_as_ever", what_is_no_plugin_is_refused_as_ever),
];

/// Runs one.
fn one(name: &str, test: fn()) -> bool {
    print!("test {name} ... ");
    let done = catch_unwind(AssertUnwindSafe(test)).is_ok();
    println!("{}", if done { "ok" } else { "FAILED" });
    done
}

/// Runs those that are asked for.
pub fn all(args: &[OsString]) -> ExitCode {
    let words: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if words.iter().any(|word| word == "--list") {
        for (name, _) in TESTS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let words: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let failed = TESTS.iter().filter(|(name, test)| wanted(name) && !one(name, *test)).count();
    ExitCode::from(u8::from(failed > 0))
}

fn isolation() -> Isolation {
    Isolation::new(std::env::current_exe().unwrap(), vec![CHILD.into()])
}

fn apart() -> &'static PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| plugin("apart", "all"));
    &BUILT
}

fn isolated(isolation: Isolation) -> Registry {
    registry(Library::isolated(apart(), Asked::ByFile, &Arc::new(isolation)).unwrap().0)
}

fn find<'a>(registry: &'a Registry, id: &str) -> &'a Arc<Explainer> {
    registry.find(id).unwrap()
}

fn sentence(registry: &Registry, id: &str) -> String {
    let explainer = find(registry, id);
    let error = ask(explainer, &Toy::default(), None, &class(0)).unwrap_err();
    assert!(error.is_the_explainers_fault(), "{error:?}");
    let sentence = error.to_string();
    assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
    sentence
}

fn ended(registry: &Registry, id: &str) -> String {
    let says = sentence(registry, id);
    let head =
        format!("the plugin `apart_all` ({}) ended in `{id}`: ", apart().canonicalize().unwrap().display());
    says.strip_prefix(&head).unwrap_or_else(|| panic!("{says}")).to_owned()
}

fn fine(registry: &Registry) {
    let output = ask(find(registry, "fine"), &Toy::default(), None, &class(0)).unwrap();
    assert_eq!(output.map.values, [1.0, -2.0, 3.0]);
    assert_eq!(output.complaints, Vec::<String>::new());
}

/// The process that answers.
fn pid(registry: &Registry) -> f32 {
    ask(find(registry, "tells"), &Toy::default(), None, &class(0)).unwrap().map.values[0]
}

fn bits(result: Result<Output, ExplainError>) -> String {
    let output = result.map(|output| {
        let bits: Vec<u32> = output.map.values.iter().map(|v| v.to_bits()).collect();
        (output.map.height, output.map.width, bits, output.notes, output.layer, output.channels)
    });
    format!("{output:?}")
}

fn both_ways_give_the_same_bits() {
    let path = built("camtui-standard");
    let (here, _) = Library::load(&path, Asked::ByFile).unwrap();
    let (there, _) = Library::isolated(&path, Asked::ByFile, &Arc::new(isolation())).unwrap();
    let (here, there) = (registry(here), registry(there));
    assert_eq!((here.explainers().len(), there.explainers().len()), (30, 30));
    let toy = Toy::default();
    for (id, here) in here.explainers() {
        let there = find(&there, id);
        assert!(there.is_isolated() && !here.is_isolated());
        assert_eq!((here.info(), here.origin()), (there.info(), there.origin()));
        for layer in [None, Some("conv"), Some("pooled"), Some("early"), Some("flat")] {
            for seed in [class(0), vec![0.2, 0.3, 0.5]] {
                assert_eq!(bits(ask(here, &toy, layer, &seed)), bits(ask(there, &toy, layer, &seed)), "{id}");
            }
        }
    }
}

fn everything_can_be_asked_from_afar() {
    let (here, _) = Library::load(apart(), Asked::ByFile).unwrap();
    let (here, there) = (registry(here), isolated(isolation()));
    let toy = Toy::default();
    let logged = Mutex::new(vec![]);
    let answers = [&here, &there].map(|registry| {
        let explainer = find(registry, "asks-all");
        let log = |level, line: &str| logged.lock().unwrap().push(format!("{level:?} {line}"));
        let params = Params::defaults(explainer.info());
        let output = ask_with(explainer, &toy, Some("pooled"), &class(1), &params, &log).unwrap();
        assert_eq!(output.complaints, Vec::<String>::new());
        assert!(
            output.notes[0].contains("the toy has no tail after conv | camtui itself panicked"),
            "{output:?}"
        );
        bits(Ok(output))
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(*logged.lock().unwrap(), [r"Warning halfway\u{1b}"; 2]);
}

/// Where somebody watches, and where nobody does.
fn maps_converge_and_terms_come_from_afar() {
    let here = registry(Library::load(apart(), Asked::ByFile).unwrap().0);
    let there = isolated(isolation());
    let (toy, seed) = (Toy::default(), class(0));
    for registry in [&here, &there] {
        let asked = |id: &str, terms: bool, every: Option<Duration>| {
            let explainer = find(registry, id);
            let shown = Mutex::new(Vec::new());
            let show = |grid: camtui_host::Grid| shown.lock().unwrap().push(grid.values);
            let request = Request {
                layer: None,
                target: Some(0),
                seed: &seed,
                params: &Params::defaults(explainer.info()),
                random_seed: 0,
                cancel: &AtomicBool::new(false),
                progress: &|_| {},
                terms,
                partial: every.map(|every| camtui_host::Partials { every, show: &show }),
                log: &|_, _| {},
            };
            let output = run(explainer, &toy, &request);
            (output, shown.into_inner().unwrap())
        };
        let (alone, nothing) = asked("converges", false, None);
        let (all, shown) = asked("converges", true, Some(Duration::ZERO));
        let (alone, all) = (alone.unwrap(), all.unwrap());
        assert!(nothing.is_empty() && alone.terms.is_none());
        assert_eq!(shown, [[1.0, -1.0], [2.0, -1.0], [3.0, -1.0]]);
        let terms = all.terms.clone().unwrap();
        assert_eq!((terms.height, terms.width, terms.values), (1, 2, vec![1.0, 2.0, 3.0, -3.0]));
        assert_eq!(Output { terms: None, ..all }, alone);
        // Too soon after the call began.
        assert!(asked("converges", false, Some(Duration::from_mins(1))).1.is_empty());

        let (misled, shown) = asked("misleads", true, Some(Duration::ZERO));
        assert!(shown.is_empty(), "{shown:?}");
        assert!(misled.unwrap_err().to_string().contains("planes of 1×3 but come with 4 values"));
        // Terms that nobody wants are not looked at.
        assert!(asked("misleads", false, None).0.is_ok());
    }
}

fn a_child_stays_warm() {
    let registry = isolated(isolation());
    let first = pid(&registry);
    for _ in 0..20 {
        fine(&registry);
    }
    assert_eq!(pid(&registry).to_bits(), first.to_bits());
    assert_ne!(first as u32, std::process::id());
    // Failing in order is no reason for a new one.
    assert!(sentence(&registry, "panics").starts_with("`panics`: it panicked: out of luck"));
    assert_eq!(pid(&registry).to_bits(), first.to_bits());
    sentence(&registry, "crashes");
    assert_ne!(pid(&registry).to_bits(), first.to_bits());
}

fn deaths_are_sentences_and_the_next_call_works() {
    let registry = isolated(isolation());
    let cases = [
        ("crashes", "segmentation fault (signal 11)"),
        ("aborts", "aborted (signal 6)"),
        ("exits", "it left the process (exit code 0)"),
        ("overflows", "stack overflow (signal 6)"),
        ("closes", "it closed descriptors that are not its own"),
        ("babbles", "it broke the protocol: it announced a message longer than any"),
    ];
    for (id, what) in cases {
        assert_eq!(ended(&registry, id), what, "{id}");
        fine(&registry);
    }
}

fn memory_has_a_limit() {
    let registry = isolated(Isolation { memory: 512 << 20, ..isolation() });
    for (id, end) in [("hoards", "aborted (signal 6)"), ("hoards-in-c", "segmentation fault (signal 11)")] {
        let limit = "it went over its memory limit of 512 MiB (`plugin_memory` sets it): ";
        assert_eq!(ended(&registry, id), format!("{limit}{end}"), "{id}");
        fine(&registry);
    }
}

fn silence_has_an_end() {
    let registry = isolated(Isolation { silence: Duration::from_millis(300), ..isolation() });
    let says = "it gave no sign of life for 0.3 s and was stopped (`plugin_timeout` allows more)";
    assert_eq!(ended(&registry, "loops"), says);
    fine(&registry);
}

fn cancelled_after(registry: &Registry, id: &str, wait: Duration) -> Duration {
    let (explainer, toy) = (find(registry, id), Toy::default());
    let cancel = AtomicBool::new(false);
    let params = Params::defaults(explainer.info());
    let seed = class(0);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let request = Request {
                layer: None,
                target: None,
                seed: &seed,
                params: &params,
                random_seed: 0,
                cancel: &cancel,
                progress: &|_| {},
                terms: false,
                partial: None,
                log: &|_, _| {},
            };
            run(explainer, &toy, &request)
        });
        std::thread::sleep(wait);
        cancel.store(true, Ordering::Relaxed);
        let cancelled = Instant::now();
        assert_eq!(asking.join().unwrap(), Err(ExplainError::Cancelled));
        cancelled.elapsed()
    })
}

fn cancelling_ends_a_call_within_a_second() {
    let registry = isolated(isolation());
    for (id, wait) in [("loops", 100), ("patient", 100), ("loops", 0)] {
        let took = cancelled_after(&registry, id, Duration::from_millis(wait));
        assert!(took < Duration::from_secs(1), "{id}: {took:?}");
        fine(&registry);
    }
}

fn complaints_come_with_the_map() {
    static LINES: Mutex<Vec<String>> = Mutex::new(vec![]);
    on_log(|_, line| LINES.lock().unwrap().push(line.into()));
    let registry = isolated(isolation());
    let complaint = |id: &str| {
        let output = ask(find(&registry, id), &Toy::default(), None, &class(0)).unwrap();
        assert_eq!(output.map.values, [1.0, -2.0, 3.0]);
        let head = format!("the plugin `apart_all` in `{id}`: ");
        assert_eq!(output.complaints.len(), 1, "{id}: {output:?}");
        output.complaints[0].strip_prefix(&head).unwrap_or_else(|| panic!("{output:?}")).to_owned()
    };
    assert_eq!(complaint("prints"), r"wrote on standard output (“hello\u{1b}[2J”, … 2 lines)");
    assert_eq!(complaint("prints-in-c"), "wrote on standard output (“from c”)");
    let lines = LINES.lock().unwrap().clone();
    assert!(lines.contains(&r"apart_all printed: hello\u{1b}[2J".to_owned()), "{lines:?}");
    if cfg!(target_os = "linux") {
        let first = pid(&registry);
        assert_eq!(complaint("moves"), "changed the working directory to /usr");
        assert_ne!(pid(&registry).to_bits(), first.to_bits());
        assert_eq!(complaint("deafens"), "changed what happens on SIGTERM");
        assert_eq!(complaint("spawns"), "left 2 threads running");
        // Threads that were waited for are none.
        let output = ask(find(&registry, "joins"), &Toy::default(), None, &class(0)).unwrap();
        assert_eq!((output.map.values[0].to_bits(), output.complaints), (28f32.to_bits(), vec![]));
    }
    fine(&registry);
}

fn several_calls_at_once() {
    let registry = isolated(Isolation { children: 2, ..isolation() });
    std::thread::scope(|scope| {
        for n in 0..6 {
            let registry = &registry;
            scope.spawn(move || {
                for _ in 0..5 {
                    if n == 0 {
                        assert_eq!(ended(registry, "crashes"), "segmentation fault (signal 11)");
                    }
                    fine(registry);
                }
            });
        }
    });
    fine(&registry);
}

fn what_fails_in_order_fails_as_ever() {
    let (here, _) = Library::load(apart(), Asked::ByFile).unwrap();
    let (here, there) = (registry(here), isolated(isolation()));
    for id in ["infinite", "panics"] {
        assert_eq!(sentence(&here, id), sentence(&there, id));
    }
}

fn what_is_no_plugin_is_refused_as_ever() {
    let isolation = Arc::new(isolation());
    let refused = |path: &std::path::Path| {
        let here = Library::load(path, Asked::ByFile).unwrap_err().to_string();
        assert_eq!(Library::isolated(path, Asked::ByFile, &isolation).unwrap_err().to_string(), here);
        here
    };
    refused(std::path::Path::new("/dev/null"));
    refused(&std::env::current_exe().unwrap());
    let says = refused(&plugin("panics", "describe"));
    assert!(says.ends_with("explainer 1 has no description"), "{says}");
    let none = Isolation::new("/nowhere/at/all".into(), vec![]);
    let says = Library::isolated(apart(), Asked::ByFile, &Arc::new(none)).unwrap_err().to_string();
    assert!(says.starts_with("no process could be started to run "), "{says}");
}

fn nothing_of_the_users_surroundings_is_seen() {
    let registry = isolated(Isolation { confine: false, ..isolation() });
    let output = ask(find(&registry, "looks"), &Toy::default(), None, &class(0)).unwrap();
    // No byte of input, no terminal, also where these tests have one.
    assert_eq!(output.map.values, [0.0, 0.0]);
    assert_eq!((output.notes[1].as_str(), output.complaints), ("/", vec![]));
    let here: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let there: Vec<&str> = output.notes[0].split(' ').collect();
    assert!(there.len() < here.len() && !there.iter().any(|name| name.starts_with("CARGO")), "{there:?}");
    assert_eq!(there.contains(&"PATH"), here.iter().any(|name| name == "PATH"));
}

/// Starts a child, says who it is, and keeps it busy.
pub fn hold(library: &Path) -> ExitCode {
    let (library, _) = Library::isolated(library, Asked::ByFile, &Arc::new(isolation())).unwrap();
    let registry = registry(library);
    println!("{}", pid(&registry));
    let _ = ask(find(&registry, "loops"), &Toy::default(), None, &class(0));
    ExitCode::FAILURE
}

fn no_child_outlives_a_killed_program() {
    if !cfg!(target_os = "linux") {
        return print!("skipped: only Linux tells a process of its parent's end ... ");
    }
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .arg(HOLDER)
        .arg(apart())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let stat = format!("/proc/{}/stat", line.trim());
    let is = |state: &str| fs::read_to_string(&stat).is_ok_and(|text| text.contains(state));
    let wait_until = |reached: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !reached() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", fs::read_to_string(&stat));
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    // At work: one that waits for orders would see the end of its line.
    wait_until(&|| is(") R"));
    holder.kill().unwrap();
    holder.wait().unwrap();
    // Gone, or dead and not buried yet: nobody may be there to do it.
    wait_until(&|| !Path::new(&stat).exists() || is(") Z"));
}
