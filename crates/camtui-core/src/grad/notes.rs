//! Notes at nodes of the backward pass that say what a group of them computes, for a runtime that knows a shorter way.
//!
//! A note is the documentation of the group's last node: any other runtime executes the group and ignores it.

use serde::{Deserialize, Serialize};

use crate::onnx::pb::NodeProto;

/// The gradient of a max pooling over two axes, by the names of its values.
#[derive(Serialize, Deserialize)]
pub(crate) struct MaxPoolGradient {
    /// What was pooled.
    pub x: String,
    /// What came of it.
    pub y: String,
    /// The gradient of that.
    pub dy: String,
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// From one element of a window to the next.
    pub dilation: [usize; 2],
    /// What is padded above and to the left.
    pub begin: [usize; 2],
}

/// What such a note begins with.
const GRADIENT: &str = "max-pool-gradient ";

impl MaxPoolGradient {
    /// The note at a node, if there is one.
    pub fn of(node: &NodeProto) -> Option<Self> {
        serde_json::from_str(node.doc_string.strip_prefix(GRADIENT)?).ok()
    }

    /// Leaves the note.
    pub fn leave(&self, node: &mut NodeProto) {
        let text = serde_json::to_string(self).expect("plain data serialises");
        node.doc_string = format!("{GRADIENT}{text}");
    }
}
