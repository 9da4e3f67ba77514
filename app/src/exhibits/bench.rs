//! The book's kernels timed on the reader's own device, between two measured ceilings.

use acts::bench::{Row, cases_for, compare_with_ceilings, csv};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::compute::{Compute, use_compute};
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, RunsOn, number};

/// How long the runs of a case may take together, in milliseconds.
const FILL_MS: f64 = 300.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Stopped,
    Done,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Stopped => "stopped",
            Phase::Done => "done",
        }
    }
}

#[derive(Clone, Copy)]
struct Timing {
    compute: Compute,
    rows: RwSignal<Vec<Row>>,
    phase: RwSignal<Phase>,
    /// The case under way: its place among all, and its name.
    at: RwSignal<(usize, usize, String)>,
    device: RwSignal<String>,
    problem: RwSignal<Option<String>>,
    runs_on: RwSignal<RunsOn>,
}

impl Timing {
    async fn run(self) {
        self.rows.set(Vec::new());
        self.problem.set(None);
        self.phase.set(Phase::Running);
        let outcome = self.measure().await;
        let Some(phase) = self.phase.try_get_untracked() else { return };
        if let Err(error) = outcome {
            self.compute.recover(&error);
            self.problem.set(Some(error.to_string()));
            self.phase.set(Phase::Stopped);
        } else if phase == Phase::Running {
            self.phase.set(Phase::Done);
        }
    }

    async fn measure(self) -> Result<(), engine::Error> {
        let device = self.compute.device().await?;
        let tokenizer = self.compute.tokenizer().await?;
        let gpu = device.as_gpu();
        let _ = self.device.try_set(match gpu {
            Some(gpu) => format!("{} ({})", gpu.tier().adapter, gpu.tier().name()),
            None => format!("{}, in this browser", device.name()),
        });
        let _ = self.runs_on.try_set(if gpu.is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
        let cases = cases_for(&device);
        let count = cases.len();
        for (index, case) in cases.into_iter().enumerate() {
            let _ = self.at.try_set((index, count, case.name()));
            // The page draws between runs, and a reader may stop there.
            let goes_on = async || {
                TimeoutFuture::new(0).await;
                self.phase.try_get_untracked() == Some(Phase::Running)
            };
            if !goes_on().await {
                return Ok(());
            }
            let Some(row) = case.measure(&device, &tokenizer, FILL_MS, goes_on).await? else { return Ok(()) };
            self.compute.report(&device, row.time_ms);
            let _ = self.rows.try_update(|rows| {
                rows.push(row);
                compare_with_ceilings(rows);
            });
        }
        Ok(())
    }

    fn json(self) -> String {
        self.rows.with(|rows| serde_json::to_string_pretty(rows).unwrap_or_default())
    }
}

/// The bench page's exhibit.
#[component]
pub fn Bench() -> impl IntoView {
    let timing = Timing {
        compute: use_compute(),
        rows: RwSignal::new(Vec::new()),
        phase: RwSignal::new(Phase::Waiting),
        at: RwSignal::new((0, 0, String::new())),
        device: RwSignal::new(String::new()),
        problem: RwSignal::new(None),
        runs_on: RwSignal::new(RunsOn::Nothing),
    };
    let running = move || timing.phase.get() == Phase::Running;
    let some = move || timing.rows.with(|rows| !rows.is_empty());
    let actions = move || {
        view! {
            <Show
                when=running
                fallback=move || {
                    view! {
                        <button class="btn primary" id="bench-run" on:click=move |_| spawn_local(timing.run())>
                            {move || if timing.phase.get() == Phase::Waiting { "Time everything" } else { "Time it again" }}
                        </button>
                    }
                }
            >
                <button class="btn" id="bench-stop" on:click=move |_| timing.phase.set(Phase::Stopped)>"Stop"</button>
            </Show>
            <Show when=some fallback=|| ()>
                <a class="btn" id="bench-save-json" download="bench.json" href=move || file("application/json", &timing.json())>"JSON"</a>
                <a class="btn" id="bench-save-csv" download="bench.csv" href=move || file("text/csv", &timing.rows.with(|rows| csv(rows)))>"CSV"</a>
            </Show>
        }
    };
    let best = move |pick: fn(&Row) -> f64, unit: &'static str| {
        Signal::derive(move || {
            let most = timing.rows.with(|rows| rows.iter().map(pick).fold(0.0, f64::max));
            (most > 0.0).then(|| format!("{} {unit}", number::value(most)))
        })
    };
    let ceiling = move |name: &'static str, pick: fn(&Row) -> f64, unit: &'static str| {
        Signal::derive(move || {
            timing.rows.with(|rows| {
                rows.iter().find(|row| row.case == name).map(|row| format!("{} {unit}", number::value(pick(row))))
            })
        })
    };
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("copies at most", ceiling("ceiling: copy", |r| r.gbytes, "GB/s")),
                Readout::new("multiplies and adds at most", ceiling("ceiling: multiply-add", |r| r.gflops, "GFLOP/s")),
                Readout::new("fastest arithmetic seen", best(|r| r.gflops, "GFLOP/s")),
                Readout::new("fastest movement seen", best(|r| r.gbytes, "GB/s")),
            ] />
        }
    };
    let state = move || {
        let (index, count, name) = timing.at.get();
        match timing.phase.get() {
            Phase::Waiting => "Nothing is timed until you ask: it keeps the device busy for a minute or so.".to_owned(),
            Phase::Running => format!("Case {} of {count} on {}: {name}.", index + 1, timing.device.get()),
            Phase::Stopped => format!("Stopped after {index} of {count} cases on {}.", timing.device.get()),
            Phase::Done => format!("All {count} cases ran on {}.", timing.device.get()),
        }
    };
    view! {
        <ExhibitFrame title="The book's kernels, on your device" runs_on=timing.runs_on size=FrameSize::Short busy=Signal::derive(running) actions=actions strip=strip>
            <p class="note" role="status" id="bench-state" data-phase=move || timing.phase.get().name()>{state}</p>
            {move || timing.problem.get().map(|problem| view! { <p class="problem">{problem}</p> })}
            <progress max=move || timing.at.get().1.max(1) value=move || timing.rows.with(Vec::len) aria-label="Cases done"></progress>
            <Show when=some fallback=|| ()>
                {move || timing.rows.with(|rows| roofline(rows))}
                <div class="table-scroll wide" tabindex="0" role="region" aria-label="Times by case">
                    <table id="bench-table">
                        <thead><tr><th scope="col">"case"</th><th scope="col">"median"</th><th scope="col">"GFLOP/s"</th><th scope="col">"GB/s"</th><th scope="col">"of multiply-add"</th><th scope="col">"of copy"</th><th scope="col">"launches"</th><th scope="col">"runs"</th></tr></thead>
                        <tbody>{move || timing.rows.with(|rows| rows.iter().map(row).collect_view())}</tbody>
                    </table>
                </div>
            </Show>
            <details class="terms">
                <summary>"How it is timed"</summary>
                <p>"Each case is compiled and run once to warm up, then run at least three times, and until 0.3 seconds are full; the median counts. A run ends when the device says that its work is done, so browsers that answer slowly make small cases look slower than they are. Bytes are the least that must move: every input and output once. On the CPU the page stands still while a case runs."</p>
            </details>
            <details class="terms">
                <summary>"As JSON"</summary>
                <pre id="bench-json" tabindex="0" role="region" aria-label="Times as JSON">{move || timing.json()}</pre>
            </details>
        </ExhibitFrame>
    }
}

/// The address of a file made here.
fn file(kind: &str, text: &str) -> String {
    format!("data:{kind};charset=utf-8,{}", String::from(js_sys::encode_uri_component(text)))
}

fn row(row: &Row) -> impl IntoView + use<> {
    let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |s| format!("{:.1} %", 100.0 * s));
    view! {
        <tr>
            <th scope="row">{row.case.clone()}</th>
            <td>{number::duration_ms(row.time_ms)}</td>
            <td>{number::value(row.gflops)}</td>
            <td>{number::value(row.gbytes)}</td>
            <td>{percent(row.of_multiply_add)}</td>
            <td>{percent(row.of_copy)}</td>
            <td>{row.launches}</td>
            <td>{row.runs}</td>
        </tr>
    }
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 46.0;
/// Arithmetic for each byte moved: the ends of the horizontal axis, as powers of ten.
const INTENSITY: (f64, f64) = (-2.0, 3.0);

/// Every case as a point under the two ceilings, both axes logarithmic.
fn roofline(rows: &[Row]) -> impl IntoView + use<> {
    let points: Vec<(f64, f64, String)> = rows
        .iter()
        .filter(|row| row.flops > 0 && row.bytes_moved > 0)
        .map(|row| (row.flops as f64 / row.bytes_moved as f64, row.gflops, row.case.clone()))
        .collect();
    let most = points.iter().map(|p| p.1).fold(1.0, f64::max).log10().ceil();
    let least = points.iter().map(|p| p.1).fold(1.0, f64::min).max(1e-3).log10().floor();
    let x = move |intensity: f64| {
        let share = (intensity.log10().clamp(INTENSITY.0, INTENSITY.1) - INTENSITY.0) / (INTENSITY.1 - INTENSITY.0);
        LEFT + (WIDTH - LEFT - RIGHT) * share
    };
    let y = move |gflops: f64| {
        let share = (gflops.max(1e-9).log10().clamp(least, most) - least) / (most - least).max(1.0);
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share)
    };
    let ceiling = |name: &str, pick: fn(&Row) -> f64| rows.iter().find(|row| row.case == name).map(pick);
    let roof = ceiling("ceiling: copy", |r| r.gbytes).zip(ceiling("ceiling: multiply-add", |r| r.gflops)).map(
        |(gbytes, gflops)| {
            let ridge = gflops / gbytes;
            // Where the bandwidth line enters the picture from below.
            let start = (10f64.powf(least) / gbytes).max(10f64.powf(INTENSITY.0));
            let line = format!(
                "{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}",
                x(start),
                y(start * gbytes),
                x(ridge),
                y(gflops),
                WIDTH - RIGHT,
                y(gflops)
            );
            view! { <polyline class="scaled" points=line /> }
        },
    );
    let across = (INTENSITY.0 as i32..=INTENSITY.1 as i32)
        .map(|power| {
            let at = x(10f64.powi(power));
            view! {
                <line class="grid" x1=at x2=at y1=TOP y2=HEIGHT - BOTTOM />
                <text x=at y=HEIGHT - BOTTOM + 18.0 text-anchor="middle">{number::value(10f64.powi(power))}</text>
            }
        })
        .collect_view();
    let up = (least as i32..=most as i32)
        .map(|power| {
            let at = y(10f64.powi(power));
            view! {
                <line class="grid" x1=LEFT x2=WIDTH - RIGHT y1=at y2=at />
                <text x=LEFT - 8.0 y=at + 4.0 text-anchor="end">{number::value(10f64.powi(power))}</text>
            }
        })
        .collect_view();
    let dots = points
        .into_iter()
        .map(|(intensity, gflops, name)| {
            let about = format!("{name}: {} GFLOP/s", number::value(gflops));
            view! { <circle class="point" cx=x(intensity) cy=y(gflops) r="5"><title>{about}</title></circle> }
        })
        .collect_view();
    view! {
        <div class="chart-scroll" tabindex="0" role="region" aria-label="Roofline">
            <svg class="chart" viewBox=format!("0 0 {WIDTH} {HEIGHT}") width=WIDTH height=HEIGHT role="img" aria-label="Arithmetic a second against arithmetic for each byte moved, with the two ceilings; the numbers are in the table below">
                {across}
                {up}
                <text x=(LEFT + WIDTH - RIGHT) / 2.0 y=HEIGHT - 6.0 text-anchor="middle">"FLOPs for each byte that must move (log)"</text>
                <text x="4" y=TOP - 3.0>"GFLOP/s (log)"</text>
                {roof}
                {dots}
            </svg>
        </div>
    }
}
