//! `camtui`: shows why an image classifier decided what it decided, in the terminal.
//!
//! Reads the command line, hands it to whoever does the work, and turns what comes back into an exit code. A library, so
//! that benchmarks and tests reach the interactive session; the program is [`main`] and nothing more.
#![forbid(unsafe_code)]

mod analysis;
mod cli;
mod command;
pub mod config;
mod exit;
mod inputs;
pub mod interactive;
mod interrupt;
mod job;
pub mod log;
mod pipeline;
mod render;
pub mod smooth;
mod store;

use std::process::ExitCode;

use camtui_term::sanitise;
use clap::Parser as _;

use cli::{Cli, Command, ExplainArgs};
use exit::Failure;
use store::Places;

/// The program.
pub fn main() -> ExitCode {
    if let Some(library) = pipeline::isolation::child() {
        return camtui_host::isolate::serve(&library);
    }
    camtui_host::heap::keep_little();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe while printing them is none either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Line by line: an error may say what helps in lines of its own.
            let text: Vec<String> = failure.to_string().lines().map(sanitise).collect();
            if !text.is_empty() {
                eprintln!("camtui: {}", text.join("\n"));
            }
            failure.code()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let places = Places::from_env();
    match &cli.command {
        Some(Command::Model(command)) => command::model::run(command, &places),
        Some(Command::Plugin(command)) => command::plugin::run(command, &places),
        Some(Command::Config { file, schema, path }) => {
            command::config::run(file.as_deref(), *schema, *path, &places)
        }
        Some(Command::Doctor { protocol }) => command::doctor::run(*protocol, &places),
        Some(Command::Replay(args)) => command::replay::run(args, &places),
        Some(Command::Completions { shell }) => command::completions(*shell),
        Some(Command::Man { dir }) => command::man::run(dir.as_deref()),
        None => {
            let file = cli.explain.config_file.as_deref();
            let settings = config::load(file, &places).map_err(|e| Failure::Usage(e.into()))?.config;
            let args = ExplainArgs { settings, ..cli.explain.clone() };
            if args.render {
                return render::run(&args, &places);
            }
            log::open(&places);
            camtui_host::on_log(log::of_plugin);
            analysis::run(&args, &places)
        }
    }
}
