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
    autoencoder, sight,
    tiny::{self, diffusion},
    tinyland::tokenizer::{self, TinyTokenizer},
};
use anyhow::{Context, Result, bail};
use engine::{
    Device,
    io::{Precision, TensorFile},
    wait,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

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

/// What a step did.
struct Point {
    step: u64,
    loss: f32,
    learning_rate: f32,
}

/// A training run of any kind of model: what the command needs to know of it.
trait Run {
    /// The recipe, as it goes into the record of the run.
    fn recipe(&self) -> Result<Value>;
    /// Numbers to learn.
    fn parameter_count(&self) -> usize;
    /// Steps of the recipe.
    fn steps(&self) -> u64;
    /// Steps done.
    fn done(&self) -> u64;
    /// How many of what a step sees.
    fn step_size(&self) -> (usize, &'static str);
    fn step(&mut self) -> Result<Point>;
    fn resume(&mut self, file: &TensorFile) -> Result<()>;
    /// Everything that a run needs to go on.
    fn checkpoint(&self) -> Result<TensorFile>;
    /// The parameters and their recipe.
    fn parameters(&self) -> Result<TensorFile>;
    /// What the model can do, as JSON.
    fn report(&self, device: &Device) -> Result<String>;
}

/// Tiny, with the tokenizer that its report card asks for.
struct Text<'a> {
    trainer: tiny::Trainer<'a>,
    tokenizer: &'a TinyTokenizer,
}

impl Run for Text<'_> {
    fn recipe(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.trainer.recipe())?)
    }
    fn parameter_count(&self) -> usize {
        self.trainer.recipe().config.parameter_count()
    }
    fn steps(&self) -> u64 {
        self.trainer.recipe().steps
    }
    fn done(&self) -> u64 {
        self.trainer.step_count()
    }
    fn step_size(&self) -> (usize, &'static str) {
        (self.trainer.recipe().batch * self.trainer.recipe().config.context, "tokens")
    }
    fn step(&mut self) -> Result<Point> {
        let tiny::Progress { step, loss, learning_rate, .. } = wait(self.trainer.step())?;
        Ok(Point { step, loss, learning_rate })
    }
    fn resume(&mut self, file: &TensorFile) -> Result<()> {
        Ok(self.trainer.resume(file)?)
    }
    fn checkpoint(&self) -> Result<TensorFile> {
        Ok(wait(self.trainer.checkpoint())?)
    }
    fn parameters(&self) -> Result<TensorFile> {
        Ok(wait(self.trainer.parameters())?)
    }
    fn report(&self, device: &Device) -> Result<String> {
        let config = &self.trainer.recipe().config;
        Ok(serde_json::to_string(&wait(tiny::evaluate(device, self.trainer.store(), config, self.tokenizer))?)?)
    }
}

/// A trainer on pictures as a [`Run`]. What it ships and how it is judged is its own.
macro_rules! on_pictures {
    ($kind:ident, |$trainer:ident| $parameters:expr, |$judged:ident, $device:ident| $report:expr) => {
        impl Run for $kind::Trainer {
            fn recipe(&self) -> Result<Value> {
                Ok(serde_json::to_value(self.recipe())?)
            }
            fn parameter_count(&self) -> usize {
                self.recipe().config.parameter_count()
            }
            fn steps(&self) -> u64 {
                self.recipe().steps
            }
            fn done(&self) -> u64 {
                self.step_count()
            }
            fn step_size(&self) -> (usize, &'static str) {
                (self.recipe().batch, "pictures")
            }
            fn step(&mut self) -> Result<Point> {
                let $kind::Progress { step, loss, learning_rate, .. } = wait(self.step())?;
                Ok(Point { step, loss, learning_rate })
            }
            fn resume(&mut self, file: &TensorFile) -> Result<()> {
                Ok(self.resume(file)?)
            }
            fn checkpoint(&self) -> Result<TensorFile> {
                Ok(wait(self.checkpoint())?)
            }
            fn parameters(&self) -> Result<TensorFile> {
                let $trainer = self;
                Ok($parameters?)
            }
            fn report(&self, $device: &Device) -> Result<String> {
                let $judged = self;
                Ok(serde_json::to_string(&wait($report)?)?)
            }
        }
    };
}

on_pictures!(sight, |trainer| wait(trainer.parameters()), |trainer, device| sight::evaluate(
    device,
    trainer.store(),
    &trainer.recipe().config
));
on_pictures!(autoencoder, |trainer| wait(trainer.parameters()), |trainer, device| autoencoder::evaluate(
    device,
    trainer.store(),
    &trainer.recipe().config
));
// The average of its weights over the run is what paints well.
on_pictures!(diffusion, |trainer| trainer.averaged(), |trainer, device| diffusion::evaluate(
    device,
    &diffusion::Checkpoint::of(&trainer.recipe().name, trainer.averaged()?)?
));

/// Every recipe there is, by name.
fn names() -> Vec<String> {
    let text = tiny::recipes().into_iter().map(|r| r.name);
    let pictures =
        sight::recipes().into_iter().map(|r| r.name).chain(autoencoder::recipes().into_iter().map(|r| r.name));
    text.chain(pictures).chain([diffusion::recipe().name]).collect()
}

pub fn run(args: Args) -> Result<()> {
    let Some(name) = &args.name else {
        println!("{}", names().join(", "));
        return Ok(());
    };
    let device = args.device.open()?;
    if let Some(recipe) = tiny::recipe(name) {
        let tokenizer = tokenizer::shipped()?;
        let trainer = wait(tiny::Trainer::new(&device, &recipe, &tokenizer))?;
        return train(&args, name, &device, Text { trainer, tokenizer: &tokenizer });
    }
    if let Some(recipe) = sight::recipe(name) {
        return train(&args, name, &device, wait(sight::Trainer::new(&device, &recipe))?);
    }
    if let Some(recipe) = autoencoder::recipe(name) {
        return train(&args, name, &device, wait(autoencoder::Trainer::new(&device, &recipe))?);
    }
    if *name == diffusion::recipe().name {
        return train(&args, name, &device, wait(diffusion::Trainer::new(&device, &diffusion::recipe()))?);
    }
    bail!("no recipe `{name}`; there are {}", names().join(", "))
}

fn train(args: &Args, name: &str, device: &Device, mut trainer: impl Run) -> Result<()> {
    let kept = PathBuf::from(format!("target/train/{name}.safetensors"));
    let (size, unit) = trainer.step_size();
    println!(
        "{name}: {} parameters, {} steps of {size} {unit}, on {}",
        trainer.parameter_count(),
        trainer.steps(),
        device.name()
    );
    let mut curve: Vec<Point> = Vec::new();
    if args.resume {
        let bytes = fs::read(&kept).with_context(|| format!("no checkpoint at {}", kept.display()))?;
        let file = TensorFile::parse(&kept.display().to_string(), &bytes)?;
        trainer.resume(&file)?;
        curve = read_curve(&file)?;
        println!("going on from step {}", trainer.done());
    }

    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("listening for Ctrl-C")?;
    let last = args.steps.unwrap_or(trainer.steps()).min(trainer.steps());
    let bar = ProgressBar::new(last);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta} left")?);
    bar.set_position(trainer.done());
    let (started, first) = (Instant::now(), trainer.done());
    let (mut sum, mut since) = (0.0, 0u64);
    while trainer.done() < last && !stop.load(Ordering::Relaxed) {
        let point = trainer.step()?;
        sum += point.loss;
        since += 1;
        if point.step % CURVE_STRIDE == 0 || point.step == last {
            let loss = sum / since as f32;
            let step = point.step;
            curve.push(Point { loss, ..point });
            (sum, since) = (0.0, 0);
            let rate = ((step - first) * size as u64) as f64 / started.elapsed().as_secs_f64();
            bar.set_position(step);
            bar.set_message(format!("loss {loss:.3}, {rate:.0} {unit}/s"));
            if !bar.is_hidden() {
                bar.tick();
            } else if step % (50 * CURVE_STRIDE) == 0 {
                println!("step {step}: loss {loss:.3}, {rate:.0} {unit}/s");
            }
        }
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    println!("{} steps in {seconds:.0} s", trainer.done() - first);

    if trainer.done() < trainer.steps() {
        let mut file = trainer.checkpoint()?;
        file.metadata.insert("curve".into(), serde_json::to_string(&points(&curve))?);
        write(&kept, &file.to_bytes(Precision::Full)?)?;
        println!("stopped at step {}; --resume goes on", trainer.done());
        return Ok(());
    }

    let report = trainer.report(device)?;
    println!("{report}");
    let mut file = trainer.parameters()?;
    let made = json!({
        "command": format!("cargo xtask train {name} --device {}", if device.as_gpu().is_some() { "gpu" } else { "cpu" }),
        "device": device.name(),
        "resumed_from_step": first,
        "seconds_since": seconds.round(),
        "final_loss": curve.last().map(|p| p.loss),
    });
    file.metadata.insert("report".into(), report.clone());
    file.metadata.insert("made".into(), made.to_string());
    write(&PathBuf::from(format!("public/models/{name}.safetensors")), &file.to_bytes(Precision::Half)?)?;
    let report: Value = serde_json::from_str(&report)?;
    let run = json!({ "recipe": trainer.recipe()?, "made": made, "report": report, "curve": points(&curve) });
    write(&PathBuf::from(format!("public/runs/{name}.json")), serde_json::to_string(&run)?.as_bytes())?;
    if kept.exists() {
        fs::remove_file(&kept)?;
    }
    println!("wrote public/models/{name}.safetensors and public/runs/{name}.json");
    Ok(())
}

/// `[step, loss, learning rate]` for each point, rounded to what can be read off a picture.
fn points(curve: &[Point]) -> Vec<(u64, f64, f64)> {
    let round = |x: f32, by: f64| (f64::from(x) * by).round() / by;
    curve.iter().map(|p| (p.step, round(p.loss, 1e4), round(p.learning_rate, 1e7))).collect()
}

fn read_curve(file: &TensorFile) -> Result<Vec<Point>> {
    let Some(text) = file.about("curve") else { bail!("the checkpoint has no curve") };
    let points: Vec<(u64, f64, f64)> = serde_json::from_str(&text)?;
    let point = |(step, loss, rate)| Point { step, loss: loss as f32, learning_rate: rate as f32 };
    Ok(points.into_iter().map(point).collect())
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
