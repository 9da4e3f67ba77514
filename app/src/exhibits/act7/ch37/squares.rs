//! A picture with a number for each of its squares, laid over it.

use std::sync::Arc;

use acts::tinyland::pictures::SIDE;
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;
use web_sys::CanvasRenderingContext2d;

use crate::shell::Theme;
use crate::viz::colormap::{Rgb, diverging};
use crate::viz::{Cell, number};

/// How the numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The picture alone.
    Plain,
    /// The larger the number, the clearer the picture there: from 0 to the largest.
    Light,
    /// Signed, from -1 to 1, in place of the picture.
    Signed,
}

/// Pixels of the canvas for a pixel of the picture.
const DOT: usize = 16;

/// How much of the picture is left where the number is 0.
const DIMMEST: f32 = 0.08;

/// One picture with its squares. It is one tab stop; arrows move the chosen square, and so does a click.
#[component]
pub fn Squares(
    /// Unique on the page; names the parts.
    id: &'static str,
    /// What it shows.
    #[prop(into)]
    label: Signal<String>,
    /// `[3, 32, 32]`, 0 to 1.
    picture: Memo<Arc<[f32]>>,
    /// Squares along a side.
    grid: Memo<usize>,
    /// A number for each square; none while there are none.
    #[prop(into)]
    values: Signal<Option<Vec<f32>>>,
    /// How they are shown.
    look: Look,
    /// What a number is: "weight".
    quantity: &'static str,
    /// The chosen pixel, shared with whoever asks about it.
    pixel: RwSignal<Cell>,
    /// Whether the square around it is marked as the one that asks.
    #[prop(into)]
    marked: Signal<bool>,
    /// Called when the reader chooses a square.
    chosen: Callback<()>,
) -> impl IntoView {
    let theme = use_context::<Theme>();
    let canvas = NodeRef::<html::Canvas>::new();
    let open = RwSignal::new(false);
    let dark = move || theme.is_some_and(|theme| theme.is_dark());
    let patch = move || SIDE / grid.get();
    let square = Memo::new(move |_| {
        let (patch, pixel) = (patch(), pixel.get());
        Cell { row: pixel.row / patch, col: pixel.col / patch }
    });

    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let (grid, dark) = (grid.get(), dark());
        values.with(|values| picture.with(|picture| draw(&canvas, picture, values.as_deref(), grid, look, dark)));
    });

    let go = move |to: Cell| {
        let patch = patch();
        // The middle of a square, so that it stays the same place when squares change their size.
        let middle = |at: usize| (at * patch + patch / 2).min(SIDE - 1);
        pixel.set(Cell { row: middle(to.row), col: middle(to.col) });
        chosen.run(());
    };
    let click = move |ev: ev::MouseEvent| {
        let Some(canvas) = canvas.get_untracked() else { return };
        let (width, height) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
        let grid = grid.get_untracked();
        let at = |x: i32, size: f64| ((f64::from(x) / size.max(1.0) * grid as f64).max(0.0) as usize).min(grid - 1);
        go(Cell { row: at(ev.offset_y(), height), col: at(ev.offset_x(), width) });
    };
    let keys = move |ev: ev::KeyboardEvent| {
        let (Cell { row, col }, last) = (square.get_untracked(), grid.get_untracked() - 1);
        let to = match ev.key().as_str() {
            "ArrowUp" => Cell { row: row.saturating_sub(1), col },
            "ArrowDown" => Cell { row: (row + 1).min(last), col },
            "ArrowLeft" => Cell { row, col: col.saturating_sub(1) },
            "ArrowRight" => Cell { row, col: (col + 1).min(last) },
            "Home" => Cell { row, col: 0 },
            "End" => Cell { row, col: last },
            _ => return,
        };
        ev.prevent_default();
        go(to);
    };

    let value_at = move |at: Cell| {
        let grid = grid.get();
        values.with(|values| values.as_ref().and_then(|v| v.get(at.row * grid + at.col).copied()))
    };
    let told = move || {
        let at = square.get();
        let place = format!("row {}, column {}", at.row + 1, at.col + 1);
        match value_at(at) {
            Some(x) => format!("{place}: {quantity} {}", number::value(x.into())),
            None => place,
        }
    };
    let lines = move || {
        let grid = grid.get();
        let step = SIDE / grid;
        (1..grid)
            .map(|i| {
                let at = i * step;
                view! { <path d=format!("M{at} 0V{SIDE}M0 {at}H{SIDE}") /> }
            })
            .collect_view()
    };
    let outline = move |class: &'static str| {
        let (at, step) = (square.get(), patch());
        view! { <rect class=class x=at.col * step y=at.row * step width=step height=step /> }
    };
    let told_id = format!("{id}-told");
    let described = told_id.clone();
    view! {
        <figure class="squares" aria-label=move || label.get()>
            <figcaption>{move || label.get()}</figcaption>
            <div
                class="squares-picture"
                id=id
                role="application"
                aria-roledescription="picture in squares"
                aria-label=move || label.get()
                aria-describedby=described
                tabindex="0"
                on:keydown=keys
            >
                <canvas node_ref=canvas width=SIDE * DOT height=SIDE * DOT on:click=click></canvas>
                <svg viewBox=format!("0 0 {SIDE} {SIDE}") aria-hidden="true">
                    <g class="lines">{lines}</g>
                    {move || marked.get().then(|| (outline("halo"), outline("chosen")))}
                </svg>
            </div>
            <p class="squares-told" id=told_id role="status">{told}</p>
            <details class="terms" on:toggle=move |ev| {
                let is_open = ev.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()).is_some_and(|e| e.has_attribute("open"));
                open.set(is_open);
            }>
                <summary>"The numbers"</summary>
                {move || open.get().then(|| {
                    let numbers = match values.get() {
                        Some(values) => values.iter().map(|x| number::value((*x).into())).collect(),
                        None => picture.with(|p| colours(p, grid.get())),
                    };
                    table(&label.get(), &numbers, grid.get())
                })}
            </details>
        </figure>
    }
}

/// The mean colour of each square, as red, green and blue from 0 to 1.
fn colours(picture: &[f32], grid: usize) -> Vec<String> {
    let patch = SIDE / grid;
    let mean = |channel: usize, row: usize, col: usize| {
        let pixels = (0..patch * patch).map(|i| (row * patch + i / patch, col * patch + i % patch));
        let sum: f32 = pixels.map(|(y, x)| picture.get((channel * SIDE + y) * SIDE + x).copied().unwrap_or(0.0)).sum();
        format!("{:.2}", sum / (patch * patch) as f32)
    };
    (0..grid * grid).map(|at| [0, 1, 2].map(|channel| mean(channel, at / grid, at % grid)).join(" ")).collect()
}

fn table(label: &str, numbers: &[String], grid: usize) -> impl IntoView + use<> {
    let head = (1..=grid).map(|col| view! { <th scope="col">{col}</th> }).collect_view();
    let rows = numbers
        .chunks(grid)
        .enumerate()
        .map(|(row, line)| {
            let cells = line.iter().map(|text| view! { <td>{text.clone()}</td> }).collect_view();
            view! { <tr><th scope="row">{row + 1}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=format!("{label}, as a table")>
            <table><caption class="hidden">{label.to_owned()}</caption><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
}

fn draw(
    canvas: &web_sys::HtmlCanvasElement,
    picture: &[f32],
    values: Option<&[f32]>,
    grid: usize,
    look: Look,
    dark: bool,
) {
    let Some(context) =
        canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok())
    else {
        return;
    };
    let byte = |x: f32| (255.0 * x.clamp(0.0, 1.0)).round() as u8;
    let (dot, area) = (DOT as f64, SIDE * SIDE);
    if picture.len() != 3 * area {
        return;
    }
    for pixel in 0..area {
        let colour = Rgb(byte(picture[pixel]), byte(picture[area + pixel]), byte(picture[2 * area + pixel]));
        context.set_fill_style_str(&colour.css());
        context.fill_rect((pixel % SIDE) as f64 * dot, (pixel / SIDE) as f64 * dot, dot, dot);
    }
    let Some(values) = values.filter(|v| look != Look::Plain && v.len() == grid * grid) else { return };
    let most = values.iter().copied().filter(|x| x.is_finite()).fold(0.0, f32::max);
    // The style sheet gives the canvas the colour of its ground, which is how what is dim follows the theme.
    let ground = window().get_computed_style(canvas).ok().flatten().and_then(|s| s.get_property_value("color").ok());
    let side = (SIDE * DOT / grid) as f64;
    for (at, &value) in values.iter().enumerate() {
        match look {
            Look::Signed => context.set_fill_style_str(&diverging(value, dark).css()),
            _ => {
                let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
                context.set_global_alpha(f64::from((1.0 - DIMMEST) * (1.0 - share)));
                context.set_fill_style_str(ground.as_deref().unwrap_or("white"));
            }
        }
        context.fill_rect((at % grid) as f64 * side, (at / grid) as f64 * side, side, side);
    }
    context.set_global_alpha(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_told_by_its_mean_colour() {
        let mut picture = vec![0.0; 3 * SIDE * SIDE];
        picture[..SIDE * SIDE].fill(0.5);
        picture[0] = 1.5;
        let colours = colours(&picture, 16);
        assert_eq!(colours.len(), 256);
        assert_eq!((colours[0].as_str(), colours[1].as_str()), ("0.75 0.00 0.00", "0.50 0.00 0.00"));
    }
}
