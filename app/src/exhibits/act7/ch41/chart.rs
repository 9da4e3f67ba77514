//! Charts with logarithmic axes where they say so, and the tables that say the same.

use leptos::prelude::*;

use crate::viz::number;

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;

/// Points of one kind, joined by a line.
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Where its points are.
    pub points: Vec<(f64, f64)>,
    /// Whether each point has a mark.
    pub marked: bool,
}

/// What is drawn.
pub struct Chart {
    /// What the picture is, for those who do not see it.
    pub label: &'static str,
    /// The name of the horizontal axis.
    pub x_name: &'static str,
    /// Its ends.
    pub x_ends: (f64, f64),
    /// Its marks.
    pub x_ticks: Vec<f64>,
    /// Whether it is logarithmic.
    pub x_log: bool,
    /// The name of the vertical axis, which is logarithmic.
    pub y_name: &'static str,
    /// The kinds of points; each has a shape and a colour by its place.
    pub series: Vec<Series>,
    /// A height to compare with, and its name.
    pub reference: Option<(f64, String)>,
}

/// The outline of a mark: disc, square, triangle, diamond.
fn mark(kind: usize, x: f64, y: f64) -> String {
    match kind % 4 {
        0 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
        1 => format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5),
        2 => format!("M{x:.1} {:.1}l5 9h-10z", y - 5.5),
        _ => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
    }
}

fn ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let steps: &[f64] = if high / low > 100.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    powers.flat_map(|p| steps.iter().map(move |s| s * 10f64.powi(p))).filter(|t| (low..=high).contains(t)).collect()
}

/// Draws it, with a legend above where there is more than one kind.
pub fn draw(chart: Chart) -> AnyView {
    let heights =
        chart.series.iter().flat_map(|s| s.points.iter().map(|p| p.1)).chain(chart.reference.iter().map(|r| r.0));
    let (low, high) =
        heights.filter(|y| y.is_finite() && *y > 0.0).fold((f64::MAX, 0.0f64), |(l, h), y| (l.min(y), h.max(y)));
    let (low, high) = if high > 0.0 { (low * 0.85, (high * 1.15).max(low * 1.6)) } else { (0.1, 1.0) };
    let (from, to) = chart.x_ends;
    let across = move |at: f64| {
        if chart.x_log { (at.max(from) / from).ln() / (to / from).ln() } else { (at - from) / (to - from) }
    };
    let x = move |at: f64| LEFT + (WIDTH - LEFT - RIGHT) * across(at);
    let y = move |at: f64| TOP + (HEIGHT - TOP - BOTTOM) * (high / at.clamp(low, high)).ln() / (high / low).ln();
    let levels = ticks(low, high)
        .into_iter()
        .map(|t| {
            view! {
                <line class="grid" x1=LEFT x2=WIDTH - RIGHT y1=y(t) y2=y(t) />
                <text x=LEFT - 8.0 y=y(t) + 4.0 text-anchor="end">{number::value(t)}</text>
            }
        })
        .collect_view();
    let columns = chart
        .x_ticks
        .iter()
        .map(|&t| view! { <text x=x(t) y=HEIGHT - BOTTOM + 18.0 text-anchor="middle">{t.to_string()}</text> })
        .collect_view();
    let legend = (chart.series.len() > 1).then(|| {
        let items = chart
            .series
            .iter()
            .enumerate()
            .map(|(kind, s)| {
                view! {
                    <li>
                        <svg width="16" height="16" aria-hidden="true"><path class=format!("mark s{kind}") d=mark(kind, 8.0, 8.0) /></svg>
                        {s.name}
                    </li>
                }
            })
            .collect_view();
        view! { <ul class="kinds">{items}</ul> }
    });
    let drawn = chart
        .series
        .iter()
        .enumerate()
        .map(|(kind, s)| {
            let points: Vec<(f64, f64)> = s.points.iter().map(|p| (x(p.0), y(p.1))).collect();
            let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", p.0, p.1)).collect();
            let marks: String =
                if s.marked { points.iter().map(|p| mark(kind, p.0, p.1)).collect() } else { String::new() };
            view! {
                <polyline class=format!("s{kind}") points=line.join(" ") />
                <path class=format!("mark s{kind}") d=marks />
            }
        })
        .collect_view();
    let reference = chart.reference.map(|(at, name)| {
        view! {
            <line class="whole" x1=LEFT x2=WIDTH - RIGHT y1=y(at) y2=y(at) />
            <text class="on" x=WIDTH - RIGHT y=y(at) - 6.0 text-anchor="end">{name}</text>
        }
    });
    view! {
        {legend}
        <div class="chart-scroll" tabindex="0" role="region" aria-label=format!("Chart: {}", chart.label)>
            <svg class="chart quantized" viewBox=format!("0 0 {WIDTH} {HEIGHT}") width=WIDTH height=HEIGHT role="img" aria-label=format!("{}; the numbers are in the table below", chart.label)>
                {levels}
                {columns}
                <text x=(LEFT + WIDTH - RIGHT) / 2.0 y=HEIGHT - 6.0 text-anchor="middle">{chart.x_name}</text>
                <text x="4" y="12">{chart.y_name}</text>
                {reference}
                {drawn}
            </svg>
        </div>
    }
    .into_any()
}

/// A table; the first cell of a row names it, and every number is kept with all its digits.
pub fn table(id: &'static str, label: &'static str, heads: &[&'static str], rows: Vec<(String, Vec<f64>)>) -> AnyView {
    let heads = heads.iter().map(|h| view! { <th scope="col">{*h}</th> }).collect_view();
    let rows = rows
        .into_iter()
        .map(|(name, cells)| {
            let cells = cells
                .into_iter()
                .map(|x| view! { <td data-value=x.to_string()>{number::value(x)}</td> })
                .collect_view();
            view! { <tr><th scope="row">{name}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" id=id tabindex="0" role="region" aria-label=label>
            <table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
    .into_any()
}
