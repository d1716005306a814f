//! Arrays written by NumPy itself are under `tests/data/npy` (by `tests/goldens/npy.py`, which also lets NumPy read the
//! bytes written here).

use super::*;

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/npy").join(name)
}

#[test]
fn every_kind_that_numpy_writes_is_read() {
    // Each file holds arange(24) − 6 (unsigned: without the − 6; booleans: i % 3 == 0) as [2, 3, 4].
    for name in [
        "f2",
        "f4",
        "f8",
        "f4-big",
        "f8-big",
        "f4-fortran",
        "f4-v2",
        "f4-v3",
        "i1",
        "i2-big",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "u8",
        "b1",
    ] {
        let tensor = read(&data(&format!("{name}.npy"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tensor.shape(), [2, 3, 4], "{name}");
        let expected: Vec<f32> = (0..24)
            .map(|i| match &name[..1] {
                "u" => i as f32,
                "b" => f32::from(u8::from(i % 3 == 0)),
                _ => i as f32 - 6.0,
            })
            .collect();
        assert_eq!(tensor.data(), expected, "{name}");
    }
    let scalar = read(&data("scalar.npy")).unwrap();
    assert_eq!((scalar.shape(), scalar.data()), (&[][..], &[2.5][..]));
    let row = read(&data("row.npy")).unwrap();
    assert_eq!((row.shape(), row.data()), (&[3][..], &[0.1, 0.2, 0.3][..]));
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    for (name, said) in [
        ("complex", "values of type \"<c8\""),
        ("record", "records of several fields"),
        ("text", "values of type \"<U3\""),
        ("object", "values of type \"|O\""),
    ] {
        let error = read(&data(&format!("{name}.npy"))).unwrap_err().to_string();
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn what_is_written_is_what_numpy_would_write() {
    // NumPy's own file of the same values, byte for byte.
    for name in ["f4", "row", "scalar"] {
        let path = data(&format!("{name}.npy"));
        assert_eq!(write(&read(&path).unwrap()), std::fs::read(path).unwrap(), "{name}");
    }
}

#[test]
fn values_survive_the_round_trip_bit_for_bit() {
    let values = vec![0.0, -0.0, f32::MIN_POSITIVE, 1e-42, f32::MAX, f32::NEG_INFINITY, 1.0 / 3.0, 3e-4];
    let tensor = Tensor::new([1, 2, 4], values).unwrap();
    let back = read_bytes(&write(&tensor)).unwrap();
    assert_eq!(back.shape(), tensor.shape());
    let bits = |t: &Tensor| t.data().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back), bits(&tensor));
}

/// A version 1 file with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
}

#[test]
fn damaged_files_say_what_is_wrong() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    assert!(read_bytes(&file(good, &[0; 8])).is_ok());
    for (bytes, said) in [
        (b"PNG".to_vec(), "no NumPy array"),
        (MAGIC.to_vec(), "ends within"),
        ([MAGIC, &[9, 1, 0, 0]].concat(), "version 9.1"),
        ([MAGIC, &[2, 0, 255, 255, 255, 255]].concat(), "claims 4294967295 bytes"),
        (file(good, &[0; 7]), "needs 8 bytes of data, and has 7"),
        (file(good, &[0; 9]), "needs 8 bytes of data, and has 9"),
        (file("{'descr': '<f4', 'fortran_order': False}", &[]), "shape is missing"),
        (file("{'descr': '<f4', 'descr': '<f4'}", &[]), "comes twice"),
        (file("{'descr': __import__('os')}", &[]), "a string expected"),
        (file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", &[]), "a length expected"),
        (
            file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999)}", &[]),
            "too large",
        ),
        (file("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999,)}", &[]), "too large"),
        (file(&format!("{good}x"), &[0; 8]), "something follows"),
        (file("é", &[]), "'{' expected"),
    ] {
        let error = read_bytes(&bytes).unwrap_err().to_string();
        assert!(error.contains(said), "{error} should say {said}");
    }
}

#[test]
fn no_mutation_of_a_file_panics() {
    let original = file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", &[1; 24]);
    let mut state = 7u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for _ in 0..5000 {
        let mut bytes = original.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            bytes[at] = next(256) as u8;
        }
        bytes.truncate(bytes.len() - next(2) * next(bytes.len()));
        let _ = read_bytes(&bytes);
    }
}
