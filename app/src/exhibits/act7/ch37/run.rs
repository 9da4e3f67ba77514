//! Running the experiment: the newest picture wins, one run at a time, a lost GPU is opened again.

use std::sync::Arc;

use acts::act2::ch05_attention::Work;
use acts::act7::ch37_vision_transformer::{Frame, Opened, PATCHES, Sight};
use engine::{Device, Error};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::compute::Compute;
use crate::viz::RunsOn;

struct Ready {
    generation: u32,
    device: Device,
    sight: Sight,
}

/// What a frame depends on: the picture and the side of a square.
pub type Wanted = (Arc<[f32]>, usize);

/// The experiment as the page sees it.
#[derive(Clone, Copy)]
pub struct Runner {
    compute: Compute,
    ready: StoredValue<Option<Ready>, LocalStorage>,
    /// Counts how often the experiment came back from a run: while it runs, no number can be opened.
    rested: RwSignal<u32>,
    /// The last frame, with what it was computed for.
    pub frame: RwSignal<Option<(Wanted, Arc<Frame>)>>,
    /// The kernels behind it.
    pub work: RwSignal<Vec<Work>>,
    /// Measured milliseconds, by the place in [`PATCHES`].
    pub times: RwSignal<[Option<f64>; PATCHES.len()]>,
    /// Whether they are being measured.
    pub measuring: RwSignal<bool>,
    /// Where it ran.
    pub runs_on: RwSignal<RunsOn>,
    /// Whether a run is under way.
    pub busy: RwSignal<bool>,
    /// Why there is no frame for this picture.
    pub problem: RwSignal<Option<String>>,
}

/// A moment for the page between two pieces of work on the CPU.
async fn breathe() {
    TimeoutFuture::new(0).await;
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
            times: RwSignal::new([None; PATCHES.len()]),
            measuring: RwSignal::new(false),
            runs_on: RwSignal::new(RunsOn::Nothing),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// Runs whenever the picture changes, the size of its squares, or the device.
    pub fn follow(self, wanted: Memo<Wanted>) {
        Effect::new(move |_| {
            wanted.track();
            self.compute.generation.track();
            if !self.busy.get_untracked() {
                self.busy.set(true);
                spawn_local(async move {
                    self.catch_up(wanted).await;
                    let _ = self.busy.try_set(false);
                });
            }
        });
    }

    /// Computes frames until the last is the one that is wanted.
    async fn catch_up(self, wanted: Memo<Wanted>) {
        // A page that is left takes its signals with it; then there is nothing to catch up with.
        while let Some(now) = wanted.try_get_untracked() {
            match self.compute_frame(&now).await {
                Ok(()) => {
                    let _ = self.problem.try_set(None);
                }
                Err(error) => {
                    if self.compute.recover(&error) {
                        continue;
                    }
                    let _ = self.problem.try_set(Some(format!("The network could not look at it: {error}.")));
                }
            }
            if wanted.try_get_untracked().is_none_or(|newest| newest == now) {
                break;
            }
        }
    }

    /// The experiment, made anew for a new device.
    async fn take(self) -> Result<Ready, Error> {
        let generation = self.compute.generation.get_untracked();
        let kept = self.ready.try_update_value(Option::take).flatten().filter(|r| r.generation == generation);
        if let Some(ready) = kept {
            return Ok(ready);
        }
        let device = self.compute.device().await?;
        let checkpoint = self.compute.tiny_vit().await?;
        let sight = Sight::new(&device, checkpoint);
        Ok(Ready { generation, device, sight })
    }

    async fn compute_frame(self, (picture, patch): &Wanted) -> Result<(), Error> {
        let mut ready = self.take().await?;
        let result = ready.sight.frame(picture, *patch, async || breathe().await).await;
        let device = ready.device.clone();
        if !matches!(result, Err(Error::DeviceLost(_))) {
            self.rest(ready);
        }
        let frame = result?;
        let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
        self.compute.report(&device, frame.time_ms);
        let _ = self.frame.try_set(Some(((picture.clone(), *patch), Arc::new(frame))));
        Ok(())
    }

    /// Puts the experiment back where the next run, and whoever opens a number, finds it.
    fn rest(self, ready: Ready) {
        let _ = self.ready.try_update_value(|slot| *slot = Some(ready));
        let _ = self.rested.try_update(|n| *n += 1);
    }

    /// Times a whole pass with squares of every size, the cheapest first, until it is stopped.
    pub fn measure_times(self) {
        self.measuring.set(true);
        self.times.set([None; PATCHES.len()]);
        spawn_local(async move {
            for at in (0..PATCHES.len()).rev() {
                // A frame may be under way with the experiment in hand.
                while self.busy.try_get_untracked() == Some(true) {
                    TimeoutFuture::new(20).await;
                }
                if self.measuring.try_get_untracked() != Some(true) {
                    return;
                }
                let result = match self.take().await {
                    Ok(mut ready) => {
                        let result = ready.sight.time(PATCHES[at], async || breathe().await).await;
                        self.rest(ready);
                        result
                    }
                    Err(error) => Err(error),
                };
                match result {
                    Ok(ms) => {
                        let _ = self.times.try_update(|times| times[at] = Some(ms));
                    }
                    Err(error) => {
                        if !self.compute.recover(&error) {
                            let _ = self.problem.try_set(Some(format!("The measurement broke off: {error}.")));
                        }
                        break;
                    }
                }
            }
            let _ = self.measuring.try_set(false);
        });
    }

    /// Measures the kernels behind the frame.
    pub fn measure_work(self) {
        spawn_local(async move {
            let Some((_, patch)) = self.frame.try_get_untracked().flatten().map(|(wanted, _)| wanted) else { return };
            let Some(mut ready) = self.ready.try_update_value(Option::take).flatten() else { return };
            let work = ready.sight.work(patch).await;
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

    /// The last frame.
    pub fn shown(self) -> Option<Arc<Frame>> {
        self.frame.get().map(|(_, frame)| frame)
    }

    /// What only the experiment knows, while it rests.
    fn ask<T>(self, what: impl FnOnce(&Sight, &Frame) -> Option<T>) -> Option<T> {
        self.rested.track();
        let frame = self.shown()?;
        self.ready.try_with_value(|ready| ready.as_ref().and_then(|r| what(&r.sight, &frame)))?
    }

    /// Takes one number of a square's vector apart.
    pub fn open(self, square: usize, component: usize) -> Option<Opened> {
        self.ask(|sight, frame| sight.open(frame, square, component))
    }

    /// How alike a square's position vector is to every square's.
    pub fn likeness(self, square: usize) -> Option<Vec<f32>> {
        self.ask(|sight, frame| sight.position_likeness(frame.config.patch, square))
    }

    /// What the positions know of the grid.
    pub fn grid(self) -> Option<(f64, (f64, f64))> {
        self.ask(|sight, frame| sight.grid(frame.config.patch))
    }
}
