//! `cargo xtask bench`: kernels and steps on this machine, named; with `--peers`, beside other engines in a browser.

use crate::peers;
use std::{fs, path::PathBuf};

use acts::{
    bench::{self, Row},
    tinyland::tokenizer,
};
use anyhow::Result;
use engine::{Device, wait};

#[derive(clap::Args)]
pub struct Args {
    /// Write the results as JSON too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave the GPU out
    #[arg(long)]
    cpu_only: bool,
    /// Only the cases whose names contain this, and the two ceilings; beside peers, BENCHMARKS.md then stays as it is
    #[arg(long, value_name = "CASE")]
    filter: Option<String>,
    /// Measure the engine in Chromium beside onnxruntime-web, tfjs and jax-js, and write BENCHMARKS.md
    #[arg(long, conflicts_with = "cpu_only")]
    peers: bool,
    /// Beside peers, this backend alone
    #[arg(long, requires = "peers", value_parser = ["webgpu", "wasm"])]
    backend: Option<String>,
}

/// How long the runs of a case may take together, in milliseconds.
const FILL_MS: f64 = 500.0;

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
    let tokenizer = tokenizer::shipped()?;
    let mut all = Vec::new();
    for device in &devices {
        let about =
            device.as_gpu().map_or_else(String::new, |g| format!(" ({}, {})", g.tier().backend, g.tier().name()));
        println!("\n{}{about}", device.name());
        println!(
            "{:<52} {:>10} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9}",
            "case", "ms", "GFLOP/s", "GB/s", "of fma", "of copy", "launches", "encode ms"
        );
        let mut rows: Vec<Row> = Vec::new();
        for case in bench::cases_for(device) {
            let name = case.name();
            let wanted = args.filter.as_ref().is_none_or(|part| name.contains(part)) || name.starts_with("ceiling");
            if wanted && let Some(row) = wait(case.measure(device, &tokenizer, FILL_MS, || std::future::ready(true)))? {
                rows.push(row);
                bench::compare_with_ceilings(&mut rows);
                if let Some(row) = rows.last() {
                    print(row);
                }
            }
        }
        all.extend(rows);
    }
    if let Some(path) = args.json {
        fs::write(&path, serde_json::to_string_pretty(&all)?)?;
        println!("\nwrote {}", path.display());
    }
    Ok(())
}

fn print(row: &Row) {
    let percent = |share: Option<f64>| share.map_or_else(String::new, |s| format!("{:.1} %", 100.0 * s));
    let encode = row.encode_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
    println!(
        "{:<52} {:>10.3} {:>9.2} {:>8.2} {:>8} {:>8} {:>9} {:>9}",
        row.case,
        row.time_ms,
        row.gflops,
        row.gbytes,
        percent(row.of_multiply_add),
        percent(row.of_copy),
        row.launches,
        encode
    );
}
