//! `camtui plugin …`: which explainers there are, what they say of themselves, and whether they keep their word.

mod check;
mod info;
mod list;

use camtui_host::Explainer;
use camtui_term::sanitise;

use crate::cli::PluginCommand;
use crate::exit::Failure;
use crate::store::Places;

/// Runs one of them.
pub fn run(command: &PluginCommand, places: &Places) -> Result<(), Failure> {
    match command {
        PluginCommand::List { plugin, json } => list::run(plugin, *json, places),
        PluginCommand::Info { name, json } => info::run(name, *json, places),
        PluginCommand::Check { file, json, in_process, rows_from: None } => {
            check::run(file, *json, *in_process)
        }
        PluginCommand::Check { file, rows_from: Some(row), .. } => check::serve(file, *row),
    }
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
