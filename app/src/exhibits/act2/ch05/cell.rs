use acts::act2::ch05_attention::{Dot, Edit, Opened, Stage};
use leptos::prelude::*;

use super::run::Runner;
use super::state::{MOST_SCORE, State};
use crate::viz::number;

/// How many terms of a dot product are written out before the table is asked for.
const FIRST_TERMS: usize = 3;

/// The open cell: from the numbers that went in to the number that came out.
#[component]
pub fn OpenedCell(state: State, runner: Runner) -> impl IntoView {
    let opened = Memo::new(move |_| {
        let cell = state.cell.get()?;
        runner.open(state.stage.get(), cell)
    });
    let editable = move || {
        let cell = state.cell.get()?;
        let stage = state.stage.get();
        (matches!(stage, Stage::Scaled | Stage::Weights) && cell.col <= cell.row).then_some(cell)
    };
    let score = move || {
        let (_, frame) = runner.frame.get()?;
        let cell = editable()?;
        let m = frame.stage(Stage::Scaled);
        (cell.row < m.rows && cell.col < m.cols).then(|| m.at(cell.row, cell.col))
    };
    let set = move |ev| {
        let typed = event_target_value(&ev).parse::<f32>();
        if let (Ok(score), Some(cell)) = (typed, editable())
            && score.is_finite()
        {
            let score = score.clamp(-MOST_SCORE, MOST_SCORE);
            state.edit.set(Some(Edit { query: cell.row, key: cell.col, score }));
        }
    };
    view! {
        <div class="cell" aria-live="polite" id="ch5-cell">
            {move || match opened.get() {
                None => view! { <p>"Choose a cell to see the numbers in it."</p> }.into_any(),
                Some(opened) => work(opened).into_any(),
            }}
        </div>
        <Show when=move || editable().is_some()>
            <div class="field">
                <span class="field-head">
                    <label for="ch5-edit">"Set this score by hand"</label>
                    <output for="ch5-edit">{move || score().map(|s| number::value(s.into()))}</output>
                </span>
                <input id="ch5-edit" type="range" min="-10" max="10" step="0.1" prop:value=move || score().unwrap_or(0.0).to_string() on:input=set />
                <button class="btn" disabled=move || state.edit.get().is_none() on:click=move |_| state.edit.set(None)>"Back to what Tiny computed"</button>
            </div>
        </Show>
    }
}

fn work(opened: Opened) -> impl IntoView {
    if opened.masked {
        return view! { <p>"Masked: a token may not look at what comes after it, so this cell takes no part."</p> }
            .into_any();
    }
    let agreement = (opened.recomputed - f64::from(opened.value)).abs();
    view! {
        <p><b>{opened.about}</b></p>
        {opened.dots.into_iter().map(dot).collect_view()}
        <dl class="steps">
            {opened.steps.into_iter().map(|(formula, value)| view! { <div><dt>{formula}</dt><dd>{number::value(value)}</dd></div> }).collect_view()}
            <div class="result"><dt>"the device computed"</dt><dd><b data-value=opened.value.to_string()>{number::value(opened.value.into())}</b></dd></div>
            <div><dt>"worked out here in 64 bits, it differs by"</dt><dd>{number::value(agreement)}</dd></div>
        </dl>
    }
    .into_any()
}

fn dot(dot: Dot) -> impl IntoView {
    let kind = |name: &str| match name.chars().next() {
        Some('q') => "q",
        Some('k') => "k",
        Some('c') => "v",
        _ => "",
    };
    let (left, right) = (kind(&dot.left), kind(&dot.right));
    let few = |pick: fn(&(String, f32, f32)) -> f32| {
        let mut list: Vec<String> = dot.terms.iter().take(FIRST_TERMS).map(|t| number::value(pick(t).into())).collect();
        if dot.terms.len() > FIRST_TERMS {
            list.push("…".into());
        }
        list.join("  ")
    };
    let (lefts, rights) = (few(|t| t.1), few(|t| t.2));
    let rows = dot
        .terms
        .iter()
        .map(|(name, a, b)| {
            let product = f64::from(*a) * f64::from(*b);
            view! { <tr><th scope="row">{name.clone()}</th><td>{number::value((*a).into())}</td><td>{number::value((*b).into())}</td><td>{number::value(product)}</td></tr> }
        })
        .collect_view();
    view! {
        <p><span class=left>{dot.left.clone()}</span>" = "{lefts}</p>
        <p><span class=right>{dot.right.clone()}</span>" = "{rights}</p>
        <p>"their dot product = "<b>{number::value(dot.sum)}</b></p>
        <details class="terms">
            <summary>{format!("all {} terms", dot.terms.len())}</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Terms of the dot product">
                <table>
                    <thead><tr><th scope="col">"term"</th><th scope="col">{dot.left}</th><th scope="col">{dot.right}</th><th scope="col">"product"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}
