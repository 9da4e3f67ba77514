//! Which device is the faster one here.

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

use super::Device;
use crate::{Graph, HostTensor, Program, Result, Store, ops::Mask};

impl Device {
    /// The GPU, if one was opened and is no slower than the CPU, else the CPU; and why, in a sentence.
    ///
    /// A hardware GPU is taken at its word. A processor that pretends to be one usually loses to the processor itself,
    /// so it is measured.
    pub async fn faster(gpu: Result<Device>) -> Result<(Device, String)> {
        let gpu = match gpu {
            Ok(gpu) => gpu,
            Err(error) => {
                return Ok((Device::cpu(), format!("This browser offers no GPU ({error}), so the CPU runs.")));
            }
        };
        if gpu.as_gpu().is_some_and(|g| !g.tier().software) {
            return Ok((gpu, "A GPU was found.".into()));
        }
        let cpu = Device::cpu();
        let (gpu_ms, cpu_ms) = (probe(&gpu).await?, probe(&cpu).await?);
        let times = format!("{cpu_ms:.1} ms on the CPU, {gpu_ms:.1} ms on the software GPU");
        Ok(if cpu_ms <= gpu_ms {
            (cpu, format!("A quick probe found the CPU faster than this software GPU: {times}."))
        } else {
            (gpu, format!("A quick probe found this software GPU faster than the CPU: {times}."))
        })
    }
}

/// Milliseconds for a few matrix products and softmaxes of the size Tiny makes: the best of three runs.
async fn probe(device: &Device) -> Result<f64> {
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
