//! Explainers that do to their process what no plugin may, one thing each; and some that behave.

use std::ffi::{c_int, c_void};

use camtui_plugin::{Description, Error, Explainer, Level, Map, Params, Rule, Session};

unsafe extern "C" {
    fn abort() -> !;
    fn exit(code: c_int) -> !;
    fn close(fd: c_int) -> c_int;
    fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize;
    fn chdir(path: *const u8) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn malloc(count: usize) -> *mut u8;
    fn puts(text: *const u8) -> c_int;
    fn getpid() -> c_int;
}

macro_rules! explainer {
    ($name:ident, $id:literal, |$session:ident| $body:expr) => {
        struct $name;
        impl Explainer for $name {
            fn describe() -> Description {
                Description::new($id, $id)
            }
            fn explain(&self, $session: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
                $body
            }
        }
    };
}

fn map() -> Map {
    Map::new(1, 3, vec![1.0, -2.0, 3.0])
}

fn deep(levels: u64) -> u64 {
    let room = std::hint::black_box([levels; 1000]);
    if levels == 0 { 0 } else { deep(levels - 1) + std::hint::black_box(room)[7] }
}

explainer!(Fine, "fine", |_session| Ok(map()));

// All that can be asked, twice, so that a value that was kept shows if it is another.
explainer!(AsksAll, "asks-all", |session| {
    let layers = session.layers()?;
    let (conv, pooled) = (&layers[1], &layers[2]);
    let seed = [0.5, -1.0, 2.0];
    let input = session.input()?;
    let inputs: Vec<f32> = input.data().iter().chain(input.data()).map(|x| x * 0.5).collect();
    let mut all = vec![session.random_seed() as f32, session.target().unwrap_or(99) as f32];
    for _ in 0..2 {
        for view in [
            session.input()?,
            session.logits()?,
            session.seed()?,
            session.activation(conv)?,
            session.activation(pooled)?,
            session.gradient(conv)?,
            session.gradient(pooled)?,
            session.gradient_of(pooled, &seed, Rule::Guided)?,
            session.gradient_of(pooled, &seed, Rule::Plain)?,
            session.gradient_of(camtui_plugin::Place::Image, &seed, Rule::Plain)?,
            session.forward(&[2, 3, 4, 4], &inputs)?,
            session.pixel_range()?,
            session.linear_head()?.weights,
        ] {
            all.push(view.shape().len() as f32);
            all.extend(view.data());
        }
        let tail = session.activation(pooled)?;
        all.extend(session.forward_from(pooled, tail.shape(), tail.data())?.data());
    }
    session.progress(0.5)?;
    session.log(Level::Warning, "halfway\x1b");
    let said = |error: Error| error.to_string();
    let refusals = [
        session.forward_from(conv, &[1, 4, 5, 6], &[0.0; 120]).map_err(said),
        session.layer_bias(conv).map_err(said),
        session.gradient(&layers[3]).map_err(said),
        session.gradient_from(pooled, &[1, 4, 2, 3], &[0.0; 24], &[0.0; 3], Rule::Plain).map_err(said),
        session.forward(&[1, 2], &[0.0; 2]).map_err(said),
    ];
    let text: Vec<String> = refusals.into_iter().map(|refused| refused.err().unwrap_or_default()).collect();
    Ok(Map::new(1, all.len(), all).with_note(text.join(" | ")))
});

explainer!(Crashes, "crashes", |_session| {
    unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) };
    Ok(map())
});
explainer!(Aborts, "aborts", |_session| unsafe { abort() });
explainer!(Exits, "exits", |_session| unsafe { exit(0) });
explainer!(Loops, "loops", |_session| loop {
    std::hint::spin_loop();
});
explainer!(Overflows, "overflows", |_session| Ok(Map::new(1, 1, vec![deep(1 << 40) as f32])));
explainer!(Hoards, "hoards", |_session| {
    let mut kept: Vec<Vec<u8>> = vec![];
    loop {
        kept.push(vec![1; 64 << 20]);
        std::hint::black_box(&kept);
    }
});
explainer!(HoardsInC, "hoards-in-c", |_session| loop {
    let room = unsafe { malloc(16 << 20) };
    for page in 0..(16 << 20) / 4096 {
        unsafe { room.add(page * 4096).write_volatile(1) };
    }
});
explainer!(Closes, "closes", |_session| {
    for fd in 3..1024 {
        unsafe { close(fd) };
    }
    session_goes_on()
});
explainer!(Babbles, "babbles", |_session| {
    // One of them is the socket that the program is reached by.
    for fd in 3..200 {
        unsafe { write(fd, [0xffu8; 64].as_ptr().cast(), 64) };
    }
    session_goes_on()
});
explainer!(Prints, "prints", |_session| {
    println!("hello\x1b[2J");
    println!("again");
    Ok(map())
});
explainer!(PrintsInC, "prints-in-c", |_session| {
    unsafe { puts(c"from c".as_ptr().cast()) };
    Ok(map())
});
explainer!(Moves, "moves", |_session| {
    unsafe { chdir(c"/usr".as_ptr().cast()) };
    Ok(map())
});
explainer!(Deafens, "deafens", |_session| {
    unsafe { signal(15, 1) };
    Ok(map())
});
explainer!(Spawns, "spawns", |_session| {
    for _ in 0..2 {
        std::thread::spawn(|| loop {
            std::thread::park();
        });
    }
    Ok(map())
});
explainer!(Joins, "joins", |_session| {
    let threads: Vec<_> = (0..8).map(|n| std::thread::spawn(move || n)).collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    Ok(Map::new(1, 1, vec![sum as f32]))
});
explainer!(Patient, "patient", |session| loop {
    std::thread::sleep(std::time::Duration::from_millis(2));
    session.progress(0.5)?;
});
explainer!(Tells, "tells", |_session| Ok(Map::new(1, 1, vec![unsafe { getpid() } as f32])));
// What there is of the user's surroundings: input, the terminal's name, variables.
explainer!(Looks, "looks", |_session| {
    let mut read = vec![];
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut read).unwrap();
    let terminal = std::fs::File::open("/dev/tty").is_ok();
    let variables: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let folder = std::env::current_dir().unwrap();
    let seen = vec![read.len() as f32, f32::from(u8::from(terminal))];
    Ok(Map::new(1, 2, seen).with_note(variables.join(" ")).with_note(folder.display().to_string()))
});
explainer!(Infinite, "infinite", |_session| Ok(Map::new(1, 1, vec![f32::INFINITY])));
explainer!(Panics, "panics", |_session| panic!("out of luck"));

/// Shows what there is of its map three times, and gives what the map is the sum of.
struct Converges;

impl Explainer for Converges {
    fn describe() -> Description {
        Description::new("converges", "converges").gives_terms()
    }
    fn explain(&self, session: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        for n in 1..=3 {
            session.partial(|| Some(Map::new(1, 2, vec![n as f32, -1.0])));
        }
        let map = Map::new(1, 2, vec![4.0, -1.0]).with_channel("more", 1, 1, vec![7.0]);
        Ok(if session.wants_terms() { map.with_terms(vec![1.0, 2.0, 3.0, -3.0]) } else { map })
    }
}

/// Shows what cannot be, which is no matter, and then gives terms that cannot be, which is.
struct Misleads;

impl Explainer for Misleads {
    fn describe() -> Description {
        Description::new("misleads", "misleads").gives_terms()
    }
    fn explain(&self, session: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        session.partial(|| Some(Map::new(1, 2, vec![f32::NAN, 0.0])));
        session.partial(|| Some(Map::new(2, 2, vec![0.0])));
        Ok(map().with_terms(vec![1.0, 2.0, 3.0, 4.0]))
    }
}

fn session_goes_on() -> Result<Map, Error> {
    Ok(map())
}

camtui_plugin::export!(
    Fine, AsksAll, Crashes, Aborts, Exits, Loops, Overflows, Hoards, HoardsInC, Closes, Babbles, Prints, PrintsInC,
    Moves, Deafens, Spawns, Joins, Patient, Tells, Looks, Infinite, Panics, Converges, Misleads,
);
