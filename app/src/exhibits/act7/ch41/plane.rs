//! The plane: data, points on their way, and what the network says; and the pad on which a reader draws.

use std::sync::Arc;

use acts::act7::ch41_diffusion::{MOST_POINTS_DRAWN, Stroke};
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;

use super::run::{Arrows, REACH};

/// The side of the picture.
const SIDE: f32 = 460.0;

fn x_of(x: f32) -> f32 {
    SIDE * 0.5 * (1.0 + x / REACH)
}

fn y_of(y: f32) -> f32 {
    SIDE * 0.5 * (1.0 - y / REACH)
}

fn inside(p: &[f32]) -> bool {
    p.iter().all(|x| x.abs() < REACH)
}

/// Dots of no length: round or square by the ends of their lines.
fn dots(xy: &[f32]) -> String {
    xy.chunks_exact(2).filter(|p| inside(p)).map(|p| format!("M{:.1} {:.1}h.01", x_of(p[0]), y_of(p[1]))).collect()
}

fn arrows(list: &Arrows) -> String {
    let room = 2.0 * REACH / super::run::FIELD as f32;
    let one = |(place, home): (&[f32], &[f32])| {
        let (dx, dy) = (home[0] - place[0], home[1] - place[1]);
        let length = dx.hypot(dy);
        // Long ones are shortened, so that neighbours stay apart; the table has their lengths.
        let drawn = 0.85 * room * (length / (0.5 * room)).min(1.0);
        if length < 1e-3 {
            return String::new();
        }
        let (ux, uy) = (dx / length, dy / length);
        let (tip_x, tip_y) = (x_of(place[0] + ux * drawn), y_of(place[1] + uy * drawn));
        let (from_x, from_y) = (x_of(place[0]), y_of(place[1]));
        let barb = |turn: f32| {
            let (sin, cos) = turn.sin_cos();
            // On the screen y grows downwards.
            let (bx, by) = (-ux * cos + uy * sin, uy * cos + ux * sin);
            format!("M{tip_x:.1} {tip_y:.1}l{:.1} {:.1}", 5.0 * bx, 5.0 * by)
        };
        format!("M{from_x:.1} {from_y:.1}L{tip_x:.1} {tip_y:.1}{}{}", barb(0.5), barb(-0.5))
    };
    list.places.chunks_exact(2).zip(list.homes.chunks_exact(2)).map(one).collect()
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Faint dots behind: the data, class 0 and class 1.
    pub data: [Vec<f32>; 2],
    /// Points on their way; of two classes going out, of none coming back.
    pub points: [Vec<f32>; 2],
    /// The field.
    pub arrows: Option<Arc<Arrows>>,
    /// What this is, in words.
    pub told: String,
}

/// The picture of the plane.
#[component]
pub fn Plane(scene: Memo<Scene>) -> impl IntoView {
    let axis = [-2, -1, 0, 1, 2]
        .map(|at| {
            let place = x_of(at as f32);
            let name = at.to_string().replace('-', "\u{2212}");
            view! {
                <line class="grid" x1=place x2=place y1="0" y2=SIDE />
                <line class="grid" x1="0" x2=SIDE y1=place y2=place />
                <text x=place + 4.0 y=SIDE - 6.0>{name.clone()}</text>
                {(at != -2).then(|| view! { <text x="5" y=y_of(at as f32) - 4.0>{name}</text> })}
            }
        })
        .collect_view();
    let part = move |pick: fn(&Scene) -> &[f32]| move || scene.with(|s| dots(pick(s)));
    view! {
        <svg class="plane chart" viewBox=format!("0 0 {SIDE} {SIDE}") role="img" aria-label=move || scene.with(|s| format!("{}; the numbers are in the table below", s.told))>
            {axis}
            <path class="data round" d=part(|s| &s.data[0]) />
            <path class="data square" d=part(|s| &s.data[1]) />
            <path class="arrows" d=move || scene.with(|s| s.arrows.as_ref().map(|a| arrows(a)).unwrap_or_default()) />
            <path class="points round" d=part(|s| &s.points[0]) />
            <path class="points square" d=part(|s| &s.points[1]) />
        </svg>
    }
}

/// How far a key moves the pen, as a share of the side.
const KEY: f32 = 0.03;

/// Where a reader draws: by pointer, or by keys.
#[component]
pub fn Pad(strokes: RwSignal<Vec<Stroke>>) -> impl IntoView {
    let svg = NodeRef::<leptos::svg::Svg>::new();
    let frame = NodeRef::<html::Div>::new();
    let pen = RwSignal::new([0.5f32, 0.5]);
    let down = RwSignal::new(false);
    // What is being drawn; it joins the others when the pen is lifted, and then the training starts anew.
    let current = RwSignal::new(Stroke::new());
    let room =
        move || strokes.with(|s| s.iter().map(Vec::len).sum::<usize>()) + current.with(Vec::len) < MOST_POINTS_DRAWN;
    let add = move |p: [f32; 2]| {
        let far = current.with_untracked(|c| c.last().is_none_or(|l| (l[0] - p[0]).hypot(l[1] - p[1]) > 0.008));
        if far && room() {
            current.update(|c| c.push(p));
        }
    };
    let lift = move || {
        if !down.get_untracked() {
            return;
        }
        down.set(false);
        let stroke = current.get_untracked();
        current.set(Vec::new());
        if !stroke.is_empty() {
            strokes.update(|s| s.push(stroke));
        }
    };
    let place = move |ev: &ev::PointerEvent| {
        let target = svg.get_untracked()?;
        let element: &web_sys::Element = target.unchecked_ref();
        let rect = element.get_bounding_client_rect();
        let share = |at: f64, from: f64, size: f64| ((at - from) / size.max(1.0)).clamp(0.0, 1.0) as f32;
        let x = share(ev.client_x().into(), rect.left(), rect.width());
        let y = share(ev.client_y().into(), rect.top(), rect.height());
        Some([x, 1.0 - y])
    };
    let pressed = move |ev: ev::PointerEvent| {
        if let Some(p) = place(&ev) {
            ev.prevent_default();
            down.set(true);
            pen.set(p);
            add(p);
            if let Some(target) = frame.get_untracked() {
                let _ = target.set_pointer_capture(ev.pointer_id());
                let _ = target.focus();
            }
        }
    };
    let moved = move |ev: ev::PointerEvent| {
        if down.get_untracked()
            && let Some(p) = place(&ev)
        {
            pen.set(p);
            add(p);
        }
    };
    let keys = move |ev: ev::KeyboardEvent| {
        let (dx, dy) = match ev.key().as_str() {
            "ArrowLeft" => (-KEY, 0.0),
            "ArrowRight" => (KEY, 0.0),
            "ArrowUp" => (0.0, KEY),
            "ArrowDown" => (0.0, -KEY),
            " " | "Enter" => {
                ev.prevent_default();
                if down.get_untracked() {
                    lift();
                } else {
                    down.set(true);
                    add(pen.get_untracked());
                }
                return;
            }
            "Backspace" | "Delete" => {
                ev.prevent_default();
                strokes.update(|s| {
                    s.pop();
                });
                return;
            }
            _ => return,
        };
        ev.prevent_default();
        pen.update(|p| *p = [(p[0] + dx).clamp(0.0, 1.0), (p[1] + dy).clamp(0.0, 1.0)]);
        if down.get_untracked() {
            add(pen.get_untracked());
        }
    };
    let line = |stroke: &Stroke| -> String {
        let points =
            stroke.iter().map(|p| format!("{:.1} {:.1}", 200.0 * p[0], 200.0 * (1.0 - p[1]))).collect::<Vec<_>>();
        if points.is_empty() { String::new() } else { format!("M{}h.01", points.join("L")) }
    };
    let lines = move |class: usize| {
        let done = strokes.with(|s| s.iter().skip(class).step_by(2).map(line).collect::<String>());
        let own = strokes.with(|s| s.len() % 2 == class);
        if own { done + &current.with(line) } else { done }
    };
    let told = move || {
        let count = strokes.with(Vec::len);
        let pen_is = if down.get() { "The pen is down." } else { "The pen is up." };
        format!("{count} strokes. {pen_is}")
    };
    view! {
        <div class="field">
            <span class="field-head"><span id="ch41-pad-name">"Draw here"</span><output>{told}</output></span>
            <div
                class="pad"
                id="ch41-pad"
                node_ref=frame
                role="application"
                aria-labelledby="ch41-pad-name"
                aria-describedby="ch41-pad-help"
                tabindex="0"
                on:keydown=keys
                on:pointerdown=pressed
                on:pointermove=moved
                on:pointerup=move |_| lift()
                on:pointercancel=move |_| lift()
            >
                <svg viewBox="0 0 200 200" node_ref=svg aria-hidden="true">
                    <path class="stroke round" d=move || lines(0) />
                    <path class="stroke square" d=move || lines(1) />
                    <circle class="pen" r="5" cx=move || 200.0 * pen.get()[0] cy=move || 200.0 * (1.0 - pen.get()[1]) class:down=move || down.get() />
                </svg>
            </div>
            <p class="note" id="ch41-pad-help">"Drag to draw. By keys: arrows move the pen, space puts it down and lifts it, backspace takes a stroke back. Strokes are round and square in turn: two classes."</p>
            <button class="btn" id="ch41-clear" on:click=move |_| { lift(); strokes.set(Vec::new()); }>"Clear"</button>
        </div>
    }
}
