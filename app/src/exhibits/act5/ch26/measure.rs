//! The same attention, naive and by every fused kernel, timed on this device.

use acts::act5::ch26_flash_attention::{Bench, Clock, Difference, Limit, Measured, Setting, Variant};
use engine::Error;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::state::{HEADS, LENGTH, State, WIDTH};
use crate::compute::{Compute, use_compute};
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, RunsOn, Slider, Toggle, number};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Stopped,
    Done,
}

#[derive(Clone, Copy)]
struct Run {
    compute: Compute,
    phase: RwSignal<Phase>,
    /// Counts runs: one that was stopped finds that it is not the last.
    ticket: RwSignal<u32>,
    /// Pieces done, and in all.
    pieces: RwSignal<(usize, usize)>,
    /// What was measured, with what, and why it was cut.
    what: RwSignal<Option<(Setting, Option<Limit>, String)>>,
    list: RwSignal<Vec<Measured>>,
    runs_on: RwSignal<RunsOn>,
    problem: RwSignal<Option<String>>,
}

impl Run {
    fn start(self, wanted: Setting) {
        self.ticket.update(|n| *n += 1);
        let mine = self.ticket.get_untracked();
        self.phase.set(Phase::Running);
        self.pieces.set((0, 1));
        self.list.set(Vec::new());
        self.problem.set(None);
        spawn_local(async move {
            let result = self.measure(wanted, mine).await;
            if self.ticket.try_get_untracked() != Some(mine) {
                return;
            }
            match result {
                Ok(done) => {
                    let _ = self.phase.try_set(if done { Phase::Done } else { Phase::Stopped });
                }
                Err(error) => {
                    let again = self.compute.recover(&error);
                    let advice = if again { "Measure again." } else { "Try a smaller N." };
                    let _ = self.problem.try_set(Some(format!("The measurement broke off: {error}. {advice}")));
                    let _ = self.phase.try_set(Phase::Stopped);
                }
            }
        });
    }

    /// Whether it came to its end.
    async fn measure(self, wanted: Setting, mine: u32) -> Result<bool, Error> {
        let device = self.compute.device().await?;
        let (setting, limit) = wanted.clamped(&device);
        let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
        let _ = self.what.try_set(Some((setting, limit, device.name())));
        let mut bench = Bench::new(&device, setting)?;
        loop {
            // The page stays alive between two pieces, and may be left.
            TimeoutFuture::new(0).await;
            if self.ticket.try_get_untracked() != Some(mine) || self.phase.try_get_untracked() != Some(Phase::Running) {
                return Ok(false);
            }
            let Some(progress) = bench.advance().await? else { return Ok(true) };
            let _ = self.pieces.try_set((progress.done, progress.total));
            if let Some(measured) = progress.finished {
                self.compute.report(&device, measured.time_ms);
                let _ = self.list.try_update(|list| list.push(measured));
            }
        }
    }

    /// The one that the engine would choose here, with the naive one.
    fn best(self) -> Option<(Measured, Measured)> {
        self.list.with(|list| {
            let naive = list.iter().find(|m| m.variant == Variant::Naive)?;
            Some((naive.clone(), list.iter().find(|m| m.chosen)?.clone()))
        })
    }
}

/// Everything measured side by side.
#[component]
pub fn Measurement(state: State) -> impl IntoView {
    let run = Run {
        compute: use_compute(),
        phase: RwSignal::new(Phase::Waiting),
        ticket: RwSignal::new(0),
        pieces: RwSignal::new((0, 1)),
        what: RwSignal::new(None),
        list: RwSignal::new(Vec::new()),
        runs_on: RwSignal::new(RunsOn::Nothing),
        problem: RwSignal::new(None),
    };
    let inspecting = RwSignal::new(false);
    let running = move || run.phase.get() == Phase::Running;
    let actions = move || {
        view! {
            <button
                class="btn primary"
                id="ch26-measure"
                on:click=move |_| {
                    if run.phase.get_untracked() == Phase::Running {
                        run.phase.set(Phase::Stopped);
                    } else {
                        run.start(untrack(|| state.setting()));
                    }
                }
            >{move || match run.phase.get() {
                Phase::Waiting => "Measure",
                Phase::Running => "Stop",
                Phase::Stopped | Phase::Done => "Measure again",
            }}</button>
            <button class="btn" aria-expanded=move || inspecting.get().to_string() aria-controls="ch26-kernels" on:click=move |_| inspecting.update(|open| *open = !*open)>"Inspect"</button>
        }
    };
    let power = |x: f64| (1u32 << x as u32).to_string();
    let side = move || {
        view! {
            <Slider id="ch26-length" label="N, tokens" value=state.length min=LENGTH.2 max=LENGTH.3 format=power />
            <Slider id="ch26-width" label="d, columns of a head" value=state.width min=WIDTH.2 max=WIDTH.3 format=power />
            <Slider id="ch26-heads" label="Heads" value=state.heads min=HEADS.2 max=HEADS.3 />
            <Toggle label="Causal" value=state.causal />
            <Toggle label="Backward pass too" value=state.backward />
            <p class="note">"Each way is compiled, run once to compare its result, then timed five times; the median counts."</p>
        }
    };
    let of_best = move |pick: fn(Measured, Measured) -> Option<String>| {
        Signal::derive(move || run.best().and_then(|(naive, fused)| pick(naive, fused)))
    };
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("time, naive to fused", of_best(|n, f| Some(format!("{} to 1", number::value(n.time_ms / f.time_ms.max(1e-9)))))),
                Readout::new("held, naive to fused", of_best(|n, f| Some(format!("{} to 1", number::value(n.bytes_held as f64 / f.bytes_held as f64))))),
                Readout::new("largest difference", of_best(|_, f| f.difference.map(|d| number::value(d.absolute)))),
                Readout::new("in units of the last place", of_best(|_, f| f.difference.map(|d| number::value(d.ulps)))),
            ] />
        }
    };
    let told = move || {
        let (done, total) = run.pieces.get();
        let what = run.what.get().map_or_else(String::new, |(s, limit, device)| describe(&s, limit, &device));
        match run.phase.get() {
            Phase::Waiting => "Nothing is measured yet. It takes some seconds.".to_owned(),
            Phase::Running => format!("Measuring, {done} of {total}. {what}"),
            Phase::Stopped => format!("Stopped after {done} of {total}. {what}"),
            Phase::Done => format!("Measured. {what}"),
        }
    };
    view! {
        <ExhibitFrame title="Measured on your device" runs_on=run.runs_on busy=Signal::derive(running) size=FrameSize::Standard actions=actions side=side strip=strip>
            <p class="note" role="status" id="ch26-state" data-phase=move || match run.phase.get() {
                Phase::Waiting => "waiting",
                Phase::Running => "running",
                Phase::Stopped => "stopped",
                Phase::Done => "done",
            }>{told}</p>
            <progress max=move || run.pieces.get().1.to_string() value=move || run.pieces.get().0.to_string() aria-label="Pieces measured"></progress>
            {move || run.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            {move || run.list.with(|list| (!list.is_empty()).then(|| results(list)))}
            <p class="note why">{move || run.compute.why.get()}</p>
        </ExhibitFrame>
        <section id="ch26-kernels" class="drawer" hidden=move || !inspecting.get() aria-label="The kernels that were measured">
            <h3>"The kernels that were measured"</h3>
            {move || inspecting.get().then(|| run.list.with(|list| kernels(list)))}
        </section>
    }
}

fn describe(s: &Setting, limit: Option<Limit>, device: &str) -> String {
    let causal = if s.causal { "causal" } else { "not causal" };
    let passes = if s.backward { "forward and backward" } else { "forward" };
    let heads = if s.heads == 1 { "1 head".to_owned() } else { format!("{} heads", s.heads) };
    let cut = match limit {
        None => String::new(),
        Some(Limit::Processor) => {
            format!(
                " N was cut to {}: on one thread of your processor a longer run would keep the page from answering.",
                s.n
            )
        }
        Some(Limit::SoftwareAdapter) => {
            format!(" N was cut to {}: this adapter is software, and a longer run would take too long.", s.n)
        }
        Some(Limit::Binding(bytes)) => {
            format!(
                " N was cut to {}: the naive table would be larger than the {} that a kernel may bind here.",
                s.n,
                number::bytes(bytes)
            )
        }
    };
    format!("N = {}, d = {}, {heads}, {causal}, {passes}, on {device}.{cut}", s.n, s.d)
}

/// Bars of time, and all numbers as a table.
fn results(list: &[Measured]) -> impl IntoView + use<> {
    const LEFT: f64 = 172.0;
    const BAR: f64 = 300.0;
    const PITCH: f64 = 34.0;
    let slowest = list.iter().fold(1e-9f64, |m, x| m.max(x.time_ms));
    let bars = list
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let (y, width) = (PITCH * i as f64, BAR * m.time_ms / slowest);
            let class = if m.variant == Variant::Naive { "naive" } else { "tiled" };
            view! {
                <text x=LEFT - 10.0 y=y + 19.0 text-anchor="end" class:on=m.chosen>{m.variant.name()}</text>
                <rect class=class x=LEFT y=y + 5.0 width=width.max(1.0) height="20" rx="3" />
                <text class="on" x=LEFT + width + 8.0 y=y + 19.0>{number::duration_ms(m.time_ms)}</text>
            }
        })
        .collect_view();
    let height = PITCH * list.len() as f64;
    let difference = |d: Option<Difference>, pick: fn(Difference) -> f64| match d {
        Some(d) => number::value(pick(d)),
        None => "–".to_owned(),
    };
    let lines = list
        .iter()
        .map(|m| {
            let exact = m.difference.map(|d| d.absolute.to_string());
            view! {
                <tr data-way=m.variant.name()>
                    <th scope="row">{m.variant.name()}{m.chosen.then_some(" (chosen here)")}</th>
                    <td>{number::duration_ms(m.time_ms)}</td>
                    <td data-held=m.bytes_held.to_string()>{number::bytes(m.bytes_held)}</td>
                    <td>{number::bytes(m.bytes_moved)}</td>
                    <td>{m.launches}</td>
                    <td data-difference=exact>{difference(m.difference, |d| d.absolute)}</td>
                    <td>{difference(m.difference, |d| d.ulps)}</td>
                    <td>{difference(m.gradient_difference, |d| d.absolute)}</td>
                    <td>{number::value(m.error)}</td>
                </tr>
            }
        })
        .collect_view();
    let clock = match list.first().map(|m| m.clock) {
        Some(Clock::Device) => "Times are the GPU's own, of the kernels alone.",
        _ => "Times are the page's, from the call to the end.",
    };
    view! {
        <div class="chart-scroll" tabindex="0" role="region" aria-label="Bars of time">
            <svg class="chart ways" width=LEFT + BAR + 90.0 height=height viewBox=format!("0 0 {} {height}", LEFT + BAR + 90.0) role="img" aria-label="Time of each way; the numbers are in the table below">{bars}</svg>
        </div>
        <div class="table-scroll wide" tabindex="0" role="region" aria-label="What was measured">
            <table id="ch26-table">
                <thead><tr><th scope="col">"way"</th><th scope="col">"time"</th><th scope="col">"held"</th><th scope="col">"moved"</th><th scope="col">"launches"</th><th scope="col">"difference"</th><th scope="col">"in ulps"</th><th scope="col">"of gradients"</th><th scope="col">"error"</th></tr></thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
        <p class="note">{clock}" Held: all the program keeps, inputs and results too. Moved: asked of memory, caches apart; for naive the least there can be. Difference: the largest, from the naive result. An ulp here is a unit in the last place of the largest number of the row. Error: the largest of some rows against 64 bits."</p>
    }
}

fn kernels(list: &[Measured]) -> impl IntoView + use<> {
    if list.is_empty() {
        return view! { <p class="note">"Measure first: then the source of every kernel that ran stands here."</p> }
            .into_any();
    }
    if list.iter().all(|m| m.kernels.is_empty()) {
        return view! { <p class="note">"No GPU runs here: the CPU did the same sums in Rust, naive as three ops, fused in blocks of 64 rows of scores, each forgotten before the next."</p> }.into_any();
    }
    let ways = list
        .iter()
        .map(|m| {
            let sources = m
                .kernels
                .iter()
                .map(|(name, source, [x, y, z])| {
                    view! {
                        <details>
                            <summary>{format!("{name}.wgsl, {x} × {y} × {z} workgroups")}</summary>
                            <pre tabindex="0" role="region" aria-label=format!("Source of {name}.wgsl, {}", m.variant.name())><code>{*source}</code></pre>
                        </details>
                    }
                })
                .collect_view();
            view! { <li><p><b>{m.variant.name()}</b>{m.chosen.then_some(" · the engine chooses this one here")}</p>{sources}</li> }
        })
        .collect_view();
    view! { <ol class="work">{ways}</ol> }.into_any()
}
