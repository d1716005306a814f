//! Checkpoints that PyTorch wrote (`tests/goldens/checkpoints.py`), in the forms that are read and those that are not.

use std::{collections::BTreeMap, env, path::PathBuf};

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Expected {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/data/checkpoints")
}

fn refusal(file: &str) -> String {
    read(&folder().join(file)).unwrap_err().problem.to_string()
}

/// Red when strides are ignored (`views.pth`), `_rebuild_parameter` is unknown (`parameters.pth`) or bf16 is read as
/// f16 (`bfloat16.pth`).
#[test]
fn every_form_is_read_as_pytorch_reads_it() {
    let json = fs::read_to_string(folder().join("expected.json")).unwrap();
    let files: BTreeMap<String, BTreeMap<String, Expected>> = serde_json::from_str(&json).unwrap();
    assert_eq!(files.len(), 11);
    for (file, tensors) in files {
        let state = read(&folder().join(&file)).unwrap();
        assert_eq!(state.len(), tensors.len(), "{file}");
        for (name, expected) in tensors {
            let tensor = state.get(&name).unwrap_or_else(|| panic!("{file} lacks {name}"));
            assert_eq!(tensor.shape(), expected.shape, "{file} {name}");
            assert_eq!(tensor.data(), expected.values, "{file} {name}");
        }
    }
}

#[test]
fn order_and_hash_are_the_files() {
    let state = read(&folder().join("plain.pth")).unwrap();
    let names: Vec<_> = state.iter().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["conv.weight", "conv.bias", "bn.weight"]);
    assert_eq!(state.source_sha256().len(), 64);
}

#[test]
fn code_is_refused_by_name() {
    for file in ["system.pth", "system4.pth", "legacy_system.pth"] {
        let says = refusal(file);
        assert!(says.contains("`posix.system`") || says.contains("`nt.system`"), "{file}: {says}");
        assert!(says.contains("Nothing was run"), "{file}: {says}");
    }
    assert!(refusal("module.pth").contains("`torch.nn.modules.linear.Linear`"));

    for pickle in [
        &b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."[..],
        b"\x80\x02(X\x02\x00\x00\x00idios\nsystem\n.",
    ] {
        let says = read_bytes("x.pth", pickle).unwrap_err().to_string();
        assert!(
            says.starts_with("cannot read the weights in x.pth: it asks Python for `os.system`"),
            "{says}"
        );
    }
    let says =
        read_bytes("x.pth", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)\x81.").unwrap_err().to_string();
    assert!(says.contains("the instruction NEWOBJ at byte 36"), "{says}");
}

#[test]
fn other_forms_are_refused_by_name() {
    assert!(refusal("big_endian.pth").contains("big-endian"));
    assert!(refusal("compressed.pth").contains("compressed or encrypted"));
    assert!(refusal("compressed.pth").contains("torch.save(torch.load('IN.pth'"));
    assert!(refusal("complex.pth").contains("tensor weight holds complex64"));
    assert!(refusal("number.pth").contains("what was saved is no dictionary"));
    assert!(refusal("cut_storage.pth").contains("the storage 0 is cut short"));
    assert!(refusal("inflated.pth").contains("its tensors claim 1099511627776 values"));
    let text = read_bytes("notes.txt", b"hello there").unwrap_err().to_string();
    assert!(
        text.contains("neither a PyTorch checkpoint nor a safetensors file; it begins with hello th"),
        "{text}"
    );
    assert!(read_bytes("empty", b"").is_err());
    let missing = read(&folder().join("missing.pth")).unwrap_err().to_string();
    assert!(missing.contains("missing.pth: No such file"), "{missing}");
}

/// Any byte of a checkpoint changed, and any end cut off: an error or other numbers, never a panic or a large allocation.
#[test]
fn damage_is_an_error_and_never_a_panic() {
    for file in ["plain.pth", "legacy.pth", "parameters.pth", "views.pth", "protocol4.pth"] {
        let bytes = fs::read(folder().join(file)).unwrap();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let _ = read_bytes(file, &damaged);
            }
            assert!(read_bytes(file, &bytes[..at]).is_err(), "{file} cut at {at}");
        }
    }
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let mut pickle = b"\x80\x02)".to_vec();
    pickle.extend(std::iter::repeat_n(0x85, 1 << 20));
    pickle.push(b'.');
    assert!(read_bytes("deep", &pickle).is_err());
}

#[test]
fn numbers_in_a_changed_storage_are_noticed() {
    let mut bytes = fs::read(folder().join("plain.pth")).unwrap();
    let needle = (-1.0f32).to_le_bytes();
    let at = bytes.windows(4).position(|window| window == needle).unwrap();
    bytes[at] ^= 1;
    let says = read_bytes("plain.pth", &bytes).unwrap_err().to_string();
    assert!(says.contains("the file is damaged: its zip entry"), "{says}");
}

#[test]
fn safetensors_are_read() {
    let tensors =
        |dtype, data: &'static [u8]| safetensors::tensor::TensorView::new(dtype, vec![2], data).unwrap();
    let file = safetensors::serialize(
        [
            ("half", tensors(safetensors::Dtype::F16, &[0x00, 0x3c, 0x00, 0xc0])),
            ("brain", tensors(safetensors::Dtype::BF16, &[0x80, 0x3f, 0x00, 0xc0])),
        ],
        None,
    )
    .unwrap();
    let state = read_bytes("x.safetensors", &file).unwrap();
    assert_eq!(state.get("half").unwrap().data(), [1.0, -2.0]);
    assert_eq!(state.get("brain").unwrap().data(), [1.0, -2.0]);
    assert!(read_bytes("x.safetensors", &file[..file.len() - 1]).is_err());
}

/// The two real files, where they are: 122 tensors, a network that builds.
#[test]
fn a_whole_checkpoint_builds() {
    let Some(path) = env::var_os("CAMTUI_TEST_CHECKPOINT") else {
        eprintln!("skipped: CAMTUI_TEST_CHECKPOINT is not set");
        return;
    };
    let state = read(path.as_ref()).unwrap();
    assert_eq!(state.len(), 122);
    crate::arch::build(&state).unwrap();
}
