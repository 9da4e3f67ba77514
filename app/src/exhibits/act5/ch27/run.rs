//! Running the experiment: one piece of work at a time. What the reader has just set goes before the sweep, the training
//! and the measuring of speeds, which go on where they were; a lost GPU is opened again.

use std::sync::Arc;
use std::time::Duration;

use acts::act2::ch05_attention::Work;
use acts::act5::ch27_quantization::{
    Frame, Parameters, Quantization, Reading, Scheme, Speed, Tuner, Tuning, kernels, speed,
};
use acts::{tiny::Checkpoint, tinyland::tokenizer::TinyTokenizer};
use engine::{Device, Error};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_time::Instant;

use super::state::Settings;
use crate::compute::Compute;
use crate::viz::RunsOn;

/// How long the page works before it looks up.
const PIECE: Duration = Duration::from_millis(12);

/// Steps of training after which both are measured on held-out documents; the last is another.
const MEASURED_AFTER: [u64; 6] = [1, 2, 5, 10, 20, 30];

/// Positions of the two passes whose speed is measured: decoding, and reading a prompt.
pub const POSITIONS: [usize; 2] = [1, 128];

/// How far the sweep is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweeping {
    /// It stands.
    Still,
    /// One more scheme.
    Step,
    /// To the end.
    On,
}

/// Held-out perplexity after so many steps of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trained {
    /// Steps.
    pub step: u64,
    /// Trained with the rounding in the loop.
    pub aware: f64,
    /// Trained without, then rounded.
    pub unaware: f64,
}

/// What a scheme's kernels took at the two [`POSITIONS`].
#[derive(Clone, Debug, PartialEq)]
pub struct Bought {
    /// The scheme.
    pub scheme: Scheme,
    /// Its speeds, as far as they are measured.
    pub speeds: Vec<Speed>,
}

/// The experiment as the page sees it.
#[derive(Clone, Copy)]
pub struct Runner {
    compute: Compute,
    ready: StoredValue<Option<Ready>, LocalStorage>,
    /// The settings that were last measured, or could not be.
    tried: RwSignal<Option<Settings>>,
    /// Tiny as it was trained.
    pub model: RwSignal<Option<Arc<Checkpoint>>>,
    /// The last frame.
    pub frame: RwSignal<Option<Frame>>,
    /// What became of the reader's text; known before the frame is.
    pub reading: RwSignal<Option<Reading>>,
    /// The frame of the unrounded weights.
    pub whole: RwSignal<Option<Frame>>,
    /// How much of the frame is measured, while it is.
    pub progress: RwSignal<Option<f64>>,
    /// How long the last frame took.
    pub time_ms: RwSignal<Option<f64>>,
    /// Where it ran.
    pub runs_on: RwSignal<RunsOn>,
    /// The device's name.
    pub device: RwSignal<String>,
    /// Whether anything is under way.
    pub busy: RwSignal<bool>,
    /// Why there is no frame for these settings.
    pub problem: RwSignal<Option<String>>,
    /// Whether the sweep goes on.
    pub sweeping: RwSignal<Sweeping>,
    /// What it found so far, in the order of [`Scheme::sweep`].
    pub points: RwSignal<Vec<Frame>>,
    /// What is being trained.
    pub training: RwSignal<Option<Tuning>>,
    /// What was trained last.
    pub tuning: RwSignal<Option<Tuning>>,
    /// Steps done, and the loss of the last batch with the rounding.
    pub trained: RwSignal<Option<(u64, f32)>>,
    /// Held-out perplexities along the way.
    pub curve: RwSignal<Vec<Trained>>,
    /// Whether speeds are being measured.
    pub measuring: RwSignal<bool>,
    /// Speeds.
    pub bought: RwSignal<Vec<Bought>>,
    /// Whether the kernels are looked at.
    pub inspecting: RwSignal<bool>,
    /// The kernels, and whose they are.
    pub work: RwSignal<Option<(Scheme, Vec<Work>)>>,
}

struct Ready {
    generation: u32,
    device: Device,
    checkpoint: Arc<Checkpoint>,
    tokenizer: Arc<TinyTokenizer>,
    experiment: Quantization,
}

/// Two runs on the same documents.
struct Training<'a> {
    tuning: Tuning,
    aware: Tuner<'a>,
    unaware: Tuner<'a>,
    step: u64,
    /// Whether both are to be measured before the next step.
    due: bool,
}

enum Job {
    Frame(Settings),
    Whole,
    Point(Scheme),
    Train(Tuning),
    Speed(Scheme, usize),
    Kernels(Scheme),
}

async fn pause() {
    gloo_timers::future::TimeoutFuture::new(0).await;
}

impl Runner {
    /// Nothing has run yet.
    pub fn new(compute: Compute) -> Self {
        Self {
            compute,
            ready: StoredValue::new_local(None),
            tried: RwSignal::new(None),
            model: RwSignal::new(None),
            frame: RwSignal::new(None),
            reading: RwSignal::new(None),
            whole: RwSignal::new(None),
            progress: RwSignal::new(None),
            time_ms: RwSignal::new(None),
            runs_on: RwSignal::new(RunsOn::Nothing),
            device: RwSignal::new(String::new()),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
            sweeping: RwSignal::new(Sweeping::Still),
            points: RwSignal::new(Vec::new()),
            training: RwSignal::new(None),
            tuning: RwSignal::new(None),
            trained: RwSignal::new(None),
            curve: RwSignal::new(Vec::new()),
            measuring: RwSignal::new(false),
            bought: RwSignal::new(Vec::new()),
            inspecting: RwSignal::new(false),
            work: RwSignal::new(None),
        }
    }

    /// Works whenever there is something to do.
    pub fn follow(self, settings: Memo<Settings>) {
        Effect::new(move |_| {
            settings.track();
            self.compute.generation.track();
            self.sweeping.track();
            self.training.track();
            self.measuring.track();
            self.inspecting.track();
            if !self.busy.get_untracked() {
                self.busy.set(true);
                spawn_local(async move {
                    while let Err(error) = self.work(settings).await {
                        if !self.compute.recover(&error) {
                            let _ = self.problem.try_set(Some(sentence(&error)));
                            self.stop(settings);
                            break;
                        }
                    }
                    let _ = self.progress.try_set(None);
                    let _ = self.busy.try_set(false);
                });
            }
        });
    }

    /// Gives up what is wanted: it cannot be had.
    fn stop(self, settings: Memo<Settings>) {
        let _ = self.tried.try_set(settings.try_get_untracked());
        let _ = self.sweeping.try_set(Sweeping::Still);
        let _ = self.training.try_set(None);
        let _ = self.measuring.try_set(false);
    }

    /// The settings, where they have not been measured. `None` also where the page is gone.
    fn wanted(self, settings: Memo<Settings>) -> Option<Settings> {
        let wanted = settings.try_get_untracked()?;
        (self.tried.try_get_untracked()?.as_ref() != Some(&wanted)).then_some(wanted)
    }

    /// What to do next.
    fn next(self, settings: Memo<Settings>) -> Option<Job> {
        let scheme = settings.try_get_untracked()?.scheme;
        if let Some(wanted) = self.wanted(settings) {
            return Some(Job::Frame(wanted));
        }
        if self.whole.with_untracked(Option::is_none) {
            return Some(Job::Whole);
        }
        if self.inspecting.get_untracked() && self.work.with_untracked(|w| w.as_ref().is_none_or(|w| w.0 != scheme)) {
            return Some(Job::Kernels(scheme));
        }
        if self.measuring.get_untracked() {
            let rows = self.bought.get_untracked();
            let missing = [Scheme::whole(), scheme].into_iter().find_map(|scheme| {
                let done = rows.iter().find(|r| r.scheme == scheme).map_or(0, |r| r.speeds.len());
                POSITIONS.get(done).map(|&positions| Job::Speed(scheme, positions))
            });
            match missing {
                Some(job) => return Some(job),
                None => self.measuring.set(false),
            }
        }
        if let Some(tuning) = self.training.get_untracked() {
            return Some(Job::Train(tuning));
        }
        if self.sweeping.get_untracked() != Sweeping::Still {
            match Scheme::sweep().get(self.points.with_untracked(Vec::len)) {
                Some(scheme) => return Some(Job::Point(*scheme)),
                None => self.sweeping.set(Sweeping::Still),
            }
        }
        None
    }

    async fn work(self, settings: Memo<Settings>) -> Result<(), Error> {
        let generation = self.compute.generation.get_untracked();
        let kept = self.ready.try_update_value(Option::take).flatten().filter(|r| r.generation == generation);
        let mut ready = match kept {
            Some(ready) => ready,
            None => self.open(generation).await?,
        };
        let result = self.jobs(&mut ready, settings).await;
        if !matches!(result, Err(Error::DeviceLost(_))) {
            let _ = self.ready.try_update_value(|slot| *slot = Some(ready));
        }
        result
    }

    async fn open(self, generation: u32) -> Result<Ready, Error> {
        let device = self.compute.device().await?;
        let tokenizer = self.compute.tokenizer().await?;
        let checkpoint = self.compute.tiny_base().await?;
        let _ = self.model.try_set(Some(checkpoint.clone()));
        let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
        let _ = self.device.try_set(device.name());
        pause().await;
        let experiment = Quantization::new(&device, checkpoint.clone(), tokenizer.clone()).await?;
        Ok(Ready { generation, device, checkpoint, tokenizer, experiment })
    }

    async fn jobs(self, ready: &mut Ready, settings: Memo<Settings>) -> Result<(), Error> {
        let Ready { device, checkpoint, tokenizer, experiment, .. } = ready;
        let mut training: Option<Training<'_>> = None;
        // A page that is left takes its signals with it; then there is nothing to do.
        while let Some(job) = self.next(settings) {
            if self.training.try_get_untracked().flatten().is_none() {
                training = None;
            }
            let start = Instant::now();
            let interrupted = || settings.try_get_untracked().is_none() || self.wanted(settings).is_some();
            match job {
                Job::Frame(wanted) => {
                    let changed = || settings.try_get_untracked().as_ref() != Some(&wanted);
                    let found =
                        self.measure(experiment, &wanted.scheme, None, wanted.text.as_deref(), &changed, true).await?;
                    if let Some(frame) = found {
                        let time_ms = start.elapsed().as_secs_f64() * 1e3;
                        let _ = self.time_ms.try_set(Some(time_ms));
                        if wanted.scheme.format.is_none() {
                            let _ = self.whole.try_set(Some(frame.clone()));
                        }
                        let _ = self.reading.try_set(frame.reading.clone());
                        let _ = self.frame.try_set(Some(frame));
                        let _ = self.tried.try_set(Some(wanted));
                        let _ = self.progress.try_set(None);
                        let _ = self.problem.try_set(None);
                        self.compute.report(device, time_ms);
                    }
                }
                Job::Whole => {
                    let scheme = Scheme::whole();
                    if let Some(frame) = self.measure(experiment, &scheme, None, None, &interrupted, false).await? {
                        let _ = self.whole.try_set(Some(frame));
                    }
                }
                Job::Point(scheme) => {
                    let stopped = || interrupted() || self.sweeping.try_get_untracked() == Some(Sweeping::Still);
                    if let Some(frame) = self.measure(experiment, &scheme, None, None, &stopped, false).await? {
                        let _ = self.points.try_update(|points| points.push(frame));
                        if self.sweeping.try_get_untracked() == Some(Sweeping::Step) {
                            let _ = self.sweeping.try_set(Sweeping::Still);
                        }
                    }
                }
                Job::Train(tuning) => {
                    let mut run = match training.take().filter(|run| run.tuning == tuning) {
                        Some(run) => run,
                        None => {
                            let _ = self.curve.try_set(Vec::new());
                            let _ = self.trained.try_set(Some((0, f32::NAN)));
                            let _ = self.tuning.try_set(Some(tuning));
                            Training {
                                tuning,
                                aware: Tuner::new(device, checkpoint, tokenizer, tuning).await?,
                                unaware: Tuner::new(device, checkpoint, tokenizer, Tuning { format: None, ..tuning })
                                    .await?,
                                step: 0,
                                due: true,
                            }
                        }
                    };
                    self.train(&mut run, experiment, &interrupted).await?;
                    if !run.due && run.aware.done() {
                        let _ = self.training.try_set(None);
                    } else if self.training.try_get_untracked().flatten().is_some() {
                        training = Some(run);
                    }
                }
                Job::Speed(scheme, positions) => {
                    let found = speed(device, checkpoint, &scheme, positions, pause).await?;
                    let _ = self.bought.try_update(|rows| match rows.iter_mut().find(|r| r.scheme == scheme) {
                        Some(row) => row.speeds.push(found),
                        None => rows.push(Bought { scheme, speeds: vec![found] }),
                    });
                }
                Job::Kernels(scheme) => {
                    let work = kernels(device, checkpoint, &scheme, 1).await?;
                    let _ = self.work.try_set(Some((scheme, work)));
                }
            }
            pause().await;
        }
        Ok(())
    }

    /// Measures a scheme; `None` where it was interrupted.
    async fn measure(
        self,
        experiment: &mut Quantization,
        scheme: &Scheme,
        weights: Option<Arc<Parameters>>,
        text: Option<&str>,
        interrupted: &dyn Fn() -> bool,
        shown: bool,
    ) -> Result<Option<Frame>, Error> {
        let mut measuring = experiment.begin(scheme, weights, text);
        let mut last = Instant::now();
        loop {
            if let Some(frame) = measuring.advance().await? {
                return Ok(Some(frame));
            }
            if last.elapsed() >= PIECE {
                pause().await;
                last = Instant::now();
                if interrupted() {
                    return Ok(None);
                }
                if shown {
                    let _ = self.progress.try_set(Some(measuring.progress()));
                    // The reader's own text comes first.
                    if let Some(reading) = &measuring.reading
                        && self.reading.try_with_untracked(|r| r.as_ref() != Some(reading)).unwrap_or(false)
                    {
                        let _ = self.reading.try_set(Some(reading.clone()));
                    }
                }
            }
        }
    }

    /// Measures both runs if that is due, else trains each a step.
    async fn train(
        self,
        run: &mut Training<'_>,
        experiment: &mut Quantization,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        if run.due {
            let Some(format) = run.tuning.format else { return Ok(()) };
            let stopped = || interrupted() || self.training.try_get_untracked().flatten().is_none();
            let mut found = Vec::new();
            for tuner in [&run.aware, &run.unaware] {
                let weights = Arc::new(tuner.weights().await?);
                match self.measure(experiment, &Scheme::of(format), Some(weights), None, &stopped, false).await? {
                    Some(frame) => found.push(frame.perplexity),
                    None => return Ok(()),
                }
            }
            run.due = false;
            let _ = self.curve.try_update(|curve| {
                curve.push(Trained { step: run.step, aware: found[0], unaware: found[1] });
            });
            return Ok(());
        }
        let done = run.aware.step(pause).await?;
        run.unaware.step(pause).await?;
        run.step = done.step;
        run.due = run.aware.done() || MEASURED_AFTER.contains(&done.step);
        let _ = self.trained.try_set(Some((done.step, done.loss)));
        Ok(())
    }
}

/// An error as a sentence for a reader.
fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
