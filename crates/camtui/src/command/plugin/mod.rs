//! `camtui plugin …`: which explainers there are, what they say of themselves, and whether they keep their word.

mod check;
mod info;
mod list;

use camtui_host::Explainer;
use camtui_term::sanitise;

use crate::cli::PluginCommand;
use crate::config::{self, Config};
use crate::exit::Failure;
use crate::pipeline::isolation::Runs;
use crate::store::Places;

/// Runs one of them.
pub fn run(command: &PluginCommand, places: &Places) -> Result<(), Failure> {
    match command {
        PluginCommand::List { plugin, json, in_process } => {
            list::run(plugin, *json, &runs(*in_process, places)?, places)
        }
        PluginCommand::Info { name, json, in_process } => {
            info::run(name, *json, &runs(*in_process, places)?, places)
        }
        PluginCommand::Check { file, json, in_process, rows_from } => {
            let limits = check::limits(&config(places)?);
            match rows_from {
                None => check::run(file, *json, *in_process, limits),
                Some(row) => check::serve(file, *row, limits),
            }
        }
    }
}

fn config(places: &Places) -> Result<Config, Failure> {
    Ok(config::load(None, places).map_err(|e| Failure::Usage(e.into()))?.config)
}

/// Bounded as the user's configuration says.
fn runs(in_process: bool, places: &Places) -> Result<Runs, Failure> {
    Ok(Runs::new(in_process, &config(places)?))
}

fn tell(notices: &[String]) {
    for notice in notices {
        eprintln!("camtui: {}", sanitise(notice));
    }
}

/// What an explainer asks of the model, in the words of its description.
fn needs(explainer: &Explainer) -> Vec<&'static str> {
    let needs = explainer.info().needs;
    let words = [
        (needs.activations, "activations"),
        (needs.gradients, "gradients"),
        (needs.forward, "forward passes"),
    ];
    words.into_iter().filter_map(|(yes, word)| yes.then_some(word)).collect()
}
