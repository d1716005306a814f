//! The command line: every flag with its help, in one place.
//!
//! Parsing ends here. What a flag means is decided by the module that uses it.

use std::path::PathBuf;

use crate::config::Config;
use crate::pipeline::figures::{Metric, Wanted};
use crate::pipeline::object::{Corners, Object};
use crate::pipeline::sizes::InputSize;
use crate::smooth::Smooth;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Shows why an image classifier decided what it decided, in the terminal.
///
/// Runs the model itself (ONNX, or a PyTorch checkpoint of a known architecture), explains a class with class
/// activation maps and draws the map over the picture. With --render it works without interaction: over SSH, in
/// scripts, in a pipe.
#[derive(Debug, Parser)]
#[command(name = "camtui", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Cli {
    /// What to do besides explaining pictures.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The main job.
    #[command(flatten)]
    pub explain: ExplainArgs,
}

/// Flags of the main job, headless and interactive.
#[derive(Args, Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub struct ExplainArgs {
    /// Pictures, folders, globs, `.npy` tensors (already preprocessed), or `-` for a picture or paths on stdin
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Work without interaction: draw in the terminal, or write files
    #[arg(long)]
    pub render: bool,

    /// Model: `resnet18`, `efficientnet-lite0`, or a .onnx, .pth or .safetensors file (repeatable)
    ///
    /// Default: resnet18 when it is installed (`camtui model pull resnet18`), else the embedded efficientnet-lite0.
    #[arg(short, long, value_name = "NAME|FILE")]
    pub model: Vec<String>,

    /// Which of a model's outputs holds the class scores, where it has several
    #[arg(long, value_name = "NAME")]
    pub output_name: Option<String>,

    /// Explainers, by id (`camtui plugin list` shows them); several are drawn side by side. Default: grad-cam, or what --plugin
    /// brings
    #[arg(short, long, value_name = "ID", value_delimiter = ',')]
    pub explainer: Vec<String>,

    /// A parameter of the explainers (repeatable)
    #[arg(short = 'P', long = "param", value_name = "KEY=VALUE")]
    pub params: Vec<String>,

    /// Layers to explain, as `camtui model info` lists them, or any value or node of the model by its ONNX name; several are fused.
    /// Default: the last with spatial extent
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    pub layer: Vec<String>,

    /// What to explain: a class index, a label, `top1`, `top2`…, `all:K`, or `A~B` (why A and not B); a list
    #[arg(short, long, value_name = "TARGET", default_value = "top1")]
    pub target: String,

    /// How a picture is brought to the model's input size
    #[arg(long, value_enum, value_name = "HOW")]
    pub resize: Option<ResizeArg>,

    /// Input size in pixels, of models that take any: `HEIGHTxWIDTH`, one number for a square, or `picture` for each picture's own
    ///
    /// A larger input makes finer maps; classes may change, since networks are trained at one size. `picture` keeps the shape, in multiples of
    /// 32 and with at most a million pixels. Default: the model's own, mostly 224.
    #[arg(long, value_name = "SIZE")]
    pub input_size: Option<InputSize>,

    /// How the map is enlarged. Default: bilinear
    #[arg(long, value_enum, value_name = "HOW")]
    pub interpolation: Option<InterpolationArg>,

    /// Smooth the map: the mean over changes of the picture that should change nothing, the principal component of the weighted
    /// channels, or both
    #[arg(long, value_enum, value_name = "HOW", value_delimiter = ',')]
    pub smooth: Vec<SmoothArg>,

    /// Colours of the map: jet, turbo, viridis, inferno, magma, grey or diverging
    ///
    /// Default: jet; with --signed, diverging.
    #[arg(long, value_name = "NAME")]
    pub colormap: Option<String>,

    /// Opacity of the map, 0 to 1. Default: 0.5
    #[arg(long, value_name = "OPACITY", value_parser = opacity)]
    pub alpha: Option<f32>,

    /// Show what speaks against the class as well: the map without its outermost ReLU
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub signed: Option<bool>,

    /// Write the picture with its map: a name ending in .png is a file, anything else a folder
    #[arg(short, long, value_name = "FILE.png|DIR")]
    pub output: Option<PathBuf>,

    /// Write the map itself, f32 at the layer's resolution: a name ending in .npy is a file, else a folder
    #[arg(long, value_name = "FILE.npy|DIR")]
    pub save_map: Option<PathBuf>,

    /// Print one JSON object per result on stdout
    #[arg(long)]
    pub json: bool,

    /// Measure how far to believe each map: what happens to the class when the picture is changed where the map says
    ///
    /// Starts a session with measuring on. Without a list: deletion, insertion, road, average-drop, increase, adcc, sparsity and border-mass, each beside the same figure of a random
    /// map and of a Gaussian in the middle; takes about a hundred passes of the model a map, and two hundred a target. A list asks for some
    /// of these, for `pointing` (does the map point at the object of --box or --mask?) and for `sanity` (does it change when the weights of the
    /// model's last layer are drawn by lot?).
    #[arg(long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub metrics: Option<Wanted>,

    /// Where the object is in the picture, in its pixels, for the metric `pointing`: left edge, top edge, width, height
    #[arg(long = "box", value_name = "X,Y,W,H", requires = "metrics", conflicts_with = "mask")]
    pub corners: Option<Corners>,

    /// The same as a picture of the same size, light where the object is
    #[arg(long, value_name = "FILE.png", requires = "metrics")]
    pub mask: Option<PathBuf>,

    /// Say which explainer on which layer to trust with each picture: try those that suit, measure them, put them in order
    ///
    /// Tries grad-cam, hires-cam, layer-cam, grad-cam++, finer-cam and ablation-cam, or those of --explainer, on the default layer and the
    /// nearest finer one, or those of --layer. The order is that of the mean rank in deletion, insertion, ROAD and average drop; of
    /// equals the cheaper is first. Takes about a hundred passes of the model for each.
    #[arg(long)]
    pub advise: bool,

    /// How to draw in the terminal. Default: what the terminal says it can do
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub protocol: Option<ProtocolArg>,

    /// Width of the drawing in terminal columns
    #[arg(long, value_name = "COLS", value_parser = clap::value_parser!(u16).range(1..))]
    pub width: Option<u16>,

    /// Compute every convolution product by product: slower, and true to a few millionths more
    ///
    /// By default Winograd's algorithm is used where it is quicker, except where the values decide which units a gradient passes.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub exact: Option<bool>,

    /// Compute the network in double precision: many times slower, and next to nothing left to rounding
    ///
    /// A gradient near the picture hangs on units that single precision cannot tell from the edge of a rectifier: one of them on the
    /// other side moves the map by up to a few hundredths, in any software. Here next to none are left. With it, --exact changes nothing.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub double: Option<bool>,

    /// Threads to use. Default: the cores of this machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,

    /// Seed of explainers that use random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Load explainers from a library (repeatable)
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,

    /// Run plugins inside camtui rather than in processes of their own: for debugging one
    #[arg(long)]
    pub in_process: bool,

    /// Start the interactive session where the last one ended; with --render, do only what is missing
    ///
    /// Headless, files in the folder of --output or --save-map stay as they are and are not made again: after an interrupt only the rest is
    /// done. A PNG that answers another question (another explainer, other colours, a picture that has changed) is made anew; a .npy
    /// does not say what it is of and counts as done.
    #[arg(long)]
    pub resume: bool,

    /// Read the configuration from this file. Default: config.toml in your configuration folder
    #[arg(long = "config", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// What the configuration says, for flags that are not given.
    #[arg(skip)]
    pub settings: Config,
}

impl ExplainArgs {
    /// What `--box` or `--mask` says.
    pub fn object(&self) -> Option<Object> {
        self.corners.map(Object::Box).or_else(|| self.mask.clone().map(Object::Mask))
    }

    /// What `--metrics` asks for; an object that is named is to be pointed at.
    pub fn wanted(&self) -> Option<Wanted> {
        let wanted = self.metrics.clone()?;
        Some(if self.object().is_some() { wanted.and(Metric::Pointing) } else { wanted })
    }

    /// What `--smooth` asks for.
    pub fn smoothed(&self) -> Smooth {
        let has = |how| self.smooth.contains(&how);
        Smooth { augment: has(SmoothArg::Aug), eigen: has(SmoothArg::Eigen) }
    }
}

fn opacity(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(alpha) if (0.0..=1.0).contains(&alpha) => Ok(alpha),
        _ => Err("an opacity is a number from 0 to 1".into()),
    }
}

/// `--resize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResizeArg {
    /// The whole picture, its aspect given up
    Squash,
    /// The shorter side to 256 (for 224), then the middle
    CenterCrop,
}

/// `--smooth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SmoothArg {
    /// Mirrored or not, times 0.9, 1 and 1.1: the mean of six maps, normalised
    Aug,
    /// The first principal component of the channels times their weights, in place of their sum
    Eigen,
}

impl SmoothArg {
    /// What a list names; none where it names something else.
    pub fn list(names: &str) -> Option<Vec<Self>> {
        names.split(',').map(|name| Self::from_str(name, false).ok()).collect()
    }
}

/// `--interpolation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InterpolationArg {
    /// Half-pixel bilinear
    Bilinear,
    /// The map's own cells
    Nearest,
    /// Bicubic (a = −0.75)
    Bicubic,
}

/// `--protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolArg {
    /// Ask the terminal
    Auto,
    /// Kitty graphics
    Kitty,
    /// iTerm2 inline images
    Iterm,
    /// Sixel
    Sixel,
    /// Character cells that every font has: half blocks, or letters without colour
    Blocks,
    /// Two pixels a cell, each in its own colour
    Halfblocks,
    /// 2×2 pixels a cell in two colours
    Quadrants,
    /// 2×3 pixels a cell in two colours
    Sextants,
    /// Letters without colour
    Ascii,
    /// No drawing, the legend only
    None,
}

/// What camtui does besides explaining pictures.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Models: list, pull, look into, export
    #[command(subcommand)]
    Model(ModelCommand),
    /// Explainers and the libraries they come from
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print the configuration in effect, with where each value comes from
    Config {
        /// Read the configuration from this file
        #[arg(long = "config", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print a JSON Schema of the configuration file
        #[arg(long)]
        schema: bool,
        /// Print where the configuration file is, or would be
        #[arg(long, conflicts_with = "schema")]
        path: bool,
    },
    /// Print what the terminal can do, how that is known and where files are; draw a test card
    Doctor {
        /// How to draw the test card. Default: what the terminal says it can do
        #[arg(long, value_enum, value_name = "PROTOCOL", default_value = "auto")]
        protocol: ProtocolArg,
    },
    /// Make a result again from its JSON or its PNG, and say whether it is the same
    ///
    /// Reads the JSON that --json prints or that a session saves, or the `camtui` text of a PNG. Picture, model and
    /// library must be the very same: their hashes are checked. Code 0 if every result is the same, byte for byte,
    /// else 1; of a result that differs, as it may by rounding on another machine, the largest difference is said.
    Replay(ReplayArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder
    Man {
        /// Write all pages into this folder, which is made if it must be
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// `camtui replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// JSON (one object or many), or a PNG that camtui wrote
    #[arg(value_name = "FILE.json|FILE.png")]
    pub file: PathBuf,

    /// The picture, if it is elsewhere now
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// The model, if it is elsewhere now
    #[arg(short, long, value_name = "NAME|FILE")]
    pub model: Option<String>,

    /// The explainer's library, if it is elsewhere now
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,

    /// The map as --save-map wrote it, to compare with, where the record does not hold it
    #[arg(long, value_name = "FILE.npy")]
    pub map: Option<PathBuf>,

    /// Take differences up to this part of the map's range for the same, 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.0, value_parser = part)]
    pub tolerance: f64,

    /// Write what was made again: a PNG, a map or JSON by the name's ending, else PNGs into a folder
    #[arg(short, long, value_name = "FILE.png|FILE.npy|FILE.json|DIR")]
    pub output: Option<PathBuf>,

    /// Print one JSON object per result on stdout
    #[arg(long)]
    pub json: bool,

    /// Threads to use. Default: the cores of this machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,

    /// Run plugins inside camtui rather than in processes of their own
    #[arg(long)]
    pub in_process: bool,

    /// Read the configuration from this file, for the bounds of plugins
    #[arg(long = "config", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
}

fn part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err("a part of the range is a number from 0 to 1".into()),
    }
}

/// `camtui model …`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models camtui knows by name
    List,
    /// Download a model, check it and keep it
    Pull(crate::store::PullArgs),
    /// Print a model's layers with their shapes, classes, preprocessing and hash
    Info {
        /// Model name or file
        model: Option<String>,
        /// Which of its outputs holds the class scores, where it has several
        #[arg(long, value_name = "NAME")]
        output_name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write what a model's file does not say of itself (preprocessing, labels) beside it, as guesses to be put right
    Init {
        /// The .onnx file; `NAME.camtui.toml` is written for `NAME.onnx`
        #[arg(value_name = "FILE.onnx")]
        model: PathBuf,
        /// Replace the file that is there
        #[arg(long)]
        force: bool,
    },
    /// Write the model with its gradients as one ONNX file
    Export {
        /// Model name or file
        model: String,
        /// Where to
        #[arg(short, long, value_name = "FILE.onnx")]
        output: PathBuf,
        /// Only these outputs and what they need, for example `logits,gradient:layer4`
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        outputs: Vec<String>,
        /// For pictures of this size, where the model takes any: `HEIGHTxWIDTH`, or one number for a square
        #[arg(long, value_name = "SIZE")]
        input_size: Option<InputSize>,
    },
}

/// `camtui plugin …`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the explainers
    List {
        /// Load explainers from a library as well (repeatable)
        #[arg(long, value_name = "FILE")]
        plugin: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Load libraries into camtui rather than into processes of their own
        #[arg(long)]
        in_process: bool,
    },
    /// Make a project for an explainer of your own, which builds without a network
    New {
        /// Folder to make; its name becomes the plugin's
        path: PathBuf,
        /// In C, against the header alone, instead of Rust
        #[arg(long)]
        c: bool,
    },
    /// Print all that a library's explainers, or one explainer, say of themselves
    Info {
        /// A library file, or an explainer's id
        #[arg(value_name = "FILE|ID")]
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Load libraries into camtui rather than into processes of their own
        #[arg(long)]
        in_process: bool,
    },
    /// Check that a library keeps what the interface asks of it; code 3 if it does not
    ///
    /// Its explainers are asked about small made-up models whose answers are known, with every parameter at its
    /// extremes, many times, at once and cancelled.
    Check {
        /// A library file
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Run the library in this process, for a debugger, rather than in a child that may crash
        #[arg(long)]
        in_process: bool,
        /// The child's part of the work
        #[arg(long, value_name = "ROW", hide = true)]
        rows_from: Option<usize>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_path_and_flags_are_the_main_job() {
        let cli = Cli::try_parse_from(["camtui", "--render", "a.jpg", "-e", "cam,grad-cam", "-t", "258~270"])
            .unwrap();
        assert!(cli.command.is_none() && cli.explain.render);
        assert_eq!(cli.explain.explainer, ["cam", "grad-cam"]);
    }

    #[test]
    fn opacity_is_checked() {
        for bad in ["-0.1", "1.5", "half", "nan"] {
            assert!(Cli::try_parse_from(["camtui", &format!("--alpha={bad}")]).is_err(), "{bad}");
        }
    }
}
