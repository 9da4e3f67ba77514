//! Perplexity against bits, one scheme after the other.

use acts::act5::ch27_quantization::{Frame, Scheme};
use engine::quant::{Granularity, Levels};
use leptos::prelude::*;

use super::chart::{Chart, Number, Series, draw, table};
use super::run::{Runner, Sweeping};
use crate::viz::{ExhibitFrame, FrameSize, number};

const NAMES: [&str; 6] =
    ["a step a matrix", "a step a column", "a step for 32 weights", "the same, with a zero point", "NF4", "ternary"];

/// The kind of a scheme, by its place in [`NAMES`]; none where nothing is rounded.
fn kind(scheme: &Scheme) -> Option<usize> {
    let format = scheme.format?;
    Some(match (format.levels, format.granularity) {
        (Levels::Nf4, _) => 4,
        (Levels::Ternary, _) => 5,
        (Levels::ZeroPoint(_), _) => 3,
        (_, Granularity::Tensor) => 0,
        (_, Granularity::Channel) => 1,
        (_, Granularity::Group(_)) => 2,
    })
}

/// The second part of the exhibit.
#[component]
pub fn Cliff(runner: Runner) -> impl IntoView {
    let all = Scheme::sweep().len();
    let found = move || runner.points.with(Vec::len);
    let going = move || runner.sweeping.get() == Sweeping::On;
    let actions = move || {
        view! {
            <button class="btn" id="ch27-sweep-step" disabled=move || going() || found() == all on:click=move |_| runner.sweeping.set(Sweeping::Step)>"Step"</button>
            <button class="btn primary" id="ch27-sweep" disabled=move || !going() && found() == all on:click=move |_| {
                runner.sweeping.update(|s| *s = if *s == Sweeping::On { Sweeping::Still } else { Sweeping::On });
            }>{move || if going() { "Stop" } else { "Run" }}</button>
            <button class="btn" disabled=move || found() == 0 on:click=move |_| {
                runner.sweeping.set(Sweeping::Still);
                runner.points.set(Vec::new());
            }>"Start over"</button>
        }
    };
    let picture = move || {
        let points = runner.points.get();
        let whole = runner.whole.get().or_else(|| points.first().cloned());
        let chosen = runner.frame.get().filter(|f| f.quantised > 0);
        draw(chart(&points, whole.as_ref(), chosen.as_ref()))
    };
    view! {
        <ExhibitFrame title="The cliff" runs_on=runner.runs_on size=FrameSize::Standard busy=Signal::derive(going) actions=actions>
            <p class="note">"Every scheme reads the same 4096 held-out tokens of Tinyland. Bits count everything that is stored: codes, steps, zero points. The ring is the scheme you chose above."</p>
            <label class="progress"><span>{move || format!("{} of {all} schemes", found())}</span><progress max=all value=found></progress></label>
            {picture}
            <details class="terms">
                <summary>"The numbers"</summary>
                {move || table("ch27-cliff", "Perplexity by scheme", &["scheme", "bits a weight", "bytes", "perplexity", "KL to 16 bits"], runner.points.get().iter().map(row).collect())}
            </details>
        </ExhibitFrame>
    }
}

fn row(frame: &Frame) -> (String, Vec<Number>) {
    let cells = vec![
        Number::value(frame.bits_per_weight),
        Number::with(frame.bytes as f64, number::bytes(frame.bytes as u64)),
        Number::value(frame.perplexity),
        Number::value(frame.kl),
    ];
    (frame.scheme.to_string(), cells)
}

fn chart(points: &[Frame], whole: Option<&Frame>, chosen: Option<&Frame>) -> Chart {
    let of = |at: usize| {
        let mine = points.iter().filter(|f| kind(&f.scheme) == Some(at));
        mine.map(|f| (f.bits_per_weight, f.perplexity)).collect::<Vec<_>>()
    };
    let series = NAMES.iter().enumerate().map(|(at, &name)| Series { name, points: of(at), joined: at < 4 }).collect();
    Chart {
        label: "Held-out perplexity against bits a weight",
        x_name: "bits a weight, all counted",
        x_ends: (0.7, 10.3),
        x_ticks: (1..=10).map(f64::from).collect(),
        y_name: "perplexity, log axis",
        series,
        reference: whole.map(|f| (f.perplexity, format!("16 bits: {}", number::value(f.perplexity)))),
        chosen: chosen.map(|f| (f.bits_per_weight.min(10.3), f.perplexity, "yours".to_owned())),
    }
}
