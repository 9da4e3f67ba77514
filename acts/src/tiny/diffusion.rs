//! Tiny's painter: a small diffusion Transformer that draws Tinyland's scenes from their captions.
//!
//! It learns by flow matching: a scene x0, noise e, a time t, and from `(1 - t) x0 + t e` it is to say `e - x0`. Times are drawn as
//! the logistic function of a normal number (Esser et al. 2024), which dwells on the middle. One caption in ten is taken away, so
//! that the same network also answers without one, which is what guidance needs. What ships is a running average of the weights.

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    io::TensorFile,
    models::{dit, gpt::Mode},
    optim::{AdamW, create_state},
    rng,
    sampling::{Level, Path, Sampler, Schedule, Spacing, Step, Target, Walk, guide, time_features},
};
use serde::{Deserialize, Serialize};

use crate::tinyland::{
    Split,
    dice::Dice,
    pictures::{
        self, CAPTION_END, CAPTION_PAD, Colour, Form, SIDE, Scene, Shape, Size, caption_tokens, caption_vocabulary,
    },
};

/// The most tokens of a caption it reads, its end included: two shapes and their relation.
pub const CAPTION: usize = 12;

/// The path it was trained on.
pub const PATH: Path = Path::Straight;

/// What it was trained to say.
pub const TARGET: Target = Target::Flow;

/// Everything that decides a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The checkpoint's name.
    pub name: String,
    /// Sizes.
    pub config: dit::Config,
    /// Pictures a step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Steps of linear warm-up; then the rate stays.
    pub warm_up: u64,
    /// The learning rate.
    pub learning_rate: f32,
    /// Pull of matrices towards 0.
    pub weight_decay: f32,
    /// The largest global norm of the gradient.
    pub clip: f32,
    /// Steps of which the shipped weights are the average, roughly.
    pub averaged: u64,
    /// Of a hundred captions, how many are taken away.
    pub without_caption: usize,
    /// Of a hundred scenes, how many have two shapes; the others have one.
    pub pairs: usize,
    /// Seed of the parameters.
    pub seed: u32,
    /// Seed of scenes, times and noise.
    pub data_seed: u64,
}

/// The one recipe.
pub fn recipe() -> Recipe {
    Recipe {
        name: "tiny-diffusion".into(),
        config: dit::Config {
            side: SIDE,
            channels: 3,
            patch: 4,
            layers: 4,
            width: 96,
            heads: 4,
            hidden: 384,
            time_features: 64,
            vocabulary: caption_vocabulary().len(),
            caption: CAPTION,
        },
        batch: 32,
        steps: 3_000,
        warm_up: 200,
        learning_rate: 1.5e-3,
        weight_decay: 0.01,
        clip: 1.0,
        averaged: 500,
        without_caption: 10,
        pairs: 40,
        seed: 1,
        data_seed: 41,
    }
}

/// Steps between two additions to the average.
const AVERAGE_EVERY: u64 = 10;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Mean squared error of a number of the answer, before the update.
    pub loss: f32,
    /// The rate of the update.
    pub learning_rate: f32,
}

/// A caption as the network reads it; none is the end alone.
///
/// # Errors
/// Words that it does not know, or too many.
pub fn tokens(caption: Option<&str>) -> Result<Vec<u32>> {
    match caption {
        Some(text) => caption_tokens(text, CAPTION).map_err(|e| Error::data("caption", e.to_string())),
        None => Ok(std::iter::once(CAPTION_END).chain(std::iter::repeat(CAPTION_PAD)).take(CAPTION).collect()),
    }
}

/// A training run that can stop and go on.
pub struct Trainer {
    recipe: Recipe,
    optimizer: AdamW,
    store: Store,
    program: Program,
    seen: dit::Seen,
    wanted: Tensor,
    hyper: Tensor,
    loss: Tensor,
    state: Vec<String>,
    average: Vec<HostTensor>,
    step: u64,
}

impl Trainer {
    /// A run from its first step.
    pub async fn new(device: &Device, recipe: &Recipe) -> Result<Self> {
        let config = &recipe.config;
        let shape = [recipe.batch, config.patches(), config.patch_numbers()];
        let mut g = Graph::new();
        let seen = inputs(&mut g, config, recipe.batch, None)?;
        let wanted = g.input("wanted", &shape)?;
        let hyper = g.input("hyper", &[8])?;
        let forward = config.forward(&mut g, seen, Mode::Train)?;
        let loss = g.scope("loss", |g| -> Result<_> {
            let off = g.sub(forward.answer, wanted)?;
            let square = g.mul(off, off)?;
            let sum = g.sum_all(square)?;
            g.scale(sum, 1.0 / shape.iter().product::<usize>() as f32)
        })?;
        let wrt: Vec<Tensor> = forward.parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.scope("backward", |g| g.gradients(loss, &wrt))?;
        let optimizer = AdamW { weight_decay: recipe.weight_decay, ..AdamW::default() };
        let state = g.scope("update", |g| optimizer.apply(g, &forward.parameters, &grads, hyper, Some(recipe.clip)))?;
        let store = Store::new(device);
        let initial = config.initial(recipe.seed)?;
        config.load(&store, &initial)?;
        create_state(&store, &state)?;
        let program = Program::compile(device, &g, &[loss], &store).await?;
        let average = config.parameters().into_iter().map(|(name, _)| initial[&name].clone()).collect();
        Ok(Self {
            recipe: recipe.clone(),
            optimizer,
            store,
            program,
            seen,
            wanted,
            hyper,
            loss,
            state: state.into_iter().map(|(name, _)| name).collect(),
            average,
            step: 0,
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// One step: one batch, one submit.
    pub async fn step(&mut self) -> Result<Progress> {
        let (config, batch) = (&self.recipe.config, self.recipe.batch);
        let shape = [batch, config.patches(), config.patch_numbers()];
        let schedule = Schedule::new(PATH);
        let (mut x0, mut captions, mut levels) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..batch as u64 {
            let mut choice = Dice::new(&[self.recipe.data_seed, self.step, row, 1]);
            let mut dice = Dice::new(&[self.recipe.data_seed, self.step, row]);
            let shapes = 1 + usize::from(choice.chance(self.recipe.pairs));
            let scene = Scene::of(&mut dice, Split::Train, shapes, pictures::Overlap::Apart);
            let caption = scene.caption();
            captions.extend(tokens((!choice.chance(self.recipe.without_caption)).then_some(&caption))?);
            x0.extend(scene.render(config.side).into_iter().map(|v| 2.0 * v - 1.0));
            let bent =
                rng::normal([self.recipe.data_seed as u32, 0x71AE], self.step as u32 * batch as u32 + row as u32);
            levels.push(schedule.at(1.0 / (1.0 + f64::from(-bent).exp())));
        }
        let x0 = config.to_patches(&x0);
        let numbers = x0.len() / batch;
        let key = [self.recipe.data_seed as u32 ^ 0x0153_0000, self.step as u32];
        let (mut x, mut wanted) = (Vec::with_capacity(x0.len()), Vec::with_capacity(x0.len()));
        for (i, &clean) in x0.iter().enumerate() {
            let (level, e): (Level, f32) = (levels[i / numbers], rng::normal(key, i as u32));
            x.push(level.mix(clean, e));
            wanted.push(TARGET.value(level, clean, e));
        }
        let times: Vec<f64> = levels.iter().map(|l| l.time).collect();
        let features = time_features(&times, config.time_features);
        let rising = (self.step + 1) as f32 / self.recipe.warm_up.max(1) as f32;
        let learning_rate = self.recipe.learning_rate * rising.min(1.0);
        self.program.write(self.seen.patches, &HostTensor::f32(&shape, x)?)?;
        self.program.write(self.wanted, &HostTensor::f32(&shape, wanted)?)?;
        self.program.write(self.seen.time, &HostTensor::f32(&[batch, config.time_features], features)?)?;
        self.program.write(self.seen.caption, &HostTensor::u32(&[batch, CAPTION], captions)?)?;
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, learning_rate))?;
        let loss = self.program.run_and_read(&[self.loss]).await?[0].as_f32()?[0];
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        if self.step.is_multiple_of(AVERAGE_EVERY) {
            self.add_to_average().await?;
        }
        Ok(Progress { step: self.step, loss, learning_rate })
    }

    /// The average moves towards the weights; at first faster, so that it forgets where it started.
    async fn add_to_average(&mut self) -> Result<()> {
        let now = self.store.get_all(&self.names()).await?;
        let span = self.recipe.averaged.min(self.step / 5).max(AVERAGE_EVERY);
        let share = AVERAGE_EVERY as f32 / span as f32;
        for (average, now) in self.average.iter_mut().zip(&now) {
            let mixed = average.as_f32()?.iter().zip(now.as_f32()?).map(|(a, n)| a + share * (n - a)).collect();
            *average = HostTensor::f32(&now.shape, mixed)?;
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.recipe.config.parameters().into_iter().map(|(name, _)| name).collect()
    }

    /// The averaged parameters, with the recipe: what ships.
    pub fn averaged(&self) -> Result<TensorFile> {
        let tensors = self.names().into_iter().zip(self.average.iter().cloned()).collect();
        let mut file = TensorFile { tensors, ..TensorFile::default() };
        let text = |value: serde_json::Result<String>| value.map_err(|e| Error::data("recipe", e.to_string()));
        file.metadata.insert("config".into(), text(serde_json::to_string(&self.recipe.config))?);
        file.metadata.insert("recipe".into(), text(serde_json::to_string(&self.recipe))?);
        file.metadata.insert("data".into(), pictures::VERSION.into());
        Ok(file)
    }

    /// Everything a run needs to go on as if it had not stopped.
    pub async fn checkpoint(&self) -> Result<TensorFile> {
        let mut file = self.averaged()?;
        let averages: Vec<_> = file.tensors.into_iter().map(|(name, t)| (format!("average/{name}"), t)).collect();
        file.tensors = averages.into_iter().collect();
        for list in [self.names(), self.state.clone()] {
            let values = self.store.get_all(&list).await?;
            file.tensors.extend(list.into_iter().zip(values));
        }
        file.metadata.insert("step".into(), self.step.to_string());
        Ok(file)
    }

    /// Goes on from a checkpoint of the same recipe; its number of steps may be another, for nothing else depends on it.
    pub fn resume(&mut self, file: &TensorFile) -> Result<()> {
        let theirs: Option<Recipe> = file.about("recipe").and_then(|text| serde_json::from_str(&text).ok());
        if theirs.map(|r| Recipe { steps: self.recipe.steps, ..r }).as_ref() != Some(&self.recipe) {
            return Err(Error::data("checkpoint", "was made by another recipe"));
        }
        let step = file.about("step").and_then(|s| s.parse().ok());
        self.step = step.ok_or_else(|| Error::data("checkpoint", "does not say at which step it was made"))?;
        self.recipe.config.load(&self.store, &file.tensors)?;
        for name in &self.state {
            self.store.set(name, file.get(name)?)?;
        }
        let names = self.names();
        for (name, average) in names.iter().zip(&mut self.average) {
            *average = file.get(&format!("average/{name}"))?.clone();
        }
        Ok(())
    }
}

/// What the network looks at, as inputs, or with `patches` built before.
fn inputs(g: &mut Graph, config: &dit::Config, batch: usize, patches: Option<Tensor>) -> Result<dit::Seen> {
    let patches = match patches {
        Some(t) => t,
        None => g.input("noisy patches", &[batch, config.patches(), config.patch_numbers()])?,
    };
    let time = g.input("time", &[batch, config.time_features])?;
    let caption = g.input_u32("caption", &[batch, config.caption])?;
    Ok(dit::Seen { patches, time, caption })
}

/// A trained painter in host memory.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Sizes.
    pub config: dit::Config,
    /// Parameters and the story of their training.
    pub file: TensorFile,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A file that is broken, has no configuration, lacks a parameter, or holds numbers that are not finite.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::of(name, TensorFile::parse(name, bytes)?)
    }

    /// A checkpoint of a file that was read, or just made.
    pub fn of(name: &str, file: TensorFile) -> Result<Self> {
        let about = file.about("config").ok_or_else(|| Error::data(name, "has no configuration"))?;
        let config: dit::Config =
            serde_json::from_str(&about).map_err(|e| Error::data(name, format!("configuration: {e}")))?;
        config.check()?;
        config.load(&Store::new(&Device::cpu()), &file.tensors)?;
        if (config.side, config.channels, config.caption) != (SIDE, 3, CAPTION)
            || config.vocabulary != caption_vocabulary().len()
        {
            return Err(Error::data(name, "draws other pictures, or reads other captions, than those of Tinyland"));
        }
        Ok(Self { config, file })
    }
}

/// How pictures are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How the walk goes.
    pub sampler: Sampler,
    /// Its steps.
    pub steps: usize,
    /// w of classifier-free guidance.
    pub guidance: f32,
    /// Of the first noise, and of what comes later.
    pub seed: u32,
}

/// What one move made of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Where the network was asked, and what was reached.
    pub asked: Level,
    /// The level that the pictures are at now.
    pub level: Level,
    /// The pictures now: `[pictures, 3, side, side]`, about -1 to 1, and noise.
    pub noisy: Vec<f32>,
    /// The clean pictures that the network expected: the same shape, -1 to 1.
    pub clean: Vec<f32>,
    /// How much each patch of the first picture took of each word, mean over blocks and heads: `[patches, caption]`.
    pub words: Vec<f32>,
}

/// The network ready to draw some pictures at once, each step with and without the caption.
pub struct Painter {
    config: dit::Config,
    pictures: usize,
    program: Program,
    step: Step,
    seen: dit::Seen,
    guidance: Tensor,
    words: Vec<Tensor>,
}

impl Painter {
    /// Compiles one move of `pictures` pictures.
    pub async fn new(device: &Device, checkpoint: &Checkpoint, pictures: usize) -> Result<Self> {
        let store = Store::new(device);
        checkpoint.config.load(&store, &checkpoint.file.tensors)?;
        Self::with(device, &store, &checkpoint.config, pictures).await
    }

    /// With fresh parameters of the recipe's shape: what is timed is the same.
    pub async fn untrained(device: &Device, pictures: usize) -> Result<Self> {
        let Recipe { config, seed, .. } = recipe();
        let store = Store::new(device);
        config.load(&store, &config.initial(seed)?)?;
        Self::with(device, &store, &config, pictures).await
    }

    async fn with(device: &Device, store: &Store, config: &dit::Config, pictures: usize) -> Result<Self> {
        let mut g = Graph::new();
        let guidance = g.input("guidance", &[1])?;
        let shape = [pictures, config.patches(), config.patch_numbers()];
        let (mut seen, mut words) = (None, Vec::new());
        let step = Step::build(&mut g, &shape, Some(1.0), |g, x| {
            // With the caption, then without: one pass over twice the rows.
            let both = g.concat(&[x, x], 0)?;
            let looked_at = inputs(g, config, 2 * pictures, Some(both))?;
            let forward = config.forward(g, looked_at, Mode::Infer)?;
            (seen, words) = (Some(looked_at), forward.words);
            let with = g.slice(forward.answer, 0, 0, pictures)?;
            let without = g.slice(forward.answer, 0, pictures, pictures)?;
            guide(g, with, without, guidance)
        })?;
        let Some(seen) = seen else { return Err(Error::data("painter", "was not built")) };
        let fetch: Vec<Tensor> = words.iter().copied().chain([step.next, step.next_kept, step.clean]).collect();
        let program = Program::compile(device, &g, &fetch, store).await?;
        Ok(Self { config: config.clone(), pictures, program, step, seen, guidance, words })
    }

    /// The compiled move.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Starts to draw: one caption a picture, none for any scene.
    pub fn begin(&mut self, captions: &[Option<&str>], settings: Settings) -> Result<Walk> {
        if captions.len() != self.pictures {
            return Err(Error::data("captions", format!("{} for {} pictures", captions.len(), self.pictures)));
        }
        let mut ids = Vec::new();
        for caption in captions {
            ids.extend(tokens(*caption)?);
        }
        for _ in captions {
            ids.extend(tokens(None)?);
        }
        self.program.write(self.seen.caption, &HostTensor::u32(&[2 * self.pictures, CAPTION], ids)?)?;
        self.program.write(self.guidance, &HostTensor::f32(&[1], vec![settings.guidance])?)?;
        let levels = Schedule::new(PATH).levels(settings.steps, Spacing::Trailing)?;
        let moves = settings.sampler.moves(PATH, &levels)?;
        Walk::new(&[self.pictures, self.config.patches(), self.config.patch_numbers()], moves, TARGET, settings.seed)
    }

    /// The next move of a walk that [`Painter::begin`] started; none where it is over.
    pub async fn advance(&mut self, walk: &mut Walk, pause: impl AsyncFnMut()) -> Result<Option<Frame>> {
        let Some(&m) = walk.next() else { return Ok(None) };
        let rows = 2 * self.pictures;
        let features = time_features(&vec![m.level.time; rows], self.config.time_features);
        self.program.write(self.seen.time, &HostTensor::f32(&[rows, self.config.time_features], features)?)?;
        let also: Vec<Tensor> = self.words.iter().copied().chain([self.step.clean]).collect();
        let mut read = walk.advance(&mut self.program, &self.step, &also, pause).await?;
        let clean = read.pop().ok_or_else(|| Error::data("painter", "nothing was read"))?;
        let of_one = self.config.patches() * CAPTION;
        let mut words = vec![0.0; of_one];
        let share = 1.0 / (read.len() * self.config.heads) as f32;
        for block in &read {
            for head in block.as_f32()?.chunks(of_one).take(self.config.heads) {
                for (sum, weight) in words.iter_mut().zip(head) {
                    *sum += share * weight;
                }
            }
        }
        Ok(Some(Frame {
            asked: m.level,
            level: m.reached,
            noisy: self.config.to_pictures(walk.x.as_f32()?),
            clean: self.config.to_pictures(clean.as_f32()?),
            words,
        }))
    }

    /// Whole pictures, `[pictures, 3, side, side]`, 0 to 1.
    pub async fn draw(&mut self, captions: &[Option<&str>], settings: Settings) -> Result<Vec<f32>> {
        let mut walk = self.begin(captions, settings)?;
        let mut last = None;
        while let Some(frame) = self.advance(&mut walk, async || {}).await? {
            last = Some(frame.noisy);
        }
        Ok(last.unwrap_or_default().into_iter().map(brightness).collect())
    }
}

/// A number of a picture as a share of full brightness.
pub fn brightness(x: f32) -> f32 {
    (0.5 * (x + 1.0)).clamp(0.0, 1.0)
}

/// What is seen in a picture of one shape, by rules that know the palette and the forms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The nearest colour of the palette.
    pub colour: Colour,
    /// The form that covers most nearly the same pixels.
    pub form: Form,
    /// The radius of the circle of the covered area, as a share of the side.
    pub radius: f32,
    /// How well the form covers them: intersection over union, 0 to 1.
    pub fit: f32,
}

/// How far a pixel differs from the ground to belong to a shape, in its most different plane.
const APART: f32 = 0.2;

/// Looks at a picture `[3, side, side]`, 0 to 1; none where there is no shape of more than a few pixels.
pub fn judge(picture: &[f32], side: usize) -> Option<Verdict> {
    let plane = side * side;
    let mut border: Vec<f32> = (0..plane)
        .filter(|i| [0, side - 1].contains(&(i % side)) || [0, side - 1].contains(&(i / side)))
        .flat_map(|i| (0..3).map(move |c| picture[c * plane + i]))
        .collect();
    border.sort_by(f32::total_cmp);
    let ground = border[border.len() / 2];
    let apart = |i: usize| (0..3).map(|c| (picture[c * plane + i] - ground).abs()).fold(0.0, f32::max);
    let covered: Vec<usize> = (0..plane).filter(|&i| apart(i) > APART).collect();
    if covered.len() < 6 {
        return None;
    }
    let most = covered.iter().map(|&i| apart(i)).fold(0.0, f32::max);
    let solid: Vec<usize> = covered.iter().copied().filter(|&i| apart(i) > 0.7 * most).collect();
    let mean = |c: usize| solid.iter().map(|&i| picture[c * plane + i]).sum::<f32>() / solid.len() as f32;
    let seen = [mean(0), mean(1), mean(2)];
    let off = |colour: Colour| colour.rgb().iter().zip(seen).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let colour = Colour::ALL.into_iter().min_by(|a, b| off(*a).total_cmp(&off(*b)))?;
    let count = covered.len() as f32;
    let x = covered.iter().map(|i| (i % side) as f32 + 0.5).sum::<f32>() / count / side as f32;
    let y = covered.iter().map(|i| (i / side) as f32 + 0.5).sum::<f32>() / count / side as f32;
    // Coverage of half a pixel counts as covered; the threshold above takes in fainter edges.
    let radius = (count / std::f32::consts::PI).sqrt() / side as f32;
    let fits = |form: Form, radius: f32| {
        let shape = Shape { form, colour, size: Size::Small, radius, x, y };
        let mine = shape.coverage(side);
        let both = covered.iter().filter(|&&i| mine[i] > APART).count() as f32;
        let either = count + mine.iter().filter(|&&m| m > APART).count() as f32 - both;
        both / either
    };
    let radii = [0.82, 0.88, 0.94, 1.0].map(|share| share * radius);
    let tried = Form::ALL.into_iter().flat_map(|form| radii.map(|r| (form, r, fits(form, r))));
    let (form, radius, fit) = tried.max_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(Verdict { colour, form, radius, fit })
}

/// The share of drawn pictures that are what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Pictures drawn.
    pub pictures: usize,
    /// The shape has the colour.
    pub colour: f32,
    /// The shape has the form.
    pub form: f32,
    /// The shape has the size: nearer to its range of radii than to that of the other.
    pub size: f32,
    /// All three.
    pub all: f32,
}

/// The painter's report card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How pictures were drawn: steps of DPM-Solver++(2M).
    pub steps: usize,
    /// By guidance: the score on pairs of colour and form of the training.
    pub known: Vec<(f32, Score)>,
    /// By guidance: the score on pairs that were held out.
    pub held_out: Vec<(f32, Score)>,
    /// The same judge on true pictures: what a perfect painter would score.
    pub judge: Score,
}

/// Pictures drawn at once by the report.
const AT_ONCE: usize = 12;

/// Measures a painter on pictures of one shape.
pub async fn evaluate(device: &Device, checkpoint: &Checkpoint) -> Result<Report> {
    const STEPS: usize = 20;
    let mut painter = Painter::new(device, checkpoint, AT_ONCE).await?;
    let mut scores = [Vec::new(), Vec::new()];
    for guidance in [1.0, 3.0] {
        for (split, list) in [Split::Train, Split::HeldOut].into_iter().zip(&mut scores) {
            let asked: Vec<(Colour, Form, Size)> = pictures::pairs(split)
                .into_iter()
                .flat_map(|(colour, form)| Size::ALL.map(|size| (colour, form, size)))
                .collect();
            let mut drawn = Vec::new();
            for (at, chunk) in asked.chunks(AT_ONCE).enumerate() {
                let text: Vec<String> =
                    chunk.iter().map(|(c, f, s)| format!("a {} {} {}", s.word(), c.word(), f.word())).collect();
                let mut captions: Vec<Option<&str>> = text.iter().map(|t| Some(t.as_str())).collect();
                captions.resize(AT_ONCE, None);
                let settings =
                    Settings { sampler: Sampler::DpmPlusPlus2M, steps: STEPS, guidance, seed: 7 + at as u32 };
                let all = painter.draw(&captions, settings).await?;
                drawn.extend(all.chunks(3 * SIDE * SIDE).zip(chunk).map(|(p, &asked)| (asked, judge(p, SIDE))));
            }
            list.push((guidance, score(&drawn)));
        }
    }
    let mut dice = Dice::new(&[99]);
    let truth: Vec<_> = (0..200)
        .map(|_| {
            let scene = Scene::single(&mut dice, Split::Train);
            let shape = scene.shapes[0];
            ((shape.colour, shape.form, shape.size), judge(&scene.render(SIDE), SIDE))
        })
        .collect();
    let [known, held_out] = scores;
    Ok(Report { steps: STEPS, known, held_out, judge: score(&truth) })
}

/// What was asked, and what was seen.
type Judged = ((Colour, Form, Size), Option<Verdict>);

fn score(list: &[Judged]) -> Score {
    let share =
        |right: &dyn Fn(&Judged) -> bool| list.iter().filter(|j| right(j)).count() as f32 / list.len().max(1) as f32;
    let colour = |j: &Judged| j.1.is_some_and(|v| v.colour == j.0.0);
    let form = |j: &Judged| j.1.is_some_and(|v| v.form == j.0.1);
    let between = 0.5 * (Size::Small.radii().1 + Size::Large.radii().0);
    let size = |j: &Judged| j.1.is_some_and(|v| (v.radius > between) == (j.0.2 == Size::Large));
    Score {
        pictures: list.len(),
        colour: share(&colour),
        form: share(&form),
        size: share(&size),
        all: share(&|j| colour(j) && form(j) && size(j)),
    }
}
