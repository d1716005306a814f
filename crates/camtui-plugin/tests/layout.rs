//! The Rust structs and the header describe the same memory: numbers that are frozen for version 1, and a C
//! compiler's own view of the header where there is one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use camtui_plugin::abi;

/// A struct's C name, its size and alignment, and its fields.
type Layout = (&'static str, usize, usize, Vec<Field>);

/// A field's name, offset, size and alignment.
type Field = (&'static str, usize, usize, usize);

/// Size and alignment of the field that `_path` leads to.
fn extent<T, F>(_path: impl Fn(&T) -> &F) -> (usize, usize) {
    (size_of::<F>(), align_of::<F>())
}

macro_rules! layouts {
    ($($rust:ident $c:literal { $($field:ident),+ })+) => {
        vec![$((
            $c,
            size_of::<abi::$rust>(),
            align_of::<abi::$rust>(),
            vec![$({
                let (size, align) = extent(|whole: &abi::$rust| &whole.$field);
                (stringify!($field), offset_of!(abi::$rust, $field), size, align)
            }),+],
        )),+]
    };
}

fn layouts() -> Vec<Layout> {
    layouts! {
        Text "camtui_text" { data, len }
        Tensor "camtui_tensor" { size, rank, data, shape }
        Layer "camtui_layer" { size, rank, name, shape, has_gradient, reserved }
        Param "camtui_param" {
            size, kind, key, help, bounded, bool_default, reserved, int_min, int_max, int_default, float_min, float_max,
            float_default, text_default, choices, choice_count, reserved2
        }
        Value "camtui_value" { size, kind, integer, number, text }
        Values "camtui_values" { size, count, values }
        Explainer "camtui_explainer" {
            size, needs, id, name, version, summary, reference, rectify, class_agnostic, gives_terms, reserved, param_count,
            params, context, explain, get_extension
        }
        Host "camtui_host" { size, abi_minor, name, version, log, get_extension }
        Session "camtui_session" {
            size, classes, host, target, random_seed, layer_count, chosen_layer, layer_was_named, wants_terms, reserved, input,
            logits, seed, layer, activation, gradient, forward, forward_from, gradient_at, gradient_from, layer_bias, linear_head,
            pixel_range, last_error, progress, cancelled, log, get_extension, wants_partial, partial,
            scope, end_scope
        }
        Sink "camtui_sink" { size, reserved, host, map, channel, layer, note, error, get_extension, terms }
        Entry "camtui_entry" {
            magic, abi_major, abi_minor, size, reserved, initialise, explainer_count, explainer, get_extension
        }
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_layout_of_version_1_0_is_frozen() {
    let frozen: [(&str, usize, &[usize]); 11] = [
        ("camtui_text", 16, &[0, 8]),
        ("camtui_tensor", 80, &[0, 4, 8, 16]),
        ("camtui_layer", 96, &[0, 4, 8, 24, 88, 89]),
        ("camtui_param", 128, &[0, 4, 8, 24, 40, 41, 42, 48, 56, 64, 72, 80, 88, 96, 112, 120, 124]),
        ("camtui_value", 40, &[0, 4, 8, 16, 24]),
        ("camtui_values", 16, &[0, 4, 8]),
        ("camtui_explainer", 128, &[0, 4, 8, 24, 40, 56, 72, 88, 89, 90, 91, 92, 96, 104, 112, 120]),
        ("camtui_host", 56, &[0, 4, 8, 24, 40, 48]),
        (
            "camtui_session",
            224,
            &[
                0, 4, 8, 16, 24, 32, 36, 40, 41, 42, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136,
                144, 152, 160, 168, 176, 184, 192, 200, 208, 216,
            ],
        ),
        ("camtui_sink", 72, &[0, 4, 8, 16, 24, 32, 40, 48, 56, 64]),
        ("camtui_entry", 56, &[0, 8, 12, 16, 20, 24, 32, 40, 48]),
    ];
    let found = layouts();
    assert_eq!(found.len(), frozen.len());
    for ((name, size, align, fields), (frozen_name, frozen_size, offsets)) in found.iter().zip(frozen) {
        assert_eq!((*name, *size, *align), (frozen_name, frozen_size, 8));
        let found: Vec<usize> = fields.iter().map(|(_, offset, ..)| *offset).collect();
        assert_eq!(found, offsets, "{name}");
    }
}

/// What both sides must agree in, as facts that a compiler checks; one that does not hold names itself in its error.
fn facts(assert: &str, align_of: &str, type_of: fn(&str, &str) -> String) -> String {
    let mut source = String::from("#include \"camtui_plugin.h\"\n");
    let mut fact =
        |fact: String| writeln!(source, "{assert}({fact}, \"{}\");", fact.replace('"', "")).unwrap();
    for (name, size, align, fields) in layouts() {
        fact(format!("sizeof({name}) == {size}"));
        fact(format!("{align_of}({name}) == {align}"));
        for (field, offset, size, align) in fields {
            let its_type = type_of(name, field);
            fact(format!("offsetof({name}, {field}) == {offset}"));
            fact(format!("sizeof({its_type}) == {size}"));
            fact(format!("{align_of}({its_type}) == {align}"));
        }
    }
    for (name, value) in CONSTANTS {
        fact(format!("CAMTUI_{name} == {value}u"));
    }
    source.push_str("const unsigned char magic[8] = CAMTUI_MAGIC;\n#include <stdio.h>\n");
    source.push_str("int main(void) { return fwrite(magic, 1, 8, stdout) == 8 ? 0 : 1; }\n");
    source
}

const CONSTANTS: [(&str, u32); 26] = [
    ("ABI_MAJOR", abi::ABI_MAJOR),
    ("ABI_MINOR", abi::ABI_MINOR),
    ("OK", abi::OK),
    ("FAILED", abi::FAILED),
    ("NOT_SUPPORTED", abi::NOT_SUPPORTED),
    ("CANCELLED", abi::CANCELLED),
    ("INVALID", abi::INVALID),
    ("IMAGE", abi::IMAGE),
    ("NO_LAYER", abi::NO_LAYER),
    ("RULE_PLAIN", abi::RULE_PLAIN),
    ("RULE_GUIDED", abi::RULE_GUIDED),
    ("NEEDS_ACTIVATIONS", abi::NEEDS_ACTIVATIONS),
    ("NEEDS_GRADIENTS", abi::NEEDS_GRADIENTS),
    ("NEEDS_FORWARD", abi::NEEDS_FORWARD),
    ("NEEDS_BIASED_GRADIENTS", abi::NEEDS_BIASED_GRADIENTS),
    ("NEEDS_EXACT_ACTIVATIONS", abi::NEEDS_EXACT_ACTIVATIONS),
    ("PARAM_BOOL", abi::PARAM_BOOL),
    ("PARAM_INT", abi::PARAM_INT),
    ("PARAM_FLOAT", abi::PARAM_FLOAT),
    ("PARAM_CHOICE", abi::PARAM_CHOICE),
    ("PARAM_STRING", abi::PARAM_STRING),
    ("LOG_DEBUG", abi::LOG_DEBUG),
    ("LOG_INFO", abi::LOG_INFO),
    ("LOG_WARNING", abi::LOG_WARNING),
    ("LOG_ERROR", abi::LOG_ERROR),
    ("MAX_RANK", abi::MAX_RANK as u32),
];

/// Compiles facts as `FILE` with the compiler that `variable` names, and says what the program prints.
fn compiled(variable: &str, usual: &str, standard: &str, file: &str, source: &str) -> Option<Vec<u8>> {
    let compiler = std::env::var(variable).unwrap_or_else(|_| usual.into());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: there is no compiler `{compiler}`");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(file.replace('.', "-"));
    let file = folder.join(file);
    std::fs::write(&file, source).unwrap();
    let made = Command::new(&compiler)
        .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .arg(&file)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(Command::new(&program).output().unwrap().stdout)
}

#[test]
fn a_c_compiler_sees_the_same_layout_and_constants() {
    // A field's type is not spelled in ISO C of 2011; both gcc and clang know `__typeof__`.
    let source =
        facts("_Static_assert", "_Alignof", |name, field| format!("__typeof__((({name} *)0)->{field})"));
    assert!(source.matches("_Static_assert").count() > 300);
    let printed = compiled("CC", "cc", "-std=c11", "layout.c", &source);
    assert!(printed.is_none_or(|printed| printed == abi::MAGIC));
}

#[test]
fn a_cxx_compiler_sees_the_same_and_can_export_an_explainer() {
    let mut source = facts("static_assert", "alignof", |name, field| format!("decltype({name}::{field})"));
    source.push_str(
        "static camtui_status explain(const camtui_explainer *, const camtui_session *session, const camtui_values *,\n\
         const camtui_sink *sink) {\n\
             camtui_tensor input = CAMTUI_TENSOR_INIT;\n\
             camtui_status status = session->input(session, &input);\n\
             if (status != CAMTUI_OK) return camtui_pass_on(session, sink, status);\n\
             return CAMTUI_COVERS(session, camtui_session, log) ? CAMTUI_OK : camtui_fail(sink, CAMTUI_FAILED, \"old\");\n\
         }\n\
         static const camtui_explainer explainers[] = { {\n\
             sizeof(camtui_explainer), CAMTUI_NEEDS_FORWARD, CAMTUI_TEXT(\"x\"), CAMTUI_TEXT(\"X\"), CAMTUI_TEXT(\"1\"),\n\
             CAMTUI_TEXT(\"\"), CAMTUI_TEXT(\"\"), 0, 0, 0, { 0 }, 0, nullptr, nullptr, explain, nullptr,\n\
         } };\n\
         CAMTUI_EXPLAINERS(explainers)\n",
    );
    let printed = compiled("CXX", "c++", "-std=c++17", "layout.cpp", &source);
    assert!(printed.is_none_or(|printed| printed == abi::MAGIC));
}

#[test]
fn the_header_names_every_field_in_the_order_of_the_layout() {
    let header =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/camtui_plugin.h"))
            .unwrap();
    for (name, _, _, fields) in layouts() {
        let start = header
            .find(&format!("struct {name} {{"))
            .unwrap_or_else(|| panic!("the header has no struct {name}"));
        let body = &header[start..start + header[start..].find("\n}").unwrap()];
        // Pointers, arrays and function pointers alike: how many declarations end there.
        let declared = strip_comments(body).matches(';').count();
        assert_eq!(declared, fields.len(), "{name} has fields on one side only");
    }
}

fn strip_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out + rest
}
