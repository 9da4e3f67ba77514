//! What travels along with each row: the maximum, the normaliser, and the repair of both.

use acts::act5::ch26_flash_attention::{Counters, RowVisit, Visit};
use leptos::prelude::*;

use crate::viz::number;

/// How much of an unfinished output is written out.
const FIRST_COMPONENTS: usize = 4;

fn maximum(m: Option<f32>) -> String {
    m.map_or_else(|| "none yet".to_owned(), |m| number::value(m.into()))
}

/// All rows of the tile, to choose one from.
pub fn table(visit: &Visit, chosen: RwSignal<usize>, open: usize) -> impl IntoView + use<> {
    let lines = visit
        .states
        .iter()
        .enumerate()
        .map(|(r, s)| {
            view! {
                <tr class:chosen=move || r == open>
                    <th scope="row"><button class="btn" aria-pressed=(r == open).to_string() on:click=move |_| chosen.set(r)>{s.row}</button></th>
                    <td>{maximum(s.before.m)}</td>
                    <td>{maximum(s.after.m)}</td>
                    <td>{number::value(s.repair.into())}</td>
                    <td>{number::value(s.before.l.into())}</td>
                    <td>{number::value(s.after.l.into())}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="The rows of this tile">
            <table id="ch26-rows">
                <thead><tr><th scope="col">"query"</th><th scope="col">"m"</th><th scope="col">"m′"</th><th scope="col">"e^(m−m′)"</th><th scope="col">"ℓ"</th><th scope="col">"ℓ′"</th></tr></thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
    }
}

/// One row opened to its numbers.
pub fn opened(visit: &Visit, r: usize) -> impl IntoView + use<> {
    let Some(s) = visit.states.get(r) else { return ().into_any() };
    let RowVisit { row, before, after, repair, repaired, arrived, output } = s.clone();
    let terms = visit.terms(r);
    let count = terms.len();
    let lines = terms
        .into_iter()
        .map(|(key, score, weight)| {
            view! { <tr><th scope="row">{key}</th><td>{number::value(score.into())}</td><td>{number::value(weight.into())}</td></tr> }
        })
        .collect_view();
    let line = |name: &'static str, label: &'static str, value: f32| {
        view! { <div><dt>{label}</dt><dd data-name=name data-value=value.to_string()>{number::value(value.into())}</dd></div> }
    };
    let first: Vec<String> = output.iter().take(FIRST_COMPONENTS).map(|o| number::value((*o).into())).collect();
    let rest = if output.len() > FIRST_COMPONENTS { "  …" } else { "" };
    let standing = match before.m {
        None => "The first tile of this row: there is nothing to repair.",
        Some(_) if repair == 1.0 => "The maximum stands, so the past stays as it is.",
        Some(_) => "The maximum rose, so the past shrinks.",
    };
    view! {
        <p><b>{format!("query {row}")}</b>" "{standing}</p>
        <dl class="steps">
            <div><dt>"m, largest before"</dt><dd data-name="old_m" data-value=before.m.map(|m| m.to_string())>{maximum(before.m)}</dd></div>
            {after.m.map(|m| line("new_m", "m′, largest now", m))}
            {line("repair", "e^(m − m′), the repair", repair)}
            {line("old_l", "ℓ, sum before", before.l)}
            {line("repaired", "ℓ repaired", repaired)}
            {line("arrived", "+ this tile's exponentials", arrived)}
            {line("new_l", "= ℓ′, sum now", after.l)}
        </dl>
        <p><span class="v">"o′"</span>{format!(", not yet divided = {}{rest}", first.join("  "))}</p>
        <details class="terms">
            <summary>{format!("the {count} exponentials of this tile")}</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Exponentials of this row">
                <table><thead><tr><th scope="col">"key"</th><th scope="col">"score s"</th><th scope="col">"e^(s − m′)"</th></tr></thead><tbody>{lines}</tbody></table>
            </div>
        </details>
    }
    .into_any()
}

/// The two counters, each for both ways, to one scale.
pub fn counters(naive: Counters, tiled: Counters, end: [Counters; 2]) -> impl IntoView + use<> {
    const BAR: f64 = 200.0;
    let bar = |name: &'static str, class: &'static str, label: &'static str, bytes: u64, most: u64| {
        let width = BAR * bytes as f64 / most.max(1) as f64;
        view! {
            <div>
                <dt>{label}</dt>
                <dd>
                    <svg aria-hidden="true" width=BAR height="12"><rect class="track" width=BAR height="12" rx="2" /><rect class=class width=width height="12" rx="2" /></svg>
                    <span data-name=name data-value=bytes.to_string()>{number::bytes(bytes)}</span>
                </dd>
            </div>
        }
    };
    let moved = end[0].moved().max(end[1].moved());
    let held = end[0].held.max(end[1].held);
    view! {
        <div class="counters">
            <div>
                <p class="note">"To and from memory, so far"</p>
                <dl>
                {bar("naive-moved", "naive", "naive", naive.moved(), moved)}
                {bar("tiled-moved", "tiled", "tiled", tiled.moved(), moved)}
                </dl>
            </div>
            <div>
                <p class="note">"Held at most, so far"</p>
                <dl>
                {bar("naive-held", "naive", "naive", naive.held, held)}
                {bar("tiled-held", "tiled", "tiled", tiled.held, held)}
                </dl>
            </div>
        </div>
    }
}
