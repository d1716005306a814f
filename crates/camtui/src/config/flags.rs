//! The command line goes before the configuration, and the configuration before the defaults.

use camtui_core::heatmap::Interpolation;
use camtui_core::model::Convolutions;
use camtui_term::{CellStyle, Drawing, Protocol};

use crate::cli::{ExplainArgs, InterpolationArg, ProtocolArg};

impl ExplainArgs {
    /// Opacity of the map, 0 to 1.
    pub fn alpha(&self) -> f32 {
        self.alpha.unwrap_or(self.settings.view.alpha)
    }

    /// Whether maps show what speaks against the class.
    pub fn signed(&self) -> bool {
        self.signed.unwrap_or(self.settings.view.signed)
    }

    /// How the model's convolutions are computed.
    pub fn convolutions(&self) -> Convolutions {
        if self.double.unwrap_or(self.settings.double) {
            Convolutions::Double
        } else if self.exact.unwrap_or(self.settings.exact) {
            Convolutions::Exact
        } else {
            Convolutions::Quick
        }
    }

    /// How maps are enlarged.
    pub fn interpolation(&self) -> Interpolation {
        match self.interpolation {
            Some(InterpolationArg::Bilinear) => Interpolation::Bilinear,
            Some(InterpolationArg::Nearest) => Interpolation::Nearest,
            Some(InterpolationArg::Bicubic) => Interpolation::Bicubic,
            None => self.settings.view.interpolation,
        }
    }

    /// Names and files of models; empty: the default.
    pub fn models(&self) -> &[String] {
        if self.model.is_empty() { &self.settings.model } else { &self.model }
    }

    /// Ids of explainers; empty: the default. Who brings a library and names no explainer wants that library's.
    pub fn explainers(&self) -> &[String] {
        if self.explainer.is_empty() && self.plugin.is_empty() {
            &self.settings.explainer
        } else {
            &self.explainer
        }
    }

    /// How pictures are sent to the terminal; none: as the environment or the terminal says.
    pub fn protocol(&self) -> Option<Drawing> {
        match self.protocol {
            Some(arg) => arg.drawing(),
            None if protocol_variable().is_some() => None,
            None => self.settings.protocol,
        }
    }

    /// Whether to start where the last session ended.
    pub fn resume(&self) -> bool {
        self.resume || self.settings.resume
    }
}

impl ProtocolArg {
    /// In the terminal's words; none: as the terminal says.
    pub fn drawing(self) -> Option<Drawing> {
        Some(match self {
            Self::Auto => return None,
            Self::Kitty => Protocol::Kitty.into(),
            Self::Iterm => Protocol::Iterm.into(),
            Self::Sixel => Protocol::Sixel.into(),
            Self::Blocks => Protocol::Blocks.into(),
            Self::Halfblocks => CellStyle::Half.into(),
            Self::Quadrants => CellStyle::Quadrant.into(),
            Self::Sextants => CellStyle::Sextant.into(),
            Self::Ascii => CellStyle::Ascii.into(),
            Self::None => Protocol::None.into(),
        })
    }
}

/// `CAMTUI_PROTOCOL`, which names a terminal of this very moment and so goes before the configuration.
pub fn protocol_variable() -> Option<String> {
    std::env::var("CAMTUI_PROTOCOL").ok().filter(|value| !value.is_empty())
}
