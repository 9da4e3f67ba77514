//! The map as a picture: drawn once, then only lit, moved and enlarged.

use std::fmt::Write as _;

use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::layout::{Layout, NARROW, WIDE};
use super::state::{Chosen, Lighting, Role, act_of};
use crate::book::{IDEAS, act};
use crate::lang::use_lang;

/// How much the map can be enlarged.
const LARGEST: f64 = 4.0;
/// What one press of a button or a key enlarges by.
pub const ZOOM_STEP: f64 = 1.3;
/// What one press of an arrow key moves by, in pixels.
const PAN_STEP_PX: f64 = 90.0;
/// How far a pointer may stray before a press becomes a drag, in pixels.
const DRAG_AFTER_PX: f64 = 5.0;
/// What is kept free around an idea that is brought into view, in pixels.
const MARGIN_PX: f64 = 24.0;
/// Class of the picture's frame.
const CANVAS: &str = "map-canvas";

/// What part of the map is shown: the place of its upper left corner in the frame, in units of the layout, and how
/// much it is enlarged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    x: f64,
    y: f64,
    scale: f64,
}

impl View {
    /// All of it.
    pub const WHOLE: Self = Self { x: 0.0, y: 0.0, scale: 1.0 };

    fn transform(self) -> String {
        format!("translate({:.1} {:.1}) scale({:.3})", self.x, self.y, self.scale)
    }

    /// Never past the map's edges, but for what the panel covers.
    fn held(self, stage: &Stage) -> Self {
        let layout = stage.layout;
        let scale = self.scale.clamp(1.0, LARGEST);
        let seen = (stage.right - stage.left) / stage.unit;
        let least = (seen - f64::from(layout.width) * scale).min(0.0);
        Self { x: self.x.clamp(least, 0.0), y: self.y.clamp(f64::from(layout.height) * (1.0 - scale), 0.0), scale }
    }

    /// Enlarged about a point that stays where it is.
    fn enlarged(self, by: f64, (x, y): (f64, f64)) -> Self {
        let scale = (self.scale * by).clamp(1.0, LARGEST);
        let ratio = scale / self.scale;
        Self { x: x - (x - self.x) * ratio, y: y - (y - self.y) * ratio, scale }
    }
}

/// The drawing as it stands on the screen, in pixels of the window.
struct Stage {
    svg: Element,
    layout: &'static Layout,
    /// Pixels a unit of the layout.
    unit: f64,
    left: f64,
    /// Where the panel begins, or the frame ends.
    right: f64,
    top: f64,
}

/// The map's frame and what part of it is shown.
#[derive(Clone, Copy)]
pub struct Canvas {
    /// The frame.
    pub node: NodeRef<html::Div>,
    /// What is shown.
    pub view: RwSignal<View>,
}

impl Canvas {
    /// The whole map.
    pub fn new() -> Self {
        Self { node: NodeRef::new(), view: RwSignal::new(View::WHOLE) }
    }

    fn stage(self) -> Option<Stage> {
        let frame = self.node.get_untracked()?;
        let drawn = frame.query_selector_all("svg").ok()?;
        let svgs = (0..drawn.length()).filter_map(|i| drawn.get(i)?.dyn_into::<Element>().ok());
        let (svg, layout) = svgs.zip([&WIDE, &NARROW]).find(|(svg, _)| svg.get_bounding_client_rect().width() > 0.0)?;
        let (frame_box, svg_box) = (frame.get_bounding_client_rect(), svg.get_bounding_client_rect());
        let mut right = frame_box.right();
        if let Some(panel) = panel_box() {
            // On a phone the panel lies below the map and not beside it.
            if panel.left() > frame_box.left() + MARGIN_PX {
                right = panel.left();
            }
        }
        Some(Stage {
            unit: svg_box.width() / f64::from(layout.width),
            left: frame_box.left(),
            right,
            top: frame_box.top(),
            svg,
            layout,
        })
    }

    /// Moves the map by so many pixels; what the map cannot move upwards or downwards, the page does.
    fn pan(self, dx: f64, dy: f64) {
        let Some(stage) = self.stage() else { return };
        let before = self.view.get_untracked();
        let moved = View { x: before.x + dx / stage.unit, y: before.y + dy / stage.unit, ..before };
        let held = moved.held(&stage);
        self.view.set(held);
        let left_over = (moved.y - held.y) * stage.unit;
        if left_over.abs() > 0.5 {
            window().scroll_by_with_x_and_y(0.0, -left_over);
        }
    }

    /// Enlarges about a point of the window, or about the middle of what is seen.
    pub fn zoom(self, by: f64, at: Option<(f64, f64)>) {
        let Some(stage) = self.stage() else { return };
        let middle = || {
            let height = window().inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(800.0);
            ((stage.left + stage.right) / 2.0, height / 2.0)
        };
        let (x, y) = at.unwrap_or_else(middle);
        let point = ((x - stage.left) / stage.unit, (y - stage.top) / stage.unit);
        self.view.update(|view| *view = view.enlarged(by, point).held(&stage));
    }

    /// Brings an idea into view: the map moves sideways, the page upwards or downwards.
    pub fn reveal(self, idea: usize) {
        let Some(stage) = self.stage() else { return };
        let Ok(Some(node)) = stage.svg.query_selector(&format!("[data-node='{idea}']")) else { return };
        let node = node.get_bounding_client_rect();
        let inside = |low: f64, high: f64, least: f64, most: f64| {
            if low < least + MARGIN_PX {
                least + MARGIN_PX - low
            } else if high > most - MARGIN_PX {
                most - MARGIN_PX - high
            } else {
                0.0
            }
        };
        let svg = stage.svg.get_bounding_client_rect();
        let before = self.view.get_untracked();
        // Only a column that is hidden moves the map: the first ones stand nearer to its edge than the margin.
        let sideways = if node.left() < stage.left || node.right() > stage.right {
            inside(node.left(), node.right(), stage.left, stage.right)
        } else {
            0.0
        };
        let upwards = if before.scale > 1.0 { inside(node.top(), node.bottom(), svg.top(), svg.bottom()) } else { 0.0 };
        let held =
            View { x: before.x + sideways / stage.unit, y: before.y + upwards / stage.unit, ..before }.held(&stage);
        self.view.set(held);
        let moved = (held.y - before.y) * stage.unit;
        scroll_page_to(node.top() + moved, node.bottom() + moved);
    }

    /// Shows the band of an act.
    pub fn show_act(self, act: usize) {
        let Some(stage) = self.stage() else { return };
        self.view.set(View::WHOLE);
        let Some(band) = act.checked_sub(1).and_then(|i| stage.layout.bands.get(i)) else { return };
        let top = stage.top + f64::from(band.y) * stage.unit;
        scroll_page_to(top, top + f64::from(band.height) * stage.unit);
    }
}

fn panel_box() -> Option<web_sys::DomRect> {
    let panel = document().query_selector(".map-panel").ok()??;
    Some(panel.get_bounding_client_rect()).filter(|b| b.width() > 0.0)
}

/// Scrolls the page so that a stretch of it lies between the bar with the map's tools and, on a phone, the panel.
fn scroll_page_to(top: f64, bottom: f64) {
    let window = window();
    let height = window.inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(800.0);
    let bottom_of = |selector: &str| {
        let found = document().query_selector(selector).ok().flatten();
        found.map(|e| e.get_bounding_client_rect()).filter(|b| b.top() < height / 3.0).map_or(0.0, |b| b.bottom())
    };
    let first = bottom_of(".top").max(bottom_of(".map-tools")).max(0.0);
    let narrow = window.inner_width().ok().and_then(|w| w.as_f64()).unwrap_or(1280.0) <= 700.0;
    let last = panel_box().filter(|_| narrow).map_or(height, |panel| panel.top().clamp(height / 2.0, height));
    if top >= first + MARGIN_PX && bottom <= last - MARGIN_PX {
        return;
    }
    let room = ((last - first) - (bottom - top)).max(2.0 * MARGIN_PX);
    let still = matches!(window.match_media("(prefers-reduced-motion: reduce)"), Ok(Some(query)) if query.matches());
    let options = web_sys::ScrollToOptions::new();
    options.set_top(top - first - room / 2.5);
    options.set_behavior(if still { web_sys::ScrollBehavior::Instant } else { web_sys::ScrollBehavior::Smooth });
    window.scroll_by_with_scroll_to_options(&options);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The inside of the picture, as SVG: bands, then lines, then headings and ideas above them.
fn drawing(layout: &Layout, wide: bool) -> String {
    const LINE_HEIGHT: i32 = 13;
    let mut out = String::new();
    for band in layout.bands {
        let _ = write!(
            out,
            "<g class=\"map-band act-{}\"><rect y=\"{}\" width=\"{}\" height=\"{}\"></rect></g>",
            band.act, band.y, layout.width, band.height
        );
    }
    for line in layout.lines {
        let _ = write!(
            out,
            "<path class=\"map-line act-{}{}\" data-line=\"{}-{}\" d=\"{}\"></path>",
            act_of(line.from),
            if act_of(line.from) == act_of(line.to) { "" } else { " far" },
            line.from,
            line.to,
            line.path
        );
    }
    // Headings stand above the lines that pass.
    for band in layout.bands {
        let Some(act) = act(band.act) else { continue };
        let question = if wide {
            format!("<tspan class=\"map-question\" dx=\"12\">{}</tspan>", escape(act.question))
        } else {
            String::new()
        };
        let _ = write!(
            out,
            "<text class=\"map-heading act-{}\" x=\"16\" y=\"{}\"><tspan class=\"map-numeral\">{}</tspan><tspan dx=\"8\">{}</tspan>{question}</text>",
            band.act,
            band.y + 24,
            act.numeral,
            escape(act.title)
        );
    }
    for (index, (idea, spot)) in IDEAS.iter().zip(layout.spots).enumerate() {
        let (x, y, width, height) = (spot.x, spot.y, spot.width, spot.height);
        let _ = write!(
            out,
            "<a class=\"map-node act-{}\" data-node=\"{index}\" href=\"{}\" tabindex=\"{}\">\
             <rect class=\"map-box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"></rect><text>",
            act_of(index),
            idea.page().href(),
            if index == 0 { 0 } else { -1 },
        );
        let first = y + height / 2 - spot.lines.len() as i32 * LINE_HEIGHT / 2 + 10;
        for (row, line) in spot.lines.iter().enumerate() {
            let _ = write!(
                out,
                "<tspan x=\"{}\" y=\"{}\">{}{}</tspan>",
                x + width / 2,
                first + row as i32 * LINE_HEIGHT,
                escape(line),
                // Lines are told apart by ear as well, but a word that is broken after its hyphen is one word.
                if line.ends_with('-') || row + 1 == spot.lines.len() { "" } else { " " }
            );
        }
        out += "</text></a>";
    }
    out
}

/// The elements that light up, by what they stand for; both layouts have one of each.
struct Lamps {
    ideas: Vec<(usize, Element)>,
    lines: Vec<(usize, usize, Element)>,
}

impl Lamps {
    fn of(frame: &Element) -> Self {
        let all = |selector: &str, name: &'static str| -> Vec<(String, Element)> {
            let Ok(found) = frame.query_selector_all(selector) else { return Vec::new() };
            (0..found.length())
                .filter_map(|i| found.get(i)?.dyn_into::<Element>().ok())
                .map(|element| (element.get_attribute(name).unwrap_or_default(), element))
                .collect()
        };
        let ideas = all("[data-node]", "data-node").into_iter().filter_map(|(i, e)| Some((i.parse().ok()?, e)));
        let lines = all("[data-line]", "data-line").into_iter().filter_map(|(ends, e)| {
            let (from, to) = ends.split_once('-')?;
            Some((from.parse().ok()?, to.parse().ok()?, e))
        });
        Self { ideas: ideas.collect(), lines: lines.collect() }
    }

    /// Changes those elements whose role has changed, and no other.
    fn light(&self, before: &Lighting, now: &Lighting) {
        let set = |element: &Element, before: Role, now: Role| {
            if before != now {
                let _ = element.set_attribute("data-role", now.name());
            }
        };
        for (idea, element) in &self.ideas {
            set(element, before.idea(*idea), now.idea(*idea));
        }
        for (from, to, element) in &self.lines {
            set(element, before.line(*from, *to), now.line(*from, *to));
        }
    }
}

/// The idea an event happened at.
fn idea_at(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let element = target?.dyn_into::<Element>().ok()?;
    element.closest("[data-node]").ok()??.get_attribute("data-node")?.parse().ok()
}

/// A pointer that is down.
#[derive(Clone, Copy)]
struct Finger {
    id: i32,
    x: f64,
    y: f64,
}

/// The map.
#[component]
pub fn Picture(
    /// What the reader has chosen.
    chosen: Chosen,
    /// Its frame, and what part of it is shown.
    canvas: Canvas,
) -> impl IntoView {
    let t = use_lang();
    // One stop of the keyboard for all ideas: the one that had it last.
    let stop = RwSignal::new(0_usize);
    let lighting = Memo::new(move |_| chosen.lighting());
    let lamps = StoredValue::new_local(None::<Lamps>);

    Effect::new(move |before: Option<Lighting>| {
        let now = lighting.get();
        let Some(frame) = canvas.node.get() else { return before.unwrap_or_default() };
        lamps.update_value(|lamps| {
            let lamps = lamps.get_or_insert_with(|| Lamps::of(&frame));
            lamps.light(&before.unwrap_or_default(), &now);
        });
        now
    });
    Effect::new(move |before: Option<(usize, Option<usize>)>| {
        let (stop, opened) = (stop.get(), chosen.idea.get());
        let Some(frame) = canvas.node.get() else { return (0, None) };
        let (old_stop, old_opened) = before.unwrap_or((0, None));
        let each = |idea: usize, change: &dyn Fn(&Element)| {
            lamps.update_value(|lamps| {
                let lamps = lamps.get_or_insert_with(|| Lamps::of(&frame));
                lamps.ideas.iter().filter(|(i, _)| *i == idea).for_each(|(_, e)| change(e));
            });
        };
        each(old_stop, &|e| drop(e.set_attribute("tabindex", "-1")));
        each(stop, &|e| drop(e.set_attribute("tabindex", "0")));
        if let Some(old) = old_opened {
            each(old, &|e| drop(e.remove_attribute("aria-current")));
        }
        if let Some(opened) = opened {
            each(opened, &|e| drop(e.set_attribute("aria-current", "true")));
        }
        (stop, opened)
    });
    // What is opened, and where a walk has come to, is brought into view once the panel has its place.
    Effect::new(move |before: Option<(Option<usize>, usize)>| {
        let (idea, why) = (chosen.idea.get(), chosen.why.get());
        let at = untrack(|| chosen.chain()).get(why.saturating_sub(1)).copied();
        if let Some(at) = at.filter(|_| before != Some((idea, why))) {
            if before.is_none_or(|(old, _)| old != idea) {
                stop.set(at);
            }
            request_animation_frame(move || canvas.reveal(at));
        }
        (idea, why)
    });

    let focus_on = move |idea: usize| {
        stop.set(idea);
        if let Some(stage) = canvas.stage()
            && let Ok(Some(node)) = stage.svg.query_selector(&format!("[data-node='{idea}']"))
        {
            let still = web_sys::FocusOptions::new();
            still.set_prevent_scroll(true);
            let _ = node.unchecked_into::<web_sys::HtmlElement>().focus_with_options(&still);
            canvas.reveal(idea);
        }
    };
    let keys = move |ev: ev::KeyboardEvent| {
        if ev.ctrl_key() || ev.meta_key() || ev.alt_key() {
            return;
        }
        let at = idea_at(ev.target());
        let key = ev.key();
        match (key.as_str(), at) {
            ("ArrowLeft", Some(at)) => IDEAS[at].answers.first().copied().into_iter().for_each(focus_on),
            ("ArrowRight", Some(at)) => IDEAS[at].makes_necessary.first().copied().into_iter().for_each(focus_on),
            ("ArrowUp", Some(at)) => at.checked_sub(1).into_iter().for_each(focus_on),
            ("ArrowDown", Some(at)) => Some(at + 1).filter(|i| *i < IDEAS.len()).into_iter().for_each(focus_on),
            ("Home", Some(_)) => focus_on(0),
            ("End", Some(_)) => focus_on(IDEAS.len() - 1),
            ("Enter" | " ", Some(at)) => chosen.select(Some(at)),
            ("w", at) => {
                if at.is_some() {
                    chosen.select(at);
                }
                if chosen.idea.get_untracked().is_some() {
                    chosen.step();
                }
            }
            ("ArrowLeft", None) => canvas.pan(PAN_STEP_PX, 0.0),
            ("ArrowRight", None) => canvas.pan(-PAN_STEP_PX, 0.0),
            ("ArrowUp", None) => canvas.pan(0.0, PAN_STEP_PX),
            ("ArrowDown", None) => canvas.pan(0.0, -PAN_STEP_PX),
            ("+" | "=", _) => canvas.zoom(ZOOM_STEP, None),
            ("-", _) => canvas.zoom(1.0 / ZOOM_STEP, None),
            ("0", _) => canvas.view.set(View::WHOLE),
            ("Escape", _) => chosen.select(None),
            _ => return,
        }
        ev.prevent_default();
    };

    let fingers = StoredValue::new(Vec::<Finger>::new());
    let dragged = StoredValue::new(false);
    let down = move |ev: ev::PointerEvent| {
        if ev.button() == 0 {
            let finger = Finger { id: ev.pointer_id(), x: f64::from(ev.client_x()), y: f64::from(ev.client_y()) };
            fingers.update_value(|all| {
                if all.is_empty() {
                    dragged.set_value(false);
                }
                all.retain(|f| f.id != finger.id);
                all.push(finger);
            });
        }
    };
    let drag = move |ev: ev::PointerEvent| {
        let now = Finger { id: ev.pointer_id(), x: f64::from(ev.client_x()), y: f64::from(ev.client_y()) };
        let all = fingers.get_value();
        let Some(before) = all.iter().find(|f| f.id == now.id).copied() else { return };
        let (dx, dy) = (now.x - before.x, now.y - before.y);
        if !dragged.get_value() && dx.hypot(dy) < DRAG_AFTER_PX && all.len() == 1 {
            return;
        }
        dragged.set_value(true);
        if let Some(frame) = canvas.node.get_untracked() {
            // Taken only now: a press that stays a press must reach the idea below it.
            let _ = frame.set_pointer_capture(now.id);
        }
        fingers.update_value(|all| all.iter_mut().filter(|f| f.id == now.id).for_each(|f| *f = now));
        match all.iter().find(|f| f.id != now.id) {
            None => canvas.pan(dx, dy),
            Some(other) => {
                let apart = |f: &Finger| (f.x - other.x).hypot(f.y - other.y).max(1.0);
                let middle = (f64::midpoint(now.x, other.x), f64::midpoint(now.y, other.y));
                canvas.zoom(apart(&now) / apart(&before), Some(middle));
            }
        }
    };
    let up = move |ev: ev::PointerEvent| fingers.update_value(|all| all.retain(|f| f.id != ev.pointer_id()));
    let wheel = move |ev: ev::WheelEvent| {
        if ev.ctrl_key() {
            ev.prevent_default();
            let at = (f64::from(ev.client_x()), f64::from(ev.client_y()));
            canvas.zoom((-ev.delta_y() / 300.0).clamp(-0.5, 0.5).exp(), Some(at));
        }
    };
    let click = move |ev: ev::MouseEvent| {
        let Some(idea) = idea_at(ev.target()) else { return };
        // With these a link is to open elsewhere, and does.
        if ev.ctrl_key() || ev.meta_key() || ev.shift_key() {
            return;
        }
        ev.prevent_default();
        if !dragged.get_value() {
            chosen.select(Some(idea));
        }
    };
    let over = move |ev: ev::PointerEvent| {
        if ev.pointer_type() != "touch" && fingers.with_value(Vec::is_empty) {
            let idea = idea_at(ev.target());
            if idea != chosen.hovered.get_untracked() {
                chosen.hovered.set(idea);
            }
        }
    };
    let focused = move |ev: ev::FocusEvent| {
        let idea = idea_at(ev.target());
        chosen.focused.set(idea);
        if let Some(idea) = idea {
            stop.set(idea);
        }
    };
    let transform = move || canvas.view.get().transform();
    let picture = |layout: &'static Layout, wide: bool| {
        view! {
            <svg
                class=if wide { "map-svg wide" } else { "map-svg narrow" }
                viewBox=format!("0 0 {} {}", layout.width, layout.height)
                width=layout.width
                height=layout.height
                role="group"
                aria-label=t.map_picture()
            >
                <g lang=t.prose() transform=transform inner_html=drawing(layout, wide)></g>
            </svg>
        }
    };
    view! {
        <div
            class=CANVAS
            class:enlarged=move || { canvas.view.get().scale > 1.0 }
            node_ref=canvas.node
            tabindex="0"
            role="group"
            aria-label=t.map_name()
            aria-describedby="map-keys"
            on:keydown=keys
            on:pointerdown=down
            on:pointermove=drag
            on:pointerup=up
            on:pointercancel=up
            on:pointerover=over
            on:pointerleave=move |_| chosen.hovered.set(None)
            on:wheel=wheel
            on:click=click
            on:dragstart=|ev: ev::DragEvent| ev.prevent_default()
            on:focusin=focused
            on:focusout=move |_| chosen.focused.set(None)
        >
            {picture(&WIDE, true)}
            {picture(&NARROW, false)}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarging_keeps_the_point_it_is_about() {
        let view = View { x: -30.0, y: 12.0, scale: 1.5 };
        let at = (200.0, 150.0);
        let on_map = |view: View| ((at.0 - view.x) / view.scale, (at.1 - view.y) / view.scale);
        let (before, after) = (on_map(view), on_map(view.enlarged(1.3, at)));
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
        assert_eq!(view.enlarged(100.0, at).scale, LARGEST);
        assert_eq!(view.enlarged(0.01, at).scale, 1.0);
    }
}
