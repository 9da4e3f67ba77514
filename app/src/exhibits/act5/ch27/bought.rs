//! What fewer bits buy on this device: bytes, and time.

use leptos::prelude::*;

use super::chart::{Number, table};
use super::run::{Bought, POSITIONS, Runner};
use super::state::Settings;
use crate::exhibits::work;
use crate::viz::{ExhibitFrame, FrameSize, number};

/// The fourth part of the exhibit.
#[component]
pub fn What(runner: Runner, settings: Memo<Settings>) -> impl IntoView {
    let going = move || runner.measuring.get();
    let actions = move || {
        view! {
            <button class="btn primary" id="ch27-measure" on:click=move |_| {
                if going() {
                    runner.measuring.set(false);
                } else {
                    // Measured anew, whatever was measured before.
                    let scheme = settings.with_untracked(|s| s.scheme);
                    runner.bought.update(|rows| rows.retain(|r| r.scheme != scheme && r.scheme.format.is_some()));
                    runner.measuring.set(true);
                }
            }>{move || if going() { "Stop" } else { "Measure" }}</button>
            <button
                class="btn"
                id="ch27-inspect"
                aria-expanded=move || runner.inspecting.get().to_string()
                aria-controls="ch27-kernels"
                on:click=move |_| runner.inspecting.update(|open| *open = !*open)
            >"Inspect"</button>
        }
    };
    let told = move || {
        let device = runner.device.get();
        let before = if going() { "Measuring" } else { "To be measured" };
        let total: usize = runner.bought.with(|rows| rows.iter().map(|r| r.speeds.len()).sum());
        if going() || total == 0 { format!("{before} on {device}.") } else { format!("Measured on {device}.") }
    };
    let heads = ["weights", "read a pass", "1 token: time", "tokens/s", "128 tokens: time", "tokens/s", "launches"];
    view! {
        <ExhibitFrame title="What it buys" runs_on=runner.runs_on size=FrameSize::Short busy=Signal::derive(going) actions=actions>
            <p class="note">"A whole pass of Tiny with its block matrices packed, unpacked by the kernels as they multiply: one token at a time, as in decoding, and 128 at once, as in reading a prompt. Against it, plain 32-bit floats. The embedding stays as it is, and kept outliers are left out. Median of nine."</p>
            <p class="note" id="ch27-device" role="status">{told}</p>
            {move || table("ch27-bought", "Speed by scheme", &heads, runner.bought.get().iter().map(row).collect())}
            <p class="note">"Tiny is so small that its weights fit in a cache, and starting its kernels costs more than reading them. The saved bytes turn into saved time where weights are fetched from far: see the chapter's puzzle."</p>
        </ExhibitFrame>
        <section id="ch27-kernels" class="drawer" hidden=move || !runner.inspecting.get() aria-label="The kernels behind the numbers">
            <h3>"The products with weights in one block"</h3>
            <p class="note">{move || work::introduction("One token through one block's matrices", &runner.work.get().map(|w| w.1).unwrap_or_default())}</p>
            <ol class="work">{move || runner.work.get().map(|w| w.1).unwrap_or_default().into_iter().map(work::step).collect_view()}</ol>
        </section>
    }
}

fn row(bought: &Bought) -> (String, Vec<Number>) {
    let name = if bought.scheme.format.is_none() { "32-bit floats".to_owned() } else { bought.scheme.to_string() };
    let first = bought.speeds.first();
    let bytes = first.map(|s| Number::with(s.weight_bytes as f64, number::bytes(s.weight_bytes as u64)));
    let mut cells = vec![bytes.unwrap_or_else(|| Number::words("–"))];
    for at in 0..POSITIONS.len() {
        match bought.speeds.get(at) {
            Some(s) => cells
                .extend([Number::with(s.pass_ms, number::duration_ms(s.pass_ms)), Number::value(s.tokens_per_second)]),
            None => cells.extend([Number::words("–"), Number::words("–")]),
        }
    }
    cells.push(first.map_or_else(|| Number::words("–"), |s| Number::value(s.launches as f64)));
    (name, cells)
}
