use acts::act2::ch05_attention::Work;
use leptos::prelude::*;

use super::run::Runner;
use crate::viz::number;

/// The drawer behind the picture: each step of the program, its kernel, what it costs, what it took.
#[component]
pub fn Kernels(runner: Runner, open: RwSignal<bool>) -> impl IntoView {
    view! {
        <section id="ch5-kernels" class="drawer" hidden=move || !open.get() aria-label="The kernels behind the picture">
            <h3>"What ran for this picture"</h3>
            <p class="note">{move || introduction(&runner.work.get())}</p>
            <ol class="work">{move || runner.work.get().into_iter().map(step).collect_view()}</ol>
        </section>
    }
}

fn introduction(work: &[Work]) -> String {
    if work.is_empty() {
        return "Measuring.".to_owned();
    }
    let flops = work.iter().map(|w| w.flops).sum();
    let bytes = work.iter().map(|w| w.bytes).sum();
    let where_run = if work.iter().any(|w| !w.kernels.is_empty()) {
        "on your GPU"
    } else {
        "on your CPU, by the Rust twins of the kernels"
    };
    format!(
        "One layer, all its heads, {where_run}: {} steps, {} floating-point operations, at least {} moved.",
        work.len(),
        number::count(flops),
        number::bytes(bytes)
    )
}

fn step(work: Work) -> impl IntoView {
    let time = match work.time_ms {
        Some(ms) => number::duration_ms(ms),
        None => "not measured: this browser gives no times from the device".to_owned(),
    };
    let cost = format!("{} operations, {}, {time}", number::count(work.flops), number::bytes(work.bytes));
    let kernels = work
        .kernels
        .into_iter()
        .map(|(name, source, [x, y, z])| {
            view! {
                <details>
                    <summary>{format!("{name}.wgsl, {x} × {y} × {z} workgroups")}</summary>
                    <pre tabindex="0" role="region" aria-label=format!("Source of {name}.wgsl")><code>{source}</code></pre>
                </details>
            }
        })
        .collect_view();
    view! {
        <li>
            <p><b>{work.scope}</b>" · "{work.op}</p>
            <p class="note">{cost}</p>
            {kernels}
        </li>
    }
}
