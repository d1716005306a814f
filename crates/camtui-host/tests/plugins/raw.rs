//! Libraries that do one thing wrong each; written against the raw interface, because the SDK
//! would not let them.

use std::ffi::c_void;
use std::ptr::null;

use camtui_plugin::abi::{self, Entry, Explainer, Host, Param, Session, Sink, Text, Values};

/// What a later minor version might look like: the entry goes on after what we know.
#[repr(C)]
pub struct Later {
    entry: Entry,
    unknown: [u64; 4],
}

/// The test writes the variant's name over this in a copy of the library.
#[used]
static VARIANT: [u8; 32] = *b"variant:good....................";

fn is(variant: &str) -> bool {
    // Read as memory, or the compiler would know it already.
    let bytes = unsafe { std::ptr::read_volatile(&VARIANT) };
    let end = bytes.iter().position(|&b| b == b'.').unwrap_or(bytes.len());
    &bytes[8..end] == variant.as_bytes()
}

#[unsafe(no_mangle)]
pub static camtui_plugin_entry: Later = Later {
    entry: Entry {
        magic: abi::MAGIC,
        abi_major: 1,
        abi_minor: 0,
        size: size_of::<Later>() as u32,
        reserved: 0,
        initialise: Some(initialise),
        explainer_count: if cfg!(variant = "no_count") { None } else { Some(count) },
        explainer: if cfg!(variant = "no_explainer") { None } else { Some(explainer) },
        get_extension: None,
    },
    unknown: [!0; 4],
};

unsafe extern "C" fn initialise(host: *const Host) -> u32 {
    let host = unsafe { &*host };
    assert_eq!(unsafe { host.name.bytes() }, b"camtui");
    if is("logs") {
        unsafe { host.log.unwrap()(host, abi::LOG_INFO, Text::of("hello\x1b[2J")) };
    }
    if is("no_start") { abi::FAILED } else { abi::OK }
}

unsafe extern "C" fn count() -> u32 {
    if is("none") {
        0
    } else if is("endless") {
        u32::MAX
    } else {
        2
    }
}

unsafe extern "C" fn explainer(index: u32) -> *const Explainer {
    if is("no_description") {
        return null();
    }
    let id = match index {
        0 => Text::of("first"),
        _ if is("same_ids") => Text::of("first"),
        _ if is("bad_utf8_id") => Text { data: b"a\xff".as_ptr().cast(), len: 2 },
        _ if is("control_id") => Text::of("a\x1b[2J"),
        _ if is("spaced_id") => Text::of("a b"),
        _ if is("no_id") => Text { data: null(), len: 0 },
        _ => Text::of("second"),
    };
    let name = match index {
        1 if is("bad_utf8_name") => Text { data: b"\xc3(".as_ptr().cast(), len: 2 },
        1 => Text::of("Second\x1b[31m\nname\u{202e}"),
        _ => Text::EMPTY,
    };
    let params: &'static [*const Param] = Vec::leak(params());
    Box::leak(Box::new(Explainer {
        size: if is("small_explainer") { 100 } else { size_of::<Explainer>() as u32 },
        needs: !0,
        id,
        name,
        version: Text::of("1"),
        summary: Text::EMPTY,
        reference: Text::EMPTY,
        rectify: 255,
        class_agnostic: 0,
        gives_terms: 0,
        reserved: [0; 1],
        param_count: params.len() as u32,
        params: if is("null_params") { null() } else { params.as_ptr() },
        context: index as usize as *mut c_void,
        explain: if is("no_explain") { None } else { Some(explain) },
        get_extension: None,
    }))
}

fn params() -> Vec<*const Param> {
    let plain = Param {
        size: size_of::<Param>() as u32,
        kind: abi::PARAM_INT,
        key: Text::of("steps"),
        help: Text::EMPTY,
        bounded: 1,
        bool_default: 0,
        reserved: [0; 6],
        int_min: 1,
        int_max: 9,
        int_default: 5,
        float_min: 0.0,
        float_max: 0.0,
        float_default: 0.0,
        text_default: Text::EMPTY,
        choices: null(),
        choice_count: 0,
        reserved2: 0,
    };
    let mut second = Param { key: Text::of("other"), ..plain };
    if is("same_keys") {
        second.key = Text::of("steps");
    } else if is("bad_default") {
        second.int_default = 10;
    } else if is("bad_range") {
        (second.int_min, second.int_max) = (9, 1);
    } else if is("nan_default") {
        (second.kind, second.float_default) = (abi::PARAM_FLOAT, f64::NAN);
    } else if is("no_choices") {
        second.kind = abi::PARAM_CHOICE;
    } else if is("bad_choice") {
        let choices: &'static [Text] = Vec::leak(vec![Text::of("black"), Text::of("white")]);
        (second.kind, second.text_default) = (abi::PARAM_CHOICE, Text::of("red"));
        (second.choices, second.choice_count) = (choices.as_ptr(), 2);
    } else if is("unknown_type") {
        second.kind = 99;
    } else if is("small_param") {
        second.size = 8;
    } else if is("bad_key") {
        second.key = Text::of("a=b");
    }
    let mut list: Vec<*const Param> = vec![Box::leak(Box::new(plain)), Box::leak(Box::new(second))];
    if is("null_param") {
        list[1] = null();
    }
    list
}

/// The first explainer is in order; the second does what only the sink and the status can go wrong in.
unsafe extern "C" fn explain(
    this: *const Explainer,
    session: *const Session,
    values: *const Values,
    sink: *const Sink,
) -> u32 {
    let (this, sink) = unsafe { (&*this, &*sink) };
    assert_eq!(unsafe { (*values).count }, 2);
    let give = |count: u64| unsafe { sink.map.unwrap()(sink, 1, 3, [1.0f32, -2.0, 3.0].as_ptr(), count) };
    if this.context.is_null() {
        return give(3);
    }
    if is("gives_nothing") {
        abi::OK
    } else if is("gives_twice") {
        give(3);
        assert_eq!(give(3), abi::INVALID);
        abi::OK
    } else if is("gives_null") {
        unsafe { sink.map.unwrap()(sink, 1, 3, null(), 3) }
    } else if is("gives_wrong_size") {
        // The lying count is far beyond what is there: nothing of it may be read.
        give(1 << 40);
        abi::OK
    } else if is("gives_overflow") {
        unsafe { sink.map.unwrap()(sink, u32::MAX, u32::MAX, [1.0f32].as_ptr(), 1) };
        abi::OK
    } else if is("gives_and_fails") {
        give(3);
        unsafe { sink.error.unwrap()(sink, Text { data: b"\xffno\x1b".as_ptr().cast(), len: 4 }) };
        abi::FAILED
    } else if is("fails_silently") {
        77
    } else if is("wrong_layer") {
        unsafe { sink.layer.unwrap()(sink, 5) };
        give(3)
    } else if is("bad_calls") {
        // Nonsense arguments are answered, not obeyed.
        let session = unsafe { &*session };
        let mut small = abi::Tensor { size: 8, ..abi::Tensor::EMPTY };
        let mut out = abi::Tensor::EMPTY;
        let absurd =
            abi::Tensor { rank: 4, shape: [u64::MAX; 8], data: [0f32].as_ptr(), ..abi::Tensor::EMPTY };
        let ranked = abi::Tensor { rank: 99, data: [0f32].as_ptr(), ..abi::Tensor::EMPTY };
        let nothing = abi::Tensor::EMPTY;
        unsafe {
            assert_eq!(session.input.unwrap()(session, std::ptr::null_mut()), abi::INVALID);
            assert_eq!(session.input.unwrap()(session, &mut small), abi::INVALID);
            assert_eq!(session.input.unwrap()(null(), &mut out), abi::INVALID);
            assert_eq!(session.activation.unwrap()(session, 5, &mut out), abi::INVALID);
            assert_eq!(session.activation.unwrap()(session, abi::IMAGE, &mut out), abi::INVALID);
            for bad in [&raw const absurd, &raw const ranked, &raw const nothing, &raw const small, null()] {
                assert_eq!(session.forward.unwrap()(session, bad, &mut out), abi::INVALID);
            }
            assert_eq!(session.gradient.unwrap()(session, 2, null(), 9, &mut out), abi::NOT_SUPPORTED);
            let why = session.last_error.unwrap()(session).bytes();
            assert_eq!(why, b"this camtui knows no gradient rule 9");
            assert!(session.get_extension.unwrap()(session, Text::of("never/1")).is_null());
            assert!(out.data.is_null());
        }
        give(3)
    } else {
        give(3)
    }
}
