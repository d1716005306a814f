//! Graphs that mean nothing, most of them found by fuzzing: each is refused or costs a gradient, and nothing panics.

use super::pooled;
use crate::onnx::build::{GraphBuilder, float, int, ints, string};

/// What the first node that stops the gradient says, or why the network is refused.
fn said(body: impl FnOnce(&mut GraphBuilder)) -> String {
    match pooled(body) {
        Ok(found) => found.blocked.first().map(ToString::to_string).unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn windows_of_any_size_do_not_overflow() {
    const MOST: i64 = i64::MAX;
    for operator in ["MaxPool", "AveragePool", "LpPool"] {
        for (kernel, dilation, pad) in
            [(MOST, 1, 0), (2, MOST, 0), (MOST, MOST, MOST), (1, 1, MOST), (0, 1, 0)]
        {
            let attributes = vec![
                ints("kernel_shape", &[kernel, 1]),
                ints("dilations", &[dilation, 1]),
                ints("pads", &[pad, 0, pad, 0]),
            ];
            let text = said(|g| g.node(operator, &["x"], "b", attributes));
            assert!(text.contains("no gradient passes"), "{operator}: {text}");
        }
    }
    let attributes = vec![ints("strides", &[MOST, MOST]), ints("output_padding", &[MOST, MOST])];
    let transposed = said(|g| {
        g.f32s("w", &[3, 4, 3, 3], &[0.1; 108]);
        g.node("ConvTranspose", &["x", "w"], "b", attributes);
    });
    assert!(transposed.contains("no gradient passes"), "{transposed}");
}

#[test]
fn groups_that_do_not_divide_are_said() {
    for group in [0, -3, 7, i64::MAX] {
        let text = said(|g| {
            g.f32s("w", &[4, 3, 1, 1], &[0.1; 12]);
            g.node("Conv", &["x", "w"], "b", vec![int("group", group)]);
        });
        assert!(text.contains("its groups do not divide the channels"), "{group}: {text}");
    }
}

/// A row instead of a picture.
#[test]
fn values_without_channels_are_said() {
    let rows: [(&str, Vec<_>); 3] = [
        ("LRN", vec![int("size", 3)]),
        ("GlobalMaxPool", vec![]),
        ("GroupNormalization", vec![int("num_groups", 2), float("epsilon", 0.1)]),
    ];
    for (operator, attributes) in rows {
        let text = said(|g| {
            g.i64s("all", &[1], &[-1]);
            g.f32s("one", &[1], &[1.0]);
            g.node("Reshape", &["x", "all"], "row", vec![]);
            g.node(operator, &["row", "one", "one"], "b", attributes);
        });
        assert!(text.contains("no gradient passes"), "{operator}: {text}");
    }
}

/// Their shapes have no end, but nothing of them has to be computed.
#[test]
fn empty_values_of_any_extent_do_not_overflow() {
    let text = said(|g| {
        g.i64s("shape", &[5], &[0, 1 << 40, 1 << 40, 1 << 40, 0]);
        g.node("ConstantOfShape", &["shape"], "c", vec![]);
        g.node("Add", &["x", "c"], "b", vec![]);
    });
    assert!(text.contains("numbers for one picture"), "{text}");
    let backwards = said(|g| {
        for (name, value) in [("zero", 0), ("end", i64::MIN), ("step", -1)] {
            g.i64s(name, &[1], &[value]);
        }
        g.i64s("two", &[1], &[2]);
        g.node("Slice", &["x", "zero", "zero", "two"], "c", vec![]);
        g.node("Slice", &["c", "zero", "end", "two", "step"], "b", vec![]);
    });
    assert_eq!(backwards, "");
    let edges = said(|g| {
        g.i64s("less", &[8], &[0, 0, 0, -32, 0, 0, 0, 0]);
        g.i64s("more", &[8], &[0, 0, 0, 2, 0, 0, 0, 2]);
        g.node("Pad", &["x", "less"], "c", vec![]);
        g.node("Pad", &["c", "more"], "b", vec![string("mode", "edge")]);
    });
    assert!(edges.contains("its input is empty"), "{edges}");
    let list = said(|g| {
        g.i64s("none", &[0, 1 << 62], &[]);
        g.node("Transpose", &["none"], "target", vec![]);
        g.node("Expand", &["x", "target"], "b", vec![]);
    });
    assert!(list.contains("numbers for one picture"), "{list}");
}

/// Blocks, repeats, equations and places that fit nothing.
#[test]
fn rearrangements_that_do_not_fit_are_said() {
    for size in [0, -2, 3, 1 << 40] {
        for operator in ["DepthToSpace", "SpaceToDepth"] {
            let text = said(|g| g.node(operator, &["x"], "b", vec![int("blocksize", size)]));
            assert!(text.contains("no gradient passes"), "{operator} {size}: {text}");
        }
    }
    for times in [&[1, 1, 0, 1][..], &[1, 1, -1, 1], &[2, 2], &[1, 1, 1, i64::MIN]] {
        let text = said(|g| {
            g.i64s("times", &[times.len()], times);
            g.node("Tile", &["x", "times"], "b", vec![]);
        });
        assert!(text.contains("no gradient passes"), "{times:?}: {text}");
    }
    for equation in ["nchw", "nchw,nchw->nchw", "nchw->nch", "nn->n", "...->...", "", "->", "nchw->nchz"] {
        let text = said(|g| g.node("Einsum", &["x"], "b", vec![string("equation", equation)]));
        let fits = ["nchw", "nchw->nch"].contains(&equation);
        assert!(fits || text.contains("no gradient passes"), "{equation}: {text}");
    }
    for (shape, at) in [(&[1][..], &[-1][..]), (&[0], &[]), (&[2, 9], &[0; 18])] {
        let text = said(|g| {
            g.i64s("at", shape, at);
            g.node("GatherND", &["x", "at"], "b", vec![]);
        });
        assert!(text.contains("no gradient passes"), "{at:?}: {text}");
    }
}

/// A maximum over the whole map is one, however large; of a window that leaves something out it is not.
#[test]
fn one_window_of_any_size_has_a_gradient() {
    let pooled = |kernel: i64, pads: i64| {
        said(|g| {
            g.f32s("w", &[4, 3, 3, 3], &[0.1; 108]);
            g.node("ConvTranspose", &["x", "w"], "large", vec![ints("strides", &[4, 4])]);
            g.node(
                "MaxPool",
                &["large"],
                "b",
                vec![ints("kernel_shape", &[kernel; 2]), ints("pads", &[pads; 4])],
            );
        })
    };
    assert_eq!(pooled(127, 0), "");
    assert_eq!(pooled(129, 1), "");
    assert!(pooled(126, 0).contains("its windows are larger"), "{}", pooled(126, 0));
}

#[test]
fn an_axis_named_twice_is_said() {
    let text = said(|g| {
        g.node("ReduceMean", &["x"], "b", vec![ints("axes", &[2; 64]), int("keepdims", 1)]);
    });
    assert!(text.contains("no gradient passes"), "{text}");
}

/// Each takes thousands of nodes, and what is exported can be read again.
#[test]
fn nodes_are_bounded() {
    let many = pooled(|g| {
        let attributes = || vec![ints("kernel_shape", &[31, 31]), ints("pads", &[15, 15, 15, 15])];
        g.node("MaxPool", &["x"], "v0", attributes());
        for n in 0..40 {
            g.node("MaxPool", &[&format!("v{n}")], &format!("v{}", n + 1), attributes());
        }
        g.node("Relu", &["v40"], "b", vec![]);
    })
    .unwrap();
    assert!(many.blocked[0].to_string().contains("more nodes than are worked through"), "{:?}", many.blocked);
    let bytes = crate::onnx::subgraph::encode(&many.model);
    crate::onnx::intake::decode(&bytes).unwrap();
}

/// A few bytes that ask for gigabytes of tables.
#[test]
fn tables_are_bounded() {
    let wide = || vec![ints("pads", &[0, 0, 0, 60_000]), ints("kernel_shape", &[1, 1])];
    let text = said(|g| g.node("AveragePool", &["x"], "b", wide()));
    assert_eq!(text, "");
    let text = said(|g| {
        g.node("AveragePool", &["x"], "a", wide());
        g.node("AveragePool", &["a"], "b", wide());
    });
    assert!(text.contains("its gradient takes larger tables than are written"), "{text}");
    let text = said(|g| {
        g.i64s("pads", &[8], &[0, 0, 0, 0, 0, 0, 0, i64::MIN]);
        g.node("Pad", &["x", "pads"], "b", vec![string("mode", "edge")]);
    });
    assert!(text.contains("no gradient passes"), "{text}");
}
