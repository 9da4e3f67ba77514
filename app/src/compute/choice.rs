//! Which executor runs: the reader's choice in the address, else whichever is there and faster.

use engine::{Device, Error, Graph, HostTensor, Program, Store, ops::Mask};
use futures_util::future::{Either, select};
use web_time::Instant;

use crate::url;

/// What the address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Whichever is faster.
    Auto,
    /// `?device=gpu`
    Gpu,
    /// `?device=cpu`
    Cpu,
}

impl Choice {
    /// The choice in the page's address; anything unknown is no choice.
    pub fn of_page() -> Self {
        match url::parameter("device").as_deref() {
            Some("gpu") => Self::Gpu,
            Some("cpu") => Self::Cpu,
            _ => Self::Auto,
        }
    }
}

/// How long a browser may take to hand out a GPU; some never answer.
const PATIENCE_MS: u32 = 10_000;

/// Opens a device, and says in a sentence why it is this one.
pub async fn open(choice: Choice) -> Result<(Device, String), Error> {
    if choice == Choice::Cpu {
        return Ok((Device::cpu(), "The address asks for the CPU.".into()));
    }
    let gpu = match select(Box::pin(Device::gpu()), gloo_timers::future::TimeoutFuture::new(PATIENCE_MS)).await {
        Either::Left((gpu, _)) => gpu,
        Either::Right(_) => Err(Error::NoGpu("the browser did not answer in ten seconds".into())),
    };
    let gpu = match gpu {
        Ok(gpu) => gpu,
        Err(error) => return Ok((Device::cpu(), format!("This browser offers no GPU ({error}), so the CPU runs."))),
    };
    let software = gpu.as_gpu().is_some_and(|g| g.tier().software);
    if choice == Choice::Gpu {
        return Ok((gpu, "The address asks for the GPU.".into()));
    }
    if !software {
        return Ok((gpu, "A GPU was found.".into()));
    }
    // A processor that pretends to be a GPU usually loses to the processor itself. Measure, do not guess.
    let cpu = Device::cpu();
    let (gpu_ms, cpu_ms) = (probe(&gpu).await?, probe(&cpu).await?);
    let times = format!("{cpu_ms:.1} ms on the CPU, {gpu_ms:.1} ms on the software GPU");
    Ok(if cpu_ms <= gpu_ms {
        (cpu, format!("A quick probe found the CPU faster than this software GPU: {times}."))
    } else {
        (gpu, format!("A quick probe found this software GPU faster than the CPU: {times}."))
    })
}

/// Milliseconds for a few matrix products and softmaxes of the size Tiny makes: the best of three runs.
async fn probe(device: &Device) -> Result<f64, Error> {
    const TOKENS: usize = 32;
    const WIDTH: usize = 128;
    let mut g = Graph::new();
    let x = g.input("x", &[TOKENS, WIDTH])?;
    let w = g.input("w", &[WIDTH, WIDTH])?;
    let mut y = x;
    for _ in 0..8 {
        y = g.matmul(y, w)?;
        y = g.softmax(y, 1.0, Mask::None)?;
    }
    let mut program = Program::compile(device, &g, &[y], &Store::new(device)).await?;
    program.write(x, &HostTensor::f32(&[TOKENS, WIDTH], vec![0.5; TOKENS * WIDTH])?)?;
    program.write(w, &HostTensor::f32(&[WIDTH, WIDTH], vec![0.01; WIDTH * WIDTH])?)?;
    program.run_and_read(&[y]).await?;
    let mut best = f64::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        program.run_and_read(&[y]).await?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}
