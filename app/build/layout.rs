//! Where the ideas stand on the map, and how its lines run.
//!
//! Acts are bands, from the top down in reading order. Inside a band, ideas stand in layers, each behind all that it
//! answers: on a wide screen layers are columns from left to right, on a phone rows from the top down. A line to the
//! next layer is one curve across the gap; a line that skips layers passes through a place kept free for it; a line
//! into a later act runs down the gap behind its idea, and along the top of the act it leads to. No line crosses a box.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What the layout has to know of an idea.
pub struct Subject<'a> {
    pub name: &'a str,
    pub act: usize,
    /// Earlier subjects, by index.
    pub answers: &'a [usize],
}

/// The box of an idea. All lengths are in CSS pixels at the map's natural size.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    pub layer: usize,
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    pub lines: Vec<String>,
}

pub struct Band {
    pub act: usize,
    pub y: i32,
    pub height: i32,
}

pub struct Line {
    pub from: usize,
    pub to: usize,
    pub path: String,
}

pub struct Layout {
    pub width: i32,
    pub height: i32,
    pub spots: Vec<Spot>,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
}

/// Size of the names on the map: the smallest that the book sets.
const FONT_PX: f64 = 11.0;
const LINE_HEIGHT: i32 = 13;
/// Between a box and its name, on each side.
const PAD_X: i32 = 4;
const PAD_Y: i32 = 4;
/// The smallest thing that a finger or a pointer has to hit.
const LEAST_HEIGHT: i32 = 28;
/// A band's heading, and the strip below it where lines from earlier acts run.
const HEADING: i32 = 30;
const STRIP: i32 = 22;
const BAND_END: i32 = 20;

fn height_of(lines: &[String]) -> i32 {
    (lines.len() as i32 * LINE_HEIGHT + 2 * PAD_Y).max(LEAST_HEIGHT)
}

/// How wide a text is in the book's sans at the map's size, in pixels: advance widths by kind of letter, rounded up.
fn text_width(text: &str) -> f64 {
    let em = |letter: char| match letter {
        'i' | 'j' | 'l' | '\'' | '.' | ',' | ':' | ';' | '|' => 0.27,
        'I' | ' ' => 0.29,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' => 0.39,
        '-' => 0.47,
        's' | 'c' | 'k' | 'v' | 'x' | 'y' | 'z' => 0.57,
        'm' => 0.90,
        'w' => 0.82,
        'M' | 'W' => 0.95,
        'A'..='Z' => 0.72,
        _ => 0.63,
    };
    text.chars().map(em).sum::<f64>() * FONT_PX
}

/// What a name may be broken into: words, and the parts of a word around a hyphen where neither is a mere stub.
fn pieces(name: &str) -> Vec<String> {
    const STUB: usize = 3;
    let mut pieces: Vec<String> = Vec::new();
    for word in name.split(' ') {
        let mut joined = false;
        for part in word.split_inclusive('-') {
            let long = |part: &str| part.trim_end_matches('-').chars().count() >= STUB;
            match pieces.last_mut() {
                Some(last) if joined && !(long(last) && long(part)) => last.push_str(part),
                _ => pieces.push(part.to_owned()),
            }
            joined = true;
        }
        if let Some(last) = pieces.last_mut() {
            last.push(' ');
        }
    }
    pieces
}

/// Breaks a name into as few lines as fit the width, and then as evenly as they go. Lines break at spaces and after
/// hyphens.
fn wrap(name: &str, width: f64) -> Vec<String> {
    /// A break after a hyphen is as bad as a line that is this much too short, squared.
    const WITHIN_WORD: f64 = 900.0;
    let pieces = pieces(name);
    // best[i]: the fewest lines, then the least raggedness, for the pieces from i on, and where the first line ends.
    let mut best = vec![(0, 0.0, 0); pieces.len() + 1];
    for start in (0..pieces.len()).rev() {
        let mut found: Option<(usize, f64, usize)> = None;
        for end in start + 1..=pieces.len() {
            let wide = text_width(pieces[start..end].concat().trim_end());
            if wide > width && end > start + 1 {
                break;
            }
            let rest = best[end];
            let within_word = end < pieces.len() && !pieces[end - 1].ends_with(' ');
            let ragged = (width - wide).powi(2) + if within_word { WITHIN_WORD } else { 0.0 };
            let candidate = (rest.0 + 1, rest.1 + ragged, end);
            if found.is_none_or(|f| (candidate.0, candidate.1) < (f.0, f.1)) {
                found = Some(candidate);
            }
        }
        best[start] = found.unwrap_or((1, 0.0, pieces.len()));
    }
    let mut lines = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let end = best[at].2;
        lines.push(pieces[at..end].concat().trim_end().to_owned());
        at = end;
    }
    lines
}

/// The ideas of an act in reading order.
fn members(ideas: &[Subject], act: usize) -> Vec<usize> {
    (0..ideas.len()).filter(|&i| ideas[i].act == act).collect()
}

fn acts(ideas: &[Subject]) -> usize {
    ideas.iter().map(|i| i.act).max().unwrap_or(0)
}

/// Each member once its answers of the same act have had their turn, in reading order otherwise.
fn in_order_of_need(ideas: &[Subject], members: &[usize]) -> Vec<usize> {
    let mut order = Vec::new();
    while order.len() < members.len() {
        let ready = |i: &&usize| {
            !order.contains(*i) && ideas[**i].answers.iter().all(|a| !members.contains(a) || order.contains(a))
        };
        let Some(&next) = members.iter().find(ready) else { break };
        order.push(next);
    }
    order
}

/// How the map is drawn where there is room: layers from left to right.
pub fn wide(ideas: &[Subject]) -> Layout {
    /// The least that a column is wide; a long word makes it wider.
    const LEAST_BOX: i32 = 88;
    const GAP: i32 = 20;
    const MARGIN: i32 = 16;

    let mut spots = vec![Spot::default(); ideas.len()];
    for act in 1..=acts(ideas) {
        for (idea, layer) in layers(ideas, &members(ideas, act)) {
            spots[idea].layer = layer;
        }
    }
    let deepest = spots.iter().map(|s| s.layer).max().unwrap_or(0);
    let mut widths = vec![LEAST_BOX; deepest + 1];
    for (idea, spot) in ideas.iter().zip(&spots) {
        for piece in pieces(idea.name) {
            let wide = text_width(piece.trim_end()).ceil() as i32 + 2 * PAD_X;
            widths[spot.layer] = widths[spot.layer].max(wide);
        }
    }
    let column = |layer: usize| MARGIN + widths[..layer].iter().map(|w| w + GAP).sum::<i32>();
    let width = column(deepest) + widths[deepest] + MARGIN;
    for (idea, spot) in ideas.iter().zip(&mut spots) {
        spot.width = widths[spot.layer];
        spot.lines = wrap(idea.name, f64::from(spot.width - 2 * PAD_X));
        spot.height = height_of(&spot.lines);
        spot.x = column(spot.layer);
    }
    let mut bands = Vec::new();
    let mut lines = Vec::new();
    let mut top = 0;
    for act in 1..=acts(ideas) {
        let layers = layers(ideas, &members(ideas, act));
        let columns = columns(ideas, &layers);
        let ys = heights(&columns, &spots);
        let first = top + HEADING + STRIP;
        let mut bottom = first;
        for (layer, items) in columns.items.iter().enumerate() {
            for (place, item) in items.iter().enumerate() {
                if let Item::Idea(idea) = item {
                    let spot = &mut spots[*idea];
                    spot.y = first + ys[layer][place].round() as i32 - spot.height / 2;
                    bottom = bottom.max(spot.y + spot.height);
                }
            }
        }
        for ((from, to), way) in &columns.ways {
            let mut path = String::new();
            let (mut x, mut y) = (spots[*from].x + spots[*from].width, middle(&spots[*from]));
            let _ = write!(path, "M{x} {y}");
            for &(layer, place) in way {
                let (to_x, to_y) = match columns.items[layer][place] {
                    Item::Idea(idea) => (column(layer), middle(&spots[idea])),
                    Item::Passing(..) => (column(layer), first + ys[layer][place].round() as i32),
                };
                let half = (x + to_x) / 2;
                let _ = write!(path, "C{half} {y} {half} {to_y} {to_x} {to_y}");
                if layer < spots[*to].layer {
                    x = to_x + widths[layer];
                    let _ = write!(path, "H{x}");
                }
                y = to_y;
            }
            lines.push(Line { from: *from, to: *to, path });
        }
        let height = bottom + BAND_END - top;
        bands.push(Band { act, y: top, height });
        top += height;
    }

    // Between acts: every idea has a lane of its own in the gap behind it, and a track of its own above each act.
    let later: Vec<(usize, usize)> = between_acts(ideas);
    let down = lanes(later.iter().map(|&(from, _)| (spots[from].layer + 1, from)), GAP - 6);
    let along = lanes(later.iter().map(|&(from, to)| (ideas[to].act, from)), STRIP - 4);
    let into = lanes(later.iter().map(|&(from, to)| ((ideas[to].act, spots[to].layer), from)), GAP - 6);
    for (from, to) in later {
        let (start, end) = (&spots[from], &spots[to]);
        let behind = start.x + start.width + GAP / 2 + down[&(start.layer + 1, from)];
        let ahead = end.x - GAP / 2 + into[&((ideas[to].act, end.layer), from)];
        let band = &bands[ideas[to].act - 1];
        let track = band.y + HEADING + STRIP / 2 - 2 + along[&(ideas[to].act, from)];
        let path = rounded(&[
            (start.x + start.width, middle(start)),
            (behind, middle(start)),
            (behind, track),
            (ahead, track),
            (ahead, middle(end)),
            (end.x, middle(end)),
        ]);
        lines.push(Line { from, to, path });
    }
    lines.sort_by_key(|l| (l.to, l.from));
    Layout { width, height: top, spots, bands, lines }
}

/// How the map is drawn on a phone: layers from the top down, at most three ideas in each.
pub fn narrow(ideas: &[Subject]) -> Layout {
    const BOX: i32 = 104;
    const GAP: i32 = 8;
    const MARGIN: i32 = 8;
    /// Where lines run that skip a layer or an act.
    const SIDE: i32 = 22;
    const SLOTS: usize = 3;
    const ROW_GAP: i32 = 24;
    let slot_x = |slot: usize| MARGIN + slot as i32 * (BOX + GAP);
    let width = slot_x(SLOTS) - GAP + SIDE;

    let mut spots: Vec<Spot> = ideas
        .iter()
        .map(|idea| {
            let lines = wrap(idea.name, f64::from(BOX - 2 * PAD_X));
            Spot { width: BOX, height: height_of(&lines), lines, ..Spot::default() }
        })
        .collect();
    let mut bands = Vec::new();
    let mut row_tops: BTreeMap<(usize, usize), i32> = BTreeMap::new();
    let mut row_ends: BTreeMap<(usize, usize), i32> = BTreeMap::new();
    let mut top = 0;
    for act in 1..=acts(ideas) {
        let members = members(ideas, act);
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for idea in in_order_of_need(ideas, &members) {
            let parents = ideas[idea].answers.iter().filter(|&&a| ideas[a].act == act);
            let earliest = parents.map(|&a| spots[a].layer + 1).max().unwrap_or(0);
            let row = (earliest..).find(|&r| rows.get(r).is_none_or(|row| row.len() < SLOTS)).unwrap_or(earliest);
            rows.resize(rows.len().max(row + 1), Vec::new());
            rows[row].push(idea);
            spots[idea].layer = row;
        }
        let mut y = top + HEADING + STRIP - 6;
        for (number, row) in rows.iter().enumerate() {
            let tall = row.iter().map(|&i| spots[i].height).max().unwrap_or(0);
            for (idea, slot) in seats(row, ideas, &spots, SLOTS, slot_x) {
                // Two in a row stand between the three places of their neighbours' rows only where that is nearer.
                spots[idea].x = slot;
                spots[idea].y = y + (tall - spots[idea].height) / 2;
            }
            row_tops.insert((act, number), y);
            row_ends.insert((act, number), y + tall);
            y += tall + ROW_GAP;
        }
        let height = y - ROW_GAP + BAND_END - top;
        bands.push(Band { act, y: top, height });
        top += height;
    }

    let mut lines = Vec::new();
    let skips = |from: usize, to: usize| ideas[from].act != ideas[to].act || spots[to].layer != spots[from].layer + 1;
    let all = || ideas.iter().enumerate().flat_map(|(to, idea)| idea.answers.iter().map(move |&from| (from, to)));
    let side = lanes(all().filter(|&(from, to)| skips(from, to)).map(|(from, _)| ((), from)), SIDE - 8);
    for (from, to) in all() {
        let (start, end) = (&spots[from], &spots[to]);
        let (x, y) = (start.x + BOX / 2, start.y + start.height);
        let (to_x, to_y) = (end.x + BOX / 2, end.y);
        let path = if skips(from, to) {
            let out = row_ends[&(ideas[from].act, start.layer)] + ROW_GAP / 2 - 4;
            let inwards = row_tops[&(ideas[to].act, end.layer)] - ROW_GAP / 2 + 4;
            let beside = width - SIDE / 2 + side[&((), from)];
            rounded(&[(x, y), (x, out), (beside, out), (beside, inwards), (to_x, inwards), (to_x, to_y)])
        } else {
            let half = (y + to_y) / 2;
            format!("M{x} {y}C{x} {half} {to_x} {half} {to_x} {to_y}")
        };
        lines.push(Line { from, to, path });
    }
    Layout { width, height: top, spots, bands, lines }
}

fn middle(spot: &Spot) -> i32 {
    spot.y + spot.height / 2
}

/// The lines that lead into a later act.
fn between_acts(ideas: &[Subject]) -> Vec<(usize, usize)> {
    let all = ideas.iter().enumerate().flat_map(|(to, idea)| idea.answers.iter().map(move |&from| (from, to)));
    all.filter(|&(from, to)| ideas[from].act != ideas[to].act).collect()
}

/// Spreads the ideas that share a gap over its width: offsets from its middle, one for each gap and idea.
fn lanes<K: Ord + Clone>(uses: impl Iterator<Item = (K, usize)>, width: i32) -> BTreeMap<(K, usize), i32> {
    let mut users: BTreeMap<K, BTreeSet<usize>> = BTreeMap::new();
    for (gap, idea) in uses {
        users.entry(gap).or_default().insert(idea);
    }
    let mut offsets = BTreeMap::new();
    for (gap, ideas) in users {
        let count = ideas.len() as f64;
        let step = (f64::from(width) / count).min(4.0);
        for (place, idea) in ideas.into_iter().enumerate() {
            let offset = (place as f64 - (count - 1.0) / 2.0) * step;
            offsets.insert((gap.clone(), idea), offset.round() as i32);
        }
    }
    offsets
}

/// A line of straight pieces with round corners.
fn rounded(points: &[(i32, i32)]) -> String {
    const RADIUS: i32 = 8;
    let mut path = format!("M{} {}", points[0].0, points[0].1);
    for corner in points.windows(3) {
        let [(ax, ay), (x, y), (bx, by)] = [corner[0], corner[1], corner[2]];
        let reach = |dx: i32, dy: i32| RADIUS.min((dx.abs() + dy.abs()) / 2);
        let (before, after) = (reach(x - ax, y - ay), reach(bx - x, by - y));
        let _ = write!(
            path,
            "L{} {}Q{x} {y} {} {}",
            x - (x - ax).signum() * before,
            y - (y - ay).signum() * before,
            x + (bx - x).signum() * after,
            y + (by - y).signum() * after
        );
    }
    if let Some((x, y)) = points.last() {
        let _ = write!(path, "L{x} {y}");
    }
    path
}

/// A layer for every member of an act, behind all the members that it answers. What answers nothing in its act stands
/// as late as what it made necessary allows, so that it is near to it.
fn layers(ideas: &[Subject], members: &[usize]) -> BTreeMap<usize, usize> {
    let order = in_order_of_need(ideas, members);
    let inside = |idea: usize| ideas[idea].answers.iter().copied().filter(|a| members.contains(a));
    let settle = |floors: &BTreeMap<usize, usize>| {
        let mut layers: BTreeMap<usize, usize> = BTreeMap::new();
        for &idea in &order {
            let own = inside(idea).map(|a| layers[&a] + 1).max();
            layers.insert(idea, own.unwrap_or(floors.get(&idea).copied().unwrap_or(0)));
        }
        layers
    };
    let early = settle(&BTreeMap::new());
    // As late as can be, from the back.
    let mut late = early.clone();
    for &idea in order.iter().rev() {
        let children = order.iter().filter(|&&c| inside(c).any(|a| a == idea));
        if let Some(limit) = children.map(|c| late[c]).min() {
            late.insert(idea, limit - 1);
        }
    }
    let deepest = early.values().copied().max().unwrap_or(0);
    let mut floors = BTreeMap::new();
    for &idea in members {
        let alone = !order.iter().any(|&c| inside(c).any(|a| a == idea));
        // Nothing before it and nothing after it in its act: where its chapter falls.
        let floor = if alone && members.first() != Some(&idea) { deepest } else { late[&idea] };
        floors.insert(idea, floor);
    }
    settle(&floors)
}

/// What stands in a column: an idea, or the place kept free for a line that passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Idea(usize),
    Passing(usize, usize),
}

struct Columns {
    items: Vec<Vec<Item>>,
    /// For each line inside the act, the columns and places it goes through, its end included.
    ways: BTreeMap<(usize, usize), Vec<(usize, usize)>>,
    /// What is joined to what in neighbouring columns: left place, right place, by left column.
    joints: Vec<Vec<(usize, usize)>>,
}

/// Orders each column so that few lines cross: the barycentre method, sweeping to and fro and keeping the best.
fn columns(ideas: &[Subject], layers: &BTreeMap<usize, usize>) -> Columns {
    const SWEEPS: usize = 24;
    let count = layers.values().max().map_or(0, |deepest| deepest + 1);
    let mut items: Vec<Vec<Item>> = vec![Vec::new(); count];
    for (&idea, &layer) in layers {
        items[layer].push(Item::Idea(idea));
    }
    let mut ends = Vec::new();
    for (&to, &layer) in layers {
        for &from in ideas[to].answers.iter().filter(|a| layers.contains_key(a)) {
            for between in layers[&from] + 1..layer {
                items[between].push(Item::Passing(from, to));
            }
            ends.push((from, to));
        }
    }
    let at = |items: &[Vec<Item>], layer: usize, from: usize, to: usize| {
        let wanted = |item: &Item| match *item {
            Item::Idea(idea) => (idea == from && layers[&from] == layer) || (idea == to && layers[&to] == layer),
            passing => passing == Item::Passing(from, to),
        };
        items[layer].iter().position(wanted).unwrap_or(0)
    };
    let joints = |items: &[Vec<Item>]| {
        let mut joints: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
        for &(from, to) in &ends {
            for layer in layers[&from]..layers[&to] {
                joints[layer].push((at(items, layer, from, to), at(items, layer + 1, from, to)));
            }
        }
        joints
    };
    let mut best = items.clone();
    let mut fewest = usize::MAX;
    for sweep in 0..SWEEPS {
        let crossings: usize = joints(&items).iter().map(|joints| crossings(joints)).sum();
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&items);
        }
        let forwards = sweep % 2 == 0;
        let turns: Vec<usize> =
            if forwards { (1..count).collect() } else { (0..count.saturating_sub(1)).rev().collect() };
        for layer in turns {
            let joints = joints(&items);
            let neighbours = |place: usize| -> Vec<usize> {
                if forwards {
                    joints[layer - 1].iter().filter(|j| j.1 == place).map(|j| j.0).collect()
                } else {
                    joints[layer].iter().filter(|j| j.0 == place).map(|j| j.1).collect()
                }
            };
            let other = if forwards { layer - 1 } else { layer + 1 };
            let scale = items[other].len() as f64 / items[layer].len().max(1) as f64;
            let mut keyed: Vec<(f64, Item)> = items[layer]
                .iter()
                .enumerate()
                .map(|(place, &item)| {
                    let near = neighbours(place);
                    let own = place as f64 * scale;
                    let mean = near.iter().sum::<usize>() as f64 / near.len().max(1) as f64;
                    (if near.is_empty() { own } else { mean }, item)
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            items[layer] = keyed.into_iter().map(|(_, item)| item).collect();
        }
    }
    let ways = ends
        .iter()
        .map(|&(from, to)| {
            let way = (layers[&from] + 1..=layers[&to]).map(|layer| (layer, at(&best, layer, from, to))).collect();
            ((from, to), way)
        })
        .collect();
    let joints = joints(&best);
    Columns { items: best, ways, joints }
}

fn crossings(joints: &[(usize, usize)]) -> usize {
    let pairs = joints.iter().enumerate().flat_map(|(i, a)| joints[i + 1..].iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count()
}

/// The middle of every item of every column: near to what it is joined to, in order, and without overlap.
fn heights(columns: &Columns, spots: &[Spot]) -> Vec<Vec<f64>> {
    const ROUNDS: usize = 16;
    const BETWEEN: f64 = 10.0;
    const LINE: f64 = 4.0;
    let tall = |item: &Item| match *item {
        Item::Idea(idea) => f64::from(spots[idea].height),
        Item::Passing(..) => LINE,
    };
    // How far the middles of neighbours in a column must be apart, added up from the top.
    let offsets: Vec<Vec<f64>> = columns
        .items
        .iter()
        .map(|items| {
            let mut offset = 0.0;
            let mut offsets = vec![0.0; items.len()];
            for place in 1..items.len() {
                offset += (tall(&items[place - 1]) + tall(&items[place])) / 2.0 + BETWEEN;
                offsets[place] = offset;
            }
            offsets
        })
        .collect();
    let tallest = offsets.iter().filter_map(|o| o.last()).copied().fold(0.0, f64::max);
    let mut ys: Vec<Vec<f64>> = offsets
        .iter()
        .map(|offsets| {
            let free = tallest - offsets.last().copied().unwrap_or(0.0);
            offsets.iter().map(|o| o + free / 2.0).collect()
        })
        .collect();
    let count = ys.len();
    for round in 0..ROUNDS {
        let forwards = round % 2 == 0;
        let turns: Vec<usize> = if forwards { (0..count).collect() } else { (0..count).rev().collect() };
        for layer in turns {
            let wanted: Vec<f64> = (0..columns.items[layer].len())
                .map(|place| {
                    let mut near = Vec::new();
                    if layer > 0 {
                        near.extend(
                            columns.joints[layer - 1].iter().filter(|j| j.1 == place).map(|j| ys[layer - 1][j.0]),
                        );
                    }
                    if layer + 1 < count {
                        near.extend(columns.joints[layer].iter().filter(|j| j.0 == place).map(|j| ys[layer + 1][j.1]));
                    }
                    if near.is_empty() { tallest / 2.0 } else { near.iter().sum::<f64>() / near.len() as f64 }
                })
                .collect();
            ys[layer] = in_order(&wanted, &offsets[layer]);
        }
    }
    let highest = columns
        .items
        .iter()
        .zip(&ys)
        .flat_map(|(items, ys)| items.iter().zip(ys).map(|(item, y)| y - tall(item) / 2.0))
        .fold(f64::INFINITY, f64::min);
    for y in ys.iter_mut().flatten() {
        *y -= highest;
    }
    ys
}

/// The places nearest to those wanted, in the sense of least squares, that keep their distances: what would overlap
/// forms a block around its common mean.
fn in_order(wanted: &[f64], offsets: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(offsets) {
        blocks.push((wanted - offset, 1));
        while let [.., (above, many), (below, few)] = blocks[..]
            && above >= below
        {
            blocks.truncate(blocks.len() - 2);
            let all = many + few;
            blocks.push(((above * many as f64 + below * few as f64) / all as f64, all));
        }
    }
    let bases = blocks.into_iter().flat_map(|(base, count)| std::iter::repeat_n(base, count));
    bases.zip(offsets).map(|(base, offset)| base + offset).collect()
}

/// Seats a row's ideas in the places nearest below what they answer: every way of seating at most three is tried.
fn seats(
    row: &[usize],
    ideas: &[Subject],
    spots: &[Spot],
    slots: usize,
    slot_x: impl Fn(usize) -> i32,
) -> Vec<(usize, i32)> {
    let span = slot_x(slots) - slot_x(slots - 1);
    // In half steps, so that one idea may stand below the gap between two.
    let places: Vec<i32> = (0..2 * slots - 1).map(|half| slot_x(0) + half as i32 * span / 2).collect();
    let cost = |idea: usize, x: i32| {
        let parents: Vec<i32> = ideas[idea]
            .answers
            .iter()
            .filter(|&&a| ideas[a].act == ideas[idea].act && spots[a].layer + 1 == spots[idea].layer)
            .map(|&a| spots[a].x)
            .collect();
        let centre = (x - places[slots - 1]).abs() / 8;
        parents.iter().map(|p| (x - p).abs()).sum::<i32>() + centre
    };
    let mut best: Option<(i32, Vec<i32>)> = None;
    let mut trial = vec![0usize; row.len()];
    loop {
        let xs: Vec<i32> = trial.iter().map(|&p| places[p]).collect();
        let apart = (0..xs.len()).all(|i| (0..i).all(|j| (xs[i] - xs[j]).abs() >= span));
        if apart {
            let total = row.iter().zip(&xs).map(|(&idea, &x)| cost(idea, x)).sum();
            if best.as_ref().is_none_or(|(least, _)| total < *least) {
                best = Some((total, xs));
            }
        }
        let Some(next) = trial.iter().position(|&p| p + 1 < places.len()) else { break };
        trial[next] += 1;
        trial[..next].fill(0);
    }
    let xs = best.map(|(_, xs)| xs).unwrap_or_default();
    row.iter().copied().zip(xs).collect()
}
