//! The program: so far only its store of models.

#![forbid(unsafe_code)]

mod store;

use clap::Parser;

#[derive(Parser)]
#[command(name = "camtui")]
enum Cli {
    /// Models
    #[command(subcommand)]
    Model(Model),
    /// Print the folders and whether ResNet-18 is there
    Doctor,
}

#[derive(clap::Subcommand)]
enum Model {
    /// List the models that have a name
    List,
    /// Install a model
    Pull(store::PullArgs),
}

fn main() -> std::process::ExitCode {
    let places = store::Places::from_env();
    let result = match Cli::parse() {
        Cli::Model(Model::List) => store::list(&places),
        Cli::Model(Model::Pull(args)) => store::pull(&args, &places),
        Cli::Doctor => doctor(&places),
    };
    if let Err(error) = result {
        eprintln!("camtui: {error:#}");
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

fn doctor(places: &store::Places) -> anyhow::Result<()> {
    println!("models: {}", places.models()?.display());
    println!("plugins: {}", places.plugins()?.display());
    println!("cache: {}", places.cache()?.display());
    println!("state: {}", places.state()?.display());
    println!("configuration: {}", places.config()?.display());
    println!("resnet18: {:?}", store::catalogue::installed("resnet18", places));
    Ok(())
}
