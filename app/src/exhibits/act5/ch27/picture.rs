//! The weights of one matrix, and the levels they snap to.

use acts::act5::ch27_quantization::{Histogram, histogram, matrices};
use engine::quant::Granularity;
use leptos::prelude::*;

use super::chart::{Number, table};
use super::run::Runner;
use super::state::{Settings, State};
use crate::viz::number;

const WIDTH: f64 = 680.0;
const HALF: f64 = 120.0;
const TOP: f64 = 20.0;
const LEFT: f64 = 14.0;
const BINS: usize = 61;

/// More levels than these are drawn without heads.
const MOST_HEADS: usize = 40;

/// The matrices of the model by name and columns; none before there is a model.
pub fn list(runner: Runner) -> Vec<(String, usize)> {
    let Some(model) = runner.model.get() else { return vec![] };
    matrices(&model.config).into_iter().map(|(name, shape)| (name, shape[1])).collect()
}

/// Which matrix, which column of it.
#[component]
pub fn Which(state: State, runner: Runner) -> impl IntoView {
    let known = Memo::new(move |_| list(runner));
    let columns = move || {
        let name = state.matrix.get();
        known.with(|known| known.iter().find(|m| m.0 == name).map_or(4096, |m| m.1))
    };
    // A name that an address made up, and a column that another matrix had.
    Effect::new(move |_| {
        let name = state.matrix.get();
        let there = known.with(|known| known.is_empty() || known.iter().any(|m| m.0 == name));
        if !there {
            state.matrix.set(super::state::FIRST_MATRIX.into());
        }
        let last = columns() as f64 - 1.0;
        if state.column.get() > last {
            state.column.set(last);
        }
    });
    let options = move || {
        let names: Vec<String> = match known.get() {
            known if known.is_empty() => vec![state.matrix.get_untracked()],
            known => known.into_iter().map(|m| m.0).collect(),
        };
        names
            .into_iter()
            .map(|name| {
                let (this, value) = (name.clone(), name.clone());
                view! { <option value=value prop:selected=move || state.matrix.get() == this>{name}</option> }
            })
            .collect_view()
    };
    let choose = move |ev| {
        if let Ok(column) = event_target_value(&ev).parse::<f64>() {
            state.column.set(column.clamp(0.0, columns() as f64 - 1.0));
        }
    };
    view! {
        <div class="field">
            <span class="field-head"><label for="ch27-matrix">"Draw the matrix"</label></span>
            <select id="ch27-matrix" class="choice" on:change=move |ev| state.matrix.set(event_target_value(&ev))>{options}</select>
        </div>
        <div class="field">
            <span class="field-head"><label for="ch27-column">"and of it the column"</label><output for="ch27-column">{move || state.column.get().to_string()}</output></span>
            <input
                id="ch27-column"
                type="range"
                min="0"
                max=move || (columns() - 1).to_string()
                prop:value=move || state.column.get().to_string()
                disabled=move || state.sharers.get() == Granularity::Tensor
                on:input=choose
            />
        </div>
    }
}

/// The picture and its tables.
#[component]
pub fn Snapping(state: State, runner: Runner, settings: Memo<Settings>) -> impl IntoView {
    let picture = Memo::new(move |_| {
        let model = runner.model.get()?;
        let scheme = settings.with(|s| s.scheme);
        histogram(&model, &state.matrix.get(), &scheme, state.column.get() as usize, BINS).ok()
    });
    let words = move || picture.with(|p| p.as_ref().map_or_else(String::new, |p| about(p, state, settings)));
    view! {
        <ul class="kinds">
            <li><svg width="16" height="16" aria-hidden="true"><rect class="whole-bar" x="3" y="2" width="10" height="12" /></svg>"weights as trained, above the line"</li>
            <li><svg width="16" height="16" aria-hidden="true"><path class="level" d="M8 2v9" /><circle class="level-head" cx="8" cy="11" r="4" /></svg>"the levels they snap to, below"</li>
            <li><svg width="16" height="16" aria-hidden="true"><path class="kept" d="M8 3l5 9h-10z" /></svg>"kept as they are"</li>
        </ul>
        <div class="chart-scroll snapping" tabindex="0" role="region" aria-label="Histogram of weights and levels">
            {move || picture.with(|p| p.as_ref().map(draw))}
        </div>
        <p class="note" id="ch27-about">{words}</p>
        <details class="terms">
            <summary>"Levels and bins as numbers"</summary>
            {move || picture.with(|p| p.as_ref().map(tables))}
        </details>
    }
}

fn about(picture: &Histogram, state: State, settings: Memo<Settings>) -> String {
    let count: usize = picture.counts.iter().sum();
    let scheme = settings.with(|s| s.scheme);
    let shared = match scheme.format.map(|f| f.granularity) {
        _ if picture.step.is_none() => format!("All {} weights of the matrix.", number::count(count as u64)),
        Some(Granularity::Group(_)) => {
            format!("The first {count} weights of column {}, which share a step.", state.column.get())
        }
        Some(Granularity::Channel) => {
            format!("The {count} weights of column {}, which share a step.", state.column.get())
        }
        _ => format!("All {} weights of the matrix, which share one step.", number::count(count as u64)),
    };
    match picture.step {
        None => format!("{shared} This scheme leaves them at 16 bits."),
        Some(step) => {
            let kept = match picture.kept.len() {
                0 => String::new(),
                n => format!(" {n} of them are kept as they are."),
            };
            format!(
                "{shared} Step {}; {} levels in use.{kept} Over the whole matrix the rounding is off by {} % of the weights' own size (root mean square).",
                number::value(step.into()),
                picture.levels.len(),
                number::value(100.0 * picture.error),
            )
        }
    }
}

fn draw(picture: &Histogram) -> AnyView {
    let (low, high) = (f64::from(picture.low), f64::from(picture.high));
    let x = move |w: f64| LEFT + (WIDTH - 2.0 * LEFT) * (w - low) / (high - low);
    let most = picture.counts.iter().copied().max().unwrap_or(1).max(1);
    let most_level = picture.level_counts.iter().copied().max().unwrap_or(1).max(1);
    let axis = TOP + HALF;
    let wide = (WIDTH - 2.0 * LEFT) / BINS as f64;
    let bars: String = picture
        .counts
        .iter()
        .enumerate()
        .filter(|(_, n)| **n > 0)
        .map(|(i, &n)| {
            let height = (HALF * n as f64 / most as f64).max(1.0);
            let left = LEFT + wide * i as f64 + 0.5;
            format!("M{left:.1} {:.1}h{:.1}v{height:.1}h-{:.1}z", axis - height, wide - 1.0, wide - 1.0)
        })
        .collect();
    let below = |n: usize| axis + (HALF * n as f64 / most_level as f64).max(3.0);
    let levels: Vec<(f64, f64)> =
        picture.levels.iter().zip(&picture.level_counts).map(|(w, n)| (x(f64::from(*w)), below(*n))).collect();
    let stems: String = levels.iter().map(|(x, y)| format!("M{x:.1} {axis}V{y:.1}")).collect();
    let heads: String = if picture.levels.len() > MOST_HEADS {
        String::new()
    } else {
        levels.iter().map(|(x, y)| format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0)).collect()
    };
    let kept: String =
        picture.kept.iter().map(|w| format!("M{:.1} {:.1}l4 7h-8z", x(f64::from(*w)), axis + 4.0)).collect();
    let ends = [(low, "start"), (0.0, "middle"), (high, "end")];
    let ends = ends
        .map(|(w, anchor)| view! { <text x=x(w) y=axis + HALF + 30.0 text-anchor=anchor>{number::value(w)}</text> })
        .collect_view();
    let height = TOP + 2.0 * HALF + 38.0;
    let lower =
        (!picture.levels.is_empty()).then(|| format!("at most {} weights a level", number::count(most_level as u64)));
    view! {
        <svg class="chart quantized" viewBox=format!("0 0 {WIDTH} {height}") width=WIDTH height=height role="img" aria-label="Weights as trained, and the levels they are rounded to; the numbers are in the table below">
            <path class="whole-bar" d=bars />
            <path class="level" d=stems />
            <path class="level-head" d=heads />
            <path class="kept" d=kept />
            <line class="axis" x1=LEFT x2=WIDTH - LEFT y1=axis y2=axis />
            <text x=LEFT y="14">{format!("at most {} weights a bin", number::count(most as u64))}</text>
            <text x=LEFT y=axis + HALF + 12.0>{lower}</text>
            {ends}
        </svg>
    }
    .into_any()
}

fn tables(picture: &Histogram) -> AnyView {
    let level = |(w, n): (&f32, &usize)| (number::value((*w).into()), vec![Number::value(*n as f64)]);
    let levels = picture.levels.iter().zip(&picture.level_counts).map(level).collect();
    let wide = (picture.high - picture.low) / picture.counts.len() as f32;
    let bin = |(i, n): (usize, &usize)| {
        let from = picture.low + wide * i as f32;
        (
            format!("{} to {}", number::value(from.into()), number::value((from + wide).into())),
            vec![Number::value(*n as f64)],
        )
    };
    let bins = picture.counts.iter().enumerate().map(bin).collect();
    view! {
        <div class="beside">
            {table("ch27-levels", "Levels and how many weights went to each", &["level", "weights"], levels)}
            {table("ch27-bins", "Bins and how many weights are in each", &["weights from", "count"], bins)}
        </div>
    }
    .into_any()
}
