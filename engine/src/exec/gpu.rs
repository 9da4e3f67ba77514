//! The GPU executor: one encoder, one compute pass, one submit, for a run or several.

use super::{
    Store, Timing,
    plan::{Holds, Plan, Slot},
    store::Memory,
};
use crate::{
    Error, GpuDevice, Layout, Meta, Result, Shape,
    ops::{Bind, Gpu},
};

struct Launch {
    step: usize,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    groups: [u32; 3],
}

pub(super) struct GpuProgram {
    pub device: GpuDevice,
    buffers: Vec<wgpu::Buffer>,
    launches: Vec<Launch>,
    /// Bytes of results, inputs, constants, parameters and temporaries; variables belong to the store.
    bytes: u64,
    staging: Option<wgpu::Buffer>,
}

impl Drop for GpuProgram {
    fn drop(&mut self) {
        self.device.release(self.bytes);
    }
}

/// Where uniform blocks may start.
const UNIFORM_STEP: u64 = 256;

impl GpuProgram {
    pub async fn new(device: &GpuDevice, plan: &Plan, store: &Store) -> Result<Self> {
        device.check()?;
        let memory = device.device().push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let built = Self::build(device, plan, store);
        if memory.pop().await.is_some() {
            return Err(Error::OutOfMemory { device: device.tier().adapter.clone(), bytes: 4 * plan.words() as u64 });
        }
        let program = built?;
        device.check()?;
        Ok(program)
    }

    fn build(device: &GpuDevice, plan: &Plan, store: &Store) -> Result<Self> {
        let mut bytes = 0;
        let mut buffers = Vec::new();
        for (slot, (words, holds)) in plan.slots.iter().enumerate() {
            let buffer = match holds {
                Holds::Variable(name, shape) => match store.memory(name, shape)? {
                    Memory::Gpu(buffer) => buffer,
                    Memory::Cpu(_) => return Err(Error::data(name, "belongs to another device")),
                },
                _ => {
                    bytes += 4 * *words as u64;
                    let shape = Shape::new(&[*words])?;
                    let buffer = device.buffer(&maker(plan, slot), "slot", &shape)?;
                    if let Holds::Constant(value) = holds {
                        device.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(value.words()));
                    }
                    buffer
                }
            };
            buffers.push(buffer);
        }

        let mut dispatches = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let layouts: Vec<Layout> = step.inputs.iter().map(|p| p.layout.clone()).collect();
            let outputs: Vec<Meta> = step.outputs.iter().map(|(_, m)| m.clone()).collect();
            let gpu = Gpu { inputs: &layouts, outputs: &outputs, tier: device.tier() };
            let mut scratch = Vec::new();
            for words in step.op.scratch(&gpu) {
                bytes += 4 * words as u64;
                scratch.push(device.buffer(step.op.name(), "scratch", &Shape::new(&[words])?)?);
            }
            for dispatch in step.op.gpu(&gpu) {
                dispatches.push((index, dispatch, scratch.clone()));
            }
        }
        let mut arena = Vec::new();
        let mut offsets = Vec::new();
        for (_, dispatch, _) in &dispatches {
            offsets.push(arena.len() as u64);
            arena.extend_from_slice(&dispatch.params);
            arena.resize(arena.len().next_multiple_of(UNIFORM_STEP as usize), 0);
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let params = device.raw_buffer("uniforms", arena.len() as u64, usage);
        bytes += arena.len() as u64;
        device.queue().write_buffer(&params, 0, &arena);

        let launches = dispatches
            .iter()
            .zip(offsets)
            .map(|((index, dispatch, scratch), offset)| {
                let step = &plan.steps[*index];
                let bound: Vec<&wgpu::Buffer> = dispatch
                    .bindings
                    .iter()
                    .map(|bind| match *bind {
                        Bind::Input(i) => &buffers[step.inputs[i].slot],
                        Bind::Output(i) => &buffers[step.outputs[i].0],
                        Bind::Scratch(i) => &scratch[i],
                    })
                    .collect();
                let block = wgpu::BufferBinding {
                    buffer: &params,
                    offset,
                    size: std::num::NonZeroU64::new(u64::from(dispatch.kernel.params_size)),
                };
                let (pipeline, group) = device.bind(dispatch.kernel, &dispatch.constants, block, &bound);
                Launch { step: *index, pipeline, group, groups: dispatch.groups }
            })
            .collect();
        device.hold(bytes);
        Ok(Self { device: device.clone(), buffers, launches, bytes, staging: None })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn dispatches(&self) -> usize {
        self.launches.len()
    }

    pub fn write(&self, slot: Slot, words: &[u32]) {
        self.device.queue().write_buffer(&self.buffers[slot], 0, bytemuck::cast_slice(words));
    }

    fn encode(&self, runs: u32) -> wgpu::CommandEncoder {
        let mut encoder = self.device.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for _ in 0..runs {
                for launch in &self.launches {
                    pass.set_pipeline(&launch.pipeline);
                    pass.set_bind_group(0, &launch.group, &[]);
                    let [x, y, z] = launch.groups;
                    pass.dispatch_workgroups(x, y, z);
                }
            }
        }
        encoder
    }

    pub fn run(&self, runs: u32) -> Result<()> {
        self.device.check()?;
        if runs > 0 {
            self.device.submit(self.encode(runs).finish());
        }
        Ok(())
    }

    /// The contents of slots, after a run in the same submit if `run` is set.
    pub async fn read(&mut self, slots: &[(Slot, usize)], run: bool) -> Result<Vec<Vec<u32>>> {
        self.device.check()?;
        let bytes: u64 = slots.iter().map(|(_, words)| 4 * *words as u64).sum();
        // Taken while the read is under way, so that a second read at the same time gets a buffer of its own.
        let staging = self.staging.take().filter(|s| s.size() >= bytes);
        let staging = staging.unwrap_or_else(|| staging_buffer(&self.device, bytes));
        let encoder = if run {
            self.encode(1)
        } else {
            self.device.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
        };
        let list: Vec<(&wgpu::Buffer, usize)> =
            slots.iter().map(|&(slot, words)| (&self.buffers[slot], words)).collect();
        let words = read_into(&self.device, &list, encoder, &staging).await?;
        self.staging = Some(staging);
        Ok(words)
    }

    /// Runs each step in a pass of its own and takes its time on the device.
    pub async fn profile(&self, plan: &Plan) -> Result<Vec<Timing>> {
        if !self.device.tier().timestamps {
            return Err(Error::Gpu("this adapter does not measure times on the device".into()));
        }
        self.device.check()?;
        let device = self.device.device();
        // A query set holds 4096 at most, two a launch.
        const LAUNCHES_AT_ONCE: usize = 2048;
        let mut times = vec![0.0; plan.steps.len()];
        let mut counts = vec![0; plan.steps.len()];
        for part in self.launches.chunks(LAUNCHES_AT_ONCE) {
            let count = 2 * part.len() as u32;
            let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("profile"),
                ty: wgpu::QueryType::Timestamp,
                count,
            });
            let bytes = 8 * u64::from(count);
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            let resolved = self.device.raw_buffer("profile", bytes, usage);
            let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            for (i, launch) in part.iter().enumerate() {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: None,
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(2 * i as u32),
                        end_of_pass_write_index: Some(2 * i as u32 + 1),
                    }),
                });
                pass.set_pipeline(&launch.pipeline);
                pass.set_bind_group(0, &launch.group, &[]);
                let [x, y, z] = launch.groups;
                pass.dispatch_workgroups(x, y, z);
            }
            encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
            let staging = staging_buffer(&self.device, bytes);
            let words = read_into(&self.device, &[(&resolved, bytes as usize / 4)], encoder, &staging).await?;
            let ticks: Vec<u64> = words[0].chunks(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32).collect();
            let period = f64::from(self.device.queue().get_timestamp_period());
            for (i, launch) in part.iter().enumerate() {
                // Some drivers let a timestamp run backwards; such a time is 0, not huge.
                times[launch.step] += ticks[2 * i + 1].saturating_sub(ticks[2 * i]) as f64 * period * 1e-6;
                counts[launch.step] += 1;
            }
        }
        Ok((0..plan.steps.len()).map(|step| Timing { step, dispatches: counts[step], time_ms: times[step] }).collect())
    }
}

/// The op that first writes a slot, for an error to name.
fn maker(plan: &Plan, slot: Slot) -> String {
    plan.steps
        .iter()
        .find(|s| s.outputs.iter().any(|(o, _)| *o == slot))
        .map_or_else(|| "input".into(), |s| s.op.name().into())
}

fn staging_buffer(device: &GpuDevice, bytes: u64) -> wgpu::Buffer {
    device.raw_buffer("readback", bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
}

/// Copies buffers to the host, with a readback buffer made for it.
pub(super) async fn read_buffers(device: &GpuDevice, buffers: &[(&wgpu::Buffer, usize)]) -> Result<Vec<Vec<u32>>> {
    device.check()?;
    let encoder = device.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let bytes = buffers.iter().map(|(_, words)| 4 * *words as u64).sum();
    read_into(device, buffers, encoder, &staging_buffer(device, bytes)).await
}

async fn read_into(
    device: &GpuDevice,
    buffers: &[(&wgpu::Buffer, usize)],
    mut encoder: wgpu::CommandEncoder,
    staging: &wgpu::Buffer,
) -> Result<Vec<Vec<u32>>> {
    let mut at = 0;
    for (buffer, words) in buffers {
        encoder.copy_buffer_to_buffer(buffer, 0, staging, at, Some(4 * *words as u64));
        at += 4 * *words as u64;
    }
    device.submit(encoder.finish());
    let (send, receive) = futures_channel::oneshot::channel();
    staging.map_async(wgpu::MapMode::Read, 0..at, move |result| {
        let _ = send.send(result);
    });
    device.nudge();
    device.settle();
    match receive.await {
        Ok(Ok(())) => {}
        // A buffer made to be mapped fails to map only when its device is gone, sometimes before the loss is announced.
        Ok(Err(error)) => return Err(device.give_up(&error.to_string())),
        Err(_) => return Err(Error::DeviceLost(device.lost().unwrap_or_else(|| "a readback was dropped".into()))),
    }
    let words = {
        // A device that goes away between the mapping and this line takes the mapping with it.
        let view = staging.get_mapped_range(0..at).map_err(|e| device.give_up(&e.to_string()))?;
        let mut out = Vec::new();
        let mut at = 0;
        for (_, words) in buffers {
            out.push(bytemuck::pod_collect_to_vec(&view[at..at + 4 * words]));
            at += 4 * words;
        }
        out
    };
    staging.unmap();
    device.check()?;
    Ok(words)
}
