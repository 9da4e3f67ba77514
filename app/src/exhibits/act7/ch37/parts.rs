//! What stands beside the pictures: the opened number, the answers, and what squares cost.

use acts::act7::ch37_vision_transformer::{Answer, Cost, Opened, PATCHES, with_patch};
use acts::sight::recipe;
use acts::tinyland::pictures::{Scene, held_out};
use leptos::prelude::*;

use super::run::Runner;
use super::state::State;
use crate::viz::{ExhibitFrame, FrameSize, number};

/// How many terms of a product are written out before the table is asked for.
const FIRST_TERMS: usize = 3;

/// One number of the square's vector, from brightness and weights to what the device gave.
pub fn opened(opened: Opened) -> impl IntoView {
    let few = |pick: fn(&(String, f32, f32)) -> f32| {
        let shown = opened.dot.terms.iter().take(FIRST_TERMS);
        let mut list: Vec<String> = shown.map(|t| number::value(pick(t).into())).collect();
        list.push("…".into());
        list.join("  ")
    };
    let (lefts, rights) = (few(|t| t.1), few(|t| t.2));
    let rows = opened
        .dot
        .terms
        .iter()
        .map(|(name, a, b)| {
            let product = f64::from(*a) * f64::from(*b);
            view! { <tr><th scope="row">{name.clone()}</th><td>{number::value((*a).into())}</td><td>{number::value((*b).into())}</td><td>{number::value(product)}</td></tr> }
        })
        .collect_view();
    let away = (opened.recomputed - f64::from(opened.value)).abs();
    view! {
        <p><span class="q">"x"</span>" = "{lefts}</p>
        <p><span class="k">{opened.dot.right.clone()}</span>" = "{rights}</p>
        <p>"their dot product = "<b>{number::value(opened.dot.sum)}</b></p>
        <details class="terms">
            <summary>{format!("all {} terms", opened.dot.terms.len())}</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Terms of the product">
                <table>
                    <thead><tr><th scope="col">"pixel"</th><th scope="col">"x"</th><th scope="col">{opened.dot.right}</th><th scope="col">"product"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
        <dl class="steps">
            <div><dt>"bias"</dt><dd>{number::value(opened.bias.into())}</dd></div>
            <div class="result"><dt>"the device computed"</dt><dd><b data-value=opened.value.to_string()>{number::value(opened.value.into())}</b></dd></div>
            <div><dt>"worked out here in 64 bits, it differs by"</dt><dd>{number::value(away)}</dd></div>
        </dl>
    }
}

/// What is asked, as a reader would ask it.
fn question(task: &str) -> &'static str {
    match task {
        "form" => "Form of the largest",
        "colour" => "Its colour",
        "place" => "Where it is",
        _ => "How many shapes",
    }
}

/// What the class token says about the picture.
pub fn answers(list: &[Answer]) -> impl IntoView + use<> {
    list.iter()
        .map(|answer| {
            let mut order: Vec<&(String, f64)> = answer.list.iter().collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            let bars = order
                .into_iter()
                .take(3)
                .map(|(word, share)| {
                    view! {
                        <li data-answer=word.clone() data-share=share.to_string()>
                            <span>{word.clone()}</span>
                            <svg aria-hidden="true" width="90" height="10"><rect class="bar-fill" width=format!("{:.1}", 90.0 * share) height="10" /></svg>
                            <span class="number">{format!("{}\u{a0}%", number::value(100.0 * share))}</span>
                        </li>
                    }
                })
                .collect_view();
            view! { <div class="answer-to"><h4>{question(&answer.task)}</h4><ul>{bars}</ul></div> }
        })
        .collect_view()
}

/// What a scene is, and whether training could have shown it.
pub fn about_scene(scene: &Scene) -> String {
    let new = scene.shapes.iter().filter(|shape| held_out(shape.colour, shape.form)).count();
    let known = if new == 0 {
        "Training has scenes of such shapes."
    } else {
        "Training never shows a shape of this form in this colour."
    };
    format!("{}. {known}", capital(&scene.caption()))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default() + chars.as_str()
}

/// Tokens and arithmetic by the size of a square, as the plan counts them, and time as this device takes it.
#[component]
pub fn Costs(state: State, runner: Runner) -> impl IntoView {
    // The same network, counted and not run; a recipe that does not hold together has no row.
    let costs: Vec<Cost> = recipe("tiny-vit")
        .map(|recipe| PATCHES.iter().filter_map(|&patch| Cost::of(&with_patch(&recipe.config, patch)).ok()).collect())
        .unwrap_or_default();
    let most = costs.iter().map(|c| c.pairs.max(c.each)).max().unwrap_or(1).max(1);
    let actions = move || {
        view! {
            <button class="btn primary" id="ch37-measure" on:click=move |_| {
                if runner.measuring.get_untracked() { runner.measuring.set(false) } else { runner.measure_times() }
            }>{move || if runner.measuring.get() { "Stop" } else { "Measure" }}</button>
        }
    };
    let bar = move |flops: u64, class: &'static str| {
        view! {
            <span class="bar">
                <svg aria-hidden="true" width="70" height="10"><rect class=class width=format!("{:.1}", 70.0 * flops as f64 / most as f64) height="10" /></svg>
                <span class="number">{number::count(flops)}</span>
            </span>
        }
    };
    let rows = costs
        .iter()
        .enumerate()
        .map(|(at, &cost)| {
            let time = move || match runner.times.get()[at] {
                Some(ms) => view! { <span data-ms=ms.to_string()>{number::duration_ms(ms)}</span> }.into_any(),
                None => view! { <span class="unmeasured">"–"<span class="hidden">" not measured yet"</span></span> }
                    .into_any(),
            };
            let on = move || state.patch() == cost.patch;
            view! {
                <tr class:chosen=on data-patch=cost.patch>
                    <th scope="row">{format!("{0} × {0}", cost.patch)}</th>
                    <td data-tokens=cost.tokens>{cost.tokens}</td>
                    <td>{number::count((cost.tokens * cost.tokens) as u64)}</td>
                    <td data-pairs=cost.pairs>{bar(cost.pairs, "naive")}</td>
                    <td data-each=cost.each>{bar(cost.each, "tiled")}</td>
                    <td>{time}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <ExhibitFrame title="What a square costs" runs_on=runner.runs_on size=FrameSize::Short busy=runner.measuring actions=actions>
            <p class="note">"The same network over one picture of 32 × 32, its squares large or small. Tokens are the squares and [CLS]. Arithmetic is counted from the plan of the pass; time is a whole pass on your device, the median of five. Sixteen times the comparisons is what halving a square comes to."</p>
            <div class="table-scroll wide" tabindex="0" role="region" aria-label="Cost by the size of a square">
                <table id="ch37-costs">
                    <thead><tr><th scope="col">"square"</th><th scope="col">"tokens"</th><th scope="col">"pairs"</th><th scope="col">"every pair: operations"</th><th scope="col">"each token: operations"</th><th scope="col">"time"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="note">"A picture this small makes few tokens, and starting kernels can cost more than running them: the times need not grow like the counts."</p>
        </ExhibitFrame>
    }
}
