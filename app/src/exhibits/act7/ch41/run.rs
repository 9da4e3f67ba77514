//! Running the points: one piece of work at a time. A lost GPU is opened again, and the training starts anew.

use std::sync::Arc;
use std::time::Duration;

use acts::act7::ch41_diffusion::{
    Field, Plan, Point, Sampling, Settings, Source, Training, class_share, distance, sweep, variety,
};
use engine::sampling::Level;
use engine::{Device, Error};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_time::Instant;

use crate::compute::Compute;
use crate::viz::RunsOn;

/// Points that are sampled, shown and measured.
pub const POINTS: usize = 600;
/// Places of the field, along a side.
pub const FIELD: usize = 15;
/// How far the picture reaches on both axes.
pub const REACH: f32 = 2.7;
/// Steps of training between two looks at what the network samples.
const LOOK_EVERY: u64 = 200;
/// Steps of training that share a point of the curve.
pub const CURVE_EVERY: u64 = 10;
/// How long the page works before it looks up.
const PIECE: Duration = Duration::from_millis(12);

/// How far something is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// It stands.
    Still,
    /// One more.
    Step,
    /// To the end.
    On,
}

/// A walk from noise to data, with every place on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Walked {
    /// How it was sampled.
    pub plan: Plan,
    /// Steps of training behind it.
    pub trained: u64,
    /// The level of every frame, noise first.
    pub levels: Vec<Level>,
    /// x and y of every point, frame by frame.
    pub frames: Vec<Vec<f32>>,
    /// Distance of the last frame to the data of the class, or to all.
    pub distance: f64,
    /// The same between two draws of the data.
    pub floor: f64,
    /// The share of points of the class that was asked for.
    pub share: Option<f64>,
    /// Mean distance to the nearest neighbour, and the same for data of the class.
    pub variety: (f64, f64),
    /// How long the walk took.
    pub time_ms: f64,
}

/// What the network says on the grid, at a level.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrows {
    /// When it was asked.
    pub asked: Asked,
    /// Where: x and y in turn.
    pub places: Vec<f32>,
    /// The clean points it expects behind each.
    pub homes: Vec<f32>,
}

/// What a field depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// The level.
    pub level: Level,
    /// The class, and how strongly.
    pub class: Option<u32>,
    /// w of guidance.
    pub guidance: f32,
    /// Steps of training behind it.
    pub trained: u64,
}

/// The experiment as the page sees it.
#[derive(Clone, Copy)]
pub struct Runner {
    compute: Compute,
    ready: StoredValue<Option<Ready>, LocalStorage>,
    /// What is trained; its training starts anew when this changes.
    current: RwSignal<Option<Settings>>,
    /// Where it ran.
    pub runs_on: RwSignal<RunsOn>,
    /// The device's name.
    pub device: RwSignal<String>,
    /// Whether anything is under way.
    pub busy: RwSignal<bool>,
    /// Why it does not go on.
    pub problem: RwSignal<Option<String>>,
    /// Whether the training goes on.
    pub training: RwSignal<Going>,
    /// Steps done.
    pub trained: RwSignal<u64>,
    /// Counts trainings.
    started: RwSignal<u32>,
    /// Mean loss of the last steps, by step.
    pub losses: RwSignal<Vec<(u64, f64)>>,
    /// The last walk.
    pub walk: RwSignal<Option<Arc<Walked>>>,
    /// The level whose field is looked at.
    pub looked_at: RwSignal<Option<Level>>,
    /// The last field.
    pub arrows: RwSignal<Option<Arc<Arrows>>>,
    /// Whether the sweep goes on.
    pub sweeping: RwSignal<Going>,
    /// What it found, and the floor.
    pub points: RwSignal<Vec<Point>>,
}

struct Ready {
    generation: u32,
    device: Device,
    training: Option<Training>,
    sampling: Option<(u64, Sampling)>,
    field: Option<(u64, Field)>,
}

enum Job {
    Begin(Settings),
    Train,
    Walk(Plan),
    Look(Asked),
    Point(Plan),
}

/// Lets the page do what has gathered.
pub async fn pause() {
    gloo_timers::future::TimeoutFuture::new(0).await;
}

impl Runner {
    /// Nothing has run yet.
    pub fn new(compute: Compute) -> Self {
        Self {
            compute,
            ready: StoredValue::new_local(None),
            current: RwSignal::new(None),
            runs_on: RwSignal::new(RunsOn::Nothing),
            device: RwSignal::new(String::new()),
            busy: RwSignal::new(false),
            problem: RwSignal::new(None),
            training: RwSignal::new(Going::Still),
            trained: RwSignal::new(0),
            started: RwSignal::new(0),
            losses: RwSignal::new(Vec::new()),
            walk: RwSignal::new(None),
            looked_at: RwSignal::new(None),
            arrows: RwSignal::new(None),
            sweeping: RwSignal::new(Going::Still),
            points: RwSignal::new(Vec::new()),
        }
    }

    /// Works whenever there is something to do.
    pub fn follow(self, settings: Memo<Result<Settings, String>>, plan: Memo<Plan>) {
        Effect::new(move |_| {
            settings.track();
            plan.track();
            self.compute.generation.track();
            self.training.track();
            self.looked_at.track();
            self.sweeping.track();
            self.started.track();
            if !self.busy.get_untracked() {
                self.busy.set(true);
                spawn_local(async move {
                    while let Err(error) = self.work(settings, plan).await {
                        // What was trained went with the device.
                        let _ = self.current.try_set(None);
                        if !self.compute.recover(&error) {
                            let _ = self.problem.try_set(Some(sentence(&error.to_string())));
                            let _ = self.current.try_set(settings.try_get_untracked().and_then(Result::ok));
                            self.stop();
                            break;
                        }
                    }
                    let _ = self.busy.try_set(false);
                });
            }
        });
    }

    /// Only what goes is told to stop: work begins again whenever these are set.
    fn stop(self) {
        for going in [self.training, self.sweeping] {
            if going.try_get_untracked().is_some_and(|g| g != Going::Still) {
                let _ = going.try_set(Going::Still);
            }
        }
    }

    /// Forgets what was learnt.
    pub fn reset(self) {
        self.stop();
        self.current.set(None);
        self.started.update(|n| *n += 1);
    }

    /// Whether all steps are done.
    pub fn done(self) -> bool {
        self.current.with(|c| c.as_ref().is_some_and(|c| self.trained.get() >= c.steps))
    }

    fn next(self, settings: Memo<Result<Settings, String>>, plan: Memo<Plan>) -> Option<Job> {
        let wanted = match settings.try_get_untracked()? {
            Ok(wanted) => wanted,
            Err(text) => {
                let _ = self.problem.try_set(Some(sentence(&text)));
                // Whatever comes next starts anew.
                let _ = self.current.try_set(None);
                self.stop();
                return None;
            }
        };
        if self.current.with_untracked(|c| c.as_ref() != Some(&wanted)) {
            return Some(Job::Begin(wanted));
        }
        let plan = plan.try_get_untracked()?;
        let trained = self.trained.get_untracked();
        let done = trained >= wanted.steps;
        if done && self.training.get_untracked() != Going::Still {
            self.training.set(Going::Still);
        }
        let training = self.training.get_untracked();
        let look = training != Going::On || trained.is_multiple_of(LOOK_EVERY);
        let walked = self.walk.with_untracked(|w| w.as_ref().is_some_and(|w| w.plan == plan && w.trained == trained));
        if trained > 0 && look && !walked {
            return Some(Job::Walk(plan));
        }
        if let Some(level) = self.looked_at.get_untracked()
            && trained > 0
            && look
        {
            let asked = Asked { level, class: plan.class, guidance: plan.guidance, trained };
            if self.arrows.with_untracked(|a| a.as_ref().is_none_or(|a| a.asked != asked)) {
                return Some(Job::Look(asked));
            }
        }
        if training != Going::Still {
            return Some(Job::Train);
        }
        if self.sweeping.get_untracked() != Going::Still && trained > 0 {
            match sweep().get(self.points.with_untracked(Vec::len)) {
                Some(&(sampler, steps)) => return Some(Job::Point(Plan { sampler, steps, class: None, ..plan })),
                None => self.sweeping.set(Going::Still),
            }
        }
        None
    }

    async fn work(self, settings: Memo<Result<Settings, String>>, plan: Memo<Plan>) -> Result<(), Error> {
        let generation = self.compute.generation.get_untracked();
        let kept = self.ready.try_update_value(Option::take).flatten().filter(|r| r.generation == generation);
        let mut ready = match kept {
            Some(ready) => ready,
            None => {
                let device = self.compute.device().await?;
                let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
                let _ = self.device.try_set(device.name());
                Ready { generation, device, training: None, sampling: None, field: None }
            }
        };
        let result = self.jobs(&mut ready, settings, plan).await;
        if !matches!(result, Err(Error::DeviceLost(_))) {
            let _ = self.ready.try_update_value(|slot| *slot = Some(ready));
        }
        result
    }

    async fn jobs(
        self,
        ready: &mut Ready,
        settings: Memo<Result<Settings, String>>,
        plan: Memo<Plan>,
    ) -> Result<(), Error> {
        // A page that is left takes its signals with it; then there is nothing to do.
        while let Some(job) = self.next(settings, plan) {
            match job {
                Job::Begin(wanted) => {
                    (ready.sampling, ready.field) = (None, None);
                    ready.training = Some(Training::new(&ready.device, &wanted).await?);
                    let _ = self.problem.try_set(None);
                    let _ = self.trained.try_set(0);
                    let _ = self.losses.try_set(Vec::new());
                    let _ = self.walk.try_set(None);
                    let _ = self.arrows.try_set(None);
                    let _ = self.points.try_set(Vec::new());
                    let _ = self.sweeping.try_set(Going::Still);
                    let _ = self.current.try_set(Some(wanted));
                }
                Job::Train => self.train(ready).await?,
                Job::Walk(wanted) => {
                    let found = self.walk(ready, wanted, plan).await?;
                    if let Some(walked) = found {
                        self.compute.report(&ready.device, walked.time_ms);
                        let _ = self.walk.try_set(Some(Arc::new(walked)));
                    }
                }
                Job::Look(asked) => {
                    let trained = asked.trained;
                    let field = self.field(ready, trained).await?;
                    let homes = field.at(asked.level, asked.class, asked.guidance).await?;
                    let places = field.places();
                    let _ = self.arrows.try_set(Some(Arc::new(Arrows { asked, places, homes })));
                }
                Job::Point(wanted) => {
                    let sampling = self.sampling(ready).await?;
                    let point = Point::measure(sampling, &wanted, pause).await?;
                    let _ = self.points.try_update(|points| points.push(point));
                    if self.sweeping.try_get_untracked() == Some(Going::Step) {
                        let _ = self.sweeping.try_set(Going::Still);
                    }
                }
            }
            pause().await;
        }
        Ok(())
    }

    /// Trains for a moment, or a step.
    async fn train(self, ready: &mut Ready) -> Result<(), Error> {
        let Some(training) = ready.training.as_mut() else { return Ok(()) };
        let start = Instant::now();
        loop {
            let frame = training.step(pause).await?;
            let _ = self.losses.try_update(|list| match list.last_mut() {
                // A running mean until the point is full.
                Some(last) if frame.step % CURVE_EVERY != 1 => {
                    let count = ((frame.step - 1) % CURVE_EVERY) as f64;
                    *last = (frame.step, (last.1 * count + f64::from(frame.loss)) / (count + 1.0));
                }
                _ => list.push((frame.step, frame.loss.into())),
            });
            let _ = self.trained.try_set(frame.step);
            let going = self.training.try_get_untracked();
            if going == Some(Going::Step) {
                let _ = self.training.try_set(Going::Still);
            }
            let stop = going != Some(Going::On) || training.done() || frame.step.is_multiple_of(LOOK_EVERY);
            if stop || start.elapsed() >= PIECE {
                return Ok(());
            }
        }
    }

    /// The network of now, ready to move points.
    async fn sampling(self, ready: &mut Ready) -> Result<&mut Sampling, Error> {
        let learnt = match &ready.training {
            Some(training) => training.learnt().await?,
            None => return Err(Error::data("network", "is not trained")),
        };
        match &mut ready.sampling {
            Some((trained, sampling)) if *trained != learnt.step => {
                sampling.learn(&learnt)?;
                *trained = learnt.step;
            }
            Some(_) => {}
            None => ready.sampling = Some((learnt.step, Sampling::new(&ready.device, &learnt, POINTS).await?)),
        }
        ready.sampling.as_mut().map(|s| &mut s.1).ok_or_else(|| Error::data("network", "is not there"))
    }

    async fn field(self, ready: &mut Ready, now: u64) -> Result<&mut Field, Error> {
        if ready.field.as_ref().is_none_or(|f| f.0 != now) {
            let learnt = match &ready.training {
                Some(training) => training.learnt().await?,
                None => return Err(Error::data("network", "is not trained")),
            };
            match &mut ready.field {
                Some((trained, field)) => {
                    field.learn(&learnt)?;
                    *trained = now;
                }
                None => ready.field = Some((now, Field::new(&ready.device, &learnt, FIELD, REACH).await?)),
            }
        }
        ready.field.as_mut().map(|f| &mut f.1).ok_or_else(|| Error::data("network", "is not there"))
    }

    /// A walk with all its frames; `None` where the reader has changed their mind.
    async fn walk(self, ready: &mut Ready, wanted: Plan, plan: Memo<Plan>) -> Result<Option<Walked>, Error> {
        let source = match &ready.training {
            Some(training) => training.settings().source.clone(),
            None => return Ok(None),
        };
        let trained = self.trained.get_untracked();
        let sampling = self.sampling(ready).await?;
        let start = Instant::now();
        let mut walk = sampling.begin(&wanted)?;
        let mut levels: Vec<Level> = walk.next().map(|m| m.level).into_iter().collect();
        let mut frames = vec![walk.x.as_f32()?.to_vec()];
        let mut last = Instant::now();
        while let Some(level) = sampling.advance(&mut walk, pause).await? {
            levels.push(level);
            frames.push(walk.x.as_f32()?.to_vec());
            if last.elapsed() >= PIECE {
                pause().await;
                last = Instant::now();
                if plan.try_get_untracked() != Some(wanted) {
                    return Ok(None);
                }
            }
        }
        let time_ms = start.elapsed().as_secs_f64() * 1e3;
        pause().await;
        let xy = frames.last().cloned().unwrap_or_default();
        let [data, other] = [0xDA7A, 0xF100].map(|salt| of_class(&source, wanted.class, wanted.seed ^ salt));
        let (far, floor) = (distance(&xy, &data), distance(&data, &other));
        pause().await;
        let all = source.draw(2000, wanted.seed ^ 0xC1A5);
        // Judged by pieces: every point is compared with all of the data.
        let mut share = None;
        if let Some(class) = wanted.class {
            let mut sum = 0.0;
            for piece in xy.chunks(2 * 50) {
                sum += class_share(piece, &all, class) * (piece.len() / 2) as f64;
                pause().await;
            }
            share = Some(sum / POINTS as f64);
        }
        let spread = variety(&xy);
        pause().await;
        Ok(Some(Walked {
            plan: wanted,
            trained,
            levels,
            frames,
            distance: far,
            floor,
            share,
            variety: (spread, variety(&data)),
            time_ms,
        }))
    }
}

/// As many points of the data as are sampled, of one class or all.
pub fn of_class(source: &Source, class: Option<u32>, seed: u32) -> Vec<f32> {
    let Some(class) = class else { return source.draw(POINTS, seed).xy };
    // Half of what is drawn is of the class, or less where a drawing says so.
    let mut xy = source.draw(8 * POINTS, seed).of_class(class).xy;
    xy.truncate(2 * POINTS);
    xy
}

/// An error as a sentence for a reader.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
