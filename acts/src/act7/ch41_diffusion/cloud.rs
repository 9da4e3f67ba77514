//! Where the points come from: each source can be drawn from without end, and every point has one of two classes.

use engine::{Error, Result, rng};

/// Classes of points.
pub const CLASSES: usize = 2;

/// The most points of all strokes of a drawing together.
pub const MOST_POINTS_DRAWN: usize = 4000;

/// One stroke of a drawing, from point to point, in any units.
pub type Stroke = Vec<[f32; 2]>;

/// Points with their classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// x and y of each point in turn.
    pub xy: Vec<f32>,
    /// The class of each.
    pub classes: Vec<u32>,
}

impl Points {
    /// How many.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Those of one class.
    pub fn of_class(&self, class: u32) -> Self {
        let mut out = Self::default();
        for (point, &own) in self.xy.chunks(2).zip(&self.classes) {
            if own == class {
                out.xy.extend(point);
                out.classes.push(own);
            }
        }
        out
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Moons,
    Spiral,
    Grid,
    Drawn { strokes: Vec<Stroke>, ends: Vec<f32> },
}

/// A distribution of points, centred and scaled so that a coordinate has a mean square of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    kind: Kind,
    centre: [f32; 2],
    scale: f32,
}

/// How far points scatter around a stroke, as a share of the root mean square of the drawing.
const PEN: f32 = 0.05;

impl Source {
    /// Two half circles that reach into each other, with normal scatter; a moon is a class.
    pub fn moons() -> Self {
        Self::centred(Kind::Moons)
    }

    /// Two arms of a spiral, turning once and a half; an arm is a class.
    pub fn spiral() -> Self {
        Self::centred(Kind::Spiral)
    }

    /// Nine normal hills on a grid, so wide that neighbours just touch; the classes alternate as on a chessboard.
    pub fn grid() -> Self {
        Self::centred(Kind::Grid)
    }

    /// What the reader drew: points lie evenly along the strokes, the longer the more; the first, third, ... stroke is class 0.
    ///
    /// # Errors
    /// No stroke, too many points, a coordinate that is not finite, or a drawing without extent.
    pub fn drawn(strokes: Vec<Stroke>) -> Result<Self> {
        let strokes: Vec<Stroke> = strokes.into_iter().filter(|s| !s.is_empty()).collect();
        let points: Vec<[f32; 2]> = strokes.iter().flatten().copied().collect();
        if points.is_empty() {
            return Err(Error::data("drawing", "is empty: draw a line"));
        }
        if points.len() > MOST_POINTS_DRAWN {
            return Err(Error::data("drawing", format!("has more than {MOST_POINTS_DRAWN} points")));
        }
        if points.iter().flatten().any(|x| !x.is_finite() || x.abs() > 1e6) {
            return Err(Error::data("drawing", "has a coordinate that is not a number"));
        }
        let mut end = 0.0;
        // Even a dot has some length, so that it is drawn at all.
        let ends: Vec<f32> = strokes
            .iter()
            .flat_map(|s| s.windows(2).map(length).chain([1e-6]))
            .map(|l| {
                end += l;
                end
            })
            .collect();
        let source = Self::centred(Kind::Drawn { strokes, ends });
        if !(source.scale.is_finite() && source.scale < 1e5) {
            return Err(Error::data("drawing", "is a single dot: draw a line"));
        }
        Ok(source)
    }

    fn centred(kind: Kind) -> Self {
        let raw = Self { kind, centre: [0.0; 2], scale: 1.0 };
        let sample = raw.draw(4096, 0x5CA1E);
        let n = sample.len() as f32;
        let mut centre = [0.0; 2];
        for point in sample.xy.chunks(2) {
            centre[0] += point[0] / n;
            centre[1] += point[1] / n;
        }
        let square: f32 =
            sample.xy.chunks(2).map(|p| (p[0] - centre[0]).powi(2) + (p[1] - centre[1]).powi(2)).sum::<f32>()
                / (2.0 * n);
        Self { centre, scale: 1.0 / square.sqrt(), ..raw }
    }

    /// `count` points; the same for the same seed.
    pub fn draw(&self, count: usize, seed: u32) -> Points {
        let mut out = Points { xy: Vec::with_capacity(2 * count), classes: Vec::with_capacity(count) };
        for i in 0..count as u32 {
            let [a, b] = rng::bits([seed, 0x0041_0000], i).map(rng::unit);
            let scatter = [0, 1].map(|axis| rng::normal([seed, 0x0041_0001 + axis], i));
            let class = u32::from(a < 0.5);
            // The other half of the same number.
            let a = (2.0 * a).fract();
            let ([x, y], class) = self.place(class, [a, b], scatter);
            out.xy.extend([(x - self.centre[0]) * self.scale, (y - self.centre[1]) * self.scale]);
            out.classes.push(class);
        }
        out
    }

    fn place(&self, class: u32, [a, b]: [f32; 2], [dx, dy]: [f32; 2]) -> ([f32; 2], u32) {
        use std::f32::consts::PI;
        match &self.kind {
            Kind::Moons => {
                let (sin, cos) = (PI * a).sin_cos();
                let [x, y] = if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
                ([x + 0.09 * dx, y + 0.09 * dy], class)
            }
            Kind::Spiral => {
                // The root makes points as dense outside as inside.
                let turn = a.sqrt();
                let (sin, cos) = (3.0 * PI * turn + PI * class as f32).sin_cos();
                ([turn * cos + 0.025 * dx, turn * sin + 0.025 * dy], class)
            }
            Kind::Grid => {
                let hill = ((9.0 * a) as u32).min(8);
                let (column, row) = (hill % 3, hill / 3);
                ([column as f32 + 0.2 * dx, row as f32 + 0.2 * dy], (column + row) % 2)
            }
            Kind::Drawn { strokes, ends } => {
                let along = b * ends.last().copied().unwrap_or(0.0);
                let mut piece = ends.partition_point(|&end| end < along).min(ends.len().saturating_sub(1));
                let part =
                    |from: f32, to: f32| if to > from { ((along - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 };
                let share = part(if piece == 0 { 0.0 } else { ends[piece - 1] }, ends[piece]);
                for (number, stroke) in strokes.iter().enumerate() {
                    // A stroke of n points has n - 1 pieces, and the dot at its end.
                    if piece < stroke.len() {
                        let from = stroke[piece];
                        let to = stroke.get(piece + 1).copied().unwrap_or(from);
                        let at = |axis: usize| from[axis] + share * (to[axis] - from[axis]);
                        let pen = PEN / self.scale;
                        // Before the drawing is measured the pen has no width.
                        let pen = if self.scale == 1.0 { 0.0 } else { pen };
                        return ([at(0) + pen * dx, at(1) + pen * dy], number as u32 % 2);
                    }
                    piece -= stroke.len();
                }
                ([0.0, 0.0], 0)
            }
        }
    }
}

fn length(ends: &[[f32; 2]]) -> f32 {
    let [x, y] = [0, 1].map(|axis| ends[1][axis] - ends[0][axis]);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_centred_and_has_both_classes() {
        let drawn =
            Source::drawn(vec![vec![[0.0, 0.0], [300.0, 10.0]], vec![[50.0, 200.0], [80.0, 90.0], [10.0, 20.0]]]);
        for source in [Source::moons(), Source::spiral(), Source::grid(), drawn.expect("a drawing")] {
            let points = source.draw(4000, 9);
            assert_eq!(points, source.draw(4000, 9));
            let mean = points.xy.iter().sum::<f32>() / 8000.0;
            let square = points.xy.iter().map(|x| x * x).sum::<f32>() / 8000.0;
            assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "{source:?}: {mean}, {square}");
            assert!(points.xy.iter().all(|x| x.abs() < 3.0), "{source:?}");
            let ones = points.classes.iter().sum::<u32>();
            assert!((400..3600).contains(&ones), "{source:?}: {ones}");
        }
    }

    #[test]
    fn drawings_that_are_none_are_refused() {
        assert!(Source::drawn(vec![]).is_err());
        assert!(Source::drawn(vec![vec![]]).is_err());
        assert!(Source::drawn(vec![vec![[1.0, 1.0]]]).is_err());
        assert!(Source::drawn(vec![vec![[f32::NAN, 1.0], [0.0, 0.0]]]).is_err());
        assert!(Source::drawn(vec![vec![[0.0, 0.0]; MOST_POINTS_DRAWN + 1]]).is_err());
        // Two dots are a drawing.
        assert!(Source::drawn(vec![vec![[0.0, 0.0]], vec![[1.0, 0.0]]]).is_ok());
    }
}
