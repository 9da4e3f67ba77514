//! Training with the rounding in the loop, against rounding after training.

use leptos::prelude::*;

use super::chart::{Chart, Number, Series, draw, table};
use super::run::{Runner, Trained};
use super::state::{MOST_STEPS, State, TRAINED};
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, Segmented, Slider, number};

/// The third part of the exhibit.
#[component]
pub fn Training(state: State, runner: Runner) -> impl IntoView {
    let going = move || runner.training.with(Option::is_some);
    let actions = move || {
        view! {
            <button class="btn primary" id="ch27-train" on:click=move |_| {
                let next = if going() { None } else { Some(state.tuning()) };
                runner.training.set(next);
            }>{move || if going() { "Stop" } else { "Train" }}</button>
        }
    };
    let side = move || {
        view! {
            <Segmented id="ch27-trained" label="Levels" options=TRAINED.to_vec() value=state.trained />
            <Slider id="ch27-steps" label="Steps" value=state.steps min=1.0 max=MOST_STEPS />
            <div class="field">
                <span class="field-head"><label for="ch27-seed">"Seed of the documents"</label></span>
                <input id="ch27-seed" class="choice" type="number" min="0" max="9999" prop:value=move || state.seed.get().to_string() on:change=move |ev| state.reseed(&event_target_value(&ev)) />
            </div>
            <p class="note">"Two copies of Tiny go on learning from the same documents. One multiplies with rounded weights in every forward pass, the other with its own; then both are rounded. What shares a step is what you chose above."</p>
        }
    };
    let strip = move || {
        let last = move |pick: fn(&Trained) -> f64| {
            Signal::derive(move || runner.curve.with(|c| c.last().map(|t| number::value(pick(t)))))
        };
        let first = Signal::derive(move || runner.curve.with(|c| c.first().map(|t| number::value(t.aware))));
        let batch = Signal::derive(move || {
            let (_, loss) = runner.trained.get()?;
            loss.is_finite().then(|| format!("{} nats a token", number::value(loss.into())))
        });
        view! {
            <Readouts items=vec![
                Readout::new("rounded at once: perplexity", first),
                Readout::new("trained without rounding, then rounded", last(|t| t.unaware)),
                Readout::new("trained with the rounding", last(|t| t.aware)),
                Readout::new("last batch, with the rounding", batch),
            ] />
        }
    };
    let done = move || runner.trained.get().map_or(0, |t| t.0);
    let steps = move || runner.tuning.get().map_or(state.steps.get() as u64, |t| t.steps);
    let told = move || match runner.tuning.get() {
        None => "Not trained yet.".to_owned(),
        Some(t) => {
            let format = t.format.map_or_else(String::new, |f| f.to_string());
            format!("{format}, seed {}: {} of {} steps of 1024 tokens", t.seed, done(), t.steps)
        }
    };
    view! {
        <ExhibitFrame title="Trained with the rounding" runs_on=runner.runs_on size=FrameSize::Standard busy=Signal::derive(going) actions=actions side=side strip=strip>
            <label class="progress"><span id="ch27-trained-told">{told}</span><progress max=move || steps().to_string() value=move || done().to_string()></progress></label>
            {move || draw(chart(&runner.curve.get(), steps() as f64, runner.whole.with(|w| w.as_ref().map(|w| w.perplexity))))}
            <details class="terms">
                <summary>"The numbers"</summary>
                {move || table("ch27-curve", "Held-out perplexity by steps of training", &["steps", "with the rounding", "without, then rounded"], runner.curve.get().iter().map(row).collect())}
            </details>
        </ExhibitFrame>
    }
}

fn row(t: &Trained) -> (String, Vec<Number>) {
    (t.step.to_string(), vec![Number::value(t.aware), Number::value(t.unaware)])
}

fn chart(curve: &[Trained], steps: f64, whole: Option<f64>) -> Chart {
    let line = |pick: fn(&Trained) -> f64| curve.iter().map(|t| (t.step as f64, pick(t))).collect::<Vec<_>>();
    let every = if steps > 20.0 {
        10
    } else if steps > 8.0 {
        5
    } else {
        1
    };
    Chart {
        label: "Held-out perplexity of the rounded weights against steps of training",
        x_name: "steps of training",
        x_ends: (0.0, steps.max(1.0)),
        x_ticks: (0..=steps as u32).step_by(every).map(f64::from).collect(),
        y_name: "perplexity, log axis",
        series: vec![
            Series { name: "trained with the rounding", points: line(|t| t.aware), joined: true },
            Series { name: "trained without, then rounded", points: line(|t| t.unaware), joined: true },
        ],
        reference: whole.map(|p| (p, format!("16 bits: {}", number::value(p)))),
        chosen: None,
    }
}
