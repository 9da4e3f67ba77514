//! `cargo xtask bench`: kernels and steps on this machine, named; with `--peers`, beside other engines in a browser.

use crate::peers;
use std::{fs, path::PathBuf, time::Instant};

use acts::{
    tiny::{self, Runner, Trainer},
    tinyland::tokenizer,
};
use anyhow::Result;
use engine::{
    Device, Graph, HostTensor, Program, Store, Tensor,
    ops::{Make, Mask},
    wait,
};
use serde::Serialize;

#[derive(clap::Args)]
pub struct Args {
    /// Write the results as JSON too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave the GPU out
    #[arg(long)]
    cpu_only: bool,
    /// Measure the engine in Chromium beside onnxruntime-web, tfjs and jax-js, and write BENCHMARKS.md
    #[arg(long, conflicts_with = "cpu_only")]
    peers: bool,
    /// Of the cases beside peers, only those whose names contain this; BENCHMARKS.md then stays as it is
    #[arg(long, requires = "peers", value_name = "CASE")]
    filter: Option<String>,
    /// Beside peers, this backend alone
    #[arg(long, requires = "peers", value_parser = ["webgpu", "wasm"])]
    backend: Option<String>,
}

#[derive(Serialize)]
struct Row {
    device: String,
    case: String,
    /// Median of the runs.
    time_ms: f64,
    /// Arithmetic a second, in 10^9.
    gflops: f64,
    /// Bytes that must move at least, a second, in 10^9.
    gbytes: f64,
    /// Kernel launches of a run: dispatches on a GPU, ops on a CPU.
    launches: usize,
    /// Time the processor spends to encode and submit a run, on a GPU.
    encode_ms: Option<f64>,
}

pub fn run(args: Args) -> Result<()> {
    if args.peers {
        return peers::run(&peers::Options {
            filter: args.filter.as_deref(),
            backend: args.backend.as_deref(),
            json: args.json.as_deref(),
        });
    }
    let mut devices = vec![Device::cpu_threads(1), Device::cpu()];
    if !args.cpu_only {
        match wait(Device::gpu()) {
            Ok(gpu) => devices.push(gpu),
            Err(error) => println!("no GPU measured: {error}"),
        }
    }
    let mut rows = Vec::new();
    for device in &devices {
        let about =
            device.as_gpu().map_or_else(String::new, |g| format!(" ({}, {})", g.tier().backend, g.tier().name()));
        println!("\n{}{about}", device.name());
        println!("{:<44} {:>10} {:>10} {:>8} {:>9} {:>10}", "case", "ms", "GFLOP/s", "GB/s", "launches", "encode ms");
        let slow = device.as_gpu().is_some_and(|g| g.tier().software);
        cases(device, slow, &mut rows)?;
    }
    if let Some(path) = args.json {
        fs::write(&path, serde_json::to_string_pretty(&rows)?)?;
        println!("\nwrote {}", path.display());
    }
    Ok(())
}

fn cases(device: &Device, slow: bool, rows: &mut Vec<Row>) -> Result<()> {
    let mut make = Make::new(1);
    // A software adapter would take minutes for what shows nothing more.
    let sizes: &[usize] = if slow { &[256, 512] } else { &[256, 512, 1024] };
    for &n in sizes {
        let mut g = Graph::new();
        let (a, b) = (g.input("a", &[n, n])?, g.input("b", &[n, n])?);
        let y = g.matmul(a, b)?;
        let values = [(a, make.normal(&[n, n])), (b, make.normal(&[n, n]))];
        measure(device, &format!("matmul {n} cubed"), &g, &[y], &values, rows)?;
    }
    for (name, log) in [("softmax", false), ("log-softmax", true)] {
        let mut g = Graph::new();
        let x = g.input("x", &[2048, 1024])?;
        let y = if log { g.log_softmax(x, 1.0, Mask::None)? } else { g.softmax(x, 1.0, Mask::None)? };
        measure(device, &format!("{name} 2048 x 1024"), &g, &[y], &[(x, make.normal(&[2048, 1024]))], rows)?;
    }
    {
        let mut g = Graph::new();
        let x = g.input("x", &[2048, 1024])?;
        let gain = g.input("gain", &[1024])?;
        let bias = g.input("bias", &[1024])?;
        let y = g.layer_norm(x, gain, bias, 1e-5)?;
        let values = [(x, make.normal(&[2048, 1024])), (gain, make.normal(&[1024])), (bias, make.normal(&[1024]))];
        measure(device, "LayerNorm 2048 x 1024", &g, &[y], &values, rows)?;
    }

    let tokenizer = tokenizer::shipped()?;
    let recipe = tiny::recipe("tiny-base").ok_or_else(|| anyhow::anyhow!("the recipe of tiny-base"))?;
    let store = Store::new(device);
    recipe.config.load(&store, &recipe.config.initial(1)?)?;
    for positions in [1, 128] {
        let mut runner = wait(Runner::new(device, &store, &recipe.config, [1, positions], |f| vec![f.logits]))?;
        let name = format!("tiny-base forward, {positions} token{}", if positions == 1 { "" } else { "s" });
        time(device, &name, runner.program(), rows)?;
        let blocks = recipe.config.layers as f64;
        let launches = (runner.program().launches() as f64 / blocks).floor();
        println!("    at most {launches} launches a block");
    }
    if !slow {
        let mut trainer = wait(Trainer::new(device, &recipe, &tokenizer))?;
        wait(trainer.step())?;
        let name = format!("tiny-base training step, {} tokens", recipe.batch * recipe.config.context);
        time(device, &name, trainer.program(), rows)?;
    }
    Ok(())
}

fn measure(
    device: &Device,
    case: &str,
    g: &Graph,
    fetch: &[Tensor],
    values: &[(Tensor, HostTensor)],
    rows: &mut Vec<Row>,
) -> Result<()> {
    let mut program = wait(Program::compile(device, g, fetch, &Store::new(device)))?;
    for (t, value) in values {
        program.write(*t, value)?;
    }
    time(device, case, &mut program, rows)
}

/// Runs until half a second is filled, seven times at least, and keeps the median.
fn time(device: &Device, case: &str, program: &mut Program, rows: &mut Vec<Row>) -> Result<()> {
    program.run()?;
    wait(program.finish())?;
    let (mut times, mut encodes) = (Vec::new(), Vec::new());
    let started = Instant::now();
    while times.len() < 7 || (started.elapsed().as_secs_f64() < 0.5 && times.len() < 1000) {
        let start = Instant::now();
        program.run()?;
        encodes.push(start.elapsed().as_secs_f64() * 1e3);
        wait(program.finish())?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    let time_ms = median(&mut times);
    let (flops, bytes) = program.plan().steps.iter().fold((0, 0), |(f, b), step| (f + step.flops(), b + step.bytes()));
    let row = Row {
        device: device.name(),
        case: case.into(),
        time_ms,
        gflops: flops as f64 / time_ms / 1e6,
        gbytes: bytes as f64 / time_ms / 1e6,
        launches: program.launches(),
        encode_ms: device.as_gpu().map(|_| median(&mut encodes)),
    };
    let encode = row.encode_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
    println!(
        "{:<44} {:>10.3} {:>10.2} {:>8.2} {:>9} {:>10}",
        row.case, row.time_ms, row.gflops, row.gbytes, row.launches, encode
    );
    rows.push(row);
    Ok(())
}
