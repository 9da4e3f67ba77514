//! The book's one list of timed cases: what `cargo xtask bench` and the page `/bench` run.

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

use engine::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    ops::{Activations, AttentionOptions, ConvOptions, FlashOptions, Make, Mask, QuantizedKernel, Window},
    quant,
};
use serde::Serialize;

use crate::{
    tiny::{self, Runner, Trainer, diffusion::Painter},
    tinyland::tokenizer::TinyTokenizer,
};

/// One thing to time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    work: Work,
    /// Whether a software adapter does it in a few seconds.
    light: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    /// The two ceilings.
    Copy,
    MultiplyAdd,
    MatMul(usize),
    Softmax,
    LayerNorm,
    Conv2d,
    Quantized {
        format: &'static str,
        activations: Activations,
        rows: usize,
    },
    Attention {
        positions: usize,
        causal: bool,
        fused: bool,
        backward: bool,
    },
    Forward(usize),
    TrainingStep,
    /// One step of Tiny's painter, with and without the words: so many pictures.
    Denoise(usize),
}

/// What a case took on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The device.
    pub device: String,
    /// The case.
    pub case: String,
    /// Median of the runs.
    pub time_ms: f64,
    /// How many runs it is the median of.
    pub runs: usize,
    /// Arithmetic of a run, in FLOPs.
    pub flops: u64,
    /// Bytes a run must move at least.
    pub bytes_moved: u64,
    /// Arithmetic a second, in 10^9.
    pub gflops: f64,
    /// Bytes a second, in 10^9.
    pub gbytes: f64,
    /// Kernel launches of a run: dispatches on a GPU, ops on a CPU.
    pub launches: usize,
    /// Time the processor spends to encode and submit a run, on a GPU.
    pub encode_ms: Option<f64>,
    /// Share of what the copy ceiling moves a second on this device, once that was measured.
    pub of_copy: Option<f64>,
    /// Share of what the multiply-add ceiling computes a second.
    pub of_multiply_add: Option<f64>,
}

/// Every case, the two ceilings first.
pub fn cases() -> Vec<Case> {
    let heavy = |work| Case { work, light: false };
    let light = |work| Case { work, light: true };
    let mut list = vec![light(Work::Copy), light(Work::MultiplyAdd)];
    list.extend([light(Work::MatMul(256)), light(Work::MatMul(512)), heavy(Work::MatMul(1024))]);
    list.extend([light(Work::Softmax), light(Work::LayerNorm), light(Work::Conv2d)]);
    for (format, activations) in [("int4/group32", Activations::F32), ("int8/channel", Activations::Int8)] {
        list.extend([1, 128].map(|rows| light(Work::Quantized { format, activations, rows })));
    }
    for positions in [1024, 2048] {
        for causal in [false, true] {
            for fused in [false, true] {
                for backward in [false, true] {
                    let light = positions == 1024 && fused && !backward;
                    list.push(Case { work: Work::Attention { positions, causal, fused, backward }, light });
                }
            }
        }
    }
    list.extend([
        light(Work::Forward(1)),
        light(Work::Forward(128)),
        heavy(Work::TrainingStep),
        light(Work::Denoise(1)),
    ]);
    list
}

/// The cases that this device does in reasonable time.
pub fn cases_for(device: &Device) -> Vec<Case> {
    let software = device.as_gpu().is_some_and(|gpu| gpu.tier().software);
    cases().into_iter().filter(|case| case.light || !software).collect()
}

/// Inputs with their values.
type Fed = Vec<(Tensor, HostTensor)>;

/// Floats that the ceilings work on: 16 MiB each way.
const CEILING_FLOATS: usize = 1 << 22;
/// Floats and rounds of the arithmetic ceiling.
const MULTIPLY_ADD: (usize, usize) = (1 << 18, 512);

impl Case {
    /// As it stands in tables.
    pub fn name(&self) -> String {
        match self.work {
            Work::Copy => "ceiling: copy".into(),
            Work::MultiplyAdd => "ceiling: multiply-add".into(),
            Work::MatMul(n) => format!("matmul {n} cubed"),
            Work::Softmax => "softmax 2048 x 1024".into(),
            Work::LayerNorm => "LayerNorm 2048 x 1024".into(),
            Work::Conv2d => "convolution 3x3, 64 channels, 64 x 64".into(),
            Work::Quantized { format, rows, .. } => format!("{format} matmul, {rows} x 1024 by 1024 square"),
            Work::Attention { positions, causal, fused, backward } => format!(
                "{} 8 x {positions} x 64{}{}",
                if fused { "fused attention" } else { "attention" },
                if causal { ", causal" } else { "" },
                if backward { ", with backward" } else { "" }
            ),
            Work::Forward(1) => "tiny-base, one token".into(),
            Work::Forward(tokens) => format!("tiny-base, {tokens} tokens at once"),
            Work::TrainingStep => "tiny-base training step".into(),
            Work::Denoise(pictures) => format!("diffusion step of tiny-diffusion, {pictures} picture, guided"),
        }
    }

    /// Compiles it, feeds it, runs it once to warm up, and takes the median of at least three runs, and as many as fill
    /// `fill_ms`. `between` is awaited between runs, so that a page stays alive.
    pub async fn measure<F: Future<Output = bool>>(
        &self,
        device: &Device,
        tokenizer: &TinyTokenizer,
        fill_ms: f64,
        between: impl Fn() -> F,
    ) -> Result<Option<Row>> {
        let store = Store::new(device);
        let mut make = Make::new(1);
        match self.work {
            Work::Forward(tokens) => {
                let recipe = base()?;
                recipe.config.load(&store, &recipe.config.initial(1)?)?;
                let mut runner = Runner::new(device, &store, &recipe.config, [1, tokens], |f| vec![f.logits]).await?;
                self.time(device, runner.program(), fill_ms, between).await
            }
            Work::TrainingStep => {
                let mut trainer = Trainer::new(device, &base()?, tokenizer).await?;
                trainer.step().await?;
                self.time(device, trainer.program(), fill_ms, between).await
            }
            Work::Denoise(pictures) => {
                let mut painter = Painter::untrained(device, pictures).await?;
                self.time(device, painter.program(), fill_ms, between).await
            }
            _ => {
                let mut g = Graph::new();
                let (fetch, values) = self.build(&mut g, &mut make)?;
                let mut program = Program::compile(device, &g, &fetch, &store).await?;
                for (t, value) in &values {
                    program.write(*t, value)?;
                }
                self.time(device, &mut program, fill_ms, between).await
            }
        }
    }

    /// What is fetched, and what is fed.
    fn build(&self, g: &mut Graph, make: &mut Make) -> Result<(Vec<Tensor>, Fed)> {
        let mut values = Vec::new();
        let mut input = |g: &mut Graph, name: &str, shape: &[usize]| {
            let t = g.input(name, shape)?;
            values.push((t, make.normal(shape)));
            Ok::<Tensor, Error>(t)
        };
        let fetch = match self.work {
            Work::Copy => {
                let x = input(g, "x", &[CEILING_FLOATS])?;
                vec![g.multiply_add(x, 1.0, 0.0, 0)?]
            }
            Work::MultiplyAdd => {
                let (count, rounds) = MULTIPLY_ADD;
                let x = input(g, "x", &[count])?;
                vec![g.multiply_add(x, 0.999, 0.001, rounds)?]
            }
            Work::MatMul(n) => {
                let (a, b) = (input(g, "a", &[n, n])?, input(g, "b", &[n, n])?);
                vec![g.matmul(a, b)?]
            }
            Work::Softmax => {
                let x = input(g, "x", &[2048, 1024])?;
                vec![g.softmax(x, 1.0, Mask::None)?]
            }
            Work::LayerNorm => {
                let x = input(g, "x", &[2048, 1024])?;
                let (gain, bias) = (input(g, "gain", &[1024])?, input(g, "bias", &[1024])?);
                vec![g.layer_norm(x, gain, bias, 1e-5)?]
            }
            Work::Conv2d => {
                let (x, w) = (input(g, "x", &[1, 64, 64, 64])?, input(g, "w", &[64, 64, 3, 3])?);
                vec![g.conv2d(x, w, ConvOptions { window: Window::new(1, 1), ..ConvOptions::default() })?]
            }
            Work::Quantized { format, activations, rows } => {
                let x = input(g, "x", &[rows, 1024])?;
                let w = Make::new(2).normal(&[1024, 1024]);
                let q = g.quantized(&quant::quantize(w.as_f32()?, [1024, 1024], format.parse()?)?)?;
                vec![g.quantized_matmul_with(x, &q, None, activations, QuantizedKernel::Auto)?]
            }
            Work::Attention { positions, causal, fused, backward } => {
                let shape = [1, 8, positions, 64];
                let mask = if causal { Mask::Causal } else { Mask::None };
                let (q, k, v) = (input(g, "q", &shape)?, input(g, "k", &shape)?, input(g, "v", &shape)?);
                let output = if fused {
                    g.flash_attention(q, k, v, FlashOptions { mask, ..FlashOptions::default() })?.output
                } else {
                    g.attention(q, k, v, AttentionOptions { scale: None, mask })?.output
                };
                if backward {
                    let loss = g.mul(output, output)?;
                    let loss = g.sum_all(loss)?;
                    g.gradients(loss, &[q, k, v])?
                } else {
                    vec![output]
                }
            }
            Work::Forward(_) | Work::TrainingStep | Work::Denoise(_) => Vec::new(),
        };
        Ok((fetch, values))
    }

    async fn time<F: Future<Output = bool>>(
        &self,
        device: &Device,
        program: &mut Program,
        fill_ms: f64,
        between: impl Fn() -> F,
    ) -> Result<Option<Row>> {
        const FEWEST: usize = 3;
        const MOST: usize = 1000;
        program.run()?;
        program.finish().await?;
        let (mut times, mut encodes) = (Vec::new(), Vec::new());
        while times.len() < FEWEST || (times.iter().sum::<f64>() < fill_ms && times.len() < MOST) {
            if !between().await {
                return Ok(None);
            }
            let start = Instant::now();
            program.run()?;
            encodes.push(start.elapsed().as_secs_f64() * 1e3);
            program.finish().await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let time_ms = median(&mut times);
        let steps = &program.plan().steps;
        let flops = steps.iter().map(|step| step.flops()).sum::<u64>();
        let bytes_moved = steps.iter().map(|step| step.bytes()).sum::<u64>();
        Ok(Some(Row {
            device: device.name(),
            case: self.name(),
            time_ms,
            runs: times.len(),
            flops,
            bytes_moved,
            gflops: flops as f64 / time_ms / 1e6,
            gbytes: bytes_moved as f64 / time_ms / 1e6,
            launches: program.launches(),
            encode_ms: device.as_gpu().map(|_| median(&mut encodes)),
            of_copy: None,
            of_multiply_add: None,
        }))
    }
}

/// Fills in how near every row comes to the two ceilings, where they are among the rows.
pub fn compare_with_ceilings(rows: &mut [Row]) {
    let [copy, multiply_add] = [Work::Copy, Work::MultiplyAdd].map(|work| Case { work, light: true }.name());
    let copy = rows.iter().find(|row| row.case == copy).map(|row| row.gbytes);
    let multiply_add = rows.iter().find(|row| row.case == multiply_add).map(|row| row.gflops);
    for row in rows {
        row.of_copy = copy.map(|most| row.gbytes / most);
        row.of_multiply_add = multiply_add.map(|most| row.gflops / most);
    }
}

/// Rows as comma-separated values, with a header.
pub fn csv(rows: &[Row]) -> String {
    let optional = |value: Option<f64>| value.map(|v| format!("{v:.4}")).unwrap_or_default();
    let mut out = String::from(
        "device,case,time_ms,runs,flops,bytes_moved,gflops,gbytes,launches,encode_ms,of_copy,of_multiply_add\n",
    );
    for row in rows {
        out += &format!(
            "\"{}\",\"{}\",{:.4},{},{},{},{:.3},{:.3},{},{},{},{}\n",
            row.device.replace('"', "\"\""),
            row.case,
            row.time_ms,
            row.runs,
            row.flops,
            row.bytes_moved,
            row.gflops,
            row.gbytes,
            row.launches,
            optional(row.encode_ms),
            optional(row.of_copy),
            optional(row.of_multiply_add)
        );
    }
    out
}

fn base() -> Result<tiny::Recipe> {
    tiny::recipe("tiny-base").ok_or_else(|| Error::data("tiny-base", "has no recipe"))
}

fn median(list: &mut [f64]) -> f64 {
    list.sort_by(f64::total_cmp);
    list[list.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tinyland::tokenizer;

    #[test]
    fn every_case_has_a_name_of_its_own_and_runs() -> Result<()> {
        let tokenizer = tokenizer::shipped().map_err(|e| Error::data("tokenizer", e.to_string()))?;
        let names: std::collections::BTreeSet<String> = cases().iter().map(Case::name).collect();
        assert_eq!(names.len(), cases().len());
        let device = Device::cpu();
        // The small ones; the others differ in size alone.
        for case in cases().into_iter().filter(|case| case.light && !matches!(case.work, Work::MultiplyAdd)) {
            let row = engine::wait(case.measure(&device, &tokenizer, 0.0, || std::future::ready(true)))?;
            let row = row.ok_or_else(|| Error::data("bench", "was stopped"))?;
            assert!(row.time_ms > 0.0 && row.bytes_moved > 0, "{}", row.case);
        }
        let list = cases();
        let stopped = list[2].measure(&device, &tokenizer, 0.0, || std::future::ready(false));
        assert!(engine::wait(stopped)?.is_none());
        Ok(())
    }

    #[test]
    fn ceilings_are_shares() {
        let row = |case: &str, gflops, gbytes| Row {
            device: "d".into(),
            case: case.into(),
            time_ms: 1.0,
            runs: 3,
            flops: 1,
            bytes_moved: 1,
            gflops,
            gbytes,
            launches: 1,
            encode_ms: None,
            of_copy: None,
            of_multiply_add: None,
        };
        let mut rows = [row("ceiling: copy", 0.0, 10.0), row("ceiling: multiply-add", 50.0, 1.0), row("x", 5.0, 5.0)];
        compare_with_ceilings(&mut rows);
        assert_eq!((rows[2].of_copy, rows[2].of_multiply_add), (Some(0.5), Some(0.1)));
        assert_eq!(csv(&rows).lines().count(), 4);
    }
}
