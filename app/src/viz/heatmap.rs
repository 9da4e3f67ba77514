//! A matrix as a picture that can be walked through cell by cell.
//!
//! Cells are drawn on a canvas, because thousands of them change at every step of an experiment. Everything that is
//! text or outline lies above it as SVG, where style sheets and themes reach. The same numbers are a table on demand.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;
use web_sys::CanvasRenderingContext2d;

use super::colormap::{Rgb, diverging, viridis};
use super::number;
use crate::shell::Theme;

/// Numbers in rows and columns; some may be masked, which is not the same as zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    values: Arc<[f32]>,
    masked: Arc<[bool]>,
}

impl Matrix {
    /// Row after row; `None` where the length is not `rows * cols`.
    pub fn new(rows: usize, cols: usize, values: impl Into<Arc<[f32]>>) -> Option<Self> {
        let values = values.into();
        (Some(values.len()) == rows.checked_mul(cols)).then(|| Self { rows, cols, values, masked: Arc::new([]) })
    }

    /// Nothing to draw yet.
    pub fn empty() -> Self {
        Self { rows: 0, cols: 0, values: Arc::new([]), masked: Arc::new([]) }
    }

    /// The same with the cells for which `is_masked(row, col)` holds left empty: `|row, col| col > row` for a causal mask.
    pub fn masked(self, is_masked: impl Fn(usize, usize) -> bool) -> Self {
        let cols = self.cols;
        let masked = (0..self.values.len()).map(|i| is_masked(i / cols, i % cols)).collect();
        Self { masked, ..self }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The number in a cell; `None` where it is masked or does not exist.
    pub fn get(&self, cell: Cell) -> Option<f32> {
        if !self.contains(cell) {
            return None;
        }
        let index = cell.row * self.cols + cell.col;
        let masked = self.masked.get(index).copied().unwrap_or(false);
        if masked { None } else { self.values.get(index).copied() }
    }

    fn contains(&self, cell: Cell) -> bool {
        cell.row < self.rows && cell.col < self.cols
    }

    fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
        let cols = self.cols;
        (0..self.rows).flat_map(move |row| (0..cols).map(move |col| Cell { row, col }))
    }
}

/// A place in a matrix, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which row.
    pub row: usize,
    /// Which column.
    pub col: usize,
}

/// Which colour a number gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Magnitudes from one end to the other: viridis.
    Sequential {
        /// Drawn darkest.
        min: f32,
        /// Drawn lightest.
        max: f32,
    },
    /// Signed values: blue below zero, orange above, the ground at zero.
    Diverging {
        /// Drawn strongest, on both sides.
        size: f32,
    },
}

impl Scale {
    /// A signed scale wide enough for every cell that is not masked.
    pub fn diverging_over(matrix: &Matrix) -> Self {
        let sizes = matrix.cells().filter_map(|cell| matrix.get(cell)).map(f32::abs).filter(|x| x.is_finite());
        let size = sizes.fold(0.0, f32::max);
        Scale::Diverging { size: if size > 0.0 { size } else { 1.0 } }
    }

    /// From zero to the largest cell that is not masked.
    pub fn sequential_over(matrix: &Matrix) -> Self {
        let Scale::Diverging { size } = Self::diverging_over(matrix) else {
            return Scale::Sequential { min: 0.0, max: 1.0 };
        };
        Scale::Sequential { min: 0.0, max: size }
    }

    /// The colour of a number.
    pub fn color(self, value: f32, dark: bool) -> Rgb {
        match self {
            Scale::Sequential { min, max } => viridis(if max > min { (value - min) / (max - min) } else { 0.0 }),
            Scale::Diverging { size } => diverging(if size > 0.0 { value / size } else { 0.0 }, dark),
        }
    }

    fn ends(self) -> (f32, f32) {
        match self {
            Scale::Sequential { min, max } => (min, max),
            Scale::Diverging { size } => (-size, size),
        }
    }
}

/// Where everything lies, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    rows: usize,
    cols: usize,
    /// The distance between two cells.
    pitch: f64,
    /// The part of the pitch that is left free.
    gap: f64,
    /// The room for the names of the rows, at the left.
    left: f64,
    /// The room for the names of the columns, above.
    top: f64,
    /// The room for the last column's slanting name.
    right: f64,
    /// Whether column names stand upright, for want of room to slant.
    upright: bool,
}

/// The longest name that is written out; the rest is in the table and the spoken text.
const LONGEST_NAME: usize = 16;

/// The width of an average letter at the size of the labels.
const LETTER: f64 = 6.7;

impl Layout {
    fn new(matrix: &Matrix, row_names: &[String], col_names: &[String]) -> Self {
        // Names are set at 11 and 12 px: no pitch goes below what keeps neighbouring ones apart.
        let pitch: f64 = match matrix.rows.max(matrix.cols) {
            0..=8 => 44.0,
            9..=12 => 36.0,
            13..=18 => 30.0,
            19..=26 => 24.0,
            27..=40 => 18.0,
            _ => 14.0,
        };
        let longest = |names: &[String]| {
            names.iter().map(|n| n.chars().count()).max().unwrap_or(2).clamp(2, LONGEST_NAME) as f64 * LETTER
        };
        let upright = pitch < 24.0;
        let col_length = longest(col_names);
        let (top, right) =
            if upright { (col_length + 14.0, 8.0) } else { (col_length * 0.64 + 20.0, col_length * 0.77 + 6.0) };
        Self {
            rows: matrix.rows,
            cols: matrix.cols,
            pitch,
            gap: if pitch >= 24.0 { 2.0 } else { 1.0 },
            left: longest(row_names) + 16.0,
            top,
            right,
            upright,
        }
    }

    fn width(&self) -> f64 {
        self.cols as f64 * self.pitch + self.right
    }

    fn height(&self) -> f64 {
        self.top + self.rows as f64 * self.pitch + 2.0
    }

    fn x(&self, col: usize) -> f64 {
        col as f64 * self.pitch + 1.0
    }

    fn y(&self, row: usize) -> f64 {
        self.top + row as f64 * self.pitch
    }

    fn at(&self, x: f64, y: f64) -> Option<Cell> {
        let (col, row) = ((x - 1.0) / self.pitch, (y - self.top) / self.pitch);
        let within = col >= 0.0 && row >= 0.0 && col < self.cols as f64 && row < self.rows as f64;
        within.then_some(Cell { row: row as usize, col: col as usize })
    }
}

/// A matrix as a picture with named rows and columns.
///
/// It is one tab stop: the arrow keys move the selected cell, Home and End go to the ends of its row, with Ctrl to
/// the corners, and each move is announced in words.
#[component]
pub fn Heatmap(
    /// Unique on the page; names the parts.
    #[prop(into)]
    id: String,
    /// What the matrix is, in a few words.
    #[prop(into)]
    label: Signal<String>,
    /// Its numbers.
    #[prop(into)]
    matrix: Signal<Matrix>,
    /// The names of the rows; where one is missing its number stands in.
    #[prop(into)]
    row_labels: Signal<Vec<String>>,
    /// The names of the columns.
    #[prop(into)]
    col_labels: Signal<Vec<String>>,
    /// The colours.
    #[prop(into)]
    scale: Signal<Scale>,
    /// What a number is, for the legend and the spoken text: "weight".
    #[prop(into)]
    quantity: Signal<String>,
    /// Its unit, where it has one.
    #[prop(optional, into)]
    unit: String,
    /// What a row is: "query".
    #[prop(default = "row")]
    row_axis: &'static str,
    /// What a column is: "key".
    #[prop(default = "column")]
    col_axis: &'static str,
    /// The selected cell, shared with whoever opens it.
    selected: RwSignal<Option<Cell>>,
) -> impl IntoView {
    let theme = use_context::<Theme>();
    let hovered = RwSignal::new(None::<Cell>);
    let as_table = RwSignal::new(false);
    let canvas = NodeRef::<html::Canvas>::new();
    let scroller = NodeRef::<html::Div>::new();
    let unit = if unit.is_empty() { unit } else { format!(" {unit}") };
    let unit = StoredValue::new(unit);

    let layout =
        Memo::new(move |_| matrix.with(|m| row_labels.with(|rows| col_labels.with(|cols| Layout::new(m, rows, cols)))));
    // A selection can outlive the matrix it was made in.
    let selection = Memo::new(move |_| selected.get().filter(|&cell| matrix.with(|m| m.contains(cell))));
    let dark = move || theme.is_some_and(|theme| theme.is_dark());

    let row_name = move |row: usize| row_labels.with(|names| name(names, row));
    let col_name = move |col: usize| col_labels.with(|names| name(names, col));
    let written = move |cell: Cell| match matrix.with(|m| m.get(cell)) {
        Some(x) => format!("{} {}{}", quantity.get(), number::value(x.into()), unit.get_value()),
        None => "masked, no value".to_owned(),
    };
    let describe = move |cell: Cell| {
        format!("{row_axis} {}, {col_axis} {}, {}", row_name(cell.row), col_name(cell.col), written(cell))
    };

    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        let (layout, scale, dark) = (layout.get(), scale.get(), dark());
        matrix.with(|matrix| draw(&canvas, matrix, layout, scale, dark));
    });

    let pick = move |ev: ev::MouseEvent| layout.get_untracked().at(ev.offset_x().into(), ev.offset_y().into());
    let keys = move |ev: ev::KeyboardEvent| {
        let layout = layout.get_untracked();
        let corner = ev.ctrl_key() || ev.meta_key();
        if let Some(next) = step(selection.get_untracked(), &ev.key(), corner, layout.rows, layout.cols) {
            ev.prevent_default();
            selected.set(Some(next));
            if let Some(scroller) = scroller.get_untracked() {
                keep_in_view(&scroller, layout, next);
            }
        }
    };

    let row_texts = move || {
        let layout = layout.get();
        (0..layout.rows)
            .map(|row| {
                let on = move || selection.get().is_some_and(|cell| cell.row == row);
                let y = layout.y(row) + layout.pitch / 2.0 + 4.0;
                view! { <text x=layout.left - 8.0 y=y text-anchor="end" class:on=on>{shorten(&row_name(row))}</text> }
            })
            .collect_view()
    };
    let col_texts = move || {
        let layout = layout.get();
        (0..layout.cols)
            .map(|col| {
                let on = move || selection.get().is_some_and(|cell| cell.col == col);
                let (x, angle) = if layout.upright {
                    (layout.x(col) + layout.pitch / 2.0 + 3.0, -90)
                } else {
                    (layout.x(col) + layout.pitch / 2.0, -40)
                };
                let place = format!("translate({x:.1} {:.1}) rotate({angle})", layout.top - 8.0);
                view! { <text transform=place class:on=on>{shorten(&col_name(col))}</text> }
            })
            .collect_view()
    };
    let outline = move |cell: Option<Cell>, class: &'static str| {
        cell.map(|cell| {
            let layout = layout.get();
            let side = layout.pitch - layout.gap + 2.0;
            view! { <rect class=class x=layout.x(cell.col) - 1.0 y=layout.y(cell.row) - 1.0 width=side height=side rx="4" /> }
        })
    };

    let told = move || match selection.get() {
        Some(cell) => describe(cell),
        None => "No cell is selected. The arrow keys or a click select one.".to_owned(),
    };
    let table_id = format!("{id}-table");
    let table_controls = table_id.clone();
    let help_id = format!("{id}-help");
    let told_id = format!("{id}-cell");
    let described_by = format!("{help_id} {told_id}");

    view! {
        <figure class="heatmap" aria-label=move || label.get()>
            <div class="heatmap-head">
                <Legend scale=scale quantity=quantity unit=unit.get_value() dark=Signal::derive(dark) />
                <button
                    class="btn"
                    aria-expanded=move || as_table.get().to_string()
                    aria-controls=table_controls
                    on:click=move |_| as_table.update(|on| *on = !*on)
                >
                    "Table"
                </button>
            </div>
            <div class="heatmap-scroll" node_ref=scroller>
                <div
                    class="heatmap-grid"
                    id=id
                    role="application"
                    aria-roledescription="matrix"
                    aria-label=move || label.get()
                    aria-describedby=described_by
                    tabindex="0"
                    on:keydown=keys
                >
                    <svg class="heatmap-rows" aria-hidden="true" width=move || layout.get().left height=move || layout.get().height()>{row_texts}</svg>
                    <div class="heatmap-plot">
                        <canvas
                            node_ref=canvas
                            on:click=move |ev| selected.set(pick(ev))
                            on:mousemove=move |ev| {
                                let cell = pick(ev);
                                if hovered.get_untracked() != cell {
                                    hovered.set(cell);
                                }
                            }
                            on:mouseleave=move |_| hovered.set(None)
                        ></canvas>
                        <svg aria-hidden="true" width=move || layout.get().width() height=move || layout.get().height()>
                            {col_texts}
                            {move || outline(hovered.get().filter(|&cell| matrix.with(|m| m.contains(cell))), "hovered")}
                            {move || outline(selection.get(), "selected-halo")}
                            {move || outline(selection.get(), "selected")}
                        </svg>
                    </div>
                </div>
            </div>
            <p class="heatmap-told">
                <span id=told_id role="status">{told}</span>
                <span class="heatmap-hovered" aria-hidden="true">{move || hovered.get().filter(|&cell| matrix.with(|m| m.contains(cell))).map(describe)}</span>
            </p>
            <p class="hidden" id=help_id>"Arrow keys move through the cells, Home and End to the ends of a row."</p>
            <div id=table_id class="heatmap-table" hidden=move || !as_table.get()>
                {move || as_table.get().then(|| view! { <Table label matrix row_labels col_labels /> })}
            </div>
        </figure>
    }
}

/// The colours with what they stand for.
#[component]
fn Legend(scale: Signal<Scale>, quantity: Signal<String>, unit: String, dark: Signal<bool>) -> impl IntoView {
    const STEPS: u32 = 48;
    const STEP_WIDTH: f32 = 3.0;
    let bar = move || {
        let (scale, dark) = (scale.get(), dark.get());
        let (low, high) = scale.ends();
        (0..STEPS)
            .map(|i| {
                let value = low + (high - low) * i as f32 / (STEPS - 1) as f32;
                // A hair of overlap keeps the ground from shining through between two steps.
                view! { <rect x=(i as f32 * STEP_WIDTH).to_string() y="0" width=(STEP_WIDTH + 0.5).to_string() height="12" fill=scale.color(value, dark).css() /> }
            })
            .collect_view()
    };
    let end = move |pick: fn((f32, f32)) -> f32| number::value(pick(scale.get().ends()).into());
    view! {
        <p class="legend">
            <span>{move || quantity.get()}{unit}</span>
            <span class="number">{move || end(|(low, _)| low)}</span>
            <svg aria-hidden="true" width=STEPS as f32 * STEP_WIDTH height="12">{bar}</svg>
            <span class="number">{move || end(|(_, high)| high)}</span>
        </p>
    }
}

/// The same numbers as a table.
#[component]
fn Table(
    label: Signal<String>,
    matrix: Signal<Matrix>,
    row_labels: Signal<Vec<String>>,
    col_labels: Signal<Vec<String>>,
) -> impl IntoView {
    let body = move || {
        let matrix = matrix.get();
        let (rows, cols) = (row_labels.get(), col_labels.get());
        let head = (0..matrix.cols).map(|col| view! { <th scope="col">{name(&cols, col)}</th> }).collect_view();
        let lines = (0..matrix.rows)
            .map(|row| {
                let cells = (0..matrix.cols)
                    .map(|col| match matrix.get(Cell { row, col }) {
                        Some(x) => view! { <td>{number::value(x.into())}</td> }.into_any(),
                        None => view! { <td class="masked"><span class="hidden">"masked"</span></td> }.into_any(),
                    })
                    .collect_view();
                view! { <tr><th scope="row">{name(&rows, row)}</th>{cells}</tr> }
            })
            .collect_view();
        view! { <thead><tr><td></td>{head}</tr></thead><tbody>{lines}</tbody> }
    };
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=move || format!("{}, as a table", label.get())>
            <table><caption class="hidden">{move || label.get()}</caption>{body}</table>
        </div>
    }
}

fn name(names: &[String], index: usize) -> String {
    names.get(index).cloned().unwrap_or_else(|| index.to_string())
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(LONGEST_NAME - 1).collect();
    short.push('…');
    short
}

/// Where a key leads; `None` where it is not one of ours, or there is nowhere to go.
fn step(from: Option<Cell>, key: &str, corner: bool, rows: usize, cols: usize) -> Option<Cell> {
    let (last_row, last_col) = (rows.checked_sub(1)?, cols.checked_sub(1)?);
    let ours = matches!(key, "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight" | "Home" | "End");
    let Some(Cell { row, col }) = from else {
        return ours.then_some(Cell { row: 0, col: 0 });
    };
    Some(match key {
        "ArrowUp" => Cell { row: row.saturating_sub(1), col },
        "ArrowDown" => Cell { row: (row + 1).min(last_row), col },
        "ArrowLeft" => Cell { row, col: col.saturating_sub(1) },
        "ArrowRight" => Cell { row, col: (col + 1).min(last_col) },
        "Home" => Cell { row: if corner { 0 } else { row }, col: 0 },
        "End" => Cell { row: if corner { last_row } else { row }, col: last_col },
        _ => return None,
    })
}

/// Scrolls the box, and not the page, so far that a cell chosen by key can be seen beside the fixed row names.
fn keep_in_view(scroller: &web_sys::HtmlDivElement, layout: Layout, cell: Cell) {
    let (from, to) = (layout.x(cell.col), layout.x(cell.col) + layout.pitch);
    let (seen_from, room) = (f64::from(scroller.scroll_left()), f64::from(scroller.client_width()) - layout.left);
    if from < seen_from {
        scroller.set_scroll_left(from as i32);
    } else if to > seen_from + room {
        scroller.set_scroll_left((to - room).ceil() as i32);
    }
}

/// Fills the canvas, at the resolution of the screen.
fn draw(canvas: &web_sys::HtmlCanvasElement, matrix: &Matrix, layout: Layout, scale: Scale, dark: bool) {
    let ratio = window().device_pixel_ratio().max(1.0);
    canvas.set_width((layout.width() * ratio).round() as u32);
    canvas.set_height((layout.height() * ratio).round() as u32);
    let Some(context) =
        canvas.get_context("2d").ok().flatten().and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok())
    else {
        return;
    };
    let _ = context.scale(ratio, ratio);
    // The style sheet gives the canvas the colour of hairlines, which is how empty boxes follow the theme.
    if let Ok(Some(style)) = window().get_computed_style(canvas)
        && let Ok(line) = style.get_property_value("color")
    {
        context.set_stroke_style_str(&line);
    }
    let side = layout.pitch - layout.gap;
    let radius = if layout.pitch >= 24.0 { 3.0 } else { 0.0 };
    for cell in matrix.cells() {
        let (x, y) = (layout.x(cell.col), layout.y(cell.row));
        context.begin_path();
        match matrix.get(cell) {
            Some(value) => {
                let _ = context.round_rect_with_f64(x, y, side, side, radius);
                context.set_fill_style_str(&scale.color(value, dark).css());
                context.fill();
            }
            None => {
                let _ = context.round_rect_with_f64(x + 0.5, y + 0.5, side - 1.0, side - 1.0, radius);
                context.stroke();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(row: usize, col: usize) -> Option<Cell> {
        Some(Cell { row, col })
    }

    #[test]
    fn a_matrix_refuses_the_wrong_number_of_values() {
        assert!(Matrix::new(2, 3, vec![0.0; 6]).is_some());
        assert!(Matrix::new(2, 3, vec![0.0; 5]).is_none());
        assert!(Matrix::new(usize::MAX, 2, vec![]).is_none());
    }

    #[test]
    fn masked_cells_have_no_value_and_do_not_widen_the_scale() {
        let matrix = Matrix::new(2, 2, vec![1.0, 9.0, -3.0, 2.0])
            .map(|m| m.masked(|row, col| col > row))
            .unwrap_or_else(Matrix::empty);
        assert_eq!(matrix.get(Cell { row: 0, col: 1 }), None);
        assert_eq!(matrix.get(Cell { row: 1, col: 0 }), Some(-3.0));
        assert_eq!(matrix.get(Cell { row: 0, col: 2 }), None);
        assert_eq!(Scale::diverging_over(&matrix), Scale::Diverging { size: 3.0 });
    }

    #[test]
    fn keys_walk_the_cells_and_stop_at_the_edges() {
        assert_eq!(step(None, "ArrowDown", false, 3, 4), cell(0, 0));
        assert_eq!(step(None, "a", false, 3, 4), None);
        assert_eq!(step(cell(0, 0), "ArrowUp", false, 3, 4), cell(0, 0));
        assert_eq!(step(cell(2, 3), "ArrowRight", false, 3, 4), cell(2, 3));
        assert_eq!(step(cell(1, 1), "ArrowDown", false, 3, 4), cell(2, 1));
        assert_eq!(step(cell(1, 1), "End", false, 3, 4), cell(1, 3));
        assert_eq!(step(cell(1, 1), "Home", true, 3, 4), cell(0, 0));
        assert_eq!(step(cell(1, 1), "End", true, 3, 4), cell(2, 3));
        assert_eq!(step(cell(1, 1), "Tab", false, 3, 4), None);
        assert_eq!(step(None, "ArrowDown", false, 0, 4), None);
    }

    #[test]
    fn a_point_finds_the_cell_it_is_in() {
        let matrix = Matrix::new(3, 4, vec![0.0; 12]).unwrap_or_else(Matrix::empty);
        let layout = Layout::new(&matrix, &[], &[]);
        for place in matrix.cells() {
            let middle = layout.pitch / 2.0;
            assert_eq!(layout.at(layout.x(place.col) + middle, layout.y(place.row) + middle), Some(place));
        }
        assert_eq!(layout.at(5.0, layout.top - 1.0), None);
        assert_eq!(layout.at(layout.x(4) + 1.0, layout.top + 1.0), None);
    }

    #[test]
    fn sixty_four_rows_and_columns_keep_their_names_apart() {
        let matrix = Matrix::new(64, 64, vec![0.0; 64 * 64]).unwrap_or_else(Matrix::empty);
        assert!(Layout::new(&matrix, &[], &[]).pitch >= 12.0);
    }
}
