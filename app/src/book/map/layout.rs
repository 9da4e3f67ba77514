//! Where everything stands on the map. The build script has worked it out (`app/build/layout.rs`), once for wide screens
//! and once for phones; all lengths are in CSS pixels at the map's natural size.

/// One way to draw the map.
#[derive(Debug)]
pub struct Layout {
    /// Natural width.
    pub width: i32,
    /// Natural height.
    pub height: i32,
    /// The box of every idea, in the order of [`crate::book::IDEAS`].
    pub spots: &'static [Spot],
    /// The acts, from the top down.
    pub bands: &'static [Band],
    /// One line for every idea and each that it answers.
    pub lines: &'static [Line],
}

/// The box of an idea.
#[derive(Debug)]
pub struct Spot {
    /// How far behind the start of its act: a column on wide screens, a row on phones.
    #[cfg_attr(not(test), allow(dead_code, reason = "what the test of the layout goes by"))]
    pub layer: usize,
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Extent to the right.
    pub width: i32,
    /// Extent downwards.
    pub height: i32,
    /// The name, broken to fit.
    pub lines: &'static [&'static str],
}

/// The stripe of an act.
#[derive(Debug)]
pub struct Band {
    /// The number of the act.
    pub act: usize,
    /// Upper edge.
    pub y: i32,
    /// Extent downwards.
    pub height: i32,
}

/// The line from an idea to one that answers it.
#[derive(Debug)]
pub struct Line {
    /// The index of the idea that is answered.
    pub from: usize,
    /// The index of the idea that answers.
    pub to: usize,
    /// How it runs, as SVG path data.
    pub path: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/map.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{IDEAS, chapter};

    /// Between the boxes of two ideas there is at least this.
    const LEAST_GAP: i32 = 6;

    fn layouts() -> [(&'static str, &'static Layout); 2] {
        [("wide", &WIDE), ("narrow", &NARROW)]
    }

    fn act_of(idea: usize) -> usize {
        chapter(IDEAS[idea].chapter).map_or(0, |c| c.act)
    }

    fn collide(a: &Spot, b: &Spot) -> bool {
        a.x < b.x + b.width + LEAST_GAP
            && b.x < a.x + a.width + LEAST_GAP
            && a.y < b.y + b.height + LEAST_GAP
            && b.y < a.y + a.height + LEAST_GAP
    }

    #[test]
    fn no_two_names_overlap_and_none_is_lost() {
        for (name, layout) in layouts() {
            assert_eq!(layout.spots.len(), IDEAS.len());
            for (i, a) in layout.spots.iter().enumerate() {
                let said: String = a.lines.concat().split_whitespace().collect();
                let meant: String = IDEAS[i].name.split_whitespace().collect();
                assert_eq!(said, meant, "{name}: the name is broken, not changed");
                for (j, b) in layout.spots.iter().enumerate().skip(i + 1) {
                    assert!(!collide(a, b), "{name}: {} and {} overlap", IDEAS[i].id, IDEAS[j].id);
                }
            }
        }
    }

    #[test]
    fn the_test_of_overlap_can_fail() {
        let spot = |x, y| Spot { layer: 0, x, y, width: 90, height: 30, lines: &[] };
        assert!(collide(&spot(0, 0), &spot(80, 20)));
        assert!(!collide(&spot(0, 0), &spot(0, 40)));
    }

    #[test]
    fn every_idea_stands_in_the_band_of_its_act_and_on_the_map() {
        for (name, layout) in layouts() {
            for (i, spot) in layout.spots.iter().enumerate() {
                let band = &layout.bands[act_of(i) - 1];
                let inside = spot.y > band.y && spot.y + spot.height < band.y + band.height;
                assert!(inside, "{name}: {} sticks out of its act", IDEAS[i].id);
                assert!(spot.x >= 0 && spot.x + spot.width <= layout.width, "{name}: {}", IDEAS[i].id);
            }
            let ends: Vec<i32> = layout.bands.iter().map(|b| b.y + b.height).collect();
            assert!(layout.bands.iter().skip(1).zip(&ends).all(|(band, end)| band.y == *end), "{name}: bands join");
            assert_eq!(ends.last(), Some(&layout.height));
        }
    }

    #[test]
    fn there_is_a_line_for_every_answer_and_each_leads_forward() {
        for (name, layout) in layouts() {
            let mut drawn: Vec<(usize, usize)> = layout.lines.iter().map(|l| (l.from, l.to)).collect();
            let mut told: Vec<(usize, usize)> =
                (0..IDEAS.len()).flat_map(|to| IDEAS[to].answers.iter().map(move |&from| (from, to))).collect();
            drawn.sort_unstable();
            told.sort_unstable();
            assert_eq!(drawn, told, "{name}");
            for line in layout.lines {
                let (from, to) = (&layout.spots[line.from], &layout.spots[line.to]);
                let pair = format!("{name}: {} -> {}", IDEAS[line.from].id, IDEAS[line.to].id);
                if act_of(line.from) == act_of(line.to) {
                    assert!(from.layer < to.layer, "{pair}");
                    let ahead = if name == "wide" { from.x + from.width < to.x } else { from.y + from.height < to.y };
                    assert!(ahead, "{pair}");
                } else {
                    assert!(act_of(line.from) < act_of(line.to) && from.y + from.height < to.y, "{pair}");
                }
            }
        }
    }
}
