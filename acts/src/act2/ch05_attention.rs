//! Chapter 5, attention: one attention layer of Tiny, stage by stage, on the reader's own sentence.
//!
//! Claims, asserted in `acts/tests/ch05_attention.rs`:
//! - without positions and mask, a shuffled input gives the shuffled output, to rounding; with positions it does not;
//! - without the division by the root of d, the entropy of the weights collapses as d grows; with it, it does not.

use std::sync::Arc;

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    exec::Step,
    models::gpt,
    ops::{Binary, Mask},
    rng,
};

use crate::{
    tiny::{Checkpoint, Runner},
    tinyland::{
        prompt,
        tokenizer::{END, TinyTokenizer},
    },
};

/// The longest sentence that is shown, in tokens.
pub const MOST_TOKENS: usize = 32;

/// What the mark at the start of a document is called in pictures.
pub const START: &str = "start";

/// The longest text that is looked at, in bytes; more cannot make more than [`MOST_TOKENS`] tokens visible.
const MOST_BYTES: usize = 4096;

/// What the reader has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The sentence.
    pub text: String,
    /// Block, from 0.
    pub layer: usize,
    /// Head, from 0.
    pub head: usize,
    /// Whether scores are divided by the root of the head's width.
    pub scale: bool,
    /// The seed of an order to shuffle the tokens into.
    pub shuffle: Option<u32>,
    /// A score set by hand.
    pub edit: Option<Edit>,
}

/// A scaled score set by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edit {
    /// The token that looks.
    pub query: usize,
    /// The token looked at.
    pub key: usize,
    /// The score, after scaling.
    pub score: f32,
}

/// A token of the sentence. The first is always the mark that a document starts: Tiny never saw a text without it, and
/// many of its heads rest their attention there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// What to call it: its text, or its bytes where they are no text of their own.
    pub text: String,
}

/// A matrix of one stage, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Elements.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Element `(r, c)`.
    pub fn at(&self, r: usize, c: usize) -> f32 {
        self.data[r * self.cols + c]
    }
    /// One row.
    pub fn row(&self, r: usize) -> &[f32] {
        &self.data[r * self.cols..(r + 1) * self.cols]
    }
}

/// The stages, in the order they are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// What each token asks: `[tokens, d]`.
    Queries,
    /// What each token offers to be found by.
    Keys,
    /// What each token hands over.
    Values,
    /// Every query with every key: `[tokens, tokens]`.
    Scores,
    /// Divided by the root of d, and edited.
    Scaled,
    /// After softmax: each row sums to 1.
    Weights,
    /// Weighted sums of values: `[tokens, d]`.
    Output,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Queries, Self::Keys, Self::Values, Self::Scores, Self::Scaled, Self::Weights, Self::Output];

    /// Its place in [`Stage::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What a shuffle of the tokens did.
#[derive(Clone, Debug, PartialEq)]
pub struct Shuffle {
    /// `order[i]` is the token that now stands at place i.
    pub order: Vec<usize>,
    /// The largest difference between the shuffled output and the output of the shuffled input, without positions or mask.
    pub without_positions: f32,
    /// The same with rotary positions.
    pub with_positions: f32,
    /// The largest output, to judge the differences by.
    pub largest_output: f32,
}

/// Everything about one sentence, one layer and one head.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Whether the sentence was longer than is shown.
    pub cut: bool,
    /// Each stage's matrix, by [`Stage::index`].
    pub stages: Vec<Matrix>,
    /// What came into the layer, normalised: `[tokens, width]`.
    pub input: Matrix,
    /// Entropy of each row of weights, in bits.
    pub entropy_bits: Vec<f32>,
    /// What the shuffle did, if there was one.
    pub shuffle: Option<Shuffle>,
    /// What Tiny expects to come next: its likeliest tokens with their probabilities, untouched by any setting.
    pub next: Vec<(String, f32)>,
}

impl Frame {
    /// The matrix of a stage.
    pub fn stage(&self, stage: Stage) -> &Matrix {
        &self.stages[stage.index()]
    }
}

/// One kernel behind a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The op.
    pub op: &'static str,
    /// The scope it was built in.
    pub scope: String,
    /// Kernels as (name, source, workgroups); none on the CPU.
    pub kernels: Vec<(&'static str, &'static str, [u32; 3])>,
    /// Arithmetic.
    pub flops: u64,
    /// Bytes that must move at least.
    pub bytes: u64,
    /// Measured time, where the device measures.
    pub time_ms: Option<f64>,
}

/// The experiment on one device.
pub struct Attention {
    device: Device,
    store: Store,
    checkpoint: Arc<Checkpoint>,
    tokenizer: Arc<TinyTokenizer>,
    tiny: Option<Tiny>,
    layers: Vec<Layer>,
}

/// Tiny compiled for a number of tokens, and what it made of the last sentence.
struct Tiny {
    ids: Vec<u32>,
    runner: Runner,
    inputs: Vec<Matrix>,
    next: Vec<(String, f32)>,
}

/// One attention layer compiled for a number of tokens.
struct Layer {
    tokens: usize,
    positions: bool,
    causal: bool,
    program: Program,
    input: Tensor,
    qkv: Tensor,
    scale: Tensor,
    keep: Tensor,
    put: Tensor,
    stages: Vec<Tensor>,
}

impl Attention {
    /// The experiment with a checkpoint on a device.
    pub fn new(device: &Device, checkpoint: Arc<Checkpoint>, tokenizer: Arc<TinyTokenizer>) -> Result<Self> {
        if checkpoint.config.heads != checkpoint.config.kv_heads {
            return Err(Error::data("attention", "this exhibit shows a layer whose heads each have keys of their own"));
        }
        Ok(Self {
            device: device.clone(),
            store: checkpoint.store(device)?,
            checkpoint,
            tokenizer,
            tiny: None,
            layers: vec![],
        })
    }

    /// The sizes of the model.
    pub fn config(&self) -> &gpt::Config {
        &self.checkpoint.config
    }

    /// The sentence as tokens; the second value says whether it was cut.
    pub fn tokens(&self, text: &str) -> (Vec<Token>, bool) {
        let mut end = text.len().min(MOST_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let start = Token { id: END, text: START.into() };
        let mut list = vec![start];
        list.extend(
            self.tokenizer
                .encode(&prompt(&text[..end]))
                .into_iter()
                .map(|id| Token { id, text: label(&self.tokenizer.token_text(id)) }),
        );
        let cut = end < text.len() || list.len() > MOST_TOKENS;
        list.truncate(MOST_TOKENS);
        (list, cut)
    }

    /// Computes everything the settings ask for.
    ///
    /// # Errors
    /// A sentence without tokens, a layer or head that is not there, an edit outside the sentence or not finite.
    pub async fn frame(&mut self, settings: &Settings) -> Result<Frame> {
        let config = self.checkpoint.config.clone();
        let (tokens, cut) = self.tokens(&settings.text);
        let n = tokens.len();
        if n == 1 {
            return Err(Error::data("sentence", "is empty: type a few words"));
        }
        if settings.layer >= config.layers || settings.head >= config.heads {
            return Err(Error::data("head", format!("there are {} layers of {} heads", config.layers, config.heads)));
        }
        if let Some(edit) = settings.edit
            && !(edit.query < n && edit.key <= edit.query && edit.score.is_finite())
        {
            return Err(Error::data("edited score", "lies outside the sentence, or looks ahead"));
        }
        self.read_sentence(&tokens).await?;
        let tiny = self.tiny.as_ref().ok_or_else(|| Error::data("sentence", "was not read"))?;
        let (input, next) = (tiny.inputs[settings.layer].clone(), tiny.next.clone());
        let stages = self.layer(&input, settings, true, true).await?;
        let weights = &stages[Stage::Weights.index()];
        let entropy_bits = (0..n).map(|r| entropy_bits(weights.row(r))).collect();
        let shuffle = match settings.shuffle {
            Some(seed) => Some(self.shuffle(&input, settings, seed).await?),
            None => None,
        };
        Ok(Frame { tokens, cut, stages, input, entropy_bits, shuffle, next })
    }

    /// Runs Tiny, and keeps what goes into each layer.
    async fn read_sentence(&mut self, tokens: &[Token]) -> Result<()> {
        let ids: Vec<u32> = tokens.iter().map(|t| t.id).collect();
        if self.tiny.as_ref().is_some_and(|t| t.ids == ids) {
            return Ok(());
        }
        let mut runner = match self.tiny.take() {
            Some(tiny) if tiny.ids.len() == ids.len() => tiny.runner,
            _ => {
                Runner::new(&self.device, &self.store, &self.checkpoint.config, [1, ids.len()], |f| {
                    let mut list: Vec<Tensor> = f.blocks.iter().map(|b| b.normed).collect();
                    list.push(f.logits);
                    list
                })
                .await?
            }
        };
        let mut read: Vec<Tensor> = runner.forward.blocks.iter().map(|b| b.normed).collect();
        read.push(runner.forward.logits);
        let mut out = runner.run(std::slice::from_ref(&ids), &read).await?;
        let logits = out.remove(out.len() - 1);
        let last = &logits.as_f32()?[(ids.len() - 1) * self.checkpoint.config.vocabulary..];
        let inputs = out.iter().map(|t| matrix(t.as_f32()?, ids.len())).collect::<Result<_>>()?;
        self.tiny = Some(Tiny { ids, runner, inputs, next: likeliest(last, &self.tokenizer, 5) });
        Ok(())
    }

    /// One attention layer on a given input; all stages of one head.
    async fn layer(
        &mut self,
        input: &Matrix,
        settings: &Settings,
        positions: bool,
        causal: bool,
    ) -> Result<Vec<Matrix>> {
        let config = self.checkpoint.config.clone();
        let n = input.rows;
        let at = self.compiled(n, positions, causal).await?;
        let layer = &mut self.layers[at];
        layer.program.write(layer.input, &HostTensor::f32(&[n, config.width], input.data.clone())?)?;
        let qkv = self.checkpoint.file.get(&format!("block{}.attention.qkv", settings.layer))?;
        layer.program.write(layer.qkv, qkv)?;
        let scale = if settings.scale { 1.0 / (config.head_width() as f32).sqrt() } else { 1.0 };
        layer.program.write(layer.scale, &HostTensor::f32(&[1], vec![scale])?)?;
        let cells = config.heads * n * n;
        let (mut keep, mut put) = (vec![1.0; cells], vec![0.0; cells]);
        if let Some(edit) = settings.edit {
            let at = (settings.head * n + edit.query) * n + edit.key;
            (keep[at], put[at]) = (0.0, edit.score);
        }
        layer.program.write(layer.keep, &HostTensor::f32(&[config.heads, n, n], keep)?)?;
        layer.program.write(layer.put, &HostTensor::f32(&[config.heads, n, n], put)?)?;
        let stages = layer.stages.clone();
        let out = layer.program.run_and_read(&stages).await?;
        out.iter()
            .map(|t| {
                let size = t.shape.count() / config.heads;
                matrix(&t.as_f32()?[settings.head * size..(settings.head + 1) * size], n)
            })
            .collect()
    }

    async fn compiled(&mut self, n: usize, positions: bool, causal: bool) -> Result<usize> {
        let same = |l: &Layer| (l.tokens, l.positions, l.causal) == (n, positions, causal);
        if let Some(at) = self.layers.iter().position(same) {
            return Ok(at);
        }
        self.layers.retain(|l| l.tokens == n);
        let layer = Layer::compile(&self.device, &self.checkpoint.config, n, positions, causal).await?;
        self.layers.push(layer);
        Ok(self.layers.len() - 1)
    }

    /// Shuffles the input, and compares the output with the shuffled output.
    async fn shuffle(&mut self, input: &Matrix, settings: &Settings, seed: u32) -> Result<Shuffle> {
        let order = shuffled(input.rows, seed);
        let moved = Matrix { data: order.iter().flat_map(|&i| input.row(i).to_vec()).collect(), ..input.clone() };
        let plain = Settings { edit: None, shuffle: None, ..settings.clone() };
        let mut differences = [0.0f32; 2];
        let mut largest_output = 0.0f32;
        for (positions, out) in [false, true].into_iter().zip(&mut differences) {
            let before = self.layer(input, &plain, positions, false).await?.remove(Stage::Output.index());
            let after = self.layer(&moved, &plain, positions, false).await?.remove(Stage::Output.index());
            for (place, &from) in order.iter().enumerate() {
                for (a, b) in after.row(place).iter().zip(before.row(from)) {
                    *out = out.max((a - b).abs());
                    largest_output = largest_output.max(b.abs());
                }
            }
        }
        Ok(Shuffle { order, without_positions: differences[0], with_positions: differences[1], largest_output })
    }

    /// The work behind the stages of the last frame, measured once more where the device measures.
    pub async fn work(&mut self) -> Result<Vec<Work>> {
        match self.layers.iter_mut().find(|l| l.positions && l.causal) {
            Some(layer) => work_of(&self.device, &mut layer.program).await,
            None => Ok(vec![]),
        }
    }
}

/// What a program does: every step of it, its kernels, its costs and its time.
pub(crate) async fn work_of(device: &Device, program: &mut Program) -> Result<Vec<Work>> {
    let times = match program.profile().await {
        Ok(timings) => timings.into_iter().map(|t| Some(t.time_ms)).collect(),
        Err(_) if device.as_gpu().is_some_and(|g| !g.tier().timestamps) => vec![None; program.plan().steps.len()],
        Err(error) => return Err(error),
    };
    let program = &*program;
    let work = |(at, (step, time_ms)): (usize, (&Step, Option<f64>))| Work {
        op: step.op.name(),
        scope: program.graph().nodes()[step.node].scope.clone(),
        kernels: device.as_gpu().map_or_else(Vec::new, |gpu| {
            let launches = program.kernels(at, gpu.tier());
            launches.iter().map(|d| (d.kernel.name, d.kernel.source, d.groups)).collect()
        }),
        flops: step.flops(),
        bytes: step.bytes(),
        time_ms,
    };
    Ok(program.plan().steps.iter().zip(times).enumerate().map(work).collect())
}

impl Layer {
    async fn compile(device: &Device, config: &gpt::Config, n: usize, positions: bool, causal: bool) -> Result<Self> {
        let (h, d, width) = (config.heads, config.head_width(), config.width);
        let mut g = Graph::new();
        let input = g.input("input", &[n, width])?;
        let qkv = g.input("weights", &[width, 3 * width])?;
        let scale = g.input("scale", &[1])?;
        let keep = g.input("keep", &[h, n, n])?;
        let put = g.input("put", &[h, n, n])?;
        let all = g.scope("queries, keys, values", |g| -> Result<_> {
            let all = g.matmul(input, qkv)?;
            let all = g.reshape(all, &[n, 3 * h, d])?;
            g.permute(all, &[1, 0, 2])
        })?;
        let mut qk = g.slice(all, 0, 0, 2 * h)?;
        if positions {
            qk = g.scope("positions", |g| g.rope(qk, None, config.rope_base))?;
        }
        let q = g.slice(qk, 0, 0, h)?;
        let k = g.slice(qk, 0, h, h)?;
        let v = g.slice(all, 0, 2 * h, h)?;
        let scores = g.scope("scores", |g| -> Result<_> {
            let kt = g.transpose(k)?;
            g.matmul(q, kt)
        })?;
        let scaled = g.scope("scale", |g| -> Result<_> {
            let scaled = g.binary(Binary::Mul, scores, scale)?;
            let kept = g.mul(scaled, keep)?;
            g.add(kept, put)
        })?;
        let mask = if causal { Mask::Causal } else { Mask::None };
        let weights = g.scope("softmax", |g| g.softmax(scaled, 1.0, mask))?;
        let output = g.scope("weighted sum", |g| g.matmul(weights, v))?;
        let stages = vec![q, k, v, scores, scaled, weights, output];
        let program = Program::compile(device, &g, &stages, &Store::new(device)).await?;
        Ok(Self { tokens: n, positions, causal, program, input, qkv, scale, keep, put, stages })
    }
}

/// Mean entropy of attention over random vectors of unit variance, against their width, with and without the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalePoint {
    /// Width of queries and keys.
    pub d: usize,
    /// Standard deviation of the raw dot products; the root of d in expectation.
    pub score_deviation: f32,
    /// Mean entropy in bits with scores divided by the root of d.
    pub scaled_bits: f32,
    /// Mean entropy in bits without.
    pub unscaled_bits: f32,
}

/// Measures what the scale is for: `tokens` queries and keys of each width, drawn from a standard normal distribution.
pub async fn scale_sweep(device: &Device, widths: &[usize], tokens: usize, seed: u32) -> Result<Vec<ScalePoint>> {
    let mut out = Vec::new();
    for &d in widths {
        let mut g = Graph::new();
        let q = g.input("queries", &[tokens, d])?;
        let k = g.input("keys", &[tokens, d])?;
        let kt = g.transpose(k)?;
        let scores = g.matmul(q, kt)?;
        let scaled = g.softmax(scores, 1.0 / (d as f32).sqrt(), Mask::None)?;
        let unscaled = g.softmax(scores, 1.0, Mask::None)?;
        let fetch = [scores, scaled, unscaled];
        let mut program = Program::compile(device, &g, &fetch, &Store::new(device)).await?;
        for (t, stream) in [(q, 1), (k, 2)] {
            let data = (0..tokens * d).map(|i| rng::normal([seed, stream], i as u32)).collect();
            program.write(t, &HostTensor::f32(&[tokens, d], data)?)?;
        }
        let read = program.run_and_read(&fetch).await?;
        let bits = |t: &HostTensor| -> Result<f32> {
            Ok(t.as_f32()?.chunks(tokens).map(entropy_bits).sum::<f32>() / tokens as f32)
        };
        let raw = read[0].as_f32()?;
        let mean = raw.iter().sum::<f32>() / raw.len() as f32;
        let variance = raw.iter().map(|s| (s - mean) * (s - mean)).sum::<f32>() / raw.len() as f32;
        out.push(ScalePoint {
            d,
            score_deviation: variance.sqrt(),
            scaled_bits: bits(&read[1])?,
            unscaled_bits: bits(&read[2])?,
        });
    }
    Ok(out)
}

/// `- sum p log2 p`, in bits.
pub fn entropy_bits(p: &[f32]) -> f32 {
    -p.iter().filter(|&&p| p > 0.0).map(|&p| p * p.log2()).sum::<f32>()
}

/// An order of `n` places that moves at least one where there are two.
fn shuffled(n: usize, seed: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for attempt in 0.. {
        for i in (1..n).rev() {
            let j = rng::bits([seed, attempt], i as u32)[0] as usize % (i + 1);
            order.swap(i, j);
        }
        if n < 2 || order.iter().enumerate().any(|(i, &o)| i != o) {
            break;
        }
    }
    order
}

fn matrix(data: &[f32], rows: usize) -> Result<Matrix> {
    Ok(Matrix { rows, cols: data.len() / rows, data: data.to_vec() })
}

fn likeliest(logits: &[f32], tokenizer: &TinyTokenizer, count: usize) -> Vec<(String, f32)> {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|l| (l - most).exp()).sum();
    let mut list: Vec<usize> = (0..logits.len()).collect();
    list.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    list.iter().take(count).map(|&i| (label(&tokenizer.token_text(i as u32)), (logits[i] - most).exp() / sum)).collect()
}

/// A token's text as a label: its leading space is left out, what cannot be seen is named.
pub(crate) fn label(text: &str) -> String {
    match text.trim_start_matches(' ') {
        "" if text.is_empty() => "nothing".into(),
        "" => "space".into(),
        "\n" => "new line".into(),
        seen => seen.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect(),
    }
}

/// A dot product, term by term.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// What the left vector is.
    pub left: String,
    /// What the right vector is.
    pub right: String,
    /// Each term: its name, left, right.
    pub terms: Vec<(String, f32, f32)>,
    /// The sum of the products, in 64 bits.
    pub sum: f64,
}

impl Dot {
    /// The product of two vectors, given term by term.
    pub(crate) fn new(left: impl Into<String>, right: impl Into<String>, terms: Vec<(String, f32, f32)>) -> Self {
        let sum = terms.iter().map(|(_, a, b)| f64::from(*a) * f64::from(*b)).sum();
        Self { left: left.into(), right: right.into(), terms, sum }
    }
}

/// One cell of one stage, taken apart: from the numbers of the stage before to the number the kernel gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What the cell is, in words.
    pub about: String,
    /// The dot products in it.
    pub dots: Vec<Dot>,
    /// What is done after, line by line: a formula and its value.
    pub steps: Vec<(String, f64)>,
    /// The same cell worked out here, in 64 bits.
    pub recomputed: f64,
    /// What the device computed.
    pub value: f32,
    /// Whether the cell is masked: the query may not look ahead.
    pub masked: bool,
}

impl Attention {
    /// Takes one cell of a frame apart. `None` where there is no such cell.
    pub fn open(&self, frame: &Frame, settings: &Settings, stage: Stage, row: usize, col: usize) -> Option<Opened> {
        let matrix = frame.stage(stage);
        if row >= matrix.rows || col >= matrix.cols {
            return None;
        }
        let value = matrix.at(row, col);
        let word = |i: usize| frame.tokens[i].text.as_str();
        let scale = if settings.scale { 1.0 / (self.config().head_width() as f64).sqrt() } else { 1.0 };
        let edited =
            |r: usize, c: usize| settings.edit.filter(|e| (e.query, e.key) == (r, c)).map(|e| f64::from(e.score));
        let masked = matches!(stage, Stage::Scores | Stage::Scaled | Stage::Weights) && col > row;
        let score = |r: usize, c: usize| {
            let (q, k) = (frame.stage(Stage::Queries).row(r), frame.stage(Stage::Keys).row(c));
            let terms = q.iter().zip(k).enumerate().map(|(i, (q, k))| (i.to_string(), *q, *k)).collect();
            Dot::new(format!("q of {}", word(r)), format!("k of {}", word(c)), terms)
        };
        let mut steps = Vec::new();
        let (about, dots, recomputed) = match stage {
            Stage::Queries | Stage::Keys | Stage::Values => {
                self.open_projection(frame, settings, stage, row, col, &mut steps)?
            }
            Stage::Scores => {
                let dot = score(row, col);
                let sum = dot.sum;
                (format!("how well the query of {} fits the key of {}", word(row), word(col)), vec![dot], sum)
            }
            Stage::Scaled => {
                let dot = score(row, col);
                let (formula, result) = match edited(row, col) {
                    Some(set) => ("set by hand".to_string(), set),
                    None if settings.scale => (format!("q·k / √{}", self.config().head_width()), dot.sum * scale),
                    None => ("q·k, not scaled".to_string(), dot.sum),
                };
                steps.push((formula, result));
                (format!("the score of {} looking at {}", word(row), word(col)), vec![dot], result)
            }
            Stage::Weights => {
                let scores: Vec<f64> =
                    (0..=row).map(|c| edited(row, c).unwrap_or_else(|| score(row, c).sum * scale)).collect();
                let most = scores.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
                let share = if masked { 0.0 } else { (scores[col] - most).exp() / sum };
                if !masked {
                    steps.push((format!("score of {}", word(col)), scores[col]));
                    steps.push(("largest score of the row".into(), most));
                    steps.push(("e^(score − largest)".into(), (scores[col] - most).exp()));
                    steps.push(("sum of these over the row".into(), sum));
                }
                (format!("how much {} takes from {}", word(row), word(col)), vec![], share)
            }
            Stage::Output => {
                let (weights, values) = (frame.stage(Stage::Weights).row(row), frame.stage(Stage::Values));
                let terms = (0..=row).map(|j| (word(j).to_string(), weights[j], values.at(j, col))).collect();
                let dot =
                    Dot::new(format!("weights of {}", word(row)), format!("component {col} of each value"), terms);
                let sum = dot.sum;
                (format!("component {col} of what {} takes away", word(row)), vec![dot], sum)
            }
        };
        Some(Opened { about, dots, steps, recomputed, value, masked })
    }

    /// A cell of the queries, keys or values: the token's vector with a column of weights; queries and keys are then
    /// turned by their position together with the component half a head away.
    fn open_projection(
        &self,
        frame: &Frame,
        settings: &Settings,
        stage: Stage,
        row: usize,
        col: usize,
        steps: &mut Vec<(String, f64)>,
    ) -> Option<(String, Vec<Dot>, f64)> {
        let config = self.config();
        let d = config.head_width();
        let qkv = self.checkpoint.file.get(&format!("block{}.attention.qkv", settings.layer)).ok()?;
        let weights = qkv.as_f32().ok()?;
        let (letter, kind) = match stage {
            Stage::Queries => ("q", 0),
            Stage::Keys => ("k", 1),
            _ => ("v", 2),
        };
        let word = &frame.tokens[row].text;
        let dot = |component: usize| {
            let column = (kind * config.heads + settings.head) * d + component;
            let x = frame.input.row(row);
            let terms =
                (0..config.width).map(|i| (i.to_string(), x[i], weights[i * 3 * config.width + column])).collect();
            Dot::new(format!("x of {word}"), format!("column {component} of W{letter}"), terms)
        };
        let about = format!("component {col} of the {} of {word}", ["query", "key", "value"][kind]);
        if stage == Stage::Values {
            let dot = dot(col);
            let sum = dot.sum;
            return Some((about, vec![dot], sum));
        }
        let pair = col % (d / 2);
        let angle = row as f64 * f64::from(config.rope_base).powf(-2.0 * pair as f64 / d as f64);
        let (first, second) = (dot(pair), dot(pair + d / 2));
        let (a, b) = (first.sum, second.sum);
        steps.push((format!("angle at position {row}, in radians"), angle));
        let turned = if col < d / 2 {
            let turned = a * angle.cos() - b * angle.sin();
            steps.push(("first · cos − second · sin".into(), turned));
            turned
        } else {
            let turned = a * angle.sin() + b * angle.cos();
            steps.push(("first · sin + second · cos".into(), turned));
            turned
        };
        Some((about, vec![first, second], turned))
    }
}
