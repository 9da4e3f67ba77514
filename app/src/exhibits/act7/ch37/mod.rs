//! Chapter 37: any picture, cut into squares and looked at by a Vision Transformer.

mod parts;
mod picture;
mod run;
mod squares;
mod state;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};

use crate::compute::{Compute, use_compute};
use crate::exhibits::{Exhibit, work};
use crate::url;
use crate::viz::{ExhibitFrame, FrameSize, Heatmap, Matrix, Readout, Readouts, Scale, Slider, Toggle, number};

use run::Runner;
use squares::{Look, Squares};
use state::{LINE, State};

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit =
    Exhibit { chapter: 37, title: "A picture, cut into squares", view: || InSquares().into_any() };

#[component]
fn InSquares() -> impl IntoView {
    let compute = use_compute();
    let state = State::from_address();
    let runner = Runner::new(compute);
    state.keep_in_address();
    let picture = Memo::new(move |_| state.picture());
    let grid = Memo::new(move |_| state.grid());
    runner.follow(Memo::new(move |_| (picture.get(), state.patch())));
    let inspecting = RwSignal::new(false);
    let shared = RwSignal::new(None::<bool>);

    // What is shown belongs to the frame: its squares may be of another size while the next one is computed.
    let fits = move || runner.shown().filter(|frame| frame.config.patch == state.patch());
    let layer = move || state.layer.get() as usize - 1;
    let over_squares = move |row: Option<Vec<f32>>| row.map(|row| row[1..].to_vec());
    let attention = Memo::new(move |_| over_squares(fits()?.attention(layer(), state.one_head(), state.token())));
    let rollout = Memo::new(move |_| over_squares(fits()?.rolled(layer(), state.token())));
    let likeness = Memo::new(move |_| fits().and_then(|_| runner.likeness(state.square())));

    let who = move || {
        if state.class.get() {
            return "[CLS]".to_owned();
        }
        let (square, grid) = (state.square(), grid.get());
        format!("the square in row {}, column {}", square / grid + 1, square % grid + 1)
    };
    let heads = move || match state.one_head() {
        None => "all heads of".to_owned(),
        Some(head) => format!("head {} of", head + 1),
    };
    let chosen = Callback::new(move |()| state.class.set(false));
    let asks = Signal::derive(move || !state.class.get());

    // The vector of the square, in lines of sixteen.
    let vector = Memo::new(move |_| {
        let Some(frame) = fits() else { return Matrix::empty() };
        let row = frame.vectors.row(state.square().min(frame.vectors.rows - 1)).to_vec();
        Matrix::new(row.len() / LINE, LINE, row).unwrap_or_else(Matrix::empty)
    });
    let opened = Memo::new(move |_| {
        fits()?;
        let at = state.component.get()?;
        runner.open(state.square(), at.row * LINE + at.col)
    });
    let line_names =
        Signal::derive(move || (0..vector.with(Matrix::rows)).map(|r| (r * LINE).to_string()).collect::<Vec<_>>());
    let column_names = Signal::derive(|| (0..LINE).map(|c| format!("+{c}")).collect::<Vec<_>>());

    let share = move |_| {
        let copied = window().navigator().clipboard().write_text(&url::address());
        spawn_local(async move {
            let done = wasm_bindgen_futures::JsFuture::from(copied).await.is_ok();
            let _ = shared.try_set(Some(done));
        });
    };
    let actions = move || {
        view! {
            <button class="btn" on:click=share>{move || match shared.get() {
                Some(true) => "Link copied",
                Some(false) => "Copy the address",
                None => "Share",
            }}</button>
            <button
                class="btn"
                aria-expanded=move || inspecting.get().to_string()
                aria-controls="ch37-kernels"
                on:click=move |_| {
                    inspecting.update(|open| *open = !*open);
                    if inspecting.get_untracked() {
                        runner.measure_work();
                    }
                }
            >"Inspect"</button>
        }
    };
    let side = move || {
        let pixels = |x: f64| format!("{} pixels", 1u32 << x as u32);
        let plain = |x: f64| format!("{x}");
        let head = |x: f64| if x == 0.0 { "all, on average".to_owned() } else { format!("{x}") };
        view! {
            <Slider id="ch37-patch" label="Side of a square" value=state.patch min=1.0 max=4.0 format=pixels />
            <p class="note" id="ch37-trained" role="status">{move || match fits() {
                None => "Computing.",
                Some(frame) if frame.trained => "This network was trained, on scenes of Tinyland cut like this.",
                Some(_) => "Trained with squares of 4 pixels only: cut like this, the network is untrained, and what it attends to and answers means nothing.",
            }}</p>
            <Slider id="ch37-layer" label="Layer" value=state.layer min=1.0 max=4.0 format=plain />
            <Slider id="ch37-head" label="Head" value=state.head min=0.0 max=4.0 format=head />
            <Toggle label="[CLS] asks, not the square" value=state.class />
            <div class="answers" aria-live="polite" id="ch37-answers">
                {move || fits().map(|frame| parts::answers(&frame.answers))}
            </div>
            <p class="note">"Read off [CLS]. The network knows no other answers, so it gives these of any picture whatever."</p>
        }
    };
    let of_frame = move |pick: fn(&acts::act7::ch37_vision_transformer::Frame) -> String| {
        Signal::derive(move || fits().map(|frame| pick(&frame)))
    };
    let to_class = Signal::derive(move || {
        let row = fits()?.attention(layer(), state.one_head(), state.token())?;
        Some(format!("{} %", number::value(100.0 * f64::from(*row.first()?))))
    });
    let grid_of = move || fits().and_then(|_| runner.grid());
    let with_distance = Signal::derive(move || grid_of().map(|(correlation, _)| number::value(correlation)));
    let in_lines = Signal::derive(move || {
        grid_of()
            .map(|(_, (same, elsewhere))| format!("{}, elsewhere {}", number::value(same), number::value(elsewhere)))
    });
    let strip = move || {
        view! {
            <Readouts items=vec![
                Readout::new("largest difference from the convolution", of_frame(|f| number::value(f.from_convolution))),
                Readout::new("attention that goes to [CLS]", to_class),
                Readout::new("likeness of places in one row or column", in_lines),
                Readout::new("correlation of likeness and distance", with_distance),
                Readout::new("time to compute all of this", of_frame(|f| number::duration_ms(f.time_ms))),
            ] />
        }
    };

    view! {
        <ExhibitFrame title=EXHIBIT.title runs_on=runner.runs_on size=FrameSize::Tall busy=runner.busy actions=actions side=side strip=strip>
            <Sources state />
            {move || runner.problem.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <Show
                when=move || runner.frame.with(Option::is_some)
                fallback=move || view! { <p class="quiet" role="status">{move || waiting(compute)}</p> }
            >
                <div class="squares-row">
                    <Squares
                        id="ch37-picture"
                        label=Signal::derive(move || format!("The picture in {} squares", grid.get() * grid.get()))
                        picture
                        grid
                        values=Signal::derive(|| None)
                        look=Look::Plain
                        quantity="colour"
                        pixel=state.pixel
                        marked=asks
                        chosen
                    />
                    <Squares
                        id="ch37-attention"
                        label=Signal::derive(move || format!("Where {} looks, {} layer {}", who(), heads(), state.layer.get()))
                        picture
                        grid
                        values=attention
                        look=Look::Light
                        quantity="weight"
                        pixel=state.pixel
                        marked=asks
                        chosen
                    />
                    <Squares
                        id="ch37-rollout"
                        label=Signal::derive(move || format!("Rollout to layer {}: where what it holds came from", state.layer.get()))
                        picture
                        grid
                        values=rollout
                        look=Look::Light
                        quantity="share"
                        pixel=state.pixel
                        marked=asks
                        chosen
                    />
                    <Squares
                        id="ch37-positions"
                        label=Signal::derive(|| "How like its place's vector are the others? Blue \u{2212}1, orange 1".to_owned())
                        picture
                        grid
                        values=likeness
                        look=Look::Signed
                        quantity="cosine"
                        pixel=state.pixel
                        marked=Signal::derive(|| true)
                        chosen
                    />
                </div>
                <p class="note">"Click a square, or move with the arrow keys. In the second and third picture the clearest square gets the most, and what gets nothing fades away. Rollout supposes that half of each layer passes straight on; it says where attention pointed, not what mattered."</p>
                <h4 class="stage-heading">{move || format!("From {} numbers to {}", fits().map_or(0, |f| f.squares.cols), fits().map_or(0, |f| f.vectors.cols))}</h4>
                <p class="note">"The square's pixels, scaled to between \u{2212}1 and 1 and laid out flat, times the matrix E: its vector, before its position is added. Open a number to see the product behind it."</p>
                <div class="vector">
                    <Heatmap
                        id="ch37-vector"
                        label=Signal::derive(move || {
                            let (square, grid) = (state.square(), grid.get());
                            format!("Vector of the square in row {}, column {}", square / grid + 1, square % grid + 1)
                        })
                        matrix=vector
                        row_labels=line_names
                        col_labels=column_names
                        scale=Signal::derive(move || vector.with(Scale::diverging_over))
                        quantity=Signal::derive(|| "component".to_owned())
                        row_axis="from"
                        col_axis="and"
                        selected=state.component
                    />
                    <div class="cell" aria-live="polite" id="ch37-cell">
                        {move || match opened.get() {
                            None => view! { <p>"Choose a number of the vector."</p> }.into_any(),
                            Some(opened) => parts::opened(opened).into_any(),
                        }}
                    </div>
                </div>
            </Show>
            <p class="note why">{move || compute.why.get()}</p>
        </ExhibitFrame>
        <section id="ch37-kernels" class="drawer" hidden=move || !inspecting.get() aria-label="The kernels behind the picture">
            <h3>"What ran for this picture"</h3>
            <p class="note">{move || work::introduction("The whole pass and its rollout", &runner.work.get())}</p>
            <ol class="work">{move || runner.work.get().into_iter().map(work::step).collect_view()}</ol>
        </section>
        <parts::Costs state runner />
    }
}

fn waiting(compute: Compute) -> String {
    let transfer = compute.transfer.get();
    match (transfer.received, transfer.total) {
        (0, _) => "Opening the device and fetching the network, about three hundred thousand numbers.".to_owned(),
        (got, Some(total)) => format!("Fetching the network: {} of {}.", number::bytes(got), number::bytes(total)),
        (got, None) => format!("Fetching the network: {} so far.", number::bytes(got)),
    }
}

/// Where the picture comes from: a scene, a file, a drop, the clipboard, the camera.
#[component]
fn Sources(state: State) -> impl IntoView {
    let message = RwSignal::new(None::<String>);
    let reading = RwSignal::new(false);
    let over = RwSignal::new(false);
    let stream = StoredValue::new_local(None::<JsValue>);
    let camera_on = RwSignal::new(false);
    let video = NodeRef::<html::Video>::new();

    let take = move |source: JsValue| {
        reading.set(true);
        spawn_local(async move {
            match picture::read(&source).await {
                Ok(own) => {
                    let _ = message.try_set(None);
                    let _ = state.own.try_set(Some(own));
                }
                Err(text) => {
                    let _ = message.try_set(Some(text));
                }
            }
            let _ = reading.try_set(false);
        });
    };
    let close = move || {
        if let Some(stream) = stream.try_update_value(Option::take).flatten() {
            picture::close_camera(&stream);
        }
        let _ = camera_on.try_set(false);
    };
    on_cleanup(close);

    // Pasting anywhere on the page brings a picture here; text goes where it would go.
    Effect::new(move |_| {
        let listener = window_event_listener(ev::paste, move |ev| {
            let file = picture::of_event(&ev, "clipboardData").and_then(|data| picture::first_file(&data));
            if let Some(file) = file {
                ev.prevent_default();
                take(file);
            }
        });
        on_cleanup(move || listener.remove());
    });

    let camera = move |_| {
        if camera_on.get_untracked() {
            close();
            return;
        }
        camera_on.set(true);
        message.set(None);
        spawn_local(async move {
            // The element is there once the page has drawn what it was just told.
            gloo_timers::future::TimeoutFuture::new(0).await;
            let Some(element) = video.try_get_untracked().flatten() else { return };
            match picture::open_camera(&element).await {
                Ok(opened) if camera_on.try_get_untracked() == Some(true) => {
                    let _ = stream.try_update_value(|slot| *slot = Some(opened));
                }
                // Left or closed while the browser was asking.
                Ok(opened) => picture::close_camera(&opened),
                Err(text) => {
                    let _ = message.try_set(Some(text));
                    let _ = camera_on.try_set(false);
                }
            }
        });
    };
    let snap = move |_| {
        if let Some(video) = video.get_untracked() {
            let element: JsValue = video.into();
            spawn_local(async move {
                match picture::read(&element).await {
                    Ok(own) => {
                        let _ = state.own.try_set(Some(own));
                    }
                    Err(_) => {
                        let _ = message.try_set(Some("The camera has no picture yet. Try again.".into()));
                    }
                }
                close();
            });
        }
    };
    let scene = move |_| {
        message.set(None);
        if state.own.get_untracked().is_some() {
            state.own.set(None);
        } else {
            state.seed.update(|seed| *seed = *seed % 9999 + 1);
        }
    };
    let about = move || match state.own.get() {
        Some(own) => own.about,
        None => parts::about_scene(&state.scene()),
    };
    view! {
        <div
            class="sources"
            class:over=move || over.get()
            on:dragover=move |ev| {
                ev.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |ev| {
                ev.prevent_default();
                over.set(false);
                match picture::of_event(&ev, "dataTransfer").and_then(|data| picture::first_file(&data)) {
                    Some(file) => take(file),
                    None => message.set(Some("What was dropped is no file. Drop a picture from a folder.".into())),
                }
            }
        >
            <div class="actions">
                <button class="btn" id="ch37-scene" on:click=scene>{move || if state.own.get().is_some() { "Back to the scene" } else { "Another scene" }}</button>
                <label class="btn file">
                    "Your picture"
                    <input
                        id="ch37-file"
                        type="file"
                        accept="image/*"
                        on:change=move |ev| {
                            let field = ev.target();
                            if let Some(file) = field.as_ref().and_then(|f| picture::first_file(f)) {
                                take(file);
                            }
                            // The same file may be chosen again.
                            if let Some(field) = field.and_then(|f| f.dyn_into::<web_sys::HtmlInputElement>().ok()) {
                                field.set_value("");
                            }
                        }
                    />
                </label>
                <button class="btn" id="ch37-camera" aria-pressed=move || camera_on.get().to_string() on:click=camera>{move || if camera_on.get() { "Close the camera" } else { "Camera" }}</button>
                <Toggle label="Scenes that training never shows" value=state.held_out />
            </div>
            <p class="note">"Or drop a picture here, or paste one. It is looked at in this page and sent nowhere."</p>
            {move || camera_on.get().then(|| view! {
                <div class="camera">
                    <video node_ref=video autoplay playsinline prop:muted=true aria-label="What the camera sees"></video>
                    <button class="btn primary" on:click=snap>"Take this picture"</button>
                </div>
            })}
            {move || message.get().map(|text| view! { <p class="problem" role="alert">{text}</p> })}
            <p class="caption-of" id="ch37-about" role="status">{move || if reading.get() { "Reading your picture.".to_owned() } else { about() }}</p>
        </div>
    }
}
