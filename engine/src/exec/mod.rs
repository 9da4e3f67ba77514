//! Programs: a graph compiled once for a device, and replayed.

mod choose;
mod cpu;
mod gpu;
mod plan;
mod store;

use std::{sync::Arc, time::Duration};

#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

pub use self::{
    cpu::CpuDevice,
    plan::{Holds, Place, Plan, Slot, Step},
    store::Store,
};
use crate::{Error, GpuDevice, Graph, HostTensor, Layout, Meta, Result, Tensor, ops};

/// Where a program runs.
#[derive(Clone, Debug)]
pub enum Device {
    /// The processor, by Rust.
    Cpu(CpuDevice),
    /// The graphics processor, by WGSL.
    Gpu(GpuDevice),
}

impl Device {
    /// The processor, with all its threads and fast paths.
    pub fn cpu() -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        let threads = rayon::current_num_threads();
        #[cfg(target_arch = "wasm32")]
        let threads = 1;
        Self::Cpu(CpuDevice::new(threads, false))
    }

    /// The processor with that many threads.
    pub fn cpu_threads(threads: usize) -> Self {
        Self::Cpu(CpuDevice::new(threads.max(1), false))
    }

    /// The twins alone: slow, simple, the reference for everything else.
    pub fn oracle() -> Self {
        Self::Cpu(CpuDevice::new(1, true))
    }

    /// The GPU.
    pub async fn gpu() -> Result<Self> {
        Ok(Self::Gpu(GpuDevice::open(crate::gpu::Preference::default()).await?))
    }

    /// A name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Cpu(cpu) if cpu.twins => "the CPU twins".into(),
            Self::Cpu(cpu) if cpu.threads == 1 => "the CPU, one thread".into(),
            Self::Cpu(cpu) => format!("the CPU, {} threads", cpu.threads),
            Self::Gpu(gpu) => gpu.tier().adapter.clone(),
        }
    }

    /// The GPU behind it, if it is one.
    pub fn as_gpu(&self) -> Option<&GpuDevice> {
        if let Self::Gpu(gpu) = self { Some(gpu) } else { None }
    }

    /// Bytes the programs on a GPU hold; the CPU does not count.
    pub fn bytes(&self) -> Option<u64> {
        self.as_gpu().map(GpuDevice::bytes)
    }
}

/// What one step of a program took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Which step of the plan.
    pub step: usize,
    /// Kernel launches; 0 on the CPU.
    pub dispatches: usize,
    /// Milliseconds.
    pub time_ms: f64,
}

enum Backend {
    Cpu(cpu::CpuProgram),
    Gpu(gpu::GpuProgram),
}

/// A graph compiled for a device: memory shared out, kernels chosen, bindings made. Run it as often as you like.
pub struct Program {
    graph: Arc<Graph>,
    plan: Plan,
    backend: Backend,
}

impl Program {
    /// Compiles what `fetch` needs, and every update of a variable in the graph.
    ///
    /// Only tensors of `fetch` can be read. Variables come from `store`, which must hold them already.
    pub async fn compile(device: &Device, graph: &Graph, fetch: &[Tensor], store: &Store) -> Result<Self> {
        let plan = Plan::new(graph, fetch)?;
        let backend = match device {
            Device::Cpu(device) => Backend::Cpu(cpu::CpuProgram::new(device, &plan, store)?),
            Device::Gpu(device) => Backend::Gpu(gpu::GpuProgram::new(device, &plan, store).await?),
        };
        Ok(Self { graph: Arc::new(graph.clone()), plan, backend })
    }

    /// The graph it was compiled from.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What was decided.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Kernel launches of one run: dispatches on a GPU, ops on the CPU.
    pub fn launches(&self) -> usize {
        match &self.backend {
            Backend::Cpu(_) => self.plan.steps.len(),
            Backend::Gpu(program) => program.dispatches(),
        }
    }

    /// Bytes it holds, variables apart.
    pub fn bytes(&self) -> u64 {
        match &self.backend {
            Backend::Cpu(_) => 4 * self.plan.words() as u64,
            Backend::Gpu(program) => program.bytes(),
        }
    }

    /// The kernels of a step as it runs on a GPU of this tier, for showing.
    pub fn kernels(&self, step: usize, tier: &crate::Tier) -> Vec<ops::Dispatch> {
        let step = &self.plan.steps[step];
        let layouts: Vec<Layout> = step.inputs.iter().map(|p| p.layout.clone()).collect();
        let outputs: Vec<Meta> = step.outputs.iter().map(|(_, m)| m.clone()).collect();
        step.op.gpu(&ops::Gpu { inputs: &layouts, outputs: &outputs, tier })
    }

    /// Writes an input, which must have its shape and type.
    pub fn write(&mut self, input: Tensor, value: &HostTensor) -> Result<()> {
        let meta = self.graph.meta(input);
        let name = &self.graph.value(input).name;
        if *meta != value.meta() {
            let message =
                format!("wants {:?} {}, was given {:?} {}", meta.dtype, meta.shape, value.meta().dtype, value.shape);
            return Err(Error::data(name, message));
        }
        let Some(place) = self.plan.places.get(&input) else {
            return Ok(()); // nothing asked for depends on it
        };
        if !matches!(self.plan.slots[place.slot].1, Holds::Input) {
            return Err(Error::data(name, "is not an input"));
        }
        match &mut self.backend {
            Backend::Cpu(program) => program.write(place.slot, value.words()),
            Backend::Gpu(program) => program.write(place.slot, value.words()),
        }
        Ok(())
    }

    /// Runs once. On a GPU the work is submitted and goes on; a read waits for it.
    pub fn run(&mut self) -> Result<()> {
        self.run_times(1)
    }

    /// Runs that many times back to back; on a GPU in one submit, so keep to what a device may take without a pause:
    /// some drivers give up one that is busy for two seconds.
    pub fn run_times(&mut self, runs: u32) -> Result<()> {
        match &mut self.backend {
            Backend::Cpu(program) => {
                for _ in 0..runs {
                    program.run(&self.plan, |_| {});
                }
                Ok(())
            }
            Backend::Gpu(program) => program.run(runs),
        }
    }

    /// Reads one fetched tensor.
    pub async fn read(&mut self, t: Tensor) -> Result<HostTensor> {
        Ok(self.transfer(&[t], false).await?.remove(0))
    }

    /// Reads fetched tensors in one transfer.
    pub async fn read_all(&mut self, list: &[Tensor]) -> Result<Vec<HostTensor>> {
        self.transfer(list, false).await
    }

    /// Runs once. On the CPU `pause` is awaited between two steps whenever `every` has gone by without one, so that a page
    /// stays awake; on a GPU the work is submitted, and there is nothing to pause for.
    pub async fn run_with_pauses(&mut self, every: Duration, mut pause: impl AsyncFnMut()) -> Result<()> {
        let Backend::Cpu(program) = &mut self.backend else { return self.run() };
        let mut last = Instant::now();
        for step in 0..self.plan.steps.len() {
            program.step(&self.plan, step);
            if last.elapsed() >= every {
                pause().await;
                last = Instant::now();
            }
        }
        Ok(())
    }

    /// Runs once and reads, in one submit.
    pub async fn run_and_read(&mut self, list: &[Tensor]) -> Result<Vec<HostTensor>> {
        if let Backend::Cpu(program) = &mut self.backend {
            program.run(&self.plan, |_| {});
        }
        self.transfer(list, true).await
    }

    async fn transfer(&mut self, list: &[Tensor], run: bool) -> Result<Vec<HostTensor>> {
        let mut places = Vec::new();
        for t in list {
            let place = self.plan.places.get(t).cloned();
            let name = || format!("tensor {} {}", t.index(), self.graph.value(*t).name);
            places.push(place.ok_or_else(|| Error::data(name(), "was not asked for when the program was compiled"))?);
        }
        let words: Vec<Vec<u32>> = match &mut self.backend {
            Backend::Cpu(program) => places.iter().map(|p| program.read(p.slot)).collect(),
            Backend::Gpu(program) => {
                let slots: Vec<(Slot, usize)> = places.iter().map(|p| (p.slot, p.layout.end())).collect();
                program.read(&slots, run).await?
            }
        };
        Ok(places
            .iter()
            .zip(words)
            .map(|(place, words)| {
                let meta = Meta { shape: place.layout.shape.clone(), dtype: place.dtype };
                HostTensor::from_words(&meta, place.layout.words().map(|w| words[w]).collect())
            })
            .collect())
    }

    /// Resolves when all runs so far are done.
    pub async fn finish(&self) -> Result<()> {
        match &self.backend {
            Backend::Cpu(_) => Ok(()),
            Backend::Gpu(program) => program.device.finish().await,
        }
    }

    /// Runs once, measuring every step: by the device's own clock on a GPU, in passes of their own.
    pub async fn profile(&mut self) -> Result<Vec<Timing>> {
        match &mut self.backend {
            Backend::Cpu(program) => {
                let mut last = Instant::now();
                let mut timings = Vec::new();
                program.run(&self.plan, |step| {
                    let now = Instant::now();
                    timings.push(Timing { step, dispatches: 0, time_ms: (now - last).as_secs_f64() * 1e3 });
                    last = now;
                });
                Ok(timings)
            }
            Backend::Gpu(program) => program.profile(&self.plan).await,
        }
    }
}
