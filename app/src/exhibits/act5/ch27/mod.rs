//! Chapter 27: Tiny in fewer bits.

mod bought;
mod chart;
mod cliff;
mod picture;
mod run;
mod state;
mod training;
mod words;

use acts::act5::ch27_quantization::Frame;
use leptos::prelude::*;

use crate::compute::use_compute;
use crate::exhibits::Exhibit;
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, Segmented, Slider, Toggle, number};

use bought::What;
use chart::{Number, table};
use cliff::Cliff;
use picture::{Snapping, Which};
use run::Runner;
use state::{BITS, Keep, SHARERS, Spacing, State};
use training::Training;
use words::Words;

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit = Exhibit { chapter: 27, title: "Tiny in fewer bits", view: || FewerBits().into_any() };

#[component]
fn FewerBits() -> impl IntoView {
    let compute = use_compute();
    let state = State::from_address();
    let runner = Runner::new(compute);
    let settings = Memo::new(move |_| state.settings());
    state.keep_in_address();
    runner.follow(settings);

    let step = move |by: f64| {
        state.spacing.set(Spacing::Even);
        state.bits.update(|bits| *bits = (*bits + by).clamp(0.0, BITS.len() as f64 - 1.0));
    };
    let even = move || state.spacing.get() == Spacing::Even;
    let at_most = move || even() && state.bits.get() as usize + 1 >= BITS.len();
    let at_least = move || even() && state.bits.get() < 1.0;
    let actions = move || {
        view! {
            <button class="btn" disabled=at_most on:click=move |_| step(1.0)>"More bits"</button>
            <button class="btn primary" disabled=at_least on:click=move |_| step(-1.0)>"Fewer bits"</button>
        }
    };
    let side = move || {
        let spacings = vec![(Spacing::Even, "even"), (Spacing::Nf4, "NF4"), (Spacing::Ternary, "ternary")];
        let keeps = vec![(Keep::None, "none"), (Keep::Share, "½ % of weights"), (Keep::Inputs, "2 inputs")];
        let blocks = vec![(None, "all"), (Some(0), "0"), (Some(1), "1"), (Some(2), "2"), (Some(3), "3")];
        view! {
            <Segmented id="ch27-spacing" label="Levels" options=spacings value=state.spacing />
            <fieldset class="group" disabled=move || !even()>
                <Slider id="ch27-bits" label="Bits" value=state.bits min=0.0 max=BITS.len() as f64 - 1.0 format=bits />
                <Toggle label="With a zero point" value=state.zero />
            </fieldset>
            <Segmented id="ch27-sharers" label="One step for each matrix, column, or so many weights" options=SHARERS.to_vec() value=state.sharers />
            <Segmented id="ch27-keep" label="Outliers kept unrounded" options=keeps value=state.keep />
            <Segmented id="ch27-block" label="Blocks" options=blocks value=state.block />
            <Toggle label="The embedding too" value=state.embedding />
            <Which state runner />
        }
    };
    let measured =
        move |pick: fn(&Frame) -> String| Signal::derive(move || runner.frame.with(|f| f.as_ref().map(pick)));
    let against = move |pick: fn(&Frame) -> String| {
        Signal::derive(move || {
            let mine = runner.frame.with(|f| f.as_ref().map(pick))?;
            let whole = runner.whole.with(|f| f.as_ref().map(pick));
            Some(whole.map_or(mine.clone(), |whole| format!("{mine}, of {whole}")))
        })
    };
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("bits a weight, all counted", measured(|f| number::value(f.bits_per_weight))),
                Readout::new("the model", against(|f| number::bytes(f.bytes as u64))),
                Readout::new("held-out perplexity", against(|f| number::value(f.perplexity))),
                Readout::new("KL to the full model", measured(|f| format!("{} nats", number::value(f.kl)))),
                Readout::new("time to round and read all this", Signal::derive(move || runner.time_ms.get().map(number::duration_ms))),
            ] />
        }
    };
    let state_of_work = move || match runner.progress.get() {
        Some(done) => format!("Reading held-out Tinyland: {:.0} %.", 100.0 * done),
        None if runner.frame.with(Option::is_some) => "All numbers are of this scheme.".to_owned(),
        None => waiting(compute),
    };

    view! {
        <ExhibitFrame title=EXHIBIT.title runs_on=runner.runs_on size=FrameSize::Tall busy=Signal::derive(move || runner.progress.get().is_some()) actions=actions side=side strip=strip>
            {move || runner.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <Snapping state runner settings />
            <Words state runner />
            <label class="progress"><span>{state_of_work}</span><progress max="1" value=move || runner.progress.get().unwrap_or_else(|| f64::from(u8::from(runner.frame.with(Option::is_some)))).to_string()></progress></label>
            <details class="terms">
                <summary>"Where these numbers come from"</summary>
                {move || runner.frame.with(|f| f.as_ref().map(origin))}
            </details>
            <p class="note why">{move || compute.why.get()}</p>
        </ExhibitFrame>
        <Cliff runner />
        <Training state runner />
        <What runner settings />
    }
}

/// The width at a place of the slider.
fn bits(at: f64) -> String {
    match BITS[(at.max(0.0) as usize).min(BITS.len() - 1)] {
        1 => "1 bit".to_owned(),
        16 => "16 bits: as trained".to_owned(),
        bits => format!("{bits} bits"),
    }
}

fn waiting(compute: crate::compute::Compute) -> String {
    let transfer = compute.transfer.get();
    match (transfer.received, transfer.total) {
        (0, _) => "Opening the device and fetching Tiny, a model of about a million numbers.".to_owned(),
        (got, Some(total)) => format!("Fetching Tiny: {} of {}.", number::bytes(got), number::bytes(total)),
        (got, None) => format!("Fetching Tiny: {} so far.", number::bytes(got)),
    }
}

/// Each readout, and how it was got.
fn origin(frame: &Frame) -> AnyView {
    let rest = frame.bytes - frame.quantised_bytes;
    let whole = |n: usize| number::count(n as u64);
    let bits = if frame.quantised == 0 {
        "nothing is rounded".to_owned()
    } else {
        format!("8 × {} bytes / {} weights that are rounded", whole(frame.quantised_bytes), whole(frame.quantised))
    };
    let rows = [
        ("scheme", Number::words(frame.scheme.to_string()), String::new()),
        ("bits a weight", Number::value(frame.bits_per_weight), bits),
        (
            "bytes",
            Number::with(frame.bytes as f64, whole(frame.bytes)),
            format!("{} rounded + {} left at 16 bits", whole(frame.quantised_bytes), whole(rest)),
        ),
        (
            "loss",
            Number::value(frame.loss),
            format!("mean surprise of {} held-out tokens, in nats", whole(frame.tokens)),
        ),
        ("perplexity", Number::value(frame.perplexity), format!("e to the {}", number::value(frame.loss))),
        (
            "KL",
            Number::value(frame.kl),
            "mean over the same tokens of Σ p ln(p / q), p from 16 bits, q from this scheme".to_owned(),
        ),
        ("largest drift", Number::value(frame.largest_drift.into()), "of any logit of any of those tokens".to_owned()),
    ];
    let rows = rows.map(|(name, value, how)| (name.to_owned(), vec![value, Number::words(how)]));
    table("ch27-origin", "Each number and how it was got", &["number", "value", "how"], rows.into())
}
