//! The picture: the table as a grid of tiles, of which one exists.

use acts::act5::ch26_flash_attention::{Slow, TileState, Visit};
use leptos::prelude::*;

use crate::shell::Theme;
use crate::viz::{Scale, number};

/// The side of the table on screen: six pixels a cell at 64 tokens.
const SIDE: f64 = 384.0;
const LEFT: f64 = 30.0;
const TOP: f64 = 26.0;

/// The table when `at` visits are done, with row `row` of the tile marked.
pub fn picture(slow: &Slow, at: usize, row: usize) -> impl IntoView + use<> {
    let dark = use_context::<Theme>().is_some_and(|theme| theme.is_dark());
    let s = *slow.settings();
    let cell = SIDE / s.n as f64;
    let [down, across] = slow.tiles();
    let tiles = (0..down * across)
        .map(|i| {
            let (query_tile, key_tile) = (i / across, i % across);
            let (x, y) = (LEFT + (key_tile * s.cols) as f64 * cell, TOP + (query_tile * s.rows) as f64 * cell);
            let width = (s.n - key_tile * s.cols).min(s.cols) as f64 * cell - 1.5;
            let height = (s.n - query_tile * s.rows).min(s.rows) as f64 * cell - 1.5;
            let (class, mark) = match slow.tile_at(at, query_tile, key_tile) {
                TileState::Ahead => ("ahead", ""),
                TileState::Current => ("current", ""),
                TileState::Past => ("past", "✓"),
                TileState::Skipped => ("skipped", "×"),
            };
            view! {
                <rect class=class x=x + 0.75 y=y + 0.75 width=width height=height rx="2" />
                <text x=x + 0.75 + width / 2.0 y=y + 4.75 + height / 2.0 text-anchor="middle">{mark}</text>
            }
        })
        .collect_view();
    let block = slow.frame_at(at).map(|visit| block(visit, cell, row, dark));
    let middle = SIDE / 2.0;
    let (width, height) = (LEFT + SIDE + 4.0, TOP + SIDE + 4.0);
    view! {
        <div class="chart-scroll" tabindex="0" role="region" aria-label="The table of scores as tiles">
            <svg class="tiles" viewBox=format!("0 0 {width} {height}") width=width height=height role="img" aria-label=spoken(slow, at)>
                <text x=LEFT + middle y="15" text-anchor="middle">{format!("{} keys →", s.n)}</text>
                <text transform=format!("translate(18 {}) rotate(-90)", TOP + middle) text-anchor="middle">{format!("← {} queries", s.n)}</text>
                {tiles}
                {block}
            </svg>
        </div>
    }
}

/// The scores of the one tile that exists.
fn block(visit: &Visit, cell: f64, row: usize, dark: bool) -> impl IntoView + use<> {
    let scale = colours(visit);
    let (x0, y0) = (LEFT + visit.cols.start as f64 * cell, TOP + visit.rows.start as f64 * cell);
    let across = visit.cols.len();
    let cells = visit
        .scores
        .iter()
        .enumerate()
        .filter_map(|(i, score)| {
            let score = (*score)?;
            let (x, y) = (x0 + (i % across) as f64 * cell, y0 + (i / across) as f64 * cell);
            Some(view! { <rect x=x y=y width=cell height=cell fill=scale.color(score, dark).css() /> })
        })
        .collect_view();
    let (width, height) = (across as f64 * cell, visit.rows.len() as f64 * cell);
    view! {
        <g class="block">
            {cells}
            <rect class="now" x=x0 y=y0 width=width height=height />
            <rect class="halo" x=x0 - 1.0 y=y0 + row as f64 * cell width=width + 2.0 height=cell />
            <rect class="chosen" x=x0 - 1.0 y=y0 + row as f64 * cell width=width + 2.0 height=cell />
        </g>
    }
}

/// One scale a block, symmetric around zero.
fn colours(visit: &Visit) -> Scale {
    let size = visit.scores.iter().flatten().fold(0.0f32, |m, s| m.max(s.abs()));
    Scale::Diverging { size: size.max(f32::MIN_POSITIVE) }
}

/// The picture in words.
pub fn spoken(slow: &Slow, at: usize) -> String {
    let [down, across] = slow.tiles();
    let total = slow.len();
    let left_out = down * across - total;
    let skipped =
        if left_out > 0 { format!(" {left_out} tiles above the diagonal are never computed.") } else { String::new() };
    match slow.frame_at(at) {
        None => format!("Nothing is computed yet, of {total} tiles.{skipped}"),
        Some(visit) => format!(
            "Visit {at} of {total}: queries {} to {} meet keys {} to {}.{}{skipped}",
            visit.rows.start,
            visit.rows.end - 1,
            visit.cols.start,
            visit.cols.end - 1,
            if visit.finished { " These queries are done: divided by l and written." } else { "" },
        ),
    }
}

/// The block's scores as a table.
pub fn scores(visit: &Visit) -> impl IntoView + use<> {
    let head = visit.cols.clone().map(|j| view! { <th scope="col">{j}</th> }).collect_view();
    let lines = visit
        .rows
        .clone()
        .zip(visit.scores.chunks(visit.cols.len()))
        .map(|(row, scores)| {
            let cells = scores
                .iter()
                .map(|score| match score {
                    Some(s) => view! { <td data-value=s.to_string()>{number::value((*s).into())}</td> }.into_any(),
                    None => view! { <td><span class="hidden">"masked"</span></td> }.into_any(),
                })
                .collect_view();
            view! { <tr><th scope="row">{row}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="Scores of this tile">
            <table id="ch26-scores"><caption class="hidden">"Scores: rows are queries, columns are keys"</caption><thead><tr><td></td>{head}</tr></thead><tbody>{lines}</tbody></table>
        </div>
    }
}
