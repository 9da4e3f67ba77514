//! Training by steps, sampling by moves, the field at a time, and the sweep over steps.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    optim::{AdamW, Schedule as Rate, create_state},
    rng,
    sampling::{Level, Move, Path, Sampler, Schedule, Spacing, Step, Target, Walk, guide, time_features},
};

use super::{
    cloud::Source,
    measure::distance,
    net::{NO_CLASS, Seen, Sizes},
};

/// Points of a training step.
pub const BATCH: usize = 512;
/// The highest learning rate; a cosine brings it down to a hundredth.
const RATE: f32 = 3e-3;
/// Steps of warm-up.
const WARM_UP: u64 = 50;
/// The largest norm of the gradient.
const CLIP: f32 = 1.0;
/// Of a hundred classes, how many are taken away, so that the network also answers without one.
const WITHOUT_CLASS: f32 = 0.15;
/// The data lie well within this.
const REACH: f32 = 3.0;
/// How long a page may be kept waiting by one piece of work on the CPU.
const PIECE: Duration = Duration::from_millis(12);

/// What is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the data come from.
    pub source: Source,
    /// How they are mixed with noise.
    pub path: Path,
    /// What the network is asked for.
    pub target: Target,
    /// Steps of training.
    pub steps: u64,
    /// Of weights, data, times and noise.
    pub seed: u32,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Steps done.
    pub step: u64,
    /// Mean squared error of a number of the answer, before the update.
    pub loss: f32,
}

/// A training run.
pub struct Training {
    settings: Settings,
    sizes: Sizes,
    schedule: Schedule,
    store: Store,
    program: Program,
    seen: Seen,
    wanted: Tensor,
    hyper: Tensor,
    loss: Tensor,
    rate: Rate,
    step: u64,
}

impl Training {
    /// A run from its first step.
    pub async fn new(device: &Device, settings: &Settings) -> Result<Self> {
        let sizes = Sizes::default();
        let mut g = Graph::new();
        let x = g.input("noisy points", &[BATCH, 2])?;
        let time = g.input("time", &[BATCH, sizes.features])?;
        let class = g.input_u32("class", &[BATCH])?;
        let wanted = g.input("wanted", &[BATCH, 2])?;
        let hyper = g.input("hyper", &[8])?;
        let seen = Seen { x, time, class };
        let (answer, parameters) = g.scope("network", |g| sizes.forward(g, seen))?;
        let loss = g.scope("loss", |g| -> Result<_> {
            let off = g.sub(answer, wanted)?;
            let square = g.mul(off, off)?;
            let sum = g.sum_all(square)?;
            g.scale(sum, 0.5 / BATCH as f32)
        })?;
        let wrt: Vec<Tensor> = parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.scope("backward", |g| g.gradients(loss, &wrt))?;
        let state = g.scope("update", |g| optimizer().apply(g, &parameters, &grads, hyper, Some(CLIP)))?;
        let store = Store::new(device);
        for (name, value) in &sizes.initial(settings.seed)? {
            store.set(name, value)?;
        }
        create_state(&store, &state)?;
        let program = Program::compile(device, &g, &[loss], &store).await?;
        let rate = Rate { peak: RATE, floor: 0.01 * RATE, warm_up: WARM_UP, steps: settings.steps };
        let schedule = Schedule::new(settings.path);
        Ok(Self {
            settings: settings.clone(),
            sizes,
            schedule,
            store,
            program,
            seen,
            wanted,
            hyper,
            loss,
            rate,
            step: 0,
        })
    }

    /// Whether all steps are done.
    pub fn done(&self) -> bool {
        self.step >= self.settings.steps
    }

    /// What is trained.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The compiled step.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// One step: fresh points, a random level each. On the CPU `pause` is awaited every so often, so that a page stays awake.
    pub async fn step(&mut self, pause: impl AsyncFnMut()) -> Result<Frame> {
        let key = |stream: u32| [self.settings.seed, 0x0041_2000 + stream];
        let first = self.step as u32 * BATCH as u32;
        let points = self.settings.source.draw(BATCH, self.settings.seed ^ rng::bits(key(0), self.step as u32)[0]);
        let (mut x, mut wanted) = (Vec::with_capacity(2 * BATCH), Vec::with_capacity(2 * BATCH));
        let (mut times, mut classes) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        for (i, (point, &class)) in points.xy.chunks(2).zip(&points.classes).enumerate() {
            let [when, without] = rng::bits(key(1), first + i as u32).map(rng::unit);
            let level = self.schedule.at(f64::from(when));
            for (axis, &x0) in point.iter().enumerate() {
                let e = rng::normal(key(2 + axis as u32), first + i as u32);
                x.push(level.mix(x0, e));
                wanted.push(self.settings.target.value(level, x0, e));
            }
            times.push(level.time);
            classes.push(if without < WITHOUT_CLASS { NO_CLASS } else { class });
        }
        let features = time_features(&times, self.sizes.features);
        self.program.write(self.seen.x, &HostTensor::f32(&[BATCH, 2], x)?)?;
        self.program.write(self.wanted, &HostTensor::f32(&[BATCH, 2], wanted)?)?;
        self.program.write(self.seen.time, &HostTensor::f32(&[BATCH, self.sizes.features], features)?)?;
        self.program.write(self.seen.class, &HostTensor::u32(&[BATCH], classes)?)?;
        self.program.write(self.hyper, &optimizer().hyper(self.step, self.rate.at(self.step)))?;
        self.program.run_with_pauses(PIECE, pause).await?;
        let loss = self.program.read(self.loss).await?.as_f32()?[0];
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        Ok(Frame { step: self.step, loss })
    }

    /// All remaining steps.
    pub async fn finish(&mut self) -> Result<()> {
        while !self.done() {
            self.step(async || {}).await?;
        }
        Ok(())
    }

    /// What was learnt so far, as numbers on the host.
    pub async fn learnt(&self) -> Result<Learnt> {
        let names: Vec<String> = self.sizes.parameters().into_iter().map(|(name, _)| name).collect();
        let values = self.store.get_all(&names).await?;
        Ok(Learnt {
            settings: self.settings.clone(),
            step: self.step,
            sizes: self.sizes,
            weights: Arc::new(names.into_iter().zip(values).collect()),
        })
    }
}

fn optimizer() -> AdamW {
    AdamW { weight_decay: 0.0, ..AdamW::default() }
}

/// A trained network.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// What it was trained on.
    pub settings: Settings,
    /// Steps of its training.
    pub step: u64,
    sizes: Sizes,
    weights: Arc<BTreeMap<String, HostTensor>>,
}

/// How points are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How the walk goes.
    pub sampler: Sampler,
    /// Its steps.
    pub steps: usize,
    /// The class that is asked for; none for all.
    pub class: Option<u32>,
    /// w of classifier-free guidance; without a class it changes nothing.
    pub guidance: f32,
    /// Of the first noise, and of what comes later.
    pub seed: u32,
}

/// The network ready to move a number of points, with and without a class.
pub struct Sampling {
    learnt: Learnt,
    store: Store,
    points: usize,
    program: Program,
    step: Step,
    time: Tensor,
    class: Tensor,
    guidance: Tensor,
}

impl Sampling {
    /// Compiles one move of `points` points.
    pub async fn new(device: &Device, learnt: &Learnt, points: usize) -> Result<Self> {
        let sizes = learnt.sizes;
        let mut g = Graph::new();
        let time = g.input("time", &[1, sizes.features])?;
        let class = g.input_u32("class", &[2 * points])?;
        let guidance = g.input("guidance", &[1])?;
        let step = Step::build(&mut g, &[points, 2], Some(REACH), |g, x| {
            let both = g.concat(&[x, x], 0)?;
            let (answer, _) = sizes.forward(g, Seen { x: both, time, class })?;
            let with = g.slice(answer, 0, 0, points)?;
            let without = g.slice(answer, 0, points, points)?;
            guide(g, with, without, guidance)
        })?;
        let store = Store::new(device);
        for (name, value) in learnt.weights.iter() {
            store.set(name, value)?;
        }
        let program = Program::compile(device, &g, &[step.next, step.next_kept, step.clean], &store).await?;
        Ok(Self { learnt: learnt.clone(), store, points, program, step, time, class, guidance })
    }

    /// Goes on with what a training of the same settings has learnt meanwhile.
    pub fn learn(&mut self, learnt: &Learnt) -> Result<()> {
        if learnt.settings != self.learnt.settings {
            return Err(Error::data("network", "was trained on something else"));
        }
        for (name, value) in learnt.weights.iter() {
            self.store.set(name, value)?;
        }
        self.learnt = learnt.clone();
        Ok(())
    }

    /// The compiled move.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// The moves of a plan.
    pub fn moves(&self, plan: &Plan) -> Result<Vec<Move>> {
        let path = self.learnt.settings.path;
        let levels = Schedule::new(path).levels(plan.steps, Spacing::Trailing)?;
        plan.sampler.moves(path, &levels)
    }

    /// Starts a walk from noise.
    pub fn begin(&mut self, plan: &Plan) -> Result<Walk> {
        self.ask(plan.class, plan.guidance)?;
        Walk::new(&[self.points, 2], self.moves(plan)?, self.learnt.settings.target, plan.seed)
    }

    fn ask(&mut self, class: Option<u32>, guidance: f32) -> Result<()> {
        let mut classes = vec![class.unwrap_or(NO_CLASS); self.points];
        classes.resize(2 * self.points, NO_CLASS);
        self.program.write(self.class, &HostTensor::u32(&[2 * self.points], classes)?)?;
        self.program.write(self.guidance, &HostTensor::f32(&[1], vec![guidance])?)
    }

    fn tell(&mut self, time: f64) -> Result<()> {
        let features = self.learnt.sizes.features;
        self.program.write(self.time, &HostTensor::f32(&[1, features], time_features(&[time], features))?)
    }

    /// The next move of a walk that [`Sampling::begin`] started; the level reached, or none where it is over.
    pub async fn advance(&mut self, walk: &mut Walk, pause: impl AsyncFnMut()) -> Result<Option<Level>> {
        let Some(&m) = walk.next() else { return Ok(None) };
        self.tell(m.level.time)?;
        walk.advance(&mut self.program, &self.step, &[], pause).await?;
        Ok(Some(m.reached))
    }

    /// All moves: x and y of each point.
    pub async fn sample(&mut self, plan: &Plan) -> Result<Vec<f32>> {
        let mut walk = self.begin(plan)?;
        while self.advance(&mut walk, async || {}).await?.is_some() {}
        Ok(walk.x.as_f32()?.to_vec())
    }
}

/// What the network says on a grid.
pub struct Field {
    sampling: Sampling,
    side: usize,
    reach: f32,
}

impl Field {
    /// `side * side` places, evenly between minus and plus `reach` on both axes.
    pub async fn new(device: &Device, learnt: &Learnt, side: usize, reach: f32) -> Result<Self> {
        Ok(Self { sampling: Sampling::new(device, learnt, side * side).await?, side, reach })
    }

    /// [`Sampling::learn`]
    pub fn learn(&mut self, learnt: &Learnt) -> Result<()> {
        self.sampling.learn(learnt)
    }

    /// The places, x and y, by rows from the top.
    pub fn places(&self) -> Vec<f32> {
        let at = |i: usize| self.reach * (2.0 * (i as f32 + 0.5) / self.side as f32 - 1.0);
        (0..self.side * self.side).flat_map(|i| [at(i % self.side), -at(i / self.side)]).collect()
    }

    /// For every place the clean point that the network expects behind it, at a level of noise.
    pub async fn at(&mut self, level: Level, class: Option<u32>, guidance: f32) -> Result<Vec<f32>> {
        let shape = [self.side * self.side, 2];
        let places = HostTensor::f32(&shape, self.places())?;
        let nothing = HostTensor::f32(&shape, vec![0.0; places.shape.count()])?;
        let still = Move { step: 0, level, reached: level, x: [0.0; 4], kept: [0.0; 3] };
        let sampling = &mut self.sampling;
        sampling.ask(class, guidance)?;
        sampling.tell(level.time)?;
        let step = sampling.step;
        sampling.program.write(step.x, &places)?;
        sampling.program.write(step.kept, &nothing)?;
        sampling.program.write(step.noise, &nothing)?;
        let target = sampling.learnt.settings.target;
        sampling.program.write(step.coefficients, &Step::coefficients(&still, target)?)?;
        Ok(sampling.program.run_and_read(&[step.clean]).await?[0].as_f32()?.to_vec())
    }
}

/// Points ruined up to a level: each keeps its own noise at every level.
pub fn noised(xy: &[f32], level: Level, seed: u32) -> Vec<f32> {
    xy.iter().enumerate().map(|(i, &x0)| level.mix(x0, rng::normal([seed, 0x0041_3000], i as u32))).collect()
}

/// One point of the sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Which sampler.
    pub sampler: Sampler,
    /// Its steps.
    pub steps: usize,
    /// Questions to the network.
    pub questions: usize,
    /// Distance of the points to fresh data.
    pub distance: f64,
}

/// Samplers and steps of the sweep, the cheapest first.
pub fn sweep() -> Vec<(Sampler, usize)> {
    let samplers = [Sampler::Ddpm, Sampler::Ddim { eta: 0.0 }, Sampler::Heun, Sampler::DpmPlusPlus2M];
    [1, 2, 3, 5, 8, 12, 20, 35, 60, 100].into_iter().flat_map(|steps| samplers.map(|s| (s, steps))).collect()
}

impl Point {
    /// Measures one plan: the distance of its points to as many fresh ones of the data.
    pub async fn measure(sampling: &mut Sampling, plan: &Plan, pause: impl AsyncFnMut() + Clone) -> Result<Self> {
        let mut walk = sampling.begin(plan)?;
        while sampling.advance(&mut walk, pause.clone()).await?.is_some() {}
        let data = sampling.learnt.settings.source.draw(sampling.points, plan.seed ^ 0xDA7A);
        Ok(Self {
            sampler: plan.sampler,
            steps: plan.steps,
            questions: walk.moves().len(),
            distance: distance(walk.x.as_f32()?, &data.xy),
        })
    }

    /// What chance alone leaves: the distance between two draws of the data.
    pub fn floor(source: &Source, points: usize, seed: u32) -> f64 {
        distance(&source.draw(points, seed ^ 0xDA7A).xy, &source.draw(points, seed ^ 0xF100).xy)
    }
}
