//! The commands of the README: `cargo xtask serve`, `build`, `test`, `train`, `op`, `bench`.
//!
//! A command is one file with a clap `Args` struct and a `run` function, one `mod` line and one variant here.

mod bench;
mod build;
mod device;
mod offline;
mod op;
mod packages;
mod pages;
mod peers;
mod program;
mod public_url;
mod serve;
mod shell;
mod test;
mod tools;
mod train;
mod weights;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, serves, tests and measures the book, and trains its models"
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
    /// Train a model of the book
    Train(train::Args),
    /// Run one op of the engine on tensors from a file
    Op(op::Args),
    /// Measure kernels and steps on this machine
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Build(args) => build::run(args),
        Command::Test(args) => test::run(args),
        Command::Train(args) => train::run(args),
        Command::Op(args) => op::run(args),
        Command::Bench(args) => bench::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
