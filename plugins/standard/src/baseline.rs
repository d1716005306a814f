//! What a picture without anything in it is: the value that masks, and where a path to the picture begins.
#![forbid(unsafe_code)]

use camtui_plugin::{Error, Param, Session};

/// The parameter `baseline`; `what` says what is filled with it.
pub fn baseline_param(what: &str) -> Param {
    Param::choice("baseline", "mean", ["mean", "black", "white"])
        .help(format!("{what}: the mean grey of the model's preprocessing (zero after it), black or white"))
}

/// The value of `baseline` for each channel of the input.
pub fn baseline(session: &Session<'_>, name: &str, channels: usize) -> Result<Vec<f32>, Error> {
    if name == "mean" {
        return Ok(vec![0.0; channels]);
    }
    let range = session.pixel_range().map_err(|error| match error {
        Error::NotSupported(why) => {
            Error::NotSupported(format!("{name} is not known for this model ({why}); take baseline=mean"))
        }
        other => other,
    })?;
    let (black, white) = range.data().split_at(range.data().len() / 2);
    Ok(if name == "black" { black } else { white }.to_vec())
}
