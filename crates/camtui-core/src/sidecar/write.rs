//! A sidecar written for someone to correct.

use std::fmt::Write as _;

use crate::onnx::describe::{Layout, Order};
use crate::onnx::metadata::Metadata;
use crate::recipe::{Recipe, Resize};

/// A sidecar's text for a model of which `metadata` says what is known; `layout` is its own input's. Whatever could not
/// be read from the file is marked as a guess.
pub fn write(metadata: &Metadata, layout: Layout) -> String {
    let recipe = metadata.recipe.clone().unwrap_or_else(Recipe::imagenet);
    let known = if metadata.assumed { " # a guess" } else { "" };
    let mut text = String::from(
        "# What camtui is to know of the model beside this file.\n\
         # Values marked as guesses are what most published models take. Put right what is wrong, then take its name\n\
         # off the list `guessed`: what stands there is announced as assumed.\n\n",
    );
    let mut line = |key: &str, value: &str, said: &str| {
        let _ = writeln!(text, "{key} = {value}{said}");
    };
    let numbers = |values: [f32; 3]| format!("[{}, {}, {}]", values[0], values[1], values[2]);
    let word = |resize: Resize| match resize {
        Resize::Squash => "\"squash\"",
        Resize::CenterCrop => "\"center-crop\"",
    };
    line("size", &format!("[{}, {}]", recipe.height, recipe.width), " # height, width");
    line("resize", word(recipe.resize), " # a guess; or \"center-crop\"");
    line("crop_resize", &recipe.crop_resize.to_string(), " # a guess; counts for \"center-crop\" only");
    line(
        "range",
        "[0.0, 1.0]",
        &format!("{} (black and white before mean and std)", if known.is_empty() { " #" } else { known }),
    );
    line("mean", &numbers(recipe.mean), known);
    line("std", &numbers(recipe.std), known);
    let (layout, order) = (
        if layout == Layout::Nchw { "\"nchw\"" } else { "\"nhwc\"" },
        if Order::default() == Order::Rgb { "\"rgb\"" } else { "\"bgr\"" },
    );
    line("layout", layout, " # read from the file");
    line("channels", order, " # a guess; or \"bgr\"");
    let mut guessed = vec!["resize", "channels"];
    if metadata.assumed {
        guessed.extend(["range", "mean", "std"]);
    }
    if metadata.labels.len() == metadata.classes && metadata.classes == 1000 {
        line("labels", "\"imagenet\"", " # a guess; or a file beside this one, a label a line");
        guessed.push("labels");
    } else {
        line("# labels", "\"labels.txt\"", " # a file beside this one, a label a line");
    }
    let list = guessed.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(", ");
    line("guessed", &format!("[{list}]"), "");
    text
}
