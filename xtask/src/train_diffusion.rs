//! `cargo xtask train tiny-diffusion`: the painter, made again from its recipe.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use acts::tiny::diffusion::{self, Checkpoint, Trainer};
use anyhow::{Context, Result};
use engine::{
    Device,
    io::{Precision, TensorFile},
    wait,
};
use serde_json::json;

/// How many steps one point of the stored loss curve stands for.
const CURVE_STRIDE: u64 = 50;
/// How many steps may be lost when the machine stops.
const KEEP_EVERY: u64 = 250;

/// Trains from the start, or from what an interrupted run left, up to `steps`.
pub fn run(device: &Device, steps: Option<u64>, resume: bool) -> Result<()> {
    let recipe = diffusion::recipe();
    let name = recipe.name.clone();
    let kept = PathBuf::from(format!("target/train/{name}.safetensors"));
    let (count, pictures) = (recipe.config.parameter_count(), recipe.batch);
    println!("{name}: {count} parameters, {} steps of {pictures} pictures, on {}", recipe.steps, device.name());
    let mut trainer = wait(Trainer::new(device, &recipe))?;
    let mut curve: Vec<(u64, f64)> = Vec::new();
    if resume {
        let bytes = fs::read(&kept).with_context(|| format!("reading {}", kept.display()))?;
        let file = TensorFile::parse(&name, &bytes)?;
        trainer.resume(&file)?;
        curve = serde_json::from_str(&file.about("curve").context("the checkpoint has no curve")?)?;
        println!("going on from step {}", trainer.step_count());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("listening for Ctrl-C")?;

    let last = steps.unwrap_or(recipe.steps).min(recipe.steps);
    let (started, first) = (Instant::now(), trainer.step_count());
    let (mut sum, mut since) = (0.0, 0u64);
    while trainer.step_count() < last && !stop.load(Ordering::Relaxed) {
        let progress = wait(trainer.step())?;
        sum += f64::from(progress.loss);
        since += 1;
        if progress.step.is_multiple_of(CURVE_STRIDE) || progress.step == last {
            let loss = sum / since as f64;
            curve.push((progress.step, (loss * 1e4).round() / 1e4));
            (sum, since) = (0.0, 0);
            let rate = (progress.step - first) as f64 / started.elapsed().as_secs_f64();
            println!("step {}: loss {loss:.4}, {rate:.2} steps/s", progress.step);
        }
        if progress.step.is_multiple_of(KEEP_EVERY) {
            keep(&trainer, &curve, &kept)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{} steps in {seconds:.0} s", trainer.step_count() - first);
    if trainer.step_count() < recipe.steps {
        keep(&trainer, &curve, &kept)?;
        println!("stopped at step {}; --resume goes on", trainer.step_count());
        return Ok(());
    }

    let mut file = trainer.averaged()?;
    let report = wait(diffusion::evaluate(device, &Checkpoint::of(&name, file.clone())?))?;
    println!("{report:#?}");
    let made = json!({
        "command": format!("cargo xtask train {name} --device {}", if device.as_gpu().is_some() { "gpu" } else { "cpu" }),
        "device": device.name(),
        "resumed_from_step": first,
        "seconds_since": seconds.round(),
        "final_loss": curve.last().map(|p| p.1),
    });
    file.metadata.insert("report".into(), serde_json::to_string(&report)?);
    file.metadata.insert("made".into(), made.to_string());
    write(&PathBuf::from(format!("public/models/{name}.safetensors")), &file.to_bytes(Precision::Half)?)?;
    let run = json!({ "recipe": recipe, "made": made, "report": report, "curve": curve });
    write(&PathBuf::from(format!("public/runs/{name}.json")), serde_json::to_string(&run)?.as_bytes())?;
    println!("wrote public/models/{name}.safetensors and public/runs/{name}.json");
    Ok(())
}

fn keep(trainer: &Trainer, curve: &[(u64, f64)], path: &Path) -> Result<()> {
    let mut file = wait(trainer.checkpoint())?;
    file.metadata.insert("curve".into(), serde_json::to_string(curve)?);
    write(path, &file.to_bytes(Precision::Full)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Written beside and renamed, so that a stop in the middle leaves the old file whole.
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| format!("writing {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("writing {}", path.display()))
}
