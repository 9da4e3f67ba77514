//! The engine in the page: which executor runs, the files it needs, and what happens when the GPU goes away.

mod choice;
mod files;

use std::sync::Arc;

use acts::{
    sight,
    tiny::{Checkpoint, diffusion},
    tinyland::tokenizer::TinyTokenizer,
};
use engine::{Device, Error};
use futures_util::future::{FutureExt, LocalBoxFuture, Shared};
use leptos::prelude::*;

use crate::lang::{Lang, use_lang};
use crate::shell::{Executor, GpuStatus, Notices};

pub use choice::Choice;
pub use files::{Transfer, fetch_page, fetch_text};

/// A result that several parts of the page may wait for.
type Waiting<T> = Shared<LocalBoxFuture<'static, Result<T, Error>>>;

/// How often a lost GPU is opened again before the page goes on without it.
const MOST_LOSSES: u32 = 3;

#[derive(Default)]
struct State {
    device: Option<Waiting<Device>>,
    tokenizer: Option<Waiting<Arc<TinyTokenizer>>>,
    checkpoint: Option<Waiting<Arc<Checkpoint>>>,
    painter: Option<Waiting<Arc<diffusion::Checkpoint>>>,
    sight: Option<Waiting<Arc<sight::Checkpoint>>>,
    losses: u32,
}

/// The page's one device and its models, opened when first asked for.
#[derive(Clone, Copy)]
pub struct Compute {
    state: StoredValue<State, LocalStorage>,
    /// Counts devices: what was compiled for an earlier one must be compiled again.
    pub generation: RwSignal<u32>,
    /// Why the executor that runs was chosen, in a sentence.
    pub why: RwSignal<String>,
    /// How far the model's file has come.
    pub transfer: RwSignal<Transfer>,
    status: GpuStatus,
    notices: Notices,
    lang: Lang,
}

impl Compute {
    /// Nothing opened yet.
    pub fn new(status: GpuStatus, notices: Notices) -> Self {
        Self {
            state: StoredValue::new_local(State::default()),
            generation: RwSignal::new(0),
            why: RwSignal::new(String::new()),
            transfer: RwSignal::new(Transfer::default()),
            status,
            notices,
            lang: use_lang(),
        }
    }

    /// The device, opened on the first call.
    pub async fn device(self) -> Result<Device, Error> {
        let waiting = self.state.try_update_value(|state| {
            let tries_left = state.losses < MOST_LOSSES;
            state.device.get_or_insert_with(|| self.open(tries_left).boxed_local().shared()).clone()
        });
        match waiting {
            Some(waiting) => waiting.await,
            None => Err(Error::NoGpu("the page was closed".into())),
        }
    }

    async fn open(self, gpu_allowed: bool) -> Result<Device, Error> {
        let choice = if gpu_allowed { Choice::of_page() } else { Choice::Cpu };
        let (device, why) = choice::open(choice).await?;
        let why = if gpu_allowed { why } else { format!("The GPU was lost {MOST_LOSSES} times, so the CPU goes on.") };
        self.why.set(why);
        match device.as_gpu() {
            Some(gpu) => {
                self.status.adapter.set(Some(gpu.tier().adapter.clone()));
                self.status.tier.set(Some(gpu.tier().name().into()));
                self.status.executor.set(Some(Executor::Gpu));
            }
            None => {
                self.status.adapter.set(Some(self.lang.device_adapter_none().into()));
                self.status.tier.set(Some(self.lang.device_tier_cpu().into()));
                self.status.executor.set(Some(Executor::Cpu));
            }
        }
        Ok(device)
    }

    /// The tokenizer Tiny was trained with.
    pub async fn tokenizer(self) -> Result<Arc<TinyTokenizer>, Error> {
        let fetch = async move {
            let bytes = files::fetch("models/tiny-tokenizer.json", |_| {}).await?;
            let tokenizer = acts::tinyland::tokenizer::load(&bytes);
            tokenizer.map(Arc::new).map_err(|e| Error::data("tiny-tokenizer.json", e.to_string()))
        };
        self.once(|state| &mut state.tokenizer, fetch.boxed_local()).await
    }

    /// Tiny as it was pre-trained.
    pub async fn tiny_base(self) -> Result<Arc<Checkpoint>, Error> {
        let transfer = self.transfer;
        let fetch = async move {
            let bytes = files::fetch("models/tiny-base.safetensors", move |t| transfer.set(t)).await?;
            Checkpoint::parse("tiny-base.safetensors", &bytes).map(Arc::new)
        };
        self.once(|state| &mut state.checkpoint, fetch.boxed_local()).await
    }

    /// Tiny's painter.
    pub async fn tiny_diffusion(self) -> Result<Arc<diffusion::Checkpoint>, Error> {
        let transfer = self.transfer;
        let fetch = async move {
            let bytes = files::fetch("models/tiny-diffusion.safetensors", move |t| transfer.set(t)).await?;
            diffusion::Checkpoint::parse("tiny-diffusion.safetensors", &bytes).map(Arc::new)
        };
        self.once(|state| &mut state.painter, fetch.boxed_local()).await
    }

    /// The Vision Transformer that was trained on the scenes of Tinyland.
    pub async fn tiny_vit(self) -> Result<Arc<sight::Checkpoint>, Error> {
        let transfer = self.transfer;
        let fetch = async move {
            let bytes = files::fetch("models/tiny-vit.safetensors", move |t| transfer.set(t)).await?;
            sight::Checkpoint::parse("tiny-vit.safetensors", &bytes).map(Arc::new)
        };
        self.once(|state| &mut state.sight, fetch.boxed_local()).await
    }

    /// Starts a piece of work unless it is under way or done, and waits for it. What failed may be tried again.
    async fn once<T: Clone + 'static>(
        self,
        slot: fn(&mut State) -> &mut Option<Waiting<T>>,
        work: LocalBoxFuture<'static, Result<T, Error>>,
    ) -> Result<T, Error> {
        let waiting = self.state.try_update_value(|state| slot(state).get_or_insert_with(|| work.shared()).clone());
        let Some(waiting) = waiting else { return Err(Error::data("page", "was closed")) };
        let result = waiting.await;
        if result.is_err() {
            let _ = self.state.try_update_value(|state| *slot(state) = None);
        }
        result
    }

    /// Called with every error of a run: a lost device is given up, so that the next call opens another. Models stay,
    /// because their numbers are kept in the page's own memory.
    ///
    /// Returns whether to try again.
    pub fn recover(self, error: &Error) -> bool {
        let Error::DeviceLost(reason) = error else { return false };
        let _ = self.state.try_update_value(|state| {
            state.device = None;
            state.losses += 1;
        });
        self.notices.info(self.lang.gpu_lost(reason));
        self.generation.update(|g| *g += 1);
        true
    }

    /// Tells the bar what the last step took, and what is held.
    pub fn report(self, device: &Device, time_ms: f64) {
        self.status.last_step_ms.set(Some(time_ms));
        self.status.memory_bytes.set(device.bytes());
    }
}

/// The compute context of this page.
pub fn use_compute() -> Compute {
    expect_context()
}
