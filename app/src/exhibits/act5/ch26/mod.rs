//! Chapter 26: attention whose table never exists, in slow motion and measured.

mod measure;
mod rows;
mod state;
mod tiles;

use std::sync::Arc;

use acts::act5::ch26_flash_attention::{Counters, Slow};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::exhibits::Exhibit;
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, RunsOn, Slider, Toggle, number};

use measure::Measurement;
use state::State;

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit = Exhibit {
    chapter: 26,
    title: "A table that never exists",
    view: || {
        let state = State::from_address();
        state.keep_in_address();
        view! { <SlowMotion state /> <Measurement state /> }.into_any()
    },
};

/// Between two visits while it runs.
const PAUSE_MS: u32 = 500;

#[component]
fn SlowMotion(state: State) -> impl IntoView {
    let slow = Memo::new(move |_| Arc::new(Slow::new(state.slow())));
    let at = Memo::new(move |_| state.frame.get().min(slow.with(|s| s.len())));
    // Which row of the tile is open; a shorter tile has fewer.
    let row = Memo::new(move |_| {
        let rows = slow.with(|s| s.frame_at(at.get()).map_or(1, |v| v.states.len()));
        state.row.get().min(rows - 1)
    });
    let playing = RwSignal::new(false);
    // Counts how often Run was pressed: an earlier run that still waits finds that it is not the last.
    let runs = RwSignal::new(0u32);

    let go = move |to: usize| state.frame.set(to.min(slow.with_untracked(|s| s.len())));
    let step = move |_| {
        playing.set(false);
        go(at.get_untracked() + 1);
    };
    let back = move |_| {
        playing.set(false);
        go(at.get_untracked().saturating_sub(1));
    };
    let run = move |_| {
        if playing.get_untracked() {
            playing.set(false);
            return;
        }
        playing.set(true);
        runs.update(|n| *n += 1);
        let mine = runs.get_untracked();
        if at.get_untracked() == slow.with_untracked(|s| s.len()) {
            go(0);
        }
        spawn_local(async move {
            loop {
                TimeoutFuture::new(PAUSE_MS).await;
                // A page that is left takes its signals with it.
                if playing.try_get_untracked() != Some(true) || runs.try_get_untracked() != Some(mine) {
                    return;
                }
                let (Some(now), Some(last)) = (at.try_get_untracked(), slow.try_with_untracked(|s| s.len())) else {
                    return;
                };
                if now >= last {
                    playing.set(false);
                    return;
                }
                state.frame.set(now + 1);
            }
        });
    };

    let actions = move || {
        view! {
            <button class="btn" id="ch26-back" on:click=back disabled=move || at.get() == 0>"Step back"</button>
            <button class="btn primary" id="ch26-step" on:click=step disabled=move || slow.with(|s| s.len() == at.get())>"Step"</button>
            <button class="btn" id="ch26-run" on:click=run>{move || if playing.get() { "Pause" } else { "Run" }}</button>
        }
    };
    let side = move || {
        let slider = |id: &'static str,
                      label: &'static str,
                      value: RwSignal<f64>,
                      (_, _, min, max, step): (&str, f64, f64, f64, f64)| {
            view! { <Slider id label value min max step /> }
        };
        view! {
            <div class="cell" id="ch26-cell">
                {move || slow.with(|s| match s.frame_at(at.get()) {
                    None => view! { <p>"Nothing has come by yet. Step to the first tile."</p> }.into_any(),
                    Some(visit) => rows::opened(visit, row.get()).into_any(),
                })}
            </div>
            {move || slow.with(|s| s.frame_at(at.get()).map(|visit| rows::table(visit, state.row, row.get())))}
            {slider("ch26-n", "N, tokens", state.n, state::N)}
            {slider("ch26-d", "d, columns of a head", state.d, state::D)}
            {slider("ch26-rows-of-tile", "Queries of a tile", state.rows, state::ROWS)}
            {slider("ch26-cols-of-tile", "Keys of a tile", state.cols, state::COLS)}
            {slider("ch26-seed", "Seed of the numbers", state.seed, state::SEED)}
            <Toggle label="Causal: no query looks ahead" value=state.causal />
        }
    };
    let readout =
        move |pick: fn(&Slow, usize) -> String| Signal::derive(move || Some(slow.with(|s| pick(s, at.get()))));
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("tiles visited", readout(|s, at| format!("{at} of {}", s.len()))),
                Readout::new("moved at the end, tiled to naive", readout(|s, _| ratio(ends(s), |c| c.moved()))),
                Readout::new("held at the end, tiled to naive", readout(|s, _| ratio(ends(s), |c| c.held))),
                Readout::new("largest difference from plain attention", readout(|s, _| number::value(s.difference().absolute))),
            ] />
        }
    };
    view! {
        <ExhibitFrame title=EXHIBIT.title runs_on=Signal::derive(|| RunsOn::Cpu) size=FrameSize::Tall actions=actions side=side strip=strip>
            <p class="note">"Slow motion, in plain Rust. Each square is a tile of the table of scores; only the coloured one exists. ✓ was used and forgotten, × lies above the diagonal and is never computed."</p>
            <div class="field">
                <span class="field-head"><label for="ch26-frame">"Visit"</label><output for="ch26-frame">{move || slow.with(|s| format!("{} of {}", at.get(), s.len()))}</output></span>
                <input
                    id="ch26-frame"
                    type="range"
                    min="0"
                    max=move || slow.with(|s| s.len().to_string())
                    prop:value=move || at.get().to_string()
                    on:input=move |ev| {
                        playing.set(false);
                        if let Ok(to) = event_target_value(&ev).parse::<usize>() {
                            go(to);
                        }
                    }
                />
            </div>
            {move || slow.with(|s| tiles::picture(s, at.get(), row.get()))}
            <p class="note" role="status" id="ch26-told">{move || slow.with(|s| tiles::spoken(s, at.get()))}</p>
            {move || slow.with(|s| {
                let now = s.frame_at(at.get());
                rows::counters(now.map_or(Counters::default(), |v| v.naive), now.map_or(Counters::default(), |v| v.tiled), ends(s))
            })}
            <p class="note">"Naive counts every tensor of every stage once, the least it can be. Tiled reads its keys and values again for each query tile, and that is counted."{move || slow.with(|s| {
                let [naive, tiled] = ends(s);
                (tiled.moved() > naive.moved()).then_some(" With tiles as short as these that costs more than the table would: give a tile more queries, or a head fewer columns.")
            })}</p>
            <details class="terms">
                <summary>"The scores of this tile"</summary>
                {move || slow.with(|s| s.frame_at(at.get()).map(tiles::scores))}
            </details>
        </ExhibitFrame>
    }
}

/// What each way has moved and held when all is done.
fn ends(slow: &Slow) -> [Counters; 2] {
    slow.frame_at(slow.len()).map_or([Counters::default(); 2], |last| [last.naive, last.tiled])
}

fn ratio([naive, tiled]: [Counters; 2], of: fn(&Counters) -> u64) -> String {
    format!("{} %", number::value(100.0 * of(&tiled) as f64 / of(&naive).max(1) as f64))
}
