//! The pictures of Tinyland: a few plain shapes on plain ground, each scene with its caption and with a mask for every shape.
//!
//! ```text
//! scene   = ground, one to four shapes
//! shape   = colour form size at a place
//! form    = circle | square | triangle | diamond | cross
//! colour  = red | yellow | green | blue | purple | black
//! size    = small | large
//! caption = shape                          a small red circle
//!         | shape relation shape           a small red circle left of a large blue square
//!         | shape "and" shape "and" ...    of three and four shapes
//! ```
//!
//! All lengths are fractions of the side of the picture, so that a scene can be drawn at any size. `x` grows to the right and `y`
//! downwards, from the top left corner. A shape's `radius` is that of the circle of the same area, whatever its form: what is
//! larger is larger in pixels. In a scene that was drawn with dice one shape is clearly the largest ([`LARGEST_BY`]), and two
//! shapes stand clearly beside or clearly above each other ([`RELATION_BY`]).
//!
//! Six of the thirty pairs of colour and form are held out ([`held_out`]): every colour with one form. A training scene has none of
//! them and a held-out scene has nothing else, so every word of its caption is known from training and no two of them together.

use std::fmt;

use super::Split;
use super::dice::Dice;

/// The version of the pictures: forms, colours, sizes, places, captions and what is held out. It belongs in the metadata of every
/// checkpoint that saw them.
pub const VERSION: &str = "tinyland-pictures-1";

/// The side, in pixels, at which the models of the book see a scene.
pub const SIDE: usize = 32;

/// The most shapes in a scene.
pub const MOST_SHAPES: usize = 4;

/// The radius of the largest shape over that of the next, at least, in a scene drawn with dice.
pub const LARGEST_BY: f32 = 1.15;

/// In a scene of two, drawn with dice: how many times farther apart the two are along the axis of their relation than along the
/// other, at least.
pub const RELATION_BY: f32 = 1.5;

/// How far a shape keeps from the edge of the picture, and from its neighbours where they may not overlap.
const MARGIN: f32 = 1.0 / 32.0;

/// Places are whole numbers of this fraction, so that a scene is the same on every platform.
const GRAIN: f32 = 1.0 / 256.0;

/// The brightness of the ground, drawn with equal chances. The caption does not tell it.
pub const GROUNDS: [f32; 3] = [0.78, 0.87, 0.96];

/// What a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A disc.
    Circle,
    /// A square with level sides.
    Square,
    /// An equilateral triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// Five equal squares: one in the middle, one on each of its sides.
    Cross,
}

impl Form {
    /// All of them, in the order of their class numbers.
    pub const ALL: [Form; 5] = [Form::Circle, Form::Square, Form::Triangle, Form::Diamond, Form::Cross];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Form::Circle => "circle",
            Form::Square => "square",
            Form::Triangle => "triangle",
            Form::Diamond => "diamond",
            Form::Cross => "cross",
        }
    }

    /// Its class number: its place in [`Form::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The distance from the centre to the farthest corner, in radii.
    pub fn reach(self) -> f32 {
        match self {
            Form::Circle => 1.0,
            Form::Square | Form::Diamond => HALF_SIDE * std::f32::consts::SQRT_2,
            Form::Triangle => TRIANGLE_SIDE / SQRT_3,
            Form::Cross => CROSS_SIDE * 1.581_139,
        }
    }

    /// The signed distance, in radii, from a point to the outline: negative inside. The point is relative to the centre and in
    /// radii. Exact outside and near the outline, which is all that smooth edges ask for.
    fn distance(self, x: f32, y: f32) -> f32 {
        match self {
            Form::Circle => length(x, y) - 1.0,
            Form::Square => rectangle(x, y, HALF_SIDE, HALF_SIDE),
            Form::Diamond => {
                let turn = std::f32::consts::FRAC_1_SQRT_2;
                rectangle((x + y) * turn, (x - y) * turn, HALF_SIDE, HALF_SIDE)
            }
            Form::Triangle => {
                // Three half-planes; the centre is a third of the height above the base.
                let below = y - TRIANGLE_SIDE / (2.0 * SQRT_3);
                let beside = 0.5 * (SQRT_3 * x.abs() - y) - TRIANGLE_SIDE / (2.0 * SQRT_3);
                below.max(beside)
            }
            Form::Cross => {
                let (half, long) = (0.5 * CROSS_SIDE, 1.5 * CROSS_SIDE);
                rectangle(x, y, long, half).min(rectangle(x, y, half, long))
            }
        }
    }
}

const SQRT_3: f32 = 1.732_050_8;
/// Half the side of a square of area pi: sqrt(pi) / 2.
const HALF_SIDE: f32 = 0.886_226_9;
/// The side of an equilateral triangle of area pi: sqrt(4 pi / sqrt 3).
const TRIANGLE_SIDE: f32 = 2.693_547_2;
/// The side of each of the five squares of a cross of area pi: sqrt(pi / 5).
const CROSS_SIDE: f32 = 0.792_665_5;

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

fn rectangle(x: f32, y: f32, half_width: f32, half_height: f32) -> f32 {
    let (right, down) = (x.abs() - half_width, y.abs() - half_height);
    length(right.max(0.0), down.max(0.0)) + right.max(down).min(0.0)
}

/// What colour a shape has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Colour {
    Red,
    Yellow,
    Green,
    Blue,
    Purple,
    Black,
}

impl Colour {
    /// All of them, in the order of their class numbers.
    pub const ALL: [Colour; 6] =
        [Colour::Red, Colour::Yellow, Colour::Green, Colour::Blue, Colour::Purple, Colour::Black];

    /// Its word, which the text of Tinyland has too.
    pub fn word(self) -> &'static str {
        match self {
            Colour::Red => "red",
            Colour::Yellow => "yellow",
            Colour::Green => "green",
            Colour::Blue => "blue",
            Colour::Purple => "purple",
            Colour::Black => "black",
        }
    }

    /// Its class number: its place in [`Colour::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Red, green and blue, 0 to 1.
    pub fn rgb(self) -> [f32; 3] {
        match self {
            Colour::Red => [0.85, 0.12, 0.14],
            Colour::Yellow => [0.95, 0.80, 0.05],
            Colour::Green => [0.10, 0.60, 0.24],
            Colour::Blue => [0.10, 0.32, 0.82],
            Colour::Purple => [0.55, 0.18, 0.66],
            Colour::Black => [0.07, 0.07, 0.08],
        }
    }
}

/// How large a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// A radius of 0.08 to 0.11 of the side.
    Small,
    /// A radius of 0.15 to 0.20 of the side.
    Large,
}

impl Size {
    /// Both.
    pub const ALL: [Size; 2] = [Size::Small, Size::Large];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Large => "large",
        }
    }

    /// Its place in [`Size::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The least and the greatest radius.
    pub fn radii(self) -> (f32, f32) {
        match self {
            Size::Small => (0.08, 0.11),
            Size::Large => (0.15, 0.20),
        }
    }
}

/// The pairs of colour and form that training never sees, each colour once: see [`held_out`].
pub const HELD_OUT: [(Colour, Form); 6] = [
    (Colour::Red, Form::Square),
    (Colour::Yellow, Form::Diamond),
    (Colour::Green, Form::Cross),
    (Colour::Blue, Form::Triangle),
    (Colour::Purple, Form::Circle),
    (Colour::Black, Form::Diamond),
];

/// Whether a pair of colour and form is held out from training.
pub fn held_out(colour: Colour, form: Form) -> bool {
    HELD_OUT.contains(&(colour, form))
}

/// The pairs of colour and form on one side of the line.
pub fn pairs(split: Split) -> Vec<(Colour, Form)> {
    let all = Colour::ALL.into_iter().flat_map(|colour| Form::ALL.map(|form| (colour, form)));
    all.filter(|&(colour, form)| held_out(colour, form) == (split == Split::HeldOut)).collect()
}

/// One shape of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// What it is.
    pub form: Form,
    /// Its colour.
    pub colour: Colour,
    /// What its caption calls its size.
    pub size: Size,
    /// The radius of the circle of its area.
    pub radius: f32,
    /// Its centre, from the left.
    pub x: f32,
    /// Its centre, from the top.
    pub y: f32,
}

impl Shape {
    /// `a small red circle`.
    pub fn phrase(&self) -> String {
        format!("a {} {} {}", self.size.word(), self.colour.word(), self.form.word())
    }

    /// The distance from its centre to its farthest corner.
    pub fn reach(&self) -> f32 {
        self.radius * self.form.reach()
    }

    /// How much of each pixel it covers, `[side * side]`, 0 to 1, by rows from the top: smooth over one pixel at its outline.
    /// Nothing that lies over it is taken away; [`Scene::masks`] does that.
    pub fn coverage(&self, side: usize) -> Vec<f32> {
        let pixels = side as f32;
        let at = |place: usize| (place as f32 + 0.5) / pixels;
        let covered = |row: usize, column: usize| {
            let distance = self.form.distance((at(column) - self.x) / self.radius, (at(row) - self.y) / self.radius);
            (0.5 - distance * self.radius * pixels).clamp(0.0, 1.0)
        };
        (0..side * side).map(|pixel| covered(pixel / side, pixel % side)).collect()
    }
}

/// Where one shape is, seen from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// To its left.
    LeftOf,
    /// To its right.
    RightOf,
    /// Over it on the page, farther up.
    Above,
    /// Farther down.
    Below,
}

impl Relation {
    /// All of them.
    pub const ALL: [Relation; 4] = [Relation::LeftOf, Relation::RightOf, Relation::Above, Relation::Below];

    /// The words that a caption puts between two shapes.
    pub fn words(self) -> &'static str {
        match self {
            Relation::LeftOf => "left of",
            Relation::RightOf => "right of",
            Relation::Above => "above",
            Relation::Below => "below",
        }
    }

    /// Where `first` is, seen from `second`: along the axis on which they are farther apart.
    pub fn between(first: &Shape, second: &Shape) -> Self {
        let (right, down) = (first.x - second.x, first.y - second.y);
        match (right.abs() >= down.abs(), right < 0.0, down < 0.0) {
            (true, true, _) => Relation::LeftOf,
            (true, false, _) => Relation::RightOf,
            (false, _, true) => Relation::Above,
            (false, _, false) => Relation::Below,
        }
    }
}

/// Whether shapes may lie over each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// No two touch: their outer circles are apart.
    Apart,
    /// A shape may hide part of an earlier one, but no centre lies within the larger radius of the other.
    Allowed,
}

/// A picture, before it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The brightness of the ground, 0 to 1.
    pub ground: f32,
    /// The shapes, in the order in which they are drawn: a later one lies over an earlier one.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// One to four shapes, all counts equally likely, apart from each other.
    pub fn draw(dice: &mut Dice, split: Split) -> Self {
        let count = dice.between(1, MOST_SHAPES);
        Self::of(dice, split, count, Overlap::Apart)
    }

    /// One shape.
    pub fn single(dice: &mut Dice, split: Split) -> Self {
        Self::of(dice, split, 1, Overlap::Apart)
    }

    /// Two shapes, apart, with a relation to tell.
    pub fn pair(dice: &mut Dice, split: Split) -> Self {
        Self::of(dice, split, 2, Overlap::Apart)
    }

    /// `count` shapes (at least 1, at most [`MOST_SHAPES`]; what is beyond is brought there) with the stated rule for overlaps.
    pub fn of(dice: &mut Dice, split: Split, count: usize, overlap: Overlap) -> Self {
        let count = count.clamp(1, MOST_SHAPES);
        let pairs = pairs(split);
        let ground = dice.pick(&GROUNDS);
        loop {
            let shapes: Vec<Shape> = (0..count).map(|_| shape(dice, &pairs)).collect();
            if stands(&shapes, overlap) {
                return Self { ground, shapes };
            }
        }
    }

    /// The picture: red, green and blue planes one after the other, `[3, side, side]`, 0 to 1.
    pub fn render(&self, side: usize) -> Vec<f32> {
        let mut picture = vec![self.ground; 3 * side * side];
        for shape in &self.shapes {
            let coverage = shape.coverage(side);
            for (plane, paint) in picture.chunks_exact_mut(side * side).zip(shape.colour.rgb()) {
                for (pixel, &covered) in plane.iter_mut().zip(&coverage) {
                    *pixel += covered * (paint - *pixel);
                }
            }
        }
        picture
    }

    /// For every shape how much of each pixel shows it, each `[side * side]`, 0 to 1: what later shapes hide is taken away.
    /// With what is left of 1 for the ground they add up to one at every pixel.
    pub fn masks(&self, side: usize) -> Vec<Vec<f32>> {
        let mut free = vec![1.0; side * side];
        let mut masks: Vec<Vec<f32>> = Vec::new();
        for shape in self.shapes.iter().rev() {
            let mut mask = shape.coverage(side);
            for (covered, free) in mask.iter_mut().zip(&mut free) {
                *covered *= *free;
                *free -= *covered;
            }
            masks.push(mask);
        }
        masks.reverse();
        masks
    }

    /// The scene in words of [`caption_vocabulary`].
    pub fn caption(&self) -> String {
        match self.shapes.as_slice() {
            [first, second] => {
                let relation = Relation::between(first, second).words();
                format!("{} {relation} {}", first.phrase(), second.phrase())
            }
            shapes => shapes.iter().map(Shape::phrase).collect::<Vec<_>>().join(" and "),
        }
    }

    /// The largest shape; none only where there are no shapes.
    pub fn largest(&self) -> Option<&Shape> {
        self.shapes.iter().max_by(|one, other| one.radius.total_cmp(&other.radius))
    }
}

/// A shape somewhere in the picture.
fn shape(dice: &mut Dice, pairs: &[(Colour, Form)]) -> Shape {
    let (colour, form) = dice.pick(pairs);
    let size = dice.pick(&Size::ALL);
    let (least, greatest) = size.radii();
    let radius = least + (greatest - least) * dice.below(65) as f32 / 64.0;
    // The nearest whole grain inside the margin, on both sides.
    let nearest = ((radius * form.reach() + MARGIN) / GRAIN).ceil() as usize;
    let farthest = (1.0 / GRAIN) as usize - nearest;
    let mut place = || dice.between(nearest, farthest) as f32 * GRAIN;
    let (x, y) = (place(), place());
    Shape { form, colour, size, radius, x, y }
}

/// Whether shapes thrown together make a scene.
fn stands(shapes: &[Shape], overlap: Overlap) -> bool {
    let pairs = || shapes.iter().enumerate().flat_map(|(place, one)| shapes[..place].iter().map(move |two| (one, two)));
    let apart = pairs().all(|(one, two)| {
        let least = match overlap {
            Overlap::Apart => one.reach() + two.reach() + MARGIN,
            Overlap::Allowed => one.radius.max(two.radius),
        };
        length(one.x - two.x, one.y - two.y) >= least
    });
    let mut radii: Vec<f32> = shapes.iter().map(|shape| shape.radius).collect();
    radii.sort_by(|one, other| other.total_cmp(one));
    let largest_is_clear = radii.len() < 2 || radii[0] >= LARGEST_BY * radii[1];
    let relation_is_clear = match shapes {
        [one, two] => {
            let (right, down) = ((one.x - two.x).abs(), (one.y - two.y).abs());
            right.max(down) >= RELATION_BY * right.min(down)
        }
        _ => true,
    };
    apart && largest_is_clear && relation_is_clear
}

/// The token that fills a caption up to its length.
pub const CAPTION_PAD: u32 = 0;
/// The token that closes a caption. A caption of nothing is this alone.
pub const CAPTION_END: u32 = 1;
/// The most tokens in the caption of a scene, its end included: four shapes of four words with `and` between them.
pub const CAPTION_TOKENS: usize = 5 * MOST_SHAPES;

const VOCABULARY: [&str; 22] = [
    "<pad>", "<end>", "a", "small", "large", "red", "yellow", "green", "blue", "purple", "black", "circle", "square",
    "triangle", "diamond", "cross", "left", "right", "above", "below", "of", "and",
];

/// Every token of a caption, at its number.
pub fn caption_vocabulary() -> &'static [&'static str] {
    &VOCABULARY
}

/// Why a caption cannot be told in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptionError {
    /// The vocabulary lacks this word.
    Unknown(String),
    /// It has this many tokens with its end, and there is room for so many.
    TooLong(usize, usize),
}

impl fmt::Display for CaptionError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaptionError::Unknown(word) => write!(to, "caption: no word \u{201c}{word}\u{201d}"),
            CaptionError::TooLong(needed, room) => write!(to, "caption: {needed} tokens, and room for {room}"),
        }
    }
}

impl std::error::Error for CaptionError {}

/// A caption as token numbers, each word one token, closed by [`CAPTION_END`] and filled with [`CAPTION_PAD`] up to `length`.
///
/// # Errors
///
/// A word that the vocabulary lacks (case does not matter, the names of special tokens are no words), or more tokens than `length`.
pub fn caption_tokens(caption: &str, length: usize) -> Result<Vec<u32>, CaptionError> {
    let mut tokens = Vec::new();
    for word in caption.split_whitespace() {
        let lower = word.to_lowercase();
        let known = VOCABULARY.iter().skip(2).position(|&entry| entry == lower);
        tokens.push(known.ok_or_else(|| CaptionError::Unknown(word.to_string()))? as u32 + 2);
    }
    tokens.push(CAPTION_END);
    if tokens.len() > length {
        return Err(CaptionError::TooLong(tokens.len(), length));
    }
    tokens.resize(length, CAPTION_PAD);
    Ok(tokens)
}

/// The words of token numbers, up to the first end; numbers beyond the vocabulary are left out.
pub fn caption_words(tokens: &[u32]) -> String {
    let words = tokens.iter().take_while(|&&token| token != CAPTION_END).filter(|&&token| token != CAPTION_PAD);
    words.filter_map(|&token| VOCABULARY.get(token as usize).copied()).collect::<Vec<_>>().join(" ")
}
