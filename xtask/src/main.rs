//! The commands of the README: `cargo xtask serve`, `build`, `test`.
//!
//! A command is one file with a clap `Args` struct and a `run` function, one `mod` line and one variant here.

mod build;
mod packages;
mod pages;
mod public_url;
mod serve;
mod shell;
mod test;
mod tools;
mod weights;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, serves and tests the book"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book and serve it on this machine
    Serve(serve::Args),
    /// Build the book into `dist/`, ready for any static host
    Build(build::Args),
    /// Run every check the project has
    Test(test::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Build(args) => build::run(args),
        Command::Test(args) => test::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
