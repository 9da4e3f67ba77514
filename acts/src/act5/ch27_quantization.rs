//! Chapter 27, quantization: Tiny's weights in fewer and fewer bits, and what that costs.
//!
//! The matrices of the blocks are quantised after training, each scheme anew, and Tiny reads held-out Tinyland with what the
//! codes stand for: the ordinary forward pass on dequantised weights, so that nothing but the rounding differs. The kernels
//! that multiply with packed weights are measured apart, in [`speed`]. Measuring goes by short steps, so that a page stays
//! awake and a reader can change their mind: see [`Measuring`]. Norms stay as they are, and so does the embedding
//! unless it is asked for: the file's 16 bits a weight.
//!
//! Claims, asserted in `acts/tests/ch27_quantization.rs`:
//! - 8 bits are within noise; 4 bits in groups are close, and closer than 4 bits with one step a matrix;
//! - below 3 bits there is a cliff: three levels, or two. With a zero point 2 bits have four levels, and in groups of 32 those
//!   still do, for the 4 real bits that steps and zeros make of them;
//! - training with the rounding in the loop moves the cliff; training without it does not.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    models::gpt,
    ops::Activation,
    optim::{AdamW, Schedule, create_state},
    quant::{self, Format, Granularity, Levels, Outliers},
};

use crate::{
    act2::ch05_attention::{Work, label, work_of},
    tiny::{Checkpoint, Runner},
    tinyland::{
        Split,
        batches::{Batch, Batches},
        prompt,
        tokenizer::{END, TinyTokenizer},
    },
};

/// Rows of a batch that is measured on.
const ROWS: usize = 16;

/// Batches that are measured on: 4,096 tokens.
const BATCHES: u64 = 2;

/// Rows of a forward pass: on one thread of a page two take some 30 ms, and nobody notices.
const ROWS_OF_A_PASS: usize = 2;

/// The same on a GPU, which does not keep the page waiting.
const ROWS_OF_A_GPU_PASS: usize = 4;

/// How long a page may be kept waiting by one piece of work on the CPU.
const PIECE: Duration = Duration::from_millis(12);

/// Tokens of a prediction that are shown.
const EXPECTED: usize = 8;

/// Bytes of a parameter that is not quantised: 16-bit floats, as in the file.
const KEPT_BYTES: usize = 2;

/// The seed of the held-out documents, that of Tiny's report card.
const HELD_OUT_SEED: u64 = 99;

/// The longest text that is read, in bytes: it is cut to Tiny's context anyway.
const MOST_BYTES: usize = 4096;

/// Parameters by name.
pub type Parameters = BTreeMap<String, HostTensor>;

/// How a model is quantised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheme {
    /// The format; `None` leaves every weight at 16 bits.
    pub format: Option<Format>,
    /// Weights that are kept apart, unrounded, in every matrix.
    pub outliers: Option<Outliers>,
    /// Whether the embedding, which also makes the logits, is quantised too.
    pub embedding: bool,
    /// The one block that is quantised; `None` for all.
    pub layer: Option<usize>,
}

impl Scheme {
    /// All blocks in one format.
    pub fn of(format: Format) -> Self {
        Self { format: Some(format), outliers: None, embedding: false, layer: None }
    }

    /// Nothing quantised.
    pub fn whole() -> Self {
        Self { format: None, outliers: None, embedding: false, layer: None }
    }

    /// The sweep of the chapter: 16 to 1 bits by what shares a step, then the other kinds of levels.
    pub fn sweep() -> Vec<Self> {
        let mut list = vec![Self::whole()];
        for granularity in [Granularity::Tensor, Granularity::Channel, Granularity::Group(32)] {
            list.extend([8, 6, 5, 4, 3, 2, 1].map(|bits| Self::of(Format::new(Levels::Symmetric(bits), granularity))));
        }
        for bits in [4, 3, 2] {
            list.push(Self::of(Format::new(Levels::ZeroPoint(bits), Granularity::Group(32))));
        }
        for levels in [Levels::Nf4, Levels::Ternary] {
            for granularity in [Granularity::Tensor, Granularity::Channel, Granularity::Group(32)] {
                list.push(Self::of(Format::new(levels, granularity)));
            }
        }
        list
    }

    /// Whether a parameter is quantised: a matrix, in a block that is, or the embedding if it is asked for.
    fn covers(&self, name: &str, shape: &[usize]) -> bool {
        let block = self.layer.is_none_or(|layer| name.starts_with(&format!("block{layer}.")));
        shape.len() == 2 && if name == "embedding" { self.embedding } else { block }
    }

    /// One matrix after rounding, and its bytes, outliers counted.
    fn round(&self, format: Format, w: &HostTensor, shape: [usize; 2]) -> Result<(HostTensor, usize)> {
        let w = w.as_f32()?;
        let (data, bytes) = match self.outliers {
            None => {
                let q = quant::quantize(w, shape, format)?;
                (q.dequantize(), q.bytes())
            }
            Some(outliers) => {
                let split = quant::split_outliers(w, shape, outliers)?;
                let q = quant::quantize(&split.rest, shape, format)?;
                let mut data = q.dequantize();
                split.restore(&mut data);
                (data, q.bytes() + split.bytes())
            }
        };
        Ok((HostTensor::f32(&shape, data)?, bytes))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            None => return f.write_str("16-bit floats"),
            Some(format) => write!(f, "{format}")?,
        }
        match self.outliers {
            Some(Outliers::Share(share)) => write!(f, ", {} % kept", 100.0 * share)?,
            Some(Outliers::Inputs(count)) => write!(f, ", {count} inputs kept")?,
            None => {}
        }
        if self.embedding {
            f.write_str(", embedding too")?;
        }
        self.layer.map_or(Ok(()), |layer| write!(f, ", block {layer} only"))
    }
}

/// What one scheme costs, and what it saves.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The scheme.
    pub scheme: Scheme,
    /// Bits of a quantised weight, steps, zeros and outliers counted; 16 where none is.
    pub bits_per_weight: f64,
    /// Bytes of the whole model.
    pub bytes: usize,
    /// Mean surprise on held-out Tinyland, in nats a token.
    pub loss: f64,
    /// e to the loss: among how many tokens, as it were, Tiny still has to guess.
    pub perplexity: f64,
    /// How far the predictions have moved from those of the unrounded weights: mean Kullback-Leibler divergence, in nats.
    pub kl: f64,
    /// The largest movement of a logit.
    pub largest_drift: f32,
    /// What becomes of the reader's text, where one was given.
    pub reading: Option<Reading>,
    /// Tokens that were predicted.
    pub tokens: usize,
    /// Weights that were quantised.
    pub quantised: usize,
    /// Bytes of those, steps, zeros and outliers counted.
    pub quantised_bytes: usize,
}

/// The reader's text, read by the unrounded weights and by the rounded ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its tokens.
    pub tokens: usize,
    /// Whether what goes beyond Tiny's context was left out.
    pub cut: bool,
    /// Perplexity of the text to the unrounded weights.
    pub whole_perplexity: f64,
    /// Perplexity of the text to the rounded weights.
    pub perplexity: f64,
    /// The tokens that either expects after the text, likeliest first.
    pub next: Vec<Expected>,
    /// How far the prediction after the text has moved: Kullback-Leibler divergence, in nats.
    pub next_kl: f64,
}

/// One token that may come next.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The token.
    pub token: String,
    /// Its probability to the unrounded weights.
    pub whole: f32,
    /// Its probability to the rounded weights.
    pub rounded: f32,
}

/// The experiment on one device.
pub struct Quantization {
    checkpoint: Arc<Checkpoint>,
    tokenizer: Arc<TinyTokenizer>,
    /// Tiny as it is.
    whole: Runner,
    /// The weights of the Tiny that is measured.
    store: Store,
    rounded: Runner,
    /// The held-out documents, pass by pass.
    passes: Vec<Batch>,
    /// Logits of the unrounded weights, of as many passes as were needed so far.
    reference: Vec<HostTensor>,
}

impl Quantization {
    /// Loads a checkpoint twice: to be rounded, and to compare with.
    pub async fn new(device: &Device, checkpoint: Arc<Checkpoint>, tokenizer: Arc<TinyTokenizer>) -> Result<Self> {
        let config = checkpoint.config.clone();
        let rows = if device.as_gpu().is_some() { ROWS_OF_A_GPU_PASS } else { ROWS_OF_A_PASS };
        let shape = [rows, config.context];
        let store = checkpoint.store(device)?;
        let whole = Runner::new(device, &checkpoint.store(device)?, &config, shape, |f| vec![f.logits]).await?;
        let rounded = Runner::new(device, &store, &config, shape, |f| vec![f.logits]).await?;
        let mut held_out = Batches::new(&tokenizer, Split::HeldOut, HELD_OUT_SEED, ROWS, config.context);
        let mut passes = Vec::new();
        for step in 0..BATCHES {
            let batch = held_out.at(step);
            let tokens = rows * config.context;
            let parts = batch.inputs.chunks(tokens).zip(batch.targets.chunks(tokens));
            passes.extend(parts.map(|(inputs, targets)| Batch { inputs: inputs.to_vec(), targets: targets.to_vec() }));
        }
        Ok(Self { checkpoint, tokenizer, whole, store, rounded, passes, reference: vec![] })
    }

    /// One scheme, measured on the shipped weights, and on a text of the reader's if there is one.
    ///
    /// # Errors
    /// A format that is not built, outliers that are not there, a text of no tokens.
    pub async fn frame(&mut self, scheme: &Scheme, text: Option<&str>) -> Result<Frame> {
        self.begin(scheme, None, text).finish().await
    }

    /// One scheme, measured on any weights; predictions are compared with those of the shipped ones.
    pub async fn frame_of(&mut self, weights: Arc<Parameters>, scheme: &Scheme, text: Option<&str>) -> Result<Frame> {
        self.begin(scheme, Some(weights), text).finish().await
    }

    /// Starts to measure a scheme, on the shipped weights where no others are given.
    pub fn begin(&mut self, scheme: &Scheme, weights: Option<Arc<Parameters>>, text: Option<&str>) -> Measuring<'_> {
        Measuring {
            experiment: self,
            scheme: *scheme,
            weights,
            text: text.map(str::to_owned),
            parameters: 0,
            passes: 0,
            bytes: 0,
            quantised: 0,
            quantised_bytes: 0,
            sums: Sums::default(),
            reading: None,
        }
    }

    /// A text, read by both; what goes beyond Tiny's context is left out.
    async fn read(&mut self, text: &str) -> Result<Reading> {
        let config = &self.checkpoint.config;
        let mut end = text.len().min(MOST_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut ids = vec![END];
        ids.extend(self.tokenizer.encode(&prompt(&text[..end])));
        let cut = end < text.len() || ids.len() > config.context;
        ids.truncate(config.context);
        if ids.len() < 2 {
            return Err(Error::data("text", "is empty: type a few words"));
        }
        let vocabulary = config.vocabulary;
        let mut read = Vec::new();
        for runner in [&mut self.whole, &mut self.rounded] {
            let tensor = runner.forward.logits;
            read.push(runner.run(std::slice::from_ref(&ids), &[tensor]).await?.remove(0));
        }
        let (whole, rounded) = (read[0].as_f32()?, read[1].as_f32()?);
        let perplexity = |logits: &[f32]| {
            let rows = logits.chunks(vocabulary).zip(&ids[1..]);
            let surprise: f64 = rows.map(|(row, &id)| log_sum_exp(row) - f64::from(row[id as usize])).sum();
            (surprise / (ids.len() - 1) as f64).exp()
        };
        let last = |logits| -> &[f32] { <[f32]>::chunks(logits, vocabulary).nth(ids.len() - 1).unwrap_or(&[]) };
        let (p, q) = (last(whole), last(rounded));
        let (p_sum, q_sum) = (log_sum_exp(p), log_sum_exp(q));
        let probability = |x: f32, sum: f64| (f64::from(x) - sum).exp() as f32;
        let mut order: Vec<(usize, f32, f32)> =
            (0..p.len()).map(|i| (i, probability(p[i], p_sum), probability(q[i], q_sum))).collect();
        order.sort_by(|a, b| b.1.max(b.2).total_cmp(&a.1.max(a.2)));
        order.truncate(EXPECTED);
        let expected = |(id, whole, rounded): (usize, f32, f32)| Expected {
            token: label(&self.tokenizer.token_text(id as u32)),
            whole,
            rounded,
        };
        Ok(Reading {
            tokens: ids.len() - 1,
            cut,
            whole_perplexity: perplexity(whole),
            perplexity: perplexity(rounded),
            next: order.into_iter().map(expected).collect(),
            next_kl: kl(p, q),
        })
    }
}

/// A scheme while it is measured, by steps of a few tens of milliseconds on one thread: parameter by parameter it is rounded,
/// then the reader's text is read, then the held-out documents, pass by pass. It may be dropped at any time.
pub struct Measuring<'a> {
    experiment: &'a mut Quantization,
    scheme: Scheme,
    weights: Option<Arc<Parameters>>,
    text: Option<String>,
    parameters: usize,
    passes: usize,
    bytes: usize,
    quantised: usize,
    quantised_bytes: usize,
    sums: Sums,
    /// What becomes of the reader's text, as soon as that is known.
    pub reading: Option<Reading>,
}

/// Sums over the tokens that were predicted so far.
#[derive(Default)]
struct Sums {
    surprise: f64,
    divergence: f64,
    count: usize,
    largest_drift: f32,
}

impl Measuring<'_> {
    /// How much is done, from 0 to 1.
    pub fn progress(&self) -> f64 {
        self.passes as f64 / self.experiment.passes.len() as f64
    }

    /// All remaining steps.
    pub async fn finish(mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.advance().await? {
                return Ok(frame);
            }
        }
    }

    /// The next step; the frame, if it was the last.
    ///
    /// # Errors
    /// Those of [`Quantization::frame`].
    pub async fn advance(&mut self) -> Result<Option<Frame>> {
        let config = self.experiment.checkpoint.config.clone();
        if let Some((name, shape)) = config.parameters().into_iter().nth(self.parameters) {
            self.parameters += 1;
            self.round(&name, &shape)?;
            return Ok(None);
        }
        if let Some(text) = self.text.take() {
            self.reading = Some(self.experiment.read(&text).await?);
            return Ok(None);
        }
        let experiment = &mut *self.experiment;
        if let Some(batch) = experiment.passes.get(self.passes) {
            let Some(reference) = experiment.reference.get(self.passes) else {
                experiment.reference.push(logits(&mut experiment.whole, batch, config.context).await?);
                return Ok(None);
            };
            let out = logits(&mut experiment.rounded, batch, config.context).await?;
            self.sums.add(out.as_f32()?, reference.as_f32()?, &batch.targets, config.vocabulary);
            self.passes += 1;
            return Ok(None);
        }
        let sums = &self.sums;
        let loss = sums.surprise / sums.count as f64;
        let bits = 8.0 * self.quantised_bytes as f64 / self.quantised as f64;
        Ok(Some(Frame {
            scheme: self.scheme,
            bits_per_weight: if self.quantised == 0 { 16.0 } else { bits },
            bytes: self.bytes,
            loss,
            perplexity: loss.exp(),
            kl: sums.divergence / sums.count as f64,
            largest_drift: sums.largest_drift,
            reading: self.reading.take(),
            tokens: sums.count,
            quantised: self.quantised,
            quantised_bytes: self.quantised_bytes,
        }))
    }

    /// Rounds one parameter, or leaves it as it is.
    fn round(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        let shipped = &self.experiment.checkpoint.file.tensors;
        let weights = self.weights.as_deref().unwrap_or(shipped);
        let w = weights.get(name).ok_or_else(|| Error::data(name, "is not among the parameters"))?;
        match self.scheme.format {
            Some(format) if self.scheme.covers(name, shape) => {
                let (rounded, size) = self.scheme.round(format, w, [shape[0], shape[1]])?;
                self.experiment.store.set(name, &rounded)?;
                self.bytes += size;
                self.quantised_bytes += size;
                self.quantised += rounded.shape.count();
            }
            _ => {
                self.experiment.store.set(name, w)?;
                self.bytes += KEPT_BYTES * w.shape.count();
            }
        }
        Ok(())
    }
}

impl Sums {
    fn add(&mut self, logits: &[f32], reference: &[f32], targets: &[u32], vocabulary: usize) {
        let rows = logits.chunks(vocabulary).zip(reference.chunks(vocabulary));
        for ((row, reference), &target) in rows.zip(targets) {
            self.surprise += log_sum_exp(row) - f64::from(row[target as usize]);
            self.divergence += kl(reference, row);
            self.count += 1;
            let drift = row.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            self.largest_drift = self.largest_drift.max(drift);
        }
    }
}

/// The names and shapes of the matrices that can be quantised.
pub fn matrices(config: &gpt::Config) -> Vec<(String, [usize; 2])> {
    let all = Scheme { embedding: true, ..Scheme::whole() };
    let parameters = config.parameters().into_iter();
    parameters.filter(|(name, shape)| all.covers(name, shape)).map(|(name, s)| (name, [s[0], s[1]])).collect()
}

/// The weights of one matrix that share a step, and the levels they snap to: all of them, or the first group of a column.
/// A matrix that the scheme leaves alone has no levels.
///
/// # Errors
/// A matrix or a column that is not there, no bins.
pub fn histogram(
    checkpoint: &Checkpoint,
    matrix: &str,
    scheme: &Scheme,
    column: usize,
    bins: usize,
) -> Result<Histogram> {
    let shapes = matrices(&checkpoint.config);
    let Some((_, shape)) = shapes.iter().find(|(name, _)| name == matrix) else {
        return Err(Error::data(matrix, "is not a matrix of this model"));
    };
    if column >= shape[1] || bins == 0 {
        return Err(Error::data(matrix, format!("has {} columns, and a histogram has bins", shape[1])));
    }
    let w = checkpoint.file.get(matrix)?.as_f32()?;
    let format = scheme.format.filter(|_| scheme.covers(matrix, shape));
    let mut kept = vec![];
    let rounded = match format {
        None => None,
        Some(format) => {
            let split = match scheme.outliers {
                Some(outliers) => Some(quant::split_outliers(w, *shape, outliers)?),
                None => None,
            };
            kept = split.as_ref().map_or_else(Vec::new, |s| s.kept.iter().map(|k| k.0).collect());
            kept.sort_unstable();
            Some((quant::quantize(split.as_ref().map_or(w, |s| &s.rest), *shape, format)?, split))
        }
    };
    let rows = match &rounded {
        Some((q, _)) if q.packing.format.granularity != Granularity::Tensor => Some(q.packing.group.min(shape[0])),
        _ => None,
    };
    let shared: Vec<usize> = match rows {
        None => (0..w.len()).collect(),
        Some(rows) => (0..rows).map(|i| i * shape[1] + column).collect(),
    };
    let most = shared.iter().fold(1e-6f32, |m, &at| m.max(w[at].abs()));
    let mut counts = vec![0; bins];
    for &at in &shared {
        let place = (w[at] / most + 1.0) * 0.5 * bins as f32;
        counts[(place as usize).min(bins - 1)] += 1;
    }
    let mut histogram = Histogram {
        low: -most,
        high: most,
        counts,
        levels: vec![],
        level_counts: vec![],
        kept: vec![],
        step: None,
        error: 0.0,
    };
    if let Some((q, split)) = rounded {
        let mut back = q.dequantize();
        let (out, inside): (Vec<usize>, Vec<usize>) = shared.iter().partition(|at| kept.binary_search(at).is_ok());
        let mut values: Vec<f32> = inside.iter().map(|&at| back[at]).collect();
        values.sort_by(f32::total_cmp);
        for same in values.chunk_by(|a, b| a == b) {
            histogram.levels.push(same[0]);
            histogram.level_counts.push(same.len());
        }
        histogram.kept = out.iter().map(|&at| w[at]).collect();
        histogram.step = Some(q.scales[q.packing.step_at(0, column)]);
        if let Some(split) = split {
            split.restore(&mut back);
        }
        let square: f64 = w.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let size: f64 = w.iter().map(|w| f64::from(*w).powi(2)).sum();
        histogram.error = (square / size.max(1e-30)).sqrt();
    }
    Ok(histogram)
}

/// The weights that share a step, and where they go.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The left edge.
    pub low: f32,
    /// The right edge.
    pub high: f32,
    /// Weights in each bin, between the edges.
    pub counts: Vec<usize>,
    /// The levels that are used, in order.
    pub levels: Vec<f32>,
    /// Weights that went to each.
    pub level_counts: Vec<usize>,
    /// Weights that are kept as they are.
    pub kept: Vec<f32>,
    /// The step they share.
    pub step: Option<f32>,
    /// The error of the whole matrix: root mean square, over that of the weights.
    pub error: f64,
}

/// How fast a scheme runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Tokens that go through in one pass.
    pub positions: usize,
    /// Milliseconds of a pass, the median.
    pub pass_ms: f64,
    /// Tokens a second, from that.
    pub tokens_per_second: f64,
    /// Bytes of weights that a pass reads.
    pub weight_bytes: usize,
    /// Kernel launches a pass.
    pub launches: usize,
}

/// A forward pass whose block matrices stay packed, compiled for a number of tokens.
pub struct PackedTiny {
    program: Program,
    tokens: Tensor,
    logits: Tensor,
    /// Bytes of weights that a pass reads.
    pub weight_bytes: usize,
}

impl PackedTiny {
    /// Compiles it. Outliers are left out, and the embedding, which is read as a table too, stays as it is.
    pub async fn new(device: &Device, checkpoint: &Checkpoint, scheme: &Scheme, positions: usize) -> Result<Self> {
        let mut g = Graph::new();
        let tokens = g.input_u32("tokens", &[1, positions])?;
        let mut weight_bytes = 0;
        let forward = checkpoint.config.forward_with(&mut g, tokens, gpt::Mode::Infer, &mut |g, projection| {
            let shape = [g.shape(projection.w)[0], g.shape(projection.w)[1]];
            let epilogue = projection.epilogue;
            match scheme.format {
                Some(format) if projection.name != "embedding" && scheme.covers(projection.name, &shape) => {
                    let q = quant::quantize(checkpoint.file.get(projection.name)?.as_f32()?, shape, format)?;
                    weight_bytes += q.bytes();
                    let w = g.quantized(&q)?;
                    let mut y = g.quantized_matmul(projection.x, &w, epilogue.bias)?;
                    if epilogue.activation != Activation::Identity {
                        y = g.activate(epilogue.activation, y)?;
                    }
                    epilogue.residual.map_or(Ok(y), |residual| g.add(y, residual))
                }
                _ => {
                    weight_bytes += 4 * shape[0] * shape[1];
                    projection.plain(g)
                }
            }
        })?;
        let program = Program::compile(device, &g, &[forward.logits], &checkpoint.store(device)?).await?;
        Ok(Self { program, tokens, logits: forward.logits, weight_bytes })
    }

    /// Logits of a row of tokens: `[1, positions, vocabulary]`.
    pub async fn run(&mut self, ids: &[u32]) -> Result<HostTensor> {
        self.program.write(self.tokens, &HostTensor::u32(&[1, ids.len()], ids.to_vec())?)?;
        Ok(self.program.run_and_read(&[self.logits]).await?.remove(0))
    }
}

/// How many times a speed is measured.
const SAMPLES: usize = 9;

/// How long a measurement takes at least: clocks of browsers tick up to once a millisecond.
const SAMPLE: Duration = Duration::from_millis(10);

/// Measures passes over a number of positions on packed weights: one is what decoding does, many what reading a prompt does.
/// Passes that are short are queued one after another and timed together.
pub async fn speed(
    device: &Device,
    checkpoint: &Checkpoint,
    scheme: &Scheme,
    positions: usize,
    mut pause: impl AsyncFnMut(),
) -> Result<Speed> {
    let mut tiny = PackedTiny::new(device, checkpoint, scheme, positions).await?;
    tiny.run(&vec![END; positions]).await?;
    let (mut passes, mut times) = (1, Vec::new());
    while times.len() < SAMPLES {
        pause().await;
        let start = Instant::now();
        for _ in 0..passes {
            tiny.program.run()?;
        }
        tiny.program.finish().await?;
        let time = start.elapsed();
        if time < SAMPLE && times.is_empty() && passes < 256 {
            passes *= 2;
        } else {
            times.push(time.as_secs_f64() / f64::from(passes));
        }
    }
    times.sort_by(f64::total_cmp);
    let pass = times[times.len() / 2].max(1e-9);
    Ok(Speed {
        positions,
        pass_ms: 1e3 * pass,
        tokens_per_second: positions as f64 / pass,
        weight_bytes: tiny.weight_bytes,
        launches: tiny.program.launches(),
    })
}

/// The products with weights in one block, as they run at a number of positions.
pub async fn kernels(device: &Device, checkpoint: &Checkpoint, scheme: &Scheme, positions: usize) -> Result<Vec<Work>> {
    let mut tiny = PackedTiny::new(device, checkpoint, scheme, positions).await?;
    tiny.run(&vec![END; positions]).await?;
    let mut work = work_of(device, &mut tiny.program).await?;
    let op = if work.iter().any(|w| w.op == "quantized_matmul") { "quantized_matmul" } else { "matmul" };
    work.retain(|w| w.op == op);
    work.truncate(4);
    Ok(work)
}

/// What decides a short training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// The format in the loop; `None` trains without rounding, to compare with.
    pub format: Option<Format>,
    /// Steps.
    pub steps: u64,
    /// Rows a step.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// Seed of the documents.
    pub seed: u64,
}

impl Tuning {
    /// What the chapter runs.
    pub fn of(format: Option<Format>, seed: u64) -> Self {
        Self { format, steps: 40, batch: 8, learning_rate: 1e-3, seed }
    }
}

/// What a step of training did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuningStep {
    /// Steps done.
    pub step: u64,
    /// Mean surprise of the batch, with rounded weights, before the update.
    pub loss: f32,
}

/// Quantization-aware training: Tiny goes on learning with its block matrices rounded in every forward pass, while the
/// updates go to the weights behind them (Jacob et al. 2018). A rounding has no slope, so the gradient passes straight
/// through it.
pub struct Tuner<'a> {
    tuning: Tuning,
    config: gpt::Config,
    batches: Batches<'a>,
    optimizer: AdamW,
    schedule: Schedule,
    store: Store,
    program: Program,
    tokens: Tensor,
    targets: Tensor,
    hyper: Tensor,
    loss: Tensor,
    step: u64,
}

impl<'a> Tuner<'a> {
    /// A run that starts from a checkpoint.
    pub async fn new(
        device: &Device,
        checkpoint: &Checkpoint,
        tokenizer: &'a TinyTokenizer,
        tuning: Tuning,
    ) -> Result<Self> {
        let config = checkpoint.config.clone();
        let mut g = Graph::new();
        let shape = [tuning.batch, config.context];
        let tokens = g.input_u32("tokens", &shape)?;
        let targets = g.input_u32("targets", &shape)?;
        let hyper = g.input("hyper", &[8])?;
        let forward = config.forward_with(&mut g, tokens, gpt::Mode::Train, &mut |g, projection| {
            let w = match tuning.format {
                Some(format) if projection.name != "embedding" => g.fake_quantize(projection.w, format)?,
                _ => projection.w,
            };
            gpt::Projection { w, ..*projection }.plain(g)
        })?;
        let loss = g.cross_entropy(forward.logits, targets)?;
        let wrt: Vec<Tensor> = forward.parameters.iter().map(|(_, t)| *t).collect();
        let grads = g.gradients(loss, &wrt)?;
        let optimizer = AdamW { weight_decay: 0.0, ..AdamW::default() };
        let state = optimizer.apply(&mut g, &forward.parameters, &grads, hyper, Some(1.0))?;
        let store = checkpoint.store(device)?;
        create_state(&store, &state)?;
        let program = Program::compile(device, &g, &[loss], &store).await?;
        let schedule =
            Schedule { peak: tuning.learning_rate, floor: 0.1 * tuning.learning_rate, warm_up: 4, steps: tuning.steps };
        let batches = Batches::new(tokenizer, Split::Train, tuning.seed, tuning.batch, config.context);
        Ok(Self { tuning, config, batches, optimizer, schedule, store, program, tokens, targets, hyper, loss, step: 0 })
    }

    /// Whether all steps are done.
    pub fn done(&self) -> bool {
        self.step >= self.tuning.steps
    }

    /// One step. On the CPU it pauses every few milliseconds.
    pub async fn step(&mut self, pause: impl AsyncFnMut()) -> Result<TuningStep> {
        let shape = [self.tuning.batch, self.config.context];
        let batch = self.batches.at(self.step);
        self.program.write(self.tokens, &HostTensor::u32(&shape, batch.inputs)?)?;
        self.program.write(self.targets, &HostTensor::u32(&shape, batch.targets)?)?;
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, self.schedule.at(self.step)))?;
        self.program.run_with_pauses(PIECE, pause).await?;
        let loss = self.program.read(self.loss).await?.as_f32()?[0];
        if !loss.is_finite() {
            return Err(Error::data("loss", format!("is {loss} at step {}", self.step)));
        }
        self.step += 1;
        Ok(TuningStep { step: self.step, loss })
    }

    /// The weights behind the rounding; quantise them in the same format, and they are what the forward pass saw.
    pub async fn weights(&self) -> Result<Parameters> {
        let names: Vec<String> = self.config.parameters().into_iter().map(|(name, _)| name).collect();
        Ok(names.iter().cloned().zip(self.store.get_all(&names).await?).collect())
    }
}

async fn logits(runner: &mut Runner, batch: &Batch, context: usize) -> Result<HostTensor> {
    let rows: Vec<Vec<u32>> = batch.inputs.chunks(context).map(<[u32]>::to_vec).collect();
    let tensor = runner.forward.logits;
    Ok(runner.run(&rows, &[tensor]).await?.remove(0))
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let most = row.iter().copied().fold(f32::MIN, f32::max);
    f64::from(most) + f64::from(row.iter().map(|&x| (x - most).exp()).sum::<f32>()).ln()
}

/// `sum p log(p / q)`, in nats, of two rows of logits.
fn kl(p: &[f32], q: &[f32]) -> f64 {
    let (p_sum, q_sum) = (log_sum_exp(p), log_sum_exp(q));
    let terms = p.iter().zip(q).map(|(&p, &q)| {
        let (p, q) = (f64::from(p) - p_sum, f64::from(q) - q_sum);
        f64::from((p as f32).exp()) * (p - q)
    });
    terms.sum::<f64>().max(0.0)
}
