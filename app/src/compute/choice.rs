//! Which executor runs: the reader's choice in the address, else whichever is there and faster.

use engine::{Device, Error};
use futures_util::future::{Either, select};

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
    if choice == Choice::Gpu && gpu.is_ok() {
        return Ok((gpu?, "The address asks for the GPU.".into()));
    }
    Device::faster(gpu).await
}
