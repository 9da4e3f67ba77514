use leptos::prelude::*;

use crate::lang::use_lang;
use crate::viz::number;

/// Which of the two executors ran last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// Kernels on the graphics processor.
    Gpu,
    /// The same operations on the processor, because that was faster here, or the only way.
    Cpu,
}

impl Executor {
    /// Its name in the interface.
    pub fn label(self) -> &'static str {
        match self {
            Executor::Gpu => "GPU",
            Executor::Cpu => "CPU",
        }
    }
}

/// What the page knows about the device it computes on. Everything starts unknown and is shown as such.
///
/// Whoever owns the engine writes to these signals; the bar reads them. Nothing here is remembered or sent.
#[derive(Clone, Copy, Debug)]
pub struct GpuStatus {
    /// The adapter's own name, such as "Apple M2".
    pub adapter: RwSignal<Option<String>>,
    /// The capability tier that was decided once, in words.
    pub tier: RwSignal<Option<String>>,
    /// Who ran the last step.
    pub executor: RwSignal<Option<Executor>>,
    /// Bytes held on the device at present.
    pub memory_bytes: RwSignal<Option<u64>>,
    /// How long the last step took.
    pub last_step_ms: RwSignal<Option<f64>>,
}

impl GpuStatus {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self {
            adapter: RwSignal::new(None),
            tier: RwSignal::new(None),
            executor: RwSignal::new(None),
            memory_bytes: RwSignal::new(None),
            last_step_ms: RwSignal::new(None),
        }
    }
}

impl Default for GpuStatus {
    fn default() -> Self {
        Self::new()
    }
}

/// Who computes, in the bar; opened, the details.
#[component]
pub fn DeviceChip() -> impl IntoView {
    let (t, status) = (use_lang(), expect_context::<GpuStatus>());
    let who = move || status.executor.get().map_or(t.device(), Executor::label);
    let time = move || status.last_step_ms.get().map_or_else(|| t.device_idle().to_owned(), number::duration_ms);
    let dot = move || match status.executor.get() {
        Some(Executor::Gpu) => "dot live",
        Some(Executor::Cpu) => "dot cpu",
        None => "dot",
    };
    let known = move |value: Option<String>| value.unwrap_or_else(|| t.device_unknown().to_owned());
    view! {
        <details class="device" name="bar">
            <summary class="chip"><span class=dot></span><b class:unknown=move || status.executor.get().is_none()>{who}</b>" "<span class="device-time">{time}</span></summary>
            <dl class="panel">
                <dt>{t.device_adapter()}</dt>
                <dd>{move || known(status.adapter.get())}</dd>
                <dt>{t.device_tier()}</dt>
                <dd>{move || known(status.tier.get())}</dd>
                <dt>{t.device_last_on()}</dt>
                <dd>{move || known(status.executor.get().map(|e| e.label().to_owned()))}</dd>
                <dt>{t.device_last_took()}</dt>
                <dd>{move || known(status.last_step_ms.get().map(number::duration_ms))}</dd>
                <dt>{t.device_memory()}</dt>
                <dd>{move || known(status.memory_bytes.get().map(number::bytes))}</dd>
            </dl>
        </details>
    }
}
