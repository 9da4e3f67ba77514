//! The arithmetic checked on the reader's own device: every case of every op against the CPU twins.

use engine::{
    check::{Verdict, verify},
    ops,
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::compute::{Compute, use_compute};
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, RunsOn, number};

/// What one op's cases gave.
#[derive(Clone, Debug)]
struct Row {
    op: &'static str,
    summary: &'static str,
    cases: usize,
    verdicts: Vec<Verdict>,
    /// Cases that could not run, with the reason.
    errors: Vec<String>,
}

impl Row {
    fn wrong(&self) -> usize {
        self.errors.len() + self.verdicts.iter().filter(|v| v.comparison.wrong > 0).count()
    }

    /// The verdict nearest to its tolerance, or furthest beyond it.
    fn worst(&self) -> Option<&Verdict> {
        self.verdicts.iter().max_by(|a, b| a.comparison.largest.total_cmp(&b.comparison.largest))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Stopped,
    Done,
}

#[derive(Clone, Copy)]
struct Check {
    compute: Compute,
    rows: RwSignal<Vec<Row>>,
    phase: RwSignal<Phase>,
    done: RwSignal<usize>,
    total: usize,
    device: RwSignal<String>,
    runs_on: RwSignal<RunsOn>,
}

impl Check {
    async fn run(self) {
        self.rows.set(Vec::new());
        self.done.set(0);
        self.phase.set(Phase::Running);
        let device = match self.compute.device().await {
            Ok(device) => device,
            Err(error) => {
                let _ = self.device.try_set(error.to_string());
                let _ = self.phase.try_set(Phase::Stopped);
                return;
            }
        };
        let gpu = device.as_gpu().is_some();
        let _ = self.device.try_set(match device.as_gpu() {
            Some(gpu) => format!("{} ({})", gpu.tier().adapter, gpu.tier().name()),
            None => "the CPU executor's fast paths, as no GPU runs here".to_owned(),
        });
        let _ = self.runs_on.try_set(if gpu { RunsOn::Gpu } else { RunsOn::Cpu });
        for entry in ops::all() {
            let cases = (entry.cases)();
            let mut row =
                Row { op: entry.name, summary: entry.summary, cases: cases.len(), verdicts: vec![], errors: vec![] };
            for case in cases {
                // The page stays alive between cases, and may be left.
                TimeoutFuture::new(0).await;
                if self.phase.try_get_untracked() != Some(Phase::Running) {
                    return;
                }
                match verify(&device, &entry, &case).await {
                    Ok(verdicts) => row.verdicts.extend(verdicts),
                    Err(error) => {
                        row.errors.push(format!("{}: {error}", case.label));
                        if self.compute.recover(&error) {
                            let _ = self.phase.try_set(Phase::Stopped);
                            return;
                        }
                    }
                }
                let _ = self.done.try_update(|n| *n += 1);
            }
            let _ = self.rows.try_update(|rows| rows.push(row));
        }
        let _ = self.phase.try_set(Phase::Done);
    }

    /// The report as text, to be pasted where it helps.
    fn report(self) -> String {
        let rows = self.rows.get();
        let agent = if cfg!(target_arch = "wasm32") {
            window().navigator().user_agent().unwrap_or_default()
        } else {
            String::new()
        };
        let mut text =
            format!("The Field Rhymes, kernels against CPU twins\ndevice: {}\nbrowser: {agent}\n", self.device.get());
        for row in &rows {
            let largest = row.worst().map_or(0.0, |v| v.comparison.largest);
            text += &format!(
                "{:<20} {:>3} cases {:>4} tensors  largest difference {largest:.2e}  {} wrong\n",
                row.op,
                row.cases,
                row.verdicts.len(),
                row.wrong()
            );
            for error in &row.errors {
                text += &format!("    {error}\n");
            }
            for v in row.verdicts.iter().filter(|v| v.comparison.wrong > 0) {
                text += &format!("    {}, {}: {}\n", v.case, v.tensor, v.comparison.report);
            }
        }
        let wrong: usize = rows.iter().map(Row::wrong).sum();
        let tensors: usize = rows.iter().map(|r| r.verdicts.len()).sum();
        text + &format!("{tensors} tensors compared, {wrong} wrong\n")
    }
}

/// The verification page's exhibit.
#[component]
pub fn Verification() -> impl IntoView {
    let check = Check {
        compute: use_compute(),
        rows: RwSignal::new(Vec::new()),
        phase: RwSignal::new(Phase::Waiting),
        done: RwSignal::new(0),
        total: ops::all().iter().map(|e| (e.cases)().len()).sum(),
        device: RwSignal::new(String::new()),
        runs_on: RwSignal::new(RunsOn::Nothing),
    };
    let copied = RwSignal::new(false);
    let running = move || check.phase.get() == Phase::Running;
    let start = move |_| {
        copied.set(false);
        spawn_local(check.run());
    };
    let copy = move |_| {
        let written = window().navigator().clipboard().write_text(&check.report());
        spawn_local(async move {
            let _ = copied.try_set(wasm_bindgen_futures::JsFuture::from(written).await.is_ok());
        });
    };
    let actions = move || {
        view! {
            <Show
                when=running
                fallback=move || view! { <button class="btn primary" id="verify-run" on:click=start>{move || if check.phase.get() == Phase::Waiting { "Run the checks" } else { "Run again" }}</button> }
            >
                <button class="btn" on:click=move |_| check.phase.set(Phase::Stopped)>"Stop"</button>
            </Show>
            <button class="btn" disabled=move || check.rows.with(Vec::is_empty) on:click=copy>{move || if copied.get() { "Copied" } else { "Copy the report" }}</button>
        }
    };
    let count = move |f: fn(&Row) -> usize| {
        Signal::derive(move || {
            (!check.rows.with(Vec::is_empty))
                .then(|| number::count(check.rows.with(|r| r.iter().map(f).sum::<usize>()) as u64))
        })
    };
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("ops checked", count(|_| 1)),
                Readout::new("tensors compared", count(|r| r.verdicts.len())),
                Readout::new("numbers compared", count(|r| r.verdicts.iter().map(|v| v.comparison.count).sum())),
                Readout::new("tensors out of tolerance", count(Row::wrong)),
            ] />
        }
    };
    let state = move || match check.phase.get() {
        Phase::Waiting => format!("{} cases are ready to run.", check.total),
        Phase::Running => format!("Case {} of {} on {}.", check.done.get(), check.total, check.device.get()),
        Phase::Stopped => {
            format!("Stopped after {} of {} cases. {}", check.done.get(), check.total, check.device.get())
        }
        Phase::Done => format!("All {} cases ran on {}.", check.total, check.device.get()),
    };
    view! {
        <ExhibitFrame title="Kernels against their twins" runs_on=check.runs_on size=FrameSize::Short busy=Signal::derive(running) actions=actions strip=strip>
            <p class="note" role="status" id="verify-state" data-phase=move || match check.phase.get() {
                Phase::Waiting => "waiting",
                Phase::Running => "running",
                Phase::Stopped => "stopped",
                Phase::Done => "done",
            }>{state}</p>
            <progress max=check.total value=move || check.done.get() aria-label="Cases done"></progress>
            <div class="table-scroll wide" tabindex="0" role="region" aria-label="Results by op">
                <table id="verify-table">
                    <thead><tr><th scope="col">"op"</th><th scope="col">"cases"</th><th scope="col">"tensors"</th><th scope="col">"largest difference"</th><th scope="col">"in"</th><th scope="col">"allowed there"</th><th scope="col">"verdict"</th></tr></thead>
                    <tbody>{move || check.rows.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            <details class="terms">
                <summary>"The report as text"</summary>
                <pre id="verify-report" tabindex="0" role="region" aria-label="Report">{move || check.report()}</pre>
            </details>
        </ExhibitFrame>
    }
}

fn row(row: Row) -> impl IntoView {
    let wrong = row.wrong();
    let (largest, place, allowed) = match row.worst() {
        None => ("–".to_owned(), "–".to_owned(), "–".to_owned()),
        Some(v) => (
            number::value(v.comparison.largest.into()),
            format!("{}, {}", v.case, v.tensor),
            format!(
                "{} + {} relative ({})",
                number::value(v.tolerance.absolute.into()),
                number::value(v.tolerance.relative.into()),
                v.tolerance.name
            ),
        ),
    };
    let verdict = if wrong == 0 { "✓ agrees".to_owned() } else { format!("✗ {wrong} wrong") };
    view! {
        <tr class:wrong=move || wrong != 0>
            <th scope="row" title=row.summary>{row.op}</th>
            <td>{row.cases}</td>
            <td>{row.verdicts.len()}</td>
            <td>{largest}</td>
            <td>{place}</td>
            <td>{allowed}</td>
            <td>{verdict}</td>
        </tr>
    }
}
