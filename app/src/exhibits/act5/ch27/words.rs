//! The reader's own text: what it surprises, and what is expected next, before and after rounding.

use acts::act5::ch27_quantization::{Expected, Reading};
use leptos::prelude::*;

use super::run::Runner;
use super::state::State;
use crate::viz::number;

const WIDTH: f64 = 120.0;

/// The text, and the predictions side by side.
#[component]
pub fn Words(state: State, runner: Runner) -> impl IntoView {
    let empty = Memo::new(move |_| state.text.with(|t| t.trim().is_empty()));
    let told = move || runner.reading.with(|r| r.as_ref().map_or_else(String::new, length));
    view! {
        <div class="field">
            <span class="field-head"><label for="ch27-text">"Your text"</label><output for="ch27-text">{told}</output></span>
            <input
                id="ch27-text"
                class="text"
                type="text"
                autocomplete="off"
                spellcheck="false"
                maxlength="600"
                prop:value=move || state.text.get()
                on:input=move |ev| state.text.set(event_target_value(&ev))
            />
        </div>
        <p class="problem" role="alert" hidden=move || !empty.get()>"The text is empty: type a few words, and see what Tiny expects next."</p>
        <div class="expected" hidden=move || empty.get()>
            {move || runner.reading.get().map(expected)}
        </div>
    }
}

fn length(reading: &Reading) -> String {
    let cut = if reading.cut { ", what comes after is left out" } else { "" };
    format!("{} tokens{cut}", reading.tokens)
}

fn expected(reading: Reading) -> AnyView {
    let row = |e: Expected| {
        view! {
            <tr>
                <th scope="row">{e.token}</th>
                {bar("whole-bar", e.whole)}
                {bar("rounded-bar", e.rounded)}
            </tr>
        }
    };
    let rows = reading.next.into_iter().map(row).collect_view();
    view! {
        <div class="table-scroll" id="ch27-next" tabindex="0" role="region" aria-label="What Tiny expects next, before and after rounding">
            <table>
                <thead><tr><th scope="col">"next token"</th><th scope="col">"16 bits"</th><th scope="col">"this scheme"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <p class="note">{format!(
            "Perplexity of your text: {} with 16 bits, {} with this scheme. The prediction of the next token moved by {} nats (Kullback-Leibler divergence).",
            number::value(reading.whole_perplexity),
            number::value(reading.perplexity),
            number::value(reading.next_kl),
        )}</p>
    }
    .into_any()
}

fn bar(class: &'static str, share: f32) -> AnyView {
    let text = format!("{}\u{a0}%", number::value(100.0 * f64::from(share)));
    view! {
        <td data-value=share.to_string()>
            <span class="bar"><svg width=WIDTH height="14" aria-hidden="true"><rect class=class width=WIDTH * f64::from(share) height="14" /></svg>{text}</span>
        </td>
    }
    .into_any()
}
