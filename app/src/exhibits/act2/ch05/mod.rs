//! Chapter 5: one attention head on the reader's own sentence.

mod cell;
mod kernels;
mod run;
mod state;
mod sweep;

use acts::act2::ch05_attention::{MOST_TOKENS, Stage};
use leptos::prelude::*;

use crate::compute::use_compute;
use crate::exhibits::Exhibit;
use crate::viz::{
    Cell, ExhibitFrame, FrameSize, Heatmap, Matrix, Readout, Readouts, Scale, Segmented, Slider, Toggle, number,
};

use cell::OpenedCell;
use kernels::Kernels;
use run::Runner;
use state::{STAGES, State};
use sweep::Sweep;

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit = Exhibit { chapter: 5, title: "One head, on your sentence", view: || OneHead().into_any() };

/// What each stage is, under its tab.
fn about(stage: Stage) -> &'static str {
    match stage {
        Stage::Queries => {
            "One row a token: its query, after it was turned by its position. Columns are the head's 32 components."
        }
        Stage::Keys => "One row a token: its key, turned in the same way.",
        Stage::Values => "One row a token: what it hands over to whoever looks at it.",
        Stage::Scores => "Each cell is a dot product: the query of its row with the key of its column.",
        Stage::Scaled => {
            "The dot products, divided by the root of the head's width. Later tokens are masked: empty, not zero."
        }
        Stage::Weights => "The softmax of each row of scores: shares that sum to 1.",
        Stage::Output => "Each row is a mix of the values above it, in the shares of its weights.",
    }
}

#[component]
fn OneHead() -> impl IntoView {
    let compute = use_compute();
    let state = State::from_address();
    let runner = Runner::new(compute);
    let settings = Memo::new(move |_| state.settings());
    state.keep_in_address();
    runner.follow(settings);
    let inspecting = RwSignal::new(false);

    // The picture.
    let shown = move || runner.frame.get().map(|(_, frame)| frame);
    let words = Memo::new(move |_| {
        shown().map(|f| f.tokens.into_iter().map(|t| t.text).collect::<Vec<_>>()).unwrap_or_default()
    });
    let matrix = Memo::new(move |_| {
        let stage = state.stage.get();
        let Some(frame) = shown() else { return Matrix::empty() };
        let m = frame.stage(stage);
        let matrix = Matrix::new(m.rows, m.cols, m.data.clone()).unwrap_or_else(Matrix::empty);
        if between_tokens(stage) { matrix.masked(|row, col| col > row) } else { matrix }
    });
    let col_labels = Memo::new(move |_| {
        if between_tokens(state.stage.get()) {
            words.get()
        } else {
            (0..matrix.with(Matrix::cols)).map(|i| i.to_string()).collect()
        }
    });
    let scale = Memo::new(move |_| match state.stage.get() {
        Stage::Weights => Scale::Sequential { min: 0.0, max: 1.0 },
        _ => matrix.with(Scale::diverging_over),
    });
    let quantity = Signal::derive(move || match state.stage.get() {
        Stage::Queries | Stage::Keys | Stage::Values | Stage::Output => "component".to_owned(),
        Stage::Scores => "dot product".to_owned(),
        Stage::Scaled => "score".to_owned(),
        Stage::Weights => "weight".to_owned(),
    });
    let label = Signal::derive(move || {
        let name = STAGES.iter().find(|s| s.0 == state.stage.get()).map_or("", |s| s.1);
        format!("{name}, layer {}, head {}", state.layer.get(), state.head.get())
    });

    // A cell is always open, so that nobody has to guess that cells open; one that a new sentence left behind moves to
    // its last token.
    Effect::new(move |_| {
        let rows = words.with(Vec::len);
        if rows < 2 {
            return;
        }
        match state.cell.get_untracked() {
            None => {
                let col = words.with(|w| w.iter().position(|w| w == "cat")).unwrap_or(1);
                let row = words.with(|w| w.iter().rposition(|w| w == "is")).unwrap_or(rows - 1);
                state.cell.set(Some(Cell { row, col: col.min(row) }));
            }
            Some(cell) if cell.row >= rows => {
                state.cell.set(Some(Cell { row: rows - 1, col: cell.col.min(rows - 1) }));
            }
            Some(_) => {}
        }
    });

    let step = move |by: isize| {
        let at = state.stage.get_untracked().index() as isize + by;
        if let Some(stage) = usize::try_from(at).ok().and_then(|i| Stage::ALL.get(i)) {
            state.stage.set(*stage);
        }
    };

    let entropy = Signal::derive(move || {
        let row = state.cell.get()?.row;
        let bits = *shown()?.entropy_bits.get(row)?;
        Some(format!("{} bits", number::value(bits.into())))
    });
    let shuffle_readout = move |with: bool| {
        Signal::derive(move || {
            let shuffle = shown()?.shuffle?;
            Some(number::value(f64::from(if with { shuffle.with_positions } else { shuffle.without_positions })))
        })
    };
    let time = Signal::derive(move || runner.time_ms.get().map(number::duration_ms));

    let actions = move || {
        let at = move || state.stage.get().index();
        view! {
            <button class="btn" on:click=move |_| step(-1) disabled=move || at() == 0>"Step back"</button>
            <button class="btn primary" on:click=move |_| step(1) disabled=move || at() + 1 == Stage::ALL.len()>"Step"</button>
            <button
                class="btn"
                aria-expanded=move || inspecting.get().to_string()
                aria-controls="ch5-kernels"
                on:click=move |_| {
                    inspecting.update(|open| *open = !*open);
                    if inspecting.get_untracked() {
                        runner.measure();
                    }
                }
            >"Inspect"</button>
        }
    };
    let side = move || {
        let heads = |x: f64| format!("{x}");
        view! {
            <Slider id="ch5-layer" label="Layer" value=state.layer min=0.0 max=3.0 format=heads />
            <Slider id="ch5-head" label="Head" value=state.head min=0.0 max=3.0 format=heads />
            <Toggle label="Divide scores by √32" value=state.scale />
            <OpenedCell state runner />
            <div class="field shuffle">
                <button class="btn" on:click=move |_| state.shuffle.update(|s| *s = Some(s.map_or(1, |s| s % 999 + 1)))>"Shuffle the words"</button>
                <p class="note" aria-live="polite">{move || shuffle_words(&shown(), &words.get())}</p>
            </div>
        }
    };
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("entropy of this row", entropy),
                Readout::new("shuffled, no positions: largest difference", shuffle_readout(false)),
                Readout::new("shuffled, with positions: largest difference", shuffle_readout(true)),
                Readout::new("time to compute all of this", time),
            ] />
        }
    };
    let options = STAGES.iter().map(|(stage, name, _)| (*stage, *name)).collect::<Vec<_>>();

    view! {
        <ExhibitFrame title=EXHIBIT.title runs_on=runner.runs_on size=FrameSize::Tall busy=runner.busy actions=actions side=side strip=strip>
            <div class="field">
                <span class="field-head"><label for="ch5-text">"Your sentence"</label><output for="ch5-text">{move || length(&shown())}</output></span>
                <input
                    id="ch5-text"
                    class="text"
                    type="text"
                    autocomplete="off"
                    spellcheck="false"
                    maxlength="600"
                    prop:value=move || state.text.get()
                    on:input=move |ev| {
                        state.edit.set(None);
                        state.text.set(event_target_value(&ev));
                    }
                />
            </div>
            {move || runner.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <Segmented id="ch5-stage" label="Stage" options=options value=state.stage />
            <p class="note">{move || about(state.stage.get())}</p>
            <Show
                when=move || runner.frame.with(Option::is_some)
                fallback=move || view! { <p class="quiet" role="status">{move || waiting(compute)}</p> }
            >
                {view! {
                <Heatmap
                    id="ch5-map"
                    label
                    matrix
                    row_labels=words
                    col_labels
                    scale
                    quantity
                    row_axis="token"
                    col_axis="column"
                    selected=state.cell
                />
                }.into_any()}
            </Show>
            <p class="note next">{move || next_words(&shown())}</p>
            <p class="note why">{move || compute.why.get()}</p>
        </ExhibitFrame>
        <Kernels runner open=inspecting />
        <Sweep runner />
    }
}

/// Whether a stage has a cell for each pair of tokens.
fn between_tokens(stage: Stage) -> bool {
    matches!(stage, Stage::Scores | Stage::Scaled | Stage::Weights)
}

fn length(frame: &Option<acts::act2::ch05_attention::Frame>) -> String {
    match frame {
        None => String::new(),
        Some(f) if f.cut => format!("the first {MOST_TOKENS} tokens are shown"),
        Some(f) => format!("{} tokens, of at most {MOST_TOKENS}", f.tokens.len()),
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

fn next_words(frame: &Option<acts::act2::ch05_attention::Frame>) -> String {
    let Some(frame) = frame else { return String::new() };
    // Below a thousandth a word is not expected.
    let list: Vec<String> = frame
        .next
        .iter()
        .filter(|(_, p)| *p >= 1e-3)
        .map(|(word, p)| format!("{word} {}\u{a0}%", number::value(f64::from(*p) * 100.0)))
        .collect();
    format!("What Tiny expects next: {}.", list.join(", "))
}

fn shuffle_words(frame: &Option<acts::act2::ch05_attention::Frame>, words: &[String]) -> String {
    let Some(shuffle) = frame.as_ref().and_then(|f| f.shuffle.as_ref()) else {
        return "Feeds the layer the same tokens in another order, and compares what comes out.".to_owned();
    };
    let order: Vec<&str> = shuffle.order.iter().filter_map(|&i| words.get(i).map(String::as_str)).collect();
    format!(
        "In the order “{}”. Outputs go up to {}; without positions or mask they move with their words, with positions they change.",
        order.join(" "),
        number::value(shuffle.largest_output.into()),
    )
}
