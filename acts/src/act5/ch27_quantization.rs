//! Chapter 27, quantization: Tiny's weights in fewer and fewer bits, and what that costs.
//!
//! The matrices of the blocks are quantised after training, each scheme anew, and Tiny reads held-out Tinyland with what the
//! codes stand for: the ordinary forward pass on dequantised weights, so that nothing but the rounding differs. The kernels
//! that multiply with packed weights are measured apart, in [`speed`]. Norms stay as they are, and so does the embedding
//! unless it is asked for: the file's 16 bits a weight.
//!
//! Claims, asserted in `acts/tests/ch27_quantization.rs`:
//! - 8 bits are within noise; 4 bits in groups are close, and closer than 4 bits with one step a matrix;
//! - below 3 bits there is a cliff: three levels, or two. With a zero point 2 bits have four levels, and in groups of 32 those
//!   still do, for the 4 real bits that steps and zeros make of them;
//! - training with the rounding in the loop moves the cliff; training without it does not.

use std::{collections::BTreeMap, fmt, sync::Arc};

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
    /// Perplexity on the reader's text, where one was given.
    pub text_perplexity: Option<f64>,
}

/// The experiment on one device.
pub struct Quantization {
    device: Device,
    checkpoint: Arc<Checkpoint>,
    tokenizer: Arc<TinyTokenizer>,
    store: Store,
    runner: Runner,
    batches: Vec<Batch>,
    /// Logits of the unrounded weights, batch by batch.
    reference: Vec<HostTensor>,
}

impl Quantization {
    /// Loads a checkpoint, and has it read the held-out documents once as it is.
    pub async fn new(device: &Device, checkpoint: Arc<Checkpoint>, tokenizer: Arc<TinyTokenizer>) -> Result<Self> {
        let config = checkpoint.config.clone();
        let store = checkpoint.store(device)?;
        let mut runner = Runner::new(device, &store, &config, [ROWS, config.context], |f| vec![f.logits]).await?;
        let mut held_out = Batches::new(&tokenizer, Split::HeldOut, HELD_OUT_SEED, ROWS, config.context);
        let batches: Vec<Batch> = (0..BATCHES).map(|step| held_out.at(step)).collect();
        let mut reference = Vec::new();
        for batch in &batches {
            reference.push(logits(&mut runner, batch, config.context).await?);
        }
        Ok(Self { device: device.clone(), checkpoint, tokenizer, store, runner, batches, reference })
    }

    /// The names and shapes of the matrices that can be quantised.
    pub fn matrices(&self) -> Vec<(String, [usize; 2])> {
        let all = Scheme { embedding: true, ..Scheme::whole() };
        let parameters = self.checkpoint.config.parameters().into_iter();
        parameters.filter(|(name, shape)| all.covers(name, shape)).map(|(name, s)| (name, [s[0], s[1]])).collect()
    }

    /// One scheme, measured on the shipped weights, and on a text of the reader's if there is one.
    ///
    /// # Errors
    /// A format that is not built, outliers that are not there, a text of no tokens.
    pub async fn frame(&mut self, scheme: &Scheme, text: Option<&str>) -> Result<Frame> {
        let checkpoint = self.checkpoint.clone();
        self.frame_of(&checkpoint.file.tensors, scheme, text).await
    }

    /// One scheme, measured on any weights; predictions are compared with those of the shipped ones.
    pub async fn frame_of(&mut self, weights: &Parameters, scheme: &Scheme, text: Option<&str>) -> Result<Frame> {
        let config = self.checkpoint.config.clone();
        let (mut bytes, mut quantised_bytes, mut quantised) = (0, 0, 0);
        for (name, shape) in config.parameters() {
            let w = weights.get(&name).ok_or_else(|| Error::data(&name, "is not among the parameters"))?;
            match scheme.format {
                Some(format) if scheme.covers(&name, &shape) => {
                    let (rounded, size) = scheme.round(format, w, [shape[0], shape[1]])?;
                    self.store.set(&name, &rounded)?;
                    bytes += size;
                    quantised_bytes += size;
                    quantised += rounded.shape.count();
                }
                _ => {
                    self.store.set(&name, w)?;
                    bytes += KEPT_BYTES * w.shape.count();
                }
            }
        }
        let (mut surprise, mut divergence, mut count, mut largest_drift) = (0.0, 0.0, 0usize, 0.0f32);
        for (batch, reference) in self.batches.iter().zip(&self.reference) {
            let out = logits(&mut self.runner, batch, config.context).await?;
            let rows = out.as_f32()?.chunks(config.vocabulary).zip(reference.as_f32()?.chunks(config.vocabulary));
            for ((row, reference), &target) in rows.zip(&batch.targets) {
                surprise += log_sum_exp(row) - f64::from(row[target as usize]);
                divergence += kl(reference, row);
                count += 1;
                let drift = row.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                largest_drift = largest_drift.max(drift);
            }
        }
        let loss = surprise / count as f64;
        let text_perplexity = match text {
            Some(text) => Some(self.text_perplexity(text).await?),
            None => None,
        };
        Ok(Frame {
            scheme: *scheme,
            bits_per_weight: if quantised == 0 { 16.0 } else { 8.0 * quantised_bytes as f64 / quantised as f64 },
            bytes,
            loss,
            perplexity: loss.exp(),
            kl: divergence / count as f64,
            largest_drift,
            text_perplexity,
        })
    }

    /// Perplexity of the weights that were last measured on any text; what goes beyond Tiny's context is left out.
    async fn text_perplexity(&mut self, text: &str) -> Result<f64> {
        let mut end = text.len().min(MOST_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut ids = vec![END];
        ids.extend(self.tokenizer.encode(&prompt(&text[..end])));
        ids.truncate(self.checkpoint.config.context + 1);
        if ids.len() < 2 {
            return Err(Error::data("text", "is empty: type a few words"));
        }
        let tensor = self.runner.forward.logits;
        let out = self.runner.run(&[ids[..ids.len() - 1].to_vec()], &[tensor]).await?.remove(0);
        let rows = out.as_f32()?.chunks(self.checkpoint.config.vocabulary).zip(&ids[1..]);
        let surprise: f64 = rows.map(|(row, &id)| log_sum_exp(row) - f64::from(row[id as usize])).sum();
        Ok((surprise / (ids.len() - 1) as f64).exp())
    }

    /// The weights of one matrix, and the levels they snap to.
    ///
    /// # Errors
    /// A matrix or a column that is not there, no bins.
    pub fn histogram(&self, matrix: &str, format: Format, column: usize, bins: usize) -> Result<Histogram> {
        let shapes = self.matrices();
        let Some((_, shape)) = shapes.iter().find(|(name, _)| name == matrix) else {
            return Err(Error::data(matrix, "is not a matrix of this model"));
        };
        if column >= shape[1] || bins == 0 {
            return Err(Error::data(matrix, format!("has {} columns, and a histogram has bins", shape[1])));
        }
        let w = self.checkpoint.file.get(matrix)?.as_f32()?;
        let q = quant::quantize(w, *shape, format)?;
        let back = q.dequantize();
        let rows = if format.granularity == Granularity::Tensor { shape[0] } else { q.packing.group.min(shape[0]) };
        let shared: Vec<usize> = match format.granularity {
            Granularity::Tensor => (0..w.len()).collect(),
            _ => (0..rows).map(|i| i * shape[1] + column).collect(),
        };
        let most = shared.iter().fold(1e-6f32, |m, &at| m.max(w[at].abs()));
        let mut counts = vec![0; bins];
        for &at in &shared {
            let place = (w[at] / most + 1.0) * 0.5 * bins as f32;
            counts[(place as usize).min(bins - 1)] += 1;
        }
        let mut levels: Vec<f32> = shared.iter().map(|&at| back[at]).collect();
        levels.sort_by(f32::total_cmp);
        levels.dedup();
        let square: f64 = w.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let size: f64 = w.iter().map(|w| f64::from(*w).powi(2)).sum();
        Ok(Histogram { low: -most, high: most, counts, levels, error: (square / size.max(1e-30)).sqrt() })
    }

    /// Tokens a second when one is decoded after the other, with the kernels that multiply with packed weights.
    pub async fn speed(&self, scheme: &Scheme, tokens: usize) -> Result<Speed> {
        speed(&self.device, &self.checkpoint, scheme, tokens).await
    }
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
    /// The error of the whole matrix: root mean square, over that of the weights.
    pub error: f64,
}

/// How fast a scheme decodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Tokens a second, from the median time of one.
    pub tokens_per_second: f64,
    /// Bytes of weights that a token reads.
    pub weight_bytes: usize,
    /// Kernel launches a token.
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

/// Measures decoding, one position at a time, on packed weights.
pub async fn speed(device: &Device, checkpoint: &Checkpoint, scheme: &Scheme, tokens: usize) -> Result<Speed> {
    let mut tiny = PackedTiny::new(device, checkpoint, scheme, 1).await?;
    tiny.run(&[END]).await?;
    let mut times = Vec::new();
    for _ in 0..tokens.max(1) {
        let start = Instant::now();
        tiny.program.run()?;
        tiny.program.finish().await?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let tokens_per_second = 1.0 / times[times.len() / 2].max(1e-9);
    Ok(Speed { tokens_per_second, weight_bytes: tiny.weight_bytes, launches: tiny.program.launches() })
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

    /// One step.
    pub async fn step(&mut self) -> Result<TuningStep> {
        let shape = [self.tuning.batch, self.config.context];
        let batch = self.batches.at(self.step);
        self.program.write(self.tokens, &HostTensor::u32(&shape, batch.inputs)?)?;
        self.program.write(self.targets, &HostTensor::u32(&shape, batch.targets)?)?;
        self.program.write(self.hyper, &self.optimizer.hyper(self.step, self.schedule.at(self.step)))?;
        let loss = self.program.run_and_read(&[self.loss]).await?[0].as_f32()?[0];
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
