//! The GPU as a device: adapter, capability tier, pipelines, buffers, errors, loss.

mod tier;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use shaders::Kernel;
pub use tier::Tier;

use crate::{Error, Result, Shape};

/// What a device did so far: so that "one submit a step, no allocation after the first" can be counted.
#[derive(Debug, Default)]
pub struct Counters {
    submits: AtomicU64,
    buffers: AtomicU64,
    bind_groups: AtomicU64,
    bytes: AtomicU64,
}

/// A reading of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Command buffers handed to the queue.
    pub submits: u64,
    /// Buffers made.
    pub buffers: u64,
    /// Bind groups made.
    pub bind_groups: u64,
}

#[derive(Debug, Default)]
struct Health {
    lost: AtomicBool,
    reason: Mutex<String>,
    errors: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// Values of a kernel's overrides.
type Constants = Vec<(&'static str, u32)>;

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    tier: Tier,
    counters: Arc<Counters>,
    health: Arc<Health>,
    pipelines: Mutex<HashMap<(&'static str, Constants), Arc<Pipeline>>>,
}

/// A GPU opened for compute. Cheap to clone; all clones are the same device.
#[derive(Clone, Debug)]
pub struct GpuDevice(Arc<Inner>);

/// Which adapter to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The fast one.
    #[default]
    HighPerformance,
    /// The frugal one.
    LowPower,
}

impl GpuDevice {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`Error::NoGpu`] with the reason where there is none.
    pub async fn open(preference: Preference) -> Result<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: match preference {
                    Preference::HighPerformance => wgpu::PowerPreference::HighPerformance,
                    Preference::LowPower => wgpu::PowerPreference::LowPower,
                },
                ..Default::default()
            })
            .await
            .map_err(|e| Error::NoGpu(e.to_string()))?;
        let wanted = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16;
        #[cfg(not(target_arch = "wasm32"))]
        let wanted = wanted | wgpu::Features::SUBGROUP;
        let features = adapter.features() & wanted;
        let most = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: most.max_buffer_size,
            max_storage_buffer_binding_size: most.max_storage_buffer_binding_size,
            ..wgpu::Limits::default()
        };
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("engine"),
                required_features: features,
                required_limits: limits,
                ..Default::default()
            })
            .await
            .map_err(|e| Error::NoGpu(e.to_string()))?;
        let language = instance.wgsl_language_features();
        let tier = Tier::of(&adapter.get_info(), features, language, &device.limits());

        let health = Arc::new(Health::default());
        let on_loss = Arc::downgrade(&health);
        device.set_device_lost_callback(move |reason, message| {
            if let Some(health) = on_loss.upgrade() {
                *lock(&health.reason) = if message.is_empty() { format!("{reason:?}") } else { message };
                health.lost.store(true, Ordering::Release);
            }
        });
        let on_error = Arc::downgrade(&health);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Some(health) = on_error.upgrade() {
                lock(&health.errors).push(error.to_string());
            }
        }));
        #[allow(clippy::arc_with_non_send_sync, reason = "in a page there is one thread")]
        let inner =
            Arc::new(Inner { device, queue, tier, counters: Arc::default(), health, pipelines: Mutex::default() });
        Ok(Self(inner))
    }

    /// The same adapter, taken for a real GPU: so that a processor which plays one can test the kernels of one.
    pub async fn open_as_hardware(preference: Preference) -> Result<Self> {
        let mut device = Self::open(preference).await?;
        let inner = Arc::get_mut(&mut device.0).ok_or_else(|| Error::Gpu("a device just opened is shared".into()))?;
        inner.tier.software = false;
        Ok(device)
    }

    /// What the adapter can do.
    pub fn tier(&self) -> &Tier {
        &self.0.tier
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let c = &self.0.counters;
        Counts {
            submits: c.submits.load(Ordering::Relaxed),
            buffers: c.buffers.load(Ordering::Relaxed),
            bind_groups: c.bind_groups.load(Ordering::Relaxed),
        }
    }

    /// Bytes held in buffers now.
    pub fn bytes(&self) -> u64 {
        self.0.counters.bytes.load(Ordering::Relaxed)
    }

    /// Why the device is gone, if it is.
    pub fn lost(&self) -> Option<String> {
        self.0.health.lost.load(Ordering::Acquire).then(|| lock(&self.0.health.reason).clone())
    }

    /// Gives the device up, as a driver reset would: for testing recovery.
    pub fn destroy(&self) {
        self.0.device.destroy();
        let health = &self.0.health;
        if !health.lost.swap(true, Ordering::AcqRel) {
            *lock(&health.reason) = "destroyed".into();
        }
    }

    /// Takes the device for lost, and says so as an error.
    pub(crate) fn give_up(&self, reason: &str) -> Error {
        let health = &self.0.health;
        if !health.lost.swap(true, Ordering::AcqRel) {
            *lock(&health.reason) = reason.into();
        }
        Error::DeviceLost(lock(&health.reason).clone())
    }

    /// Errors the GPU reported since the last call.
    pub fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0.health.errors))
    }

    /// An error if the device is lost or has reported one.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(reason) = self.lost() {
            return Err(Error::DeviceLost(reason));
        }
        match self.take_errors().into_iter().next() {
            Some(error) => Err(Error::Gpu(error)),
            None => Ok(()),
        }
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        &self.0.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.0.queue
    }

    pub(crate) fn submit(&self, commands: wgpu::CommandBuffer) {
        self.0.counters.submits.fetch_add(1, Ordering::Relaxed);
        self.0.queue.submit([commands]);
    }

    /// A storage buffer for a tensor; over-limit sizes are refused before anything is made.
    pub(crate) fn buffer(&self, op: &str, label: &str, shape: &Shape) -> Result<wgpu::Buffer> {
        let bytes = 4 * shape.count() as u64;
        let limit = self.tier().max_binding_bytes;
        if bytes > limit {
            return Err(Error::OverLimit {
                op: op.into(),
                shape: shape.clone(),
                bytes,
                limit,
                device: self.tier().adapter.clone(),
            });
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        Ok(self.raw_buffer(label, bytes, usage))
    }

    pub(crate) fn raw_buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.0.counters.buffers.fetch_add(1, Ordering::Relaxed);
        self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.max(4),
            usage,
            mapped_at_creation: false,
        })
    }

    pub(crate) fn hold(&self, bytes: u64) {
        self.0.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.0.counters.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn pipeline(&self, kernel: &'static Kernel, constants: &Constants) -> Arc<Pipeline> {
        let mut pipelines = lock(&self.0.pipelines);
        let key = (kernel.name, constants.clone());
        pipelines.entry(key).or_insert_with(|| Arc::new(self.build(kernel, constants))).clone()
    }

    fn build(&self, kernel: &'static Kernel, constants: &Constants) -> Pipeline {
        let device = self.device();
        let entry = |binding: u32, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
        for (i, binding) in kernel.bindings.iter().enumerate() {
            entries.push(entry(i as u32 + 1, wgpu::BufferBindingType::Storage { read_only: !binding.writes }));
        }
        let layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name),
            source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let constants: Vec<(&str, f64)> = constants.iter().map(|&(name, value)| (name, f64::from(value))).collect();
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
            cache: None,
        });
        Pipeline { pipeline, layout }
    }

    /// The pipeline of a kernel, and a bind group over its uniform block and buffers.
    pub(crate) fn bind(
        &self,
        kernel: &'static Kernel,
        constants: &Constants,
        params: wgpu::BufferBinding<'_>,
        buffers: &[&wgpu::Buffer],
    ) -> (wgpu::ComputePipeline, wgpu::BindGroup) {
        let pipeline = self.pipeline(kernel, constants);
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (i, buffer) in buffers.iter().enumerate() {
            entries.push(wgpu::BindGroupEntry { binding: i as u32 + 1, resource: buffer.as_entire_binding() });
        }
        self.0.counters.bind_groups.fetch_add(1, Ordering::Relaxed);
        let group = self.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        (pipeline.pipeline.clone(), group)
    }

    /// Resolves when all submitted work is done.
    pub async fn finish(&self) -> Result<()> {
        self.check()?;
        let (send, receive) = futures_channel::oneshot::channel();
        self.queue().on_submitted_work_done(move || {
            let _ = send.send(());
        });
        self.nudge();
        self.settle();
        match receive.await {
            Ok(()) => self.check(),
            Err(_) => Err(Error::DeviceLost(self.lost().unwrap_or_else(|| "work was dropped".into()))),
        }
    }

    /// Some browsers only look for finished work when something is submitted.
    pub(crate) fn nudge(&self) {
        #[cfg(target_arch = "wasm32")]
        self.queue().submit([]);
    }

    /// Natively nobody else drives callbacks; in a page the browser does, and waiting would deadlock.
    pub(crate) fn settle(&self) {
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = self.device().poll(wgpu::PollType::wait_indefinitely()) {
            log::warn!("waiting for the GPU: {error}");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
