//! The kernels behind a picture, as a list: what ran, what it cost, what it took, and its source.

use acts::act2::ch05_attention::Work;
use leptos::prelude::*;

use crate::viz::number;

/// Where a list of steps ran, and what all of it cost; `what` is its subject.
pub fn introduction(what: &str, work: &[Work]) -> String {
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
        "{what}, {where_run}: {} steps, {} floating-point operations, at least {} moved.",
        work.len(),
        number::count(flops),
        number::bytes(bytes)
    )
}

/// One step of it.
pub fn step(work: Work) -> AnyView {
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
    .into_any()
}
