//! What the reader has set, and the address that keeps it. A picture of the reader's own stays out of it.

use std::sync::Arc;

use acts::tinyland::{
    Split,
    dice::Dice,
    pictures::{SIDE, Scene},
};
use leptos::prelude::*;

use super::picture::Own;
use crate::url;
use crate::viz::Cell;

/// The scene a reader meets first.
const FIRST_SEED: u32 = 7;
/// Squares of 4 by 4 pixels: those the network was trained on. An exponent of 2.
const FIRST_PATCH: f64 = 2.0;
const FIRST_LAYER: f64 = 2.0;
/// All heads, on average.
const FIRST_HEAD: f64 = 0.0;

/// Everything the reader can change.
#[derive(Clone, Copy)]
pub struct State {
    /// The seed of the scene.
    pub seed: RwSignal<u32>,
    /// Whether scenes are of pairs of colour and form that training never had.
    pub held_out: RwSignal<bool>,
    /// A picture of the reader's own, in place of the scene.
    pub own: RwSignal<Option<Own>>,
    /// The side of a square as a power of two.
    pub patch: RwSignal<f64>,
    /// Block, from 1.
    pub layer: RwSignal<f64>,
    /// Head, from 1; 0 is all of them on average.
    pub head: RwSignal<f64>,
    /// The chosen pixel: the square around it asks.
    pub pixel: RwSignal<Cell>,
    /// Whether the class token asks instead.
    pub class: RwSignal<bool>,
    /// Which number of the square's vector is open.
    pub component: RwSignal<Option<Cell>>,
}

/// Numbers of a vector in a line of its picture.
pub const LINE: usize = 16;

impl State {
    /// As the address says; what it does not say, or says wrongly, stands as at first.
    pub fn from_address() -> Self {
        let number = |name: &str, first: f64, least: f64, most: f64| {
            let given = url::parsed::<f64>(name).filter(|x| x.is_finite()).unwrap_or(first);
            RwSignal::new(given.clamp(least, most).round())
        };
        let pair = |name: &str| {
            let text = url::parameter(name)?;
            let (row, col) = text.split_once('.')?;
            Some((row.parse::<usize>().ok()?, col.parse::<usize>().ok()?))
        };
        let pixel = pair("at").map_or_else(
            || first_pixel(&scene(FIRST_SEED, false)),
            |(row, col)| Cell { row: row.min(SIDE - 1), col: col.min(SIDE - 1) },
        );
        let component = url::parsed::<usize>("number").unwrap_or(0);
        Self {
            seed: RwSignal::new(url::parsed("scene").unwrap_or(FIRST_SEED)),
            held_out: RwSignal::new(url::parameter("pairs").as_deref() == Some("held-out")),
            own: RwSignal::new(None),
            patch: number("patch", FIRST_PATCH, 1.0, 4.0),
            layer: number("layer", FIRST_LAYER, 1.0, 4.0),
            head: number("head", FIRST_HEAD, 0.0, 4.0),
            pixel: RwSignal::new(pixel),
            class: RwSignal::new(url::parameter("from").as_deref() == Some("class")),
            component: RwSignal::new(Some(Cell { row: component / LINE, col: component % LINE })),
        }
    }

    /// The side of a square in pixels.
    pub fn patch(&self) -> usize {
        1 << self.patch.get() as usize
    }

    /// Squares along a side.
    pub fn grid(&self) -> usize {
        SIDE / self.patch()
    }

    /// The chosen square, in reading order.
    pub fn square(&self) -> usize {
        let (patch, pixel) = (self.patch(), self.pixel.get());
        pixel.row / patch * self.grid() + pixel.col / patch
    }

    /// The token that asks: 0 is the class token.
    pub fn token(&self) -> usize {
        if self.class.get() { 0 } else { self.square() + 1 }
    }

    /// The head that is shown; none for all on average.
    pub fn one_head(&self) -> Option<usize> {
        (self.head.get() as usize).checked_sub(1)
    }

    /// The scene of the seed.
    pub fn scene(&self) -> Scene {
        scene(self.seed.get(), self.held_out.get())
    }

    /// The picture that is looked at.
    pub fn picture(&self) -> Arc<[f32]> {
        match self.own.get() {
            Some(own) => own.pixels,
            None => self.scene().render(SIDE).into(),
        }
    }

    /// Keeps the address up to date with every change.
    pub fn keep_in_address(self) {
        let first = first_pixel(&scene(FIRST_SEED, false));
        Effect::new(move |before: Option<()>| {
            let number = |n: f64, first: f64| (n != first).then(|| format!("{n}"));
            let seed = self.seed.get();
            let pixel = self.pixel.get();
            let component = self.component.get().map_or(0, |c| c.row * LINE + c.col);
            let values = [
                ("scene", (seed != FIRST_SEED).then(|| seed.to_string())),
                ("pairs", self.held_out.get().then(|| "held-out".into())),
                ("patch", number(self.patch.get(), FIRST_PATCH)),
                ("layer", number(self.layer.get(), FIRST_LAYER)),
                ("head", number(self.head.get(), FIRST_HEAD)),
                ("at", (pixel != first).then(|| format!("{}.{}", pixel.row, pixel.col))),
                ("from", self.class.get().then(|| "class".into())),
                ("number", (component != 0).then(|| component.to_string())),
            ];
            // What was just read need not be written.
            if before.is_some() {
                url::keep(&values);
            }
        });
    }
}

fn scene(seed: u32, held_out: bool) -> Scene {
    let split = if held_out { Split::HeldOut } else { Split::Train };
    Scene::draw(&mut Dice::new(&[u64::from(seed)]), split)
}

/// The middle of the largest shape.
fn first_pixel(scene: &Scene) -> Cell {
    let at = |x: f32| ((x * SIDE as f32) as usize).min(SIDE - 1);
    scene.largest().map_or(Cell { row: SIDE / 2, col: SIDE / 2 }, |shape| Cell { row: at(shape.y), col: at(shape.x) })
}
