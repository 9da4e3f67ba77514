//! `cargo xtask train NAME`: a checkpoint of the book, made again from its recipe.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use acts::{
    tiny::{self, Progress, Trainer},
    tinyland::tokenizer,
};
use anyhow::{Context, Result, bail};
use engine::{
    io::{Precision, TensorFile},
    wait,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::device::DeviceKind;

#[derive(clap::Args)]
pub struct Args {
    /// The recipe; without one, the recipes are listed
    name: Option<String>,
    /// Stop after this many steps instead of the recipe's; a shortened run keeps its checkpoint and ships nothing
    #[arg(long)]
    steps: Option<u64>,
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceKind,
    /// Go on from the checkpoint that an interrupted run left
    #[arg(long)]
    resume: bool,
}

/// How many steps one point of the stored loss curve stands for.
const CURVE_STRIDE: u64 = 20;

pub fn run(args: Args) -> Result<()> {
    let painter = tiny::diffusion::recipe().name;
    let names = || tiny::recipes().into_iter().map(|r| r.name).chain([painter.clone()]).collect::<Vec<_>>().join(", ");
    let Some(name) = args.name else {
        println!("{}", names());
        return Ok(());
    };
    if name == painter {
        return crate::train_diffusion::run(&args.device.open()?, args.steps, args.resume);
    }
    let recipe = tiny::recipe(&name).with_context(|| format!("no recipe `{name}`; there are {}", names()))?;
    let device = args.device.open()?;
    let tokenizer = tokenizer::shipped()?;
    let kept = PathBuf::from(format!("target/train/{name}.safetensors"));
    println!(
        "{name}: {} parameters, {} steps of {} tokens, on {}",
        recipe.config.parameter_count(),
        recipe.steps,
        recipe.batch * recipe.config.context,
        device.name()
    );
    let mut trainer = wait(Trainer::new(&device, &recipe, &tokenizer))?;
    let mut curve: Vec<Progress> = Vec::new();
    if args.resume {
        let bytes = fs::read(&kept).with_context(|| format!("no checkpoint at {}", kept.display()))?;
        let file = TensorFile::parse(&kept.display().to_string(), &bytes)?;
        trainer.resume(&file)?;
        curve = read_curve(&file)?;
        println!("going on from step {}", trainer.step_count());
    }

    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("listening for Ctrl-C")?;
    let last = args.steps.unwrap_or(recipe.steps).min(recipe.steps);
    let bar = ProgressBar::new(last);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta} left")?);
    bar.set_position(trainer.step_count());
    let (started, first) = (Instant::now(), trainer.step_count());
    let (mut sum, mut since) = (0.0, 0u64);
    while trainer.step_count() < last && !stop.load(Ordering::Relaxed) {
        let progress = wait(trainer.step())?;
        sum += progress.loss;
        since += 1;
        if progress.step % CURVE_STRIDE == 0 || progress.step == last {
            let loss = sum / since as f32;
            curve.push(Progress { loss, ..progress });
            (sum, since) = (0.0, 0);
            let tokens = (progress.step - first) * (recipe.batch * recipe.config.context) as u64;
            let rate = tokens as f64 / started.elapsed().as_secs_f64();
            bar.set_position(progress.step);
            bar.set_message(format!("loss {loss:.3}, {rate:.0} tokens/s"));
            if !bar.is_hidden() {
                bar.tick();
            } else if progress.step % (50 * CURVE_STRIDE) == 0 {
                println!("step {}: loss {loss:.3}, {rate:.0} tokens/s", progress.step);
            }
        }
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    println!("{} steps in {seconds:.0} s", trainer.step_count() - first);

    if trainer.step_count() < recipe.steps {
        let mut file = wait(trainer.checkpoint())?;
        file.metadata.insert("curve".into(), serde_json::to_string(&points(&curve))?);
        write(&kept, &file.to_bytes(Precision::Full)?)?;
        println!("stopped at step {}; --resume goes on", trainer.step_count());
        return Ok(());
    }

    let report = wait(tiny::evaluate(&device, trainer.store(), &recipe.config, &tokenizer))?;
    println!("{report:#?}");
    let mut file = wait(trainer.parameters())?;
    let made = json!({
        "command": format!("cargo xtask train {name} --device {}", if device.as_gpu().is_some() { "gpu" } else { "cpu" }),
        "device": device.name(),
        "resumed_from_step": first,
        "seconds_since": seconds.round(),
        "final_loss": curve.last().map(|p| p.loss),
    });
    file.metadata.insert("report".into(), serde_json::to_string(&report)?);
    file.metadata.insert("made".into(), made.to_string());
    write(&PathBuf::from(format!("public/models/{name}.safetensors")), &file.to_bytes(Precision::Half)?)?;
    let run = json!({ "recipe": recipe, "made": made, "report": report, "curve": points(&curve) });
    write(&PathBuf::from(format!("public/runs/{name}.json")), serde_json::to_string(&run)?.as_bytes())?;
    if kept.exists() {
        fs::remove_file(&kept)?;
    }
    println!("wrote public/models/{name}.safetensors and public/runs/{name}.json");
    Ok(())
}

/// `[step, loss, learning rate]` for each point, rounded to what can be read off a picture.
fn points(curve: &[Progress]) -> Vec<(u64, f64, f64)> {
    let round = |x: f32, by: f64| (f64::from(x) * by).round() / by;
    curve.iter().map(|p| (p.step, round(p.loss, 1e4), round(p.learning_rate, 1e7))).collect()
}

fn read_curve(file: &TensorFile) -> Result<Vec<Progress>> {
    let Some(text) = file.about("curve") else { bail!("the checkpoint has no curve") };
    let points: Vec<(u64, f64, f64)> = serde_json::from_str(&text)?;
    Ok(points
        .into_iter()
        .map(|(step, loss, rate)| Progress { step, loss: loss as f32, learning_rate: rate as f32, tokens: 0 })
        .collect())
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
