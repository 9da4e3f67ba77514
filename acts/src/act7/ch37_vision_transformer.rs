//! Chapter 37, Vision Transformers: any picture, cut into squares, through a network that was trained on the scenes of Tinyland.
//!
//! Claims, asserted in `acts/tests/ch37_vision_transformer.rs`:
//! - the patch embedding is a convolution whose filter is as wide as its stride, to rounding;
//! - what every token does with every other costs in proportion to the square of their number, the rest of a block in proportion
//!   to their number;
//! - the learned positions have found the grid again: places in one row or column are more alike than others, and likeness falls
//!   with distance (weakly, but beyond every one of 199 shuffles of the places); neither before training.
//!
//! Time is measured and not asserted: it belongs to the machine.

use std::{sync::Arc, time::Duration};

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Tensor,
    exec::Plan,
    models::vit::{self, Config, Mode, PAIRS},
};

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

use crate::{
    act2::ch05_attention::{Dot, Matrix, Work, work_of},
    sight::{Checkpoint, answers, centred, probabilities},
};

/// The sides of a square that the reader may choose from, in pixels.
pub const PATCHES: [usize; 4] = [2, 4, 8, 16];

/// The seed of networks that were never trained: those for squares of another size than the checkpoint's.
pub const UNTRAINED_SEED: u32 = 37;

/// On the CPU, how long a piece of work may keep the page.
const PIECE: Duration = Duration::from_millis(16);

/// How often a pass is timed; the median counts.
const TIMINGS: usize = 5;

/// The sizes for squares of another side: the checkpoint's, in all else.
pub fn with_patch(config: &Config, patch: usize) -> Config {
    Config { patch, ..config.clone() }
}

/// Arithmetic of a forward pass, as the plan counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Side of a square.
    pub patch: usize,
    /// Tokens, the class token among them.
    pub tokens: usize,
    /// What every token does with every other: scores, softmax, weighted sums, in all blocks.
    pub pairs: u64,
    /// What each token does by itself: everything else.
    pub each: u64,
}

impl Cost {
    /// Counts the pass of a configuration over one picture, without running it.
    ///
    /// # Errors
    /// A configuration that does not hold together.
    pub fn of(config: &Config) -> Result<Self> {
        let mut g = Graph::new();
        let pictures = g.input("pictures", &[1, config.channels, config.side, config.side])?;
        let forward = config.forward(&mut g, pictures, Mode::Infer)?;
        let plan = Plan::new(&g, &forward.logits)?;
        let mut cost = Self { patch: config.patch, tokens: config.tokens(), pairs: 0, each: 0 };
        for step in &plan.steps {
            let of_pairs = g.nodes()[step.node].scope.contains(PAIRS);
            *(if of_pairs { &mut cost.pairs } else { &mut cost.each }) += step.flops();
        }
        Ok(cost)
    }
}

/// A question with its answers and how likely each is held to be, in the order of their class numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What is asked for.
    pub task: String,
    /// The answers with their probabilities.
    pub list: Vec<(String, f64)>,
}

impl Answer {
    /// The likeliest.
    pub fn best(&self) -> Option<&(String, f64)> {
        self.list.iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Everything about one picture and one size of square.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Sizes.
    pub config: Config,
    /// Whether this network was trained, or has the numbers it was born with.
    pub trained: bool,
    /// The squares laid out flat, -1 to 1: `[squares, values]`.
    pub squares: Matrix,
    /// Their vectors before positions: `[squares, width]`.
    pub vectors: Matrix,
    /// For each block, the weights of its heads one after the other: `[heads, tokens, tokens]`.
    pub weights: Vec<Vec<f32>>,
    /// For each block, the rollout up to it: `[tokens, tokens]`.
    pub rollout: Vec<Vec<f32>>,
    /// What the class token says.
    pub answers: Vec<Answer>,
    /// The largest difference between `vectors` and the convolution worked out on the host in 64 bits.
    pub from_convolution: f64,
    /// From writing the picture to reading the answers.
    pub time_ms: f64,
}

impl Frame {
    /// How much a token takes from each token in one head, or over all heads on average: `[tokens]`, the class token first.
    pub fn attention(&self, layer: usize, head: Option<usize>, token: usize) -> Option<Vec<f32>> {
        let n = self.config.tokens();
        let all = self.weights.get(layer)?;
        let row = |head: usize| all.get((head * n + token) * n..(head * n + token + 1) * n);
        match head {
            Some(head) if head < self.config.heads && token < n => row(head).map(<[f32]>::to_vec),
            None if token < n => {
                let mut mean = vec![0.0; n];
                for head in 0..self.config.heads {
                    mean.iter_mut().zip(row(head)?).for_each(|(sum, w)| *sum += w / self.config.heads as f32);
                }
                Some(mean)
            }
            _ => None,
        }
    }

    /// The rollout of a token up to a block: `[tokens]`, the class token first.
    pub fn rolled(&self, layer: usize, token: usize) -> Option<Vec<f32>> {
        let n = self.config.tokens();
        self.rollout.get(layer)?.get(token * n..(token + 1) * n).map(<[f32]>::to_vec)
    }
}

/// One number of a square's vector, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// Brightness times weight, pixel by pixel.
    pub dot: Dot,
    /// Added to the sum.
    pub bias: f32,
    /// Sum and bias, in 64 bits.
    pub recomputed: f64,
    /// What the device computed.
    pub value: f32,
}

/// A pass compiled for one size of square.
struct Pass {
    config: Config,
    trained: bool,
    program: Program,
    pictures: Tensor,
    forward: vit::Forward,
    rollout: Vec<Tensor>,
    /// On the host: what the numbers are taken apart with.
    weight: Vec<f32>,
    bias: Vec<f32>,
    alike: Matrix,
    grid: (f64, (f64, f64)),
}

impl Pass {
    async fn new(device: &Device, checkpoint: &Checkpoint, patch: usize) -> Result<Self> {
        let config = with_patch(&checkpoint.config, patch);
        config.check()?;
        let trained = patch == checkpoint.config.patch;
        let parameters = if trained { checkpoint.file.tensors.clone() } else { config.initial(UNTRAINED_SEED)? };
        let floats = |name: &str| -> Result<Vec<f32>> {
            let value = parameters.get(name).ok_or_else(|| Error::data(name, "is not among the parameters"))?;
            Ok(value.as_f32()?.to_vec())
        };
        let store = engine::Store::new(device);
        config.load(&store, &parameters)?;
        let mut g = Graph::new();
        let pictures = g.input("pictures", &[1, config.channels, config.side, config.side])?;
        let forward = config.forward(&mut g, pictures, Mode::Infer)?;
        let rollout = config.rollout(&mut g, &forward)?;
        let program = Program::compile(device, &g, &fetched(&forward, &rollout), &store).await?;
        let positions = Matrix { rows: config.tokens(), cols: config.width, data: floats("positions")? };
        let alike = likeness(&positions);
        let order: Vec<usize> = (0..config.patches()).collect();
        let grid = (grid_correlation(&alike, config.grid(), &order), row_or_column(&alike, config.grid()));
        let (weight, bias) = (floats("patch.weight")?, floats("patch.bias")?);
        Ok(Self { grid, config, trained, program, pictures, forward, rollout, weight, bias, alike })
    }

    fn shape(&self) -> [usize; 4] {
        [1, self.config.channels, self.config.side, self.config.side]
    }

    fn write(&mut self, picture: &[f32]) -> Result<()> {
        self.program.write(self.pictures, &HostTensor::f32(&self.shape(), centred(picture))?)
    }
}

/// What a frame reads, in its order.
fn fetched(forward: &vit::Forward, rollout: &[Tensor]) -> Vec<Tensor> {
    let mut list = vec![forward.patches, forward.projected];
    list.extend(forward.blocks.iter().map(|b| b.weights));
    list.extend(rollout);
    list.extend(&forward.logits);
    list
}

/// The experiment on one device.
pub struct Sight {
    device: Device,
    checkpoint: Arc<Checkpoint>,
    passes: Vec<Pass>,
}

impl Sight {
    /// The experiment with a checkpoint on a device.
    pub fn new(device: &Device, checkpoint: Arc<Checkpoint>) -> Self {
        Self { device: device.clone(), checkpoint, passes: vec![] }
    }

    /// The sizes of the trained network.
    pub fn config(&self) -> &Config {
        &self.checkpoint.config
    }

    /// Computes everything about a picture of `[3, side, side]`, brightness 0 to 1. On the CPU `pause` is awaited now and then,
    /// so that a page stays awake.
    ///
    /// # Errors
    /// A picture of another size, a brightness that is not finite, a square that does not divide the picture.
    pub async fn frame(&mut self, picture: &[f32], patch: usize, mut pause: impl AsyncFnMut()) -> Result<Frame> {
        if !picture.iter().all(|x| x.is_finite()) {
            return Err(Error::data("picture", "holds a number that is not finite"));
        }
        let at = self.compiled(patch).await?;
        let pass = &mut self.passes[at];
        let config = pass.config.clone();
        pass.write(picture)?;
        let read = fetched(&pass.forward, &pass.rollout);
        let start = Instant::now();
        pass.program.run_with_pauses(PIECE, &mut pause).await?;
        let out = pass.program.read_all(&read).await?;
        let time_ms = start.elapsed().as_secs_f64() * 1e3;
        pause().await;

        let mut out = out.into_iter();
        let mut next = || -> Result<Vec<f32>> {
            let value = out.next().ok_or_else(|| Error::data("pass", "gave too few tensors"))?;
            Ok(value.as_f32()?.to_vec())
        };
        let n = config.patches();
        let squares = Matrix { rows: n, cols: config.patch_values(), data: next()? };
        let vectors = Matrix { rows: n, cols: config.width, data: next()? };
        let weights = (0..config.layers).map(|_| next()).collect::<Result<_>>()?;
        let rollout = (0..config.layers).map(|_| next()).collect::<Result<_>>()?;
        let mut given = Vec::new();
        for task in &config.tasks {
            let words = answers(&task.name).into_iter().map(String::from);
            let list = words.zip(probabilities(&next()?)).collect();
            given.push(Answer { task: task.name.clone(), list });
        }
        let convolved = convolution(&config, &centred(picture), &pass.weight, &pass.bias);
        let from_convolution = vectors
            .data
            .iter()
            .enumerate()
            .map(|(at, &value)| {
                let (square, output) = (at / config.width, at % config.width);
                (f64::from(value) - convolved[output * n + square]).abs()
            })
            .fold(0.0, f64::max);
        let trained = pass.trained;
        Ok(Frame { config, trained, squares, vectors, weights, rollout, answers: given, from_convolution, time_ms })
    }

    async fn compiled(&mut self, patch: usize) -> Result<usize> {
        if let Some(at) = self.passes.iter().position(|pass| pass.config.patch == patch) {
            return Ok(at);
        }
        self.passes.push(Pass::new(&self.device, &self.checkpoint, patch).await?);
        Ok(self.passes.len() - 1)
    }

    /// Takes one number of a square's vector apart. `None` where there is no such number, or its pass has not run.
    pub fn open(&self, frame: &Frame, square: usize, component: usize) -> Option<Opened> {
        let pass = self.passes.iter().find(|pass| pass.config == frame.config)?;
        let config = &pass.config;
        if square >= frame.squares.rows || component >= config.width {
            return None;
        }
        let area = config.patch * config.patch;
        let name = |i: usize| {
            let colour = ["red", "green", "blue"].get(i / area).copied().unwrap_or("channel");
            format!("{colour} {}, {}", i % area / config.patch, i % config.patch)
        };
        let weight = |i: usize| pass.weight[i * config.width + component];
        let terms = frame.squares.row(square).iter().enumerate().map(|(i, &x)| (name(i), x, weight(i))).collect();
        let dot = Dot::new("the square", format!("column {component} of E"), terms);
        let bias = pass.bias[component];
        let recomputed = dot.sum + f64::from(bias);
        Some(Opened { dot, bias, recomputed, value: frame.vectors.at(square, component) })
    }

    /// How alike the position vector of a square is to that of every square, as cosines: `[squares]`. `None` where its pass has
    /// not run or there is no such square.
    pub fn position_likeness(&self, patch: usize, square: usize) -> Option<Vec<f32>> {
        let pass = self.passes.iter().find(|pass| pass.config.patch == patch)?;
        (square < pass.alike.rows).then(|| pass.alike.row(square).to_vec())
    }

    /// What the positions know of the grid: how likeness goes with distance ([`grid_correlation`]), and how alike places are in
    /// one row or column and elsewhere ([`row_or_column`]). `None` where the pass has not run.
    pub fn grid(&self, patch: usize) -> Option<(f64, (f64, f64))> {
        self.passes.iter().find(|pass| pass.config.patch == patch).map(|pass| pass.grid)
    }

    /// The time of a whole pass with squares of that side, in milliseconds: the median of five, after one to warm up. What it
    /// computes on is a picture of one grey, because the numbers do not change the work.
    ///
    /// # Errors
    /// A square that does not divide the picture, or a device that is lost.
    pub async fn time(&mut self, patch: usize, mut pause: impl AsyncFnMut()) -> Result<f64> {
        let config = with_patch(&self.checkpoint.config, patch);
        let store = engine::Store::new(&self.device);
        config.load(&store, &config.initial(UNTRAINED_SEED)?)?;
        let shape = [1, config.channels, config.side, config.side];
        let mut g = Graph::new();
        let pictures = g.input("pictures", &shape)?;
        let forward = config.forward(&mut g, pictures, Mode::Infer)?;
        let mut program = Program::compile(&self.device, &g, &forward.logits, &store).await?;
        program.write(pictures, &HostTensor::f32(&shape, vec![0.0; shape.iter().product()])?)?;
        let mut times = Vec::new();
        for round in 0..=TIMINGS {
            pause().await;
            let start = Instant::now();
            program.run_and_read(&forward.logits).await?;
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }

    /// The work behind the last frame with squares of that side, measured once more where the device measures.
    ///
    /// # Errors
    /// A device that is lost.
    pub async fn work(&mut self, patch: usize) -> Result<Vec<Work>> {
        match self.passes.iter_mut().find(|pass| pass.config.patch == patch) {
            Some(pass) => work_of(&self.device, &mut pass.program).await,
            None => Ok(vec![]),
        }
    }
}

/// The convolution that a patch embedding is said to be, by its definition and in 64 bits: filter o is column o of the matrix,
/// folded up into channels, rows and columns, and its stride is its width.
///
/// `y[o, r, c] = b_o + sum_(i, u, v) x[i, r s + u, c s + v] w_o[i, u, v]`. Returns `[width, grid, grid]`.
pub fn convolution(config: &Config, picture: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let (s, side, grid) = (config.patch, config.side, config.grid());
    let mut out = Vec::with_capacity(config.width * grid * grid);
    for o in 0..config.width {
        for (r, c) in (0..grid * grid).map(|at| (at / grid, at % grid)) {
            let mut sum = f64::from(bias[o]);
            for i in 0..config.channels {
                for u in 0..s {
                    for v in 0..s {
                        let pixel = picture[(i * side + r * s + u) * side + c * s + v];
                        let filter = weight[((i * s + u) * s + v) * config.width + o];
                        sum += f64::from(pixel) * f64::from(filter);
                    }
                }
            }
            out.push(sum);
        }
    }
    out
}

/// Cosines between the position vectors of all squares: `[squares, squares]`. Row 0 of `positions`, which is the class token's, is
/// left out. A vector of nothing is like nothing.
pub fn likeness(positions: &Matrix) -> Matrix {
    let units: Vec<Vec<f64>> = (1..positions.rows)
        .map(|row| {
            let row = positions.row(row);
            let size = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            row.iter().map(|&x| if size > 0.0 { f64::from(x) / size } else { 0.0 }).collect()
        })
        .collect();
    let cosine = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() as f32;
    let data = units.iter().flat_map(|a| units.iter().map(move |b| cosine(a, b))).collect();
    Matrix { rows: units.len(), cols: units.len(), data }
}

/// How far apart two places of a grid are, in rows and in columns.
fn apart(grid: usize, one: usize, other: usize) -> (usize, usize) {
    ((one / grid).abs_diff(other / grid), (one % grid).abs_diff(other % grid))
}

/// Pearson's correlation, over all pairs of different squares, between how far apart they lie on the grid (straight, in squares)
/// and how alike the position vectors are that stand there. `order[i]` is the square whose vector stands at place i. The grid is
/// found where it is far below 0.
pub fn grid_correlation(alike: &Matrix, grid: usize, order: &[usize]) -> f64 {
    let mut pairs = Vec::new();
    for (place, &square) in order.iter().enumerate() {
        for (other, &other_square) in order.iter().enumerate().take(place) {
            let (down, right) = apart(grid, place, other);
            pairs.push((((down * down + right * right) as f64).sqrt(), f64::from(alike.at(square, other_square))));
        }
    }
    correlation(&pairs)
}

/// The mean likeness of two squares in the same row or column, and of all others. Squares that touch are left out of both, so
/// that rows and columns are not alike for being near.
pub fn row_or_column(alike: &Matrix, grid: usize) -> (f64, f64) {
    let (mut same, mut elsewhere) = ((0.0, 0), (0.0, 0));
    for (square, other) in (0..alike.rows).flat_map(|square| (0..square).map(move |other| (square, other))) {
        let (down, right) = apart(grid, square, other);
        if down.max(right) >= 2 {
            let list = if down == 0 || right == 0 { &mut same } else { &mut elsewhere };
            list.0 += f64::from(alike.at(square, other));
            list.1 += 1;
        }
    }
    let mean = |(sum, count): (f64, usize)| sum / count.max(1) as f64;
    (mean(same), mean(elsewhere))
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len().max(1) as f64;
    let (mx, my) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mx) * (y - my);
        xx += (x - mx) * (x - mx);
        yy += (y - my) * (y - my);
    }
    if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}
