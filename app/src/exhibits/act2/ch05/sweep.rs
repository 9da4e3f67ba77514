use acts::act2::ch05_attention::ScalePoint;
use leptos::prelude::*;

use super::run::Runner;
use crate::viz::{ExhibitFrame, FrameSize, number};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 42.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 110.0;

/// Entropy of attention over random vectors, against their width: what the division is for.
#[component]
pub fn Sweep(runner: Runner) -> impl IntoView {
    view! {
        <ExhibitFrame title="What the division is for" runs_on=runner.runs_on size=FrameSize::Short>
            <p class="note">"32 random queries and 32 random keys of each width, every component drawn with mean 0 and variance 1. An even spread over 32 tokens has 5 bits; a row that bets everything on one token has 0."</p>
            <Show when=move || runner.sweep.with(|s| !s.is_empty()) fallback=|| view! { <p class="quiet">"Waiting for the first picture."</p> }>
                {move || chart(&runner.sweep.get())}
            </Show>
        </ExhibitFrame>
    }
}

fn chart(points: &[ScalePoint]) -> impl IntoView + use<> {
    let most_bits = 5.0;
    let last = points.len().saturating_sub(1).max(1) as f64;
    let x = move |i: usize| LEFT + (WIDTH - LEFT - RIGHT) * i as f64 / last;
    let y = move |bits: f32| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - f64::from(bits) / most_bits);
    let line = |pick: fn(&ScalePoint) -> f32| {
        points.iter().enumerate().map(|(i, p)| format!("{:.1},{:.1}", x(i), y(pick(p)))).collect::<Vec<_>>().join(" ")
    };
    let (scaled, unscaled) = (line(|p| p.scaled_bits), line(|p| p.unscaled_bits));
    let dots = points
        .iter()
        .enumerate()
        .map(|(i, p)| {
            view! {
                <circle class="scaled" cx=x(i) cy=y(p.scaled_bits) r="4" />
                <rect class="unscaled" x=x(i) - 4.0 y=y(p.unscaled_bits) - 4.0 width="8" height="8" />
            }
        })
        .collect_view();
    let columns = points
        .iter()
        .enumerate()
        .map(|(i, p)| view! { <text x=x(i) y=HEIGHT - BOTTOM + 18.0 text-anchor="middle">{p.d}</text> })
        .collect_view();
    let levels = (0..=5)
        .map(|bits| {
            view! {
                <line class="grid" x1=LEFT x2=WIDTH - RIGHT y1=y(bits as f32) y2=y(bits as f32) />
                <text x=LEFT - 8.0 y=y(bits as f32) + 4.0 text-anchor="end">{bits}</text>
            }
        })
        .collect_view();
    let end = points.last().copied();
    let names = end.map(|p| {
        view! {
            <text class="on" x=x(points.len() - 1) + 12.0 y=y(p.scaled_bits) + 4.0>"● divided by √d"</text>
            <text class="on" x=x(points.len() - 1) + 12.0 y=y(p.unscaled_bits) + 4.0>"■ not divided"</text>
        }
    });
    let rows = points
        .iter()
        .map(|p| {
            view! {
                <tr>
                    <th scope="row">{p.d}</th>
                    <td>{number::value(p.score_deviation.into())}</td>
                    <td>{number::value(p.scaled_bits.into())}</td>
                    <td>{number::value(p.unscaled_bits.into())}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="chart-scroll" tabindex="0" role="region" aria-label="Chart of entropy against width">
            <svg class="chart" viewBox=format!("0 0 {WIDTH} {HEIGHT}") width=WIDTH height=HEIGHT role="img" aria-label="Mean entropy of a row in bits, against the width d; the numbers are in the table below">
                {levels}
                {columns}
                <text x=(LEFT + WIDTH - RIGHT) / 2.0 y=HEIGHT - 6.0 text-anchor="middle">"width d, doubling"</text>
                <text x="4" y=TOP - 2.0>"bits"</text>
                <polyline class="scaled" points=scaled />
                <polyline class="unscaled" points=unscaled />
                {dots}
                {names}
            </svg>
        </div>
        <details class="terms">
            <summary>"The numbers"</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Entropy by width">
                <table>
                    <thead><tr><th scope="col">"d"</th><th scope="col">"deviation of q·k"</th><th scope="col">"bits, divided"</th><th scope="col">"bits, not divided"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}
