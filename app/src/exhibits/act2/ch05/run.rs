//! Running the experiment: the newest settings win, one run at a time, a lost GPU is opened again.

use acts::act2::ch05_attention::{Attention, Frame, Opened, ScalePoint, Settings, Stage, Work, scale_sweep};
use engine::{Device, Error};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_time::Instant;

use crate::compute::Compute;
use crate::viz::{Cell, RunsOn};

/// Widths at which the need for the scale is shown.
const WIDTHS: [usize; 8] = [4, 8, 16, 32, 64, 128, 256, 512];
/// Queries and keys of each width.
const SWEEP_TOKENS: usize = 32;

struct Ready {
    generation: u32,
    device: Device,
    attention: Attention,
}

/// The experiment as the page sees it.
#[derive(Clone, Copy)]
pub struct Runner {
    compute: Compute,
    ready: StoredValue<Option<Ready>, LocalStorage>,
    /// Counts how often the experiment came back from a run: while it runs, no cell can be opened.
    rested: RwSignal<u32>,
    /// The last frame, with the settings it was computed for.
    pub frame: RwSignal<Option<(Settings, Frame)>>,
    /// The kernels behind it.
    pub work: RwSignal<Vec<Work>>,
    /// Entropy against width.
    pub sweep: RwSignal<Vec<ScalePoint>>,
    /// How long the last frame took, from asking to reading.
    pub time_ms: RwSignal<Option<f64>>,
    /// Where it ran.
    pub runs_on: RwSignal<RunsOn>,
    /// Whether a run is under way.
    pub busy: RwSignal<bool>,
    /// Why there is no frame for these settings.
    pub problem: RwSignal<Option<String>>,
}

impl Runner {
    /// Nothing has run yet.
    pub fn new(compute: Compute) -> Self {
        Self {
            compute,
            ready: StoredValue::new_local(None),
            rested: RwSignal::new(0),
            frame: RwSignal::new(None),
            work: RwSignal::new(Vec::new()),
            sweep: RwSignal::new(Vec::new()),
            time_ms: RwSignal::new(None),
            runs_on: RwSignal::new(RunsOn::Nothing),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// Runs whenever the settings change, or the device.
    pub fn follow(self, settings: Memo<Settings>) {
        Effect::new(move |_| {
            settings.track();
            self.compute.generation.track();
            if !self.busy.get_untracked() {
                self.busy.set(true);
                spawn_local(async move {
                    self.catch_up(settings).await;
                    let _ = self.busy.try_set(false);
                });
            }
        });
    }

    /// Computes frames until the last is the one that is wanted.
    async fn catch_up(self, settings: Memo<Settings>) {
        // A page that is left takes its signals with it; then there is nothing to catch up with.
        while let Some(wanted) = settings.try_get_untracked() {
            match self.compute_frame(&wanted).await {
                Ok(()) => {
                    let _ = self.problem.try_set(None);
                }
                Err(error) => {
                    if self.compute.recover(&error) {
                        continue;
                    }
                    let _ = self.problem.try_set(Some(sentence(&error)));
                }
            }
            if settings.try_get_untracked().is_none_or(|now| now == wanted) {
                break;
            }
        }
    }

    async fn compute_frame(self, settings: &Settings) -> Result<(), Error> {
        let generation = self.compute.generation.get_untracked();
        let kept = self.ready.try_update_value(Option::take).flatten().filter(|r| r.generation == generation);
        let mut ready = match kept {
            Some(ready) => ready,
            None => {
                let device = self.compute.device().await?;
                let tokenizer = self.compute.tokenizer().await?;
                let checkpoint = self.compute.tiny_base().await?;
                let attention = Attention::new(&device, checkpoint, tokenizer)?;
                Ready { generation, device, attention }
            }
        };
        let start = Instant::now();
        let result = ready.attention.frame(settings).await;
        let time_ms = start.elapsed().as_secs_f64() * 1e3;
        let device = ready.device.clone();
        let frame = match result {
            Ok(frame) => frame,
            Err(error) => {
                // Settings that cannot be computed leave the device as it was.
                if !matches!(error, Error::DeviceLost(_)) {
                    self.rest(ready);
                }
                return Err(error);
            }
        };
        self.rest(ready);
        let _ = self.time_ms.try_set(Some(time_ms));
        let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
        let _ = self.frame.try_set(Some((settings.clone(), frame)));
        self.compute.report(&device, time_ms);
        // The first frame is on the page; what stands beside it may follow.
        if self.sweep.try_with_untracked(Vec::is_empty).unwrap_or(false) {
            let _ = self.sweep.try_set(scale_sweep(&device, &WIDTHS, SWEEP_TOKENS, 5).await?);
        }
        Ok(())
    }

    /// Puts the experiment back where the next run, and whoever opens a cell, finds it.
    fn rest(self, ready: Ready) {
        let _ = self.ready.try_update_value(|slot| *slot = Some(ready));
        let _ = self.rested.try_update(|n| *n += 1);
    }

    /// Measures the kernels behind the frame.
    pub fn measure(self) {
        spawn_local(async move {
            let Some(mut ready) = self.ready.try_update_value(Option::take).flatten() else { return };
            let work = ready.attention.work().await;
            self.rest(ready);
            match work {
                Ok(work) => {
                    let _ = self.work.try_set(work);
                }
                Err(error) => {
                    self.compute.recover(&error);
                }
            }
        });
    }

    /// Takes a cell of the frame apart.
    pub fn open(self, stage: Stage, cell: Cell) -> Option<Opened> {
        self.rested.track();
        let frame = self.frame.get()?;
        self.ready.try_with_value(|ready| {
            ready.as_ref().and_then(|r| r.attention.open(&frame.1, &frame.0, stage, cell.row, cell.col))
        })?
    }
}

/// An error as a sentence for a reader.
fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
