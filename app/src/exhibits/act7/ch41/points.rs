//! The first two parts of the exhibit: points in the plane, and how many steps they take.

use acts::act7::ch41_diffusion::{Settings, noised, sweep};
use engine::sampling::{LEVELS, Level, Path, Sampler, Schedule};
use leptos::prelude::*;

use super::chart::{Chart, Series, draw, table};
use super::plane::{Pad, Plane, Scene};
use super::run::{CURVE_EVERY, Going, POINTS, Runner, Walked};
use super::state::{
    CLASSES, DATA, Data, MOST_GUIDANCE, MOST_STEPS, MOST_TRAINING, PATHS, SAMPLERS, State, TARGETS, typed_seed,
};
use crate::compute::use_compute;
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, Segmented, Slider, Toggle, number};

/// Rows of the table of points.
const ROWS: usize = 40;
/// How long a frame of a walk that is played stands, in milliseconds.
const FRAME_MS: u32 = 70;

/// The walk in the plane.
#[component]
pub fn Points(state: State, runner: Runner, settings: Memo<Result<Settings, String>>) -> impl IntoView {
    let compute = use_compute();
    let back = RwSignal::new(false);
    let scrub = RwSignal::new(0.0f64);
    let field = RwSignal::new(true);
    let playing = RwSignal::new(false);
    let schedule = Memo::new(move |_| levels_of_view(state.path.get()));
    let data = Memo::new(move |_| settings.get().ok().map(|s| s.source.draw(POINTS, s.seed ^ 0xDA7A)));
    let going = move || runner.training.get() == Going::On;

    // The last position of the scrubber in either direction.
    let last =
        move || if back.get() { runner.walk.with(|w| w.as_ref().map_or(0, |w| w.frames.len() - 1)) } else { VIEW - 1 };
    let at = move || (scrub.get() as usize).min(last());
    let level = move || -> Option<Level> {
        if back.get() {
            runner.walk.with(|w| w.as_ref().map(|w| w.levels[at().min(w.levels.len() - 1)]))
        } else {
            schedule.with(|s| s.get(at()).copied())
        }
    };
    // The first walk, and every walk after a change, is shown at its end.
    Effect::new(move |before: Option<bool>| {
        let there = runner.walk.with(Option::is_some);
        if there && before != Some(true) {
            back.set(true);
            scrub.set(MOST_STEPS * 2.0);
        }
        there
    });
    Effect::new(move |_| {
        let asked = if field.get() && back.get() { level() } else { None };
        // Where no noise is left, the field is that of the least.
        let asked = asked.map(|l| if l.noise > 0.0 { l } else { Schedule::new(state.path.get_untracked()).level(20) });
        runner.looked_at.set(asked);
    });

    let scene = Memo::new(move |_| {
        let Some(points) = data.get() else { return Scene::default() };
        if back.get() {
            let Some(walk) = runner.walk.get() else { return Scene::default() };
            let frame = walk.frames[at().min(walk.frames.len() - 1)].clone();
            let arrows = if field.get() { runner.arrows.get() } else { None };
            let square = walk.plan.class == Some(1);
            let points_now = if square { [vec![], frame] } else { [frame, vec![]] };
            let told =
                format!("{POINTS} points on their way back, step {} of {}, over the data", at(), walk.frames.len() - 1);
            return Scene { data: [points.of_class(0).xy, points.of_class(1).xy], points: points_now, arrows, told };
        }
        let Some(level) = level() else { return Scene::default() };
        let seed = state.seed.get();
        let ruined = |class: u32| noised(&points.of_class(class).xy, level, seed ^ class);
        let told = format!("{POINTS} points of the data, noise {}", number::value(level.noise));
        Scene { data: [vec![], vec![]], points: [ruined(0), ruined(1)], arrows: None, told }
    });

    let actions = move || {
        view! {
            <button class="btn" id="ch41-step" disabled=move || going() || runner.done() on:click=move |_| runner.training.set(Going::Step)>"Step"</button>
            <button class="btn primary" id="ch41-train" disabled=move || runner.done() on:click=move |_| {
                runner.training.update(|t| *t = if *t == Going::On { Going::Still } else { Going::On });
            }>{move || if going() { "Pause" } else { "Train" }}</button>
            <button class="btn" id="ch41-reset" on:click=move |_| { back.set(false); scrub.set(0.0); runner.reset(); }>"Reset"</button>
        }
    };
    let side = move || {
        let samplers = SAMPLERS.iter().enumerate().map(|(i, s)| (i, s.2)).collect::<Vec<_>>();
        view! {
            <Segmented id="ch41-data" label="Data" options=DATA.to_vec() value=state.data />
            {move || (state.data.get() == Data::Drawn).then(|| view! { <Pad strokes=state.strokes /> })}
            <Segmented id="ch41-path" label="Schedule of the noise" options=PATHS.to_vec() value=state.path />
            <Segmented id="ch41-target" label="The network is asked for" options=TARGETS.to_vec() value=state.target />
            <Slider id="ch41-training" label="Steps of training" value=state.training min=10.0 max=MOST_TRAINING step=10.0 />
            <Segmented id="ch41-sampler" label="Sampler" options=samplers value=state.sampler />
            <Slider id="ch41-steps" label="Steps of sampling" value=state.steps min=1.0 max=MOST_STEPS />
            <Segmented id="ch41-class" label="Class that is asked for" options=CLASSES.to_vec() value=state.class />
            <fieldset class="group" disabled=move || state.class.get().is_none()>
                <Slider id="ch41-guidance" label="Guidance w" value=state.guidance min=0.0 max=MOST_GUIDANCE step=0.5 />
            </fieldset>
            <div class="field">
                <span class="field-head"><label for="ch41-seed">"Seed"</label></span>
                <input id="ch41-seed" class="choice" type="number" min="0" max="9999" prop:value=move || state.seed.get().to_string() on:change=move |ev| {
                    if let Some(seed) = typed_seed(&event_target_value(&ev)) {
                        state.seed.set(seed);
                    }
                } />
            </div>
        }
    };
    let of_walk = move |pick: fn(&Walked) -> Option<String>| {
        Signal::derive(move || runner.walk.with(|w| w.as_ref().and_then(|w| pick(w))))
    };
    let strip = move || {
        let loss = Signal::derive(move || runner.losses.with(|l| l.last().map(|l| number::value(l.1))));
        view! {
            <Readouts items=vec![
                Readout::new("loss, mean of the last steps", loss),
                Readout::new("distance to the data", of_walk(|w| Some(format!("{}, of chance {}", number::value(w.distance), number::value(w.floor))))),
                Readout::new("of the class asked for", of_walk(|w| w.share.map(|s| format!("{:.1}\u{a0}%", 100.0 * s)))),
                Readout::new("variety", of_walk(|w| Some(format!("{}, of the data {}", number::value(w.variety.0), number::value(w.variety.1))))),
                Readout::new("time of the walk", of_walk(|w| Some(number::duration_ms(w.time_ms)))),
            ] />
        }
    };
    let told = move || {
        let all = settings.get().map_or(0, |s| s.steps);
        let done = runner.trained.get();
        if done == 0 {
            format!("Not trained yet: {all} steps of 512 points to go.")
        } else {
            format!("{done} of {all} steps of 512 points.")
        }
    };
    let directions = vec![(false, "to noise"), (true, "back")];
    let play = move |_| {
        if playing.get_untracked() {
            playing.set(false);
            return;
        }
        if at() >= last() {
            scrub.set(0.0);
        }
        playing.set(true);
        let still =
            window().match_media("(prefers-reduced-motion: reduce)").ok().flatten().is_some_and(|m| m.matches());
        leptos::task::spawn_local(async move {
            while playing.try_get_untracked() == Some(true) {
                gloo_timers::future::TimeoutFuture::new(FRAME_MS).await;
                if playing.try_get_untracked() != Some(true) {
                    return;
                }
                let end = untrack(last);
                let next = if still { end } else { untrack(at) + 1 };
                let _ = scrub.try_set(next as f64);
                if next >= end {
                    let _ = playing.try_set(false);
                }
            }
        });
    };
    let scrubbed = move || match level() {
        Some(l) => format!(
            "time {}, data × {}, noise × {}",
            number::value(l.time),
            number::value(l.signal),
            number::value(l.noise)
        ),
        None => String::new(),
    };
    view! {
        <ExhibitFrame title="Points in the plane" runs_on=runner.runs_on size=FrameSize::Tall busy=Signal::derive(going) actions=actions side=side strip=strip>
            {move || runner.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <label class="progress"><span id="ch41-told" role="status">{told}</span><progress max=move || settings.get().map_or(1, |s| s.steps).to_string() value=move || runner.trained.get().to_string()></progress></label>
            <div class="scrubbing">
                <Segmented id="ch41-direction" label="Direction" options=directions value=back />
                <div class="field">
                    <span class="field-head"><label for="ch41-time">{move || if back.get() { "From noise to data" } else { "From data to noise" }}</label><output for="ch41-time" id="ch41-level">{scrubbed}</output></span>
                    <input id="ch41-time" type="range" min="0" max=move || last().to_string() prop:value=move || at().to_string() aria-valuetext=scrubbed on:input=move |ev| {
                        playing.set(false);
                        if let Ok(x) = event_target_value(&ev).parse::<f64>() {
                            scrub.set(x.max(0.0));
                        }
                    } />
                </div>
                <button class="btn" id="ch41-play" disabled=move || back.get() && runner.walk.with(Option::is_none) on:click=play>{move || if playing.get() { "Stop" } else { "Play" }}</button>
            </div>
            <p class="quiet" hidden=move || !(back.get() && runner.walk.with(Option::is_none))>"Nothing to go back with yet. Train the network, or make one step."</p>
            <Plane scene />
            <p class="note">"Faint: the data, two classes, round and square. Strong: the points. Arrows, on the way back: from each place towards the clean point that the network expects behind it."</p>
            <Toggle label="Show the learned field" value=field />
            {move || draw(losses(&runner.losses.get(), settings.get().map_or(1.0, |s| s.steps as f64)))}
            <details class="terms">
                <summary>"The numbers"</summary>
                {move || numbers(runner)}
                {move || points_table(&scene.get())}
                {move || runner.arrows.get().map(|a| {
                    let rows = a.places.chunks(2).zip(a.homes.chunks(2)).enumerate().map(|(i, (p, h))| (i.to_string(), [p[0], p[1], h[0], h[1]].map(f64::from).to_vec())).collect();
                    table("ch41-field", "The learned field", &["place", "x", "y", "expected x", "expected y"], rows)
                })}
            </details>
            <p class="note why">{move || compute.why.get()}</p>
        </ExhibitFrame>
    }
}

/// Positions of the scrubber on the way to noise.
const VIEW: usize = 41;

/// The levels that the scrubber visits.
fn levels_of_view(path: Path) -> Vec<Level> {
    let schedule = Schedule::new(path);
    let one = |i: usize| if i == 0 { Level::CLEAN } else { schedule.level((i * LEVELS / (VIEW - 1)) - 1) };
    (0..VIEW).map(one).collect()
}

fn losses(list: &[(u64, f64)], steps: f64) -> Chart {
    Chart {
        label: "Loss against steps of training",
        x_name: "steps of training",
        x_ends: (0.0, steps.max(1.0)),
        x_ticks: [0.0, 0.25, 0.5, 0.75, 1.0].map(|s| (s * steps).round()).to_vec(),
        x_log: false,
        y_name: "loss, log axis",
        series: vec![Series {
            name: "loss",
            points: list.iter().filter(|l| l.0.is_multiple_of(CURVE_EVERY)).map(|l| (l.0 as f64, l.1)).collect(),
            marked: false,
        }],
        reference: None,
    }
}

/// What the readouts say, with all digits.
fn numbers(runner: Runner) -> AnyView {
    let mut rows = Vec::new();
    if let Some((step, loss)) = runner.losses.with(|l| l.last().copied()) {
        rows.push(("steps of training".to_owned(), vec![step as f64]));
        rows.push(("loss".to_owned(), vec![loss]));
    }
    if let Some(w) = runner.walk.get() {
        rows.push(("distance".to_owned(), vec![w.distance]));
        rows.push(("distance of two draws of the data".to_owned(), vec![w.floor]));
        rows.push(("variety".to_owned(), vec![w.variety.0]));
        rows.push(("variety of the data".to_owned(), vec![w.variety.1]));
        if let Some(share) = w.share {
            rows.push(("share of the class".to_owned(), vec![share]));
        }
    }
    let how = "Distance is the sliced Wasserstein distance of order 2 over 64 directions, to as many fresh points of the data. Variety is the mean distance to the nearest neighbour. A point is of the class that most of its 15 nearest neighbours in the data have.";
    view! { <p class="note">{how}</p>{table("ch41-numbers", "Each number", &["number", "value"], rows)} }.into_any()
}

fn points_table(scene: &Scene) -> AnyView {
    let all = scene.points[0].chunks(2).chain(scene.points[1].chunks(2));
    let rows = all.take(ROWS).enumerate().map(|(i, p)| (i.to_string(), vec![p[0].into(), p[1].into()])).collect();
    view! {
        <p class="note">{format!("{}: the first {ROWS}.", scene.told)}</p>
        {table("ch41-points", "Points of the picture", &["point", "x", "y"], rows)}
    }
    .into_any()
}

const NAMES: [&str; 4] = ["DDPM", "DDIM, Euler", "Heun", "DPM-Solver++ 2M"];

fn kind(sampler: Sampler) -> usize {
    match sampler {
        Sampler::Ddpm => 0,
        Sampler::Ddim { .. } | Sampler::Euler => 1,
        Sampler::Heun => 2,
        Sampler::DpmPlusPlus2M => 3,
    }
}

/// Distance against steps.
#[component]
pub fn Steps(runner: Runner) -> impl IntoView {
    let all = sweep().len();
    let found = move || runner.points.with(Vec::len);
    let going = move || runner.sweeping.get() == Going::On;
    let untrained = move || runner.trained.get() == 0;
    let actions = move || {
        view! {
            <button class="btn" id="ch41-sweep-step" disabled=move || untrained() || going() || found() == all on:click=move |_| runner.sweeping.set(Going::Step)>"Step"</button>
            <button class="btn primary" id="ch41-sweep" disabled=move || untrained() || !going() && found() == all on:click=move |_| {
                runner.sweeping.update(|s| *s = if *s == Going::On { Going::Still } else { Going::On });
            }>{move || if going() { "Stop" } else { "Run" }}</button>
            <button class="btn" disabled=move || found() == 0 on:click=move |_| {
                runner.sweeping.set(Going::Still);
                runner.points.set(Vec::new());
            }>"Start over"</button>
        }
    };
    let picture = move || {
        let points = runner.points.get();
        let of = |at: usize| {
            points
                .iter()
                .filter(|p| kind(p.sampler) == at)
                .map(|p| (p.questions as f64, p.distance))
                .collect::<Vec<_>>()
        };
        let floor = runner.walk.with(|w| w.as_ref().filter(|w| w.plan.class.is_none()).map(|w| w.floor));
        draw(Chart {
            label: "Distance to the data against questions to the network, by sampler",
            x_name: "questions to the network, log axis",
            x_ends: (1.0, 200.0),
            x_ticks: vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0],
            x_log: true,
            y_name: "distance, log axis",
            series: NAMES.iter().enumerate().map(|(i, &name)| Series { name, points: of(i), marked: true }).collect(),
            reference: floor.map(|f| (f, format!("two draws of the data: {}", number::value(f)))),
        })
    };
    let rows = move || {
        let one = |p: &acts::act7::ch41_diffusion::Point| {
            (format!("{}, {} steps", NAMES[kind(p.sampler)], p.steps), vec![p.questions as f64, p.distance])
        };
        runner.points.with(|list| list.iter().map(one).collect::<Vec<_>>())
    };
    view! {
        <ExhibitFrame title="How many steps" runs_on=runner.runs_on size=FrameSize::Standard busy=Signal::derive(going) actions=actions>
            <p class="note">"The network as it now is, by every sampler, from 1 step to 100. Heun asks the network twice a step, so cost is counted in questions."</p>
            <p class="quiet" hidden=move || !untrained()>"Train the network above first."</p>
            <label class="progress"><span>{move || format!("{} of {all} walks", found())}</span><progress max=all value=found></progress></label>
            {picture}
            <details class="terms">
                <summary>"The numbers"</summary>
                {move || table("ch41-sweep-table", "Distance by sampler and steps", &["walk", "questions", "distance"], rows())}
            </details>
        </ExhibitFrame>
    }
}
