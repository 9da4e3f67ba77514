//! The third part of the exhibit: pictures from words.

use std::sync::Arc;

use acts::tiny::diffusion::{CAPTION, Checkpoint, Frame, Painter, Report, Settings, brightness, judge, tokens};
use acts::tinyland::pictures::{SIDE, caption_vocabulary};
use engine::Error;
use js_sys::Reflect;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_time::Instant;

use super::chart::table;
use super::run::{pause, sentence};
use super::state::{MOST_GUIDANCE, MOST_STEPS, SAMPLERS, State, typed_seed};
use crate::compute::{Compute, use_compute};
use crate::viz::colormap::viridis;
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts, RunsOn, Segmented, Slider, number};

/// Pictures that are drawn at once, each from its own noise.
const PICTURES: usize = 4;
/// Numbers of a picture.
const NUMBERS: usize = 3 * SIDE * SIDE;

/// What is to be drawn.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    prompt: String,
    settings: Settings,
}

/// A drawing with every step on the way.
#[derive(Clone, Debug, PartialEq)]
struct Drawn {
    wanted: Wanted,
    frames: Vec<Frame>,
    words: Vec<String>,
    questions: usize,
    time_ms: f64,
    flops: u64,
}

#[derive(Clone, Copy)]
struct Runner {
    compute: Compute,
    ready: StoredValue<Option<(u32, Painter)>, LocalStorage>,
    busy: RwSignal<bool>,
    runs_on: RwSignal<RunsOn>,
    /// Whether the reader has asked for pictures at all: the model is fetched no earlier.
    asked: RwSignal<bool>,
    tried: RwSignal<Option<Wanted>>,
    drawn: RwSignal<Option<Arc<Drawn>>>,
    progress: RwSignal<f64>,
    problem: RwSignal<Option<String>>,
    /// What the painter's file says of it.
    report: RwSignal<Option<Report>>,
}

impl Runner {
    fn follow(self, wanted: Memo<Result<Wanted, String>>) {
        Effect::new(move |_| {
            wanted.track();
            self.compute.generation.track();
            if self.asked.get() && !self.busy.get_untracked() {
                self.busy.set(true);
                spawn_local(async move {
                    while let Err(error) = self.work(wanted).await {
                        if !self.compute.recover(&error) {
                            let _ = self.problem.try_set(Some(sentence(&error.to_string())));
                            let _ = self.tried.try_set(wanted.try_get_untracked().and_then(Result::ok));
                            break;
                        }
                    }
                    let _ = self.busy.try_set(false);
                });
            }
        });
    }

    async fn work(self, wanted: Memo<Result<Wanted, String>>) -> Result<(), Error> {
        while let Some(Ok(now)) = wanted.try_get_untracked()
            && self.tried.with_untracked(|t| t.as_ref() != Some(&now))
        {
            let generation = self.compute.generation.get_untracked();
            let kept = self.ready.try_update_value(Option::take).flatten().filter(|r| r.0 == generation);
            let device = self.compute.device().await?;
            let mut painter = match kept {
                Some((_, painter)) => painter,
                None => {
                    let checkpoint: Arc<Checkpoint> = self.compute.tiny_diffusion().await?;
                    let _ = self.runs_on.try_set(if device.as_gpu().is_some() { RunsOn::Gpu } else { RunsOn::Cpu });
                    let told = checkpoint.file.about("report");
                    let _ = self.report.try_set(told.and_then(|text| serde_json::from_str(&text).ok()));
                    pause().await;
                    Painter::new(&device, &checkpoint, PICTURES).await?
                }
            };
            let drawn = self.draw(&mut painter, &now, wanted).await;
            if !matches!(drawn, Err(Error::DeviceLost(_))) {
                let _ = self.ready.try_update_value(|slot| *slot = Some((generation, painter)));
            }
            if let Some(drawn) = drawn? {
                self.compute.report(&device, drawn.time_ms);
                let _ = self.drawn.try_set(Some(Arc::new(drawn)));
                let _ = self.tried.try_set(Some(now));
                let _ = self.problem.try_set(None);
            }
        }
        Ok(())
    }

    /// All steps; `None` where the reader has changed their mind.
    async fn draw(
        self,
        painter: &mut Painter,
        now: &Wanted,
        wanted: Memo<Result<Wanted, String>>,
    ) -> Result<Option<Drawn>, Error> {
        let caption = (!now.prompt.trim().is_empty()).then_some(now.prompt.as_str());
        let mut walk = painter.begin(&[caption; PICTURES], now.settings)?;
        let flops = painter.program().plan().steps.iter().map(|s| s.flops()).sum();
        let questions = walk.moves().len();
        let start = Instant::now();
        let mut frames = Vec::new();
        while let Some(frame) = painter.advance(&mut walk, pause).await? {
            frames.push(frame);
            let _ = self.progress.try_set(frames.len() as f64 / questions as f64);
            pause().await;
            if wanted.try_get_untracked().and_then(Result::ok).as_ref() != Some(now) {
                return Ok(None);
            }
        }
        let time_ms = start.elapsed().as_secs_f64() * 1e3;
        let words = now.prompt.split_whitespace().map(str::to_lowercase).chain(["the end".to_owned()]).collect();
        Ok(Some(Drawn { wanted: now.clone(), frames, words, questions, time_ms, flops }))
    }
}

/// Pictures from words.
#[component]
pub fn Pictures(state: State) -> impl IntoView {
    let compute = use_compute();
    let runner = Runner {
        compute,
        ready: StoredValue::new_local(None),
        busy: RwSignal::new(false),
        runs_on: RwSignal::new(RunsOn::Nothing),
        asked: RwSignal::new(false),
        tried: RwSignal::new(None),
        drawn: RwSignal::new(None),
        progress: RwSignal::new(0.0),
        problem: RwSignal::new(None),
        report: RwSignal::new(None),
    };
    let wanted = Memo::new(move |_| {
        let prompt = state.prompt.get();
        tokens(Some(&prompt)).map_err(|e| sentence(&e.to_string()))?;
        Ok(Wanted { prompt, settings: state.painting() })
    });
    runner.follow(wanted);
    let scrub = RwSignal::new(MOST_STEPS * 2.0);
    let frames = move || runner.drawn.with(|d| d.as_ref().map_or(0, |d| d.frames.len()));
    let at = move || (scrub.get() as usize).min(frames().saturating_sub(1));
    let frame = Memo::new(move |_| {
        let at = at();
        runner.drawn.with(|d| d.as_ref().and_then(|d| d.frames.get(at).cloned()))
    });

    let actions = move || {
        view! {
            <button class="btn primary" id="ch41-draw" disabled=move || runner.asked.get() && runner.busy.get() on:click=move |_| {
                if runner.asked.get_untracked() {
                    state.picture_seed.update(|s| *s = (*s + 1) % 10_000);
                } else {
                    runner.asked.set(true);
                }
            }>{move || if runner.asked.get() { "Other noise" } else { "Draw" }}</button>
        }
    };
    let side = move || {
        let samplers = SAMPLERS.iter().enumerate().map(|(i, s)| (i, s.2)).collect::<Vec<_>>();
        let words = caption_vocabulary()[2..].join(", ");
        view! {
            <Segmented id="ch41-picture-sampler" label="Sampler" options=samplers value=state.picture_sampler />
            <Slider id="ch41-picture-steps" label="Steps" value=state.picture_steps min=1.0 max=MOST_STEPS />
            <Slider id="ch41-picture-guidance" label="Guidance w" value=state.picture_guidance min=0.0 max=MOST_GUIDANCE step=0.5 />
            <div class="field">
                <span class="field-head"><label for="ch41-picture-seed">"Seed"</label></span>
                <input id="ch41-picture-seed" class="choice" type="number" min="0" max="9999" prop:value=move || state.picture_seed.get().to_string() on:change=move |ev| {
                    if let Some(seed) = typed_seed(&event_target_value(&ev)) {
                        state.picture_seed.set(seed);
                    }
                } />
            </div>
            <p class="note">{format!("Words that it knows: {words}. It has seen one shape, as \u{201c}a small blue cross\u{201d}, and two, as \u{201c}a large red circle left of a small black square\u{201d}. Nothing typed asks for any scene.")}</p>
        }
    };
    let strip = move || {
        let of = move |pick: fn(&Drawn) -> Option<String>| {
            Signal::derive(move || runner.drawn.with(|d| d.as_ref().and_then(|d| pick(d))))
        };
        view! {
            <Readouts items=vec![
                Readout::new("colour as asked, form as asked", of(right)),
                Readout::new("questions to the network", of(|d| Some(format!("{}, each with and without the words", d.questions)))),
                Readout::new("numbers of a picture", of(|_| Some(number::count(NUMBERS as u64)))),
                Readout::new("operations a question, four pictures", of(|d| Some(number::count(d.flops)))),
                Readout::new("time of all", of(|d| Some(number::duration_ms(d.time_ms)))),
            ] />
        }
    };
    let told = move || {
        if !runner.asked.get() {
            return "Not drawn yet. The model is fetched when you press Draw.".to_owned();
        }
        if runner.busy.get() {
            let transfer = compute.transfer.get();
            return if frames() == 0 && runner.progress.get() == 0.0 {
                format!("Fetching the painter: {} so far.", number::bytes(transfer.received))
            } else {
                format!("Drawing: {:.0} %.", 100.0 * runner.progress.get())
            };
        }
        frame.with(|f| {
            f.as_ref().map_or_else(String::new, |f| {
                format!(
                    "Question {} of {}, asked at time {}, now at time {}.",
                    at() + 1,
                    frames(),
                    number::value(f.asked.time),
                    number::value(f.level.time)
                )
            })
        })
    };
    let row = move |name: &'static str, class: &'static str, pick: fn(&Frame) -> &[f32]| {
        let one = move |i: usize| {
            let pixels = Memo::new(move |_| {
                frame.with(|f| f.as_ref().map(|f| pick(f)[i * NUMBERS..(i + 1) * NUMBERS].to_vec())).unwrap_or_default()
            });
            view! { <Picture label=format!("{name}, picture {}", i + 1) pixels /> }
        };
        view! {
            <figure class=format!("pictures {class}")>
                <figcaption class="note">{name}</figcaption>
                <div>{(0..PICTURES).map(one).collect_view()}</div>
            </figure>
        }
    };
    view! {
        <ExhibitFrame title="Pictures from words" runs_on=runner.runs_on size=FrameSize::Tall busy=runner.busy actions=actions side=side strip=strip>
            <div class="field">
                <span class="field-head"><label for="ch41-prompt">"Prompt"</label></span>
                <input id="ch41-prompt" class="text" type="text" autocomplete="off" spellcheck="false" maxlength="200" prop:value=move || state.prompt.get() on:input=move |ev| state.prompt.set(event_target_value(&ev)) />
            </div>
            {move || wanted.get().err().map(|text| view! { <p class="problem" role="alert" id="ch41-unknown">{text}</p> })}
            {move || runner.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <label class="progress"><span id="ch41-drawn" role="status">{told}</span><progress max="1" value=move || runner.progress.get().to_string()></progress></label>
            <div class="field">
                <span class="field-head"><label for="ch41-picture-time">"From noise to pictures"</label></span>
                <input id="ch41-picture-time" type="range" min="0" max=move || frames().saturating_sub(1).to_string() prop:value=move || at().to_string() disabled=move || frames() == 0 on:input=move |ev| {
                    if let Ok(x) = event_target_value(&ev).parse::<f64>() {
                        scrub.set(x.max(0.0));
                    }
                } />
            </div>
            {row("Now", "now", |f| &f.noisy)}
            {row("What the network expects, noise taken away", "expected-pictures", |f| &f.clean)}
            <p class="note" id="ch41-card">{move || runner.report.get().as_ref().and_then(card)}</p>
            <Words runner frame />
            <details class="terms">
                <summary>"The numbers"</summary>
                {move || runner.drawn.get().map(|d| verdicts(&d))}
                {move || frame.get().map(|f| pixels_table(&f))}
            </details>
        </ExhibitFrame>
    }
}

/// How many pictures have the colour of a prompt of one shape, and how many its form, by rules that know both.
fn right(d: &Drawn) -> Option<String> {
    let last = d.frames.last()?;
    let asked: Vec<&str> = d.wanted.prompt.split_whitespace().collect();
    let [_, _, colour, form] = asked[..] else { return Some("only judged for one shape".to_owned()) };
    let (mut colours, mut forms) = (0, 0);
    for picture in last.noisy.chunks(NUMBERS) {
        let picture: Vec<f32> = picture.iter().map(|&x| brightness(x)).collect();
        if let Some(seen) = judge(&picture, SIDE) {
            colours += usize::from(seen.colour.word().eq_ignore_ascii_case(colour));
            forms += usize::from(seen.form.word().eq_ignore_ascii_case(form));
        }
    }
    Some(format!("{colours} and {forms} of {PICTURES}"))
}

/// The painter's report card, as its file tells it.
fn card(report: &Report) -> Option<String> {
    let percent = |x: f32| format!("{:.0}\u{a0}%", 100.0 * x);
    let (guidance, score) = report.known.last()?;
    Some(format!(
        "The painter's own report: of {} pictures of one shape, with guidance {guidance}, {} had the colour that was asked for, {} the size and {} the form. One colour of six would be right by chance, one size of two, one form of five.",
        score.pictures,
        percent(score.colour),
        percent(score.size),
        percent(score.form)
    ))
}

fn verdicts(d: &Drawn) -> AnyView {
    let Some(last) = d.frames.last() else { return ().into_any() };
    let one = |(i, p): (usize, &[f32])| {
        let p: Vec<f32> = p.iter().map(|&x| brightness(x)).collect();
        let text = match judge(&p, SIDE) {
            Some(v) => format!(
                "Picture {}: {} {}, radius {} of the side, covers what the form would to {:.0} %.",
                i + 1,
                v.colour.word(),
                v.form.word(),
                number::value(v.radius.into()),
                100.0 * v.fit
            ),
            None => format!("Picture {}: no shape is seen.", i + 1),
        };
        view! { <li>{text}</li> }
    };
    view! {
        <p class="note">"What rules see that know the palette and the forms. They expect one shape."</p>
        <ul id="ch41-verdicts">{last.noisy.chunks(NUMBERS).enumerate().map(one).collect_view()}</ul>
    }
    .into_any()
}

/// The first picture, a pixel in every fourth of both directions.
fn pixels_table(frame: &Frame) -> AnyView {
    let plane = SIDE * SIDE;
    let mut rows = Vec::new();
    for y in (2..SIDE).step_by(4) {
        for x in (2..SIDE).step_by(4) {
            let i = y * SIDE + x;
            rows.push((format!("{x}, {y}"), [0, 1, 2].map(|c| f64::from(frame.noisy[c * plane + i])).to_vec()));
        }
    }
    view! {
        <p class="note">"The first picture as it is now, every fourth pixel both ways, from \u{2212}1 (dark) to 1."</p>
        {table("ch41-pixels", "Pixels of the first picture", &["x, y", "red", "green", "blue"], rows)}
    }
    .into_any()
}

/// Puts a picture on a canvas in one go: a thousand rectangles would keep the page waiting.
fn paint(canvas: &web_sys::HtmlCanvasElement, pixels: &[f32]) -> Result<(), JsValue> {
    let Some(context) = canvas.get_context("2d")? else { return Ok(()) };
    let mut bytes = vec![0u8; 4 * SIDE * SIDE];
    if pixels.len() == NUMBERS {
        for (i, pixel) in bytes.chunks_exact_mut(4).enumerate() {
            for c in 0..3 {
                pixel[c] = (brightness(pixels[c * SIDE * SIDE + i]) * 255.0).round() as u8;
            }
            pixel[3] = 255;
        }
    }
    let side = JsValue::from(SIDE as u32);
    let array = js_sys::Uint8ClampedArray::from(&bytes[..]);
    let constructor: js_sys::Function = Reflect::get(&js_sys::global(), &"ImageData".into())?.dyn_into()?;
    let image = Reflect::construct(&constructor, &js_sys::Array::of3(&array, &side, &side))?;
    let put: js_sys::Function = Reflect::get(&context, &"putImageData".into())?.dyn_into()?;
    put.call3(&context, &image, &0.into(), &0.into())?;
    Ok(())
}

/// One picture, pixel by pixel.
#[component]
fn Picture(label: String, pixels: Memo<Vec<f32>>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        // A browser without this shows empty canvases; the table has the numbers.
        let _ = pixels.with(|pixels| paint(&canvas, pixels));
    });
    view! { <canvas class="picture" width=SIDE height=SIDE node_ref=canvas role="img" aria-label=label></canvas> }
}

/// Where in the first picture each word is looked at.
#[component]
fn Words(runner: Runner, frame: Memo<Option<Frame>>) -> impl IntoView {
    const CELL: f64 = 9.0;
    let maps = move || {
        let words = runner.drawn.with(|d| d.as_ref().map(|d| d.words.clone()))?;
        let frame = frame.get()?;
        let patches = frame.words.len() / CAPTION;
        let across = (patches as f64).sqrt() as usize;
        let most = frame.words.iter().copied().fold(0.0, f32::max).max(1e-6);
        let one = |(i, word): (usize, String)| {
            let cells = (0..patches)
                .map(|p| {
                    let weight = frame.words[p * CAPTION + i];
                    let (x, y) = ((p % across) as f64 * CELL, (p / across) as f64 * CELL);
                    view! { <rect x=x y=y width=CELL height=CELL fill=viridis(weight / most).css() /> }
                })
                .collect_view();
            let mean = (0..patches).map(|p| frame.words[p * CAPTION + i]).sum::<f32>() / patches as f32;
            let side = CELL * across as f64;
            view! {
                <li>
                    <svg viewBox=format!("0 0 {side} {side}") width=side height=side role="img" aria-label=format!("{word}: mean weight {}", number::value(mean.into()))>{cells}</svg>
                    <span>{word}</span>
                </li>
            }
        };
        let list = words.iter().take(CAPTION).cloned().enumerate().map(one).collect_view();
        let rows = words
            .iter()
            .take(CAPTION)
            .enumerate()
            .map(|(i, word)| {
                let column = (0..patches).map(|p| f64::from(frame.words[p * CAPTION + i]));
                let (sum, high) = column.fold((0.0, 0.0f64), |(s, h), w| (s + w, h.max(w)));
                (word.clone(), vec![sum / patches as f64, high])
            })
            .collect();
        Some(view! {
            <p class="note">{format!("Cross-attention: how much each of {patches} patches of the first picture takes of each word, mean over blocks and heads. Dark is 0, light is {}. The rest goes to the empty places of the caption.", number::value(most.into()))}</p>
            <ul class="word-maps" id="ch41-words">{list}</ul>
            <details class="terms">
                <summary>"Weights by word"</summary>
                {table("ch41-word-table", "Weight of each word", &["word", "mean", "largest"], rows)}
            </details>
        })
    };
    view! { <div class="attended">{maps}</div> }
}
