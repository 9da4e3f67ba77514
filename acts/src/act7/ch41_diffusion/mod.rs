//! Chapter 41, diffusion: points in the plane are ruined by noise, a small network learns to go back, and samplers go.
//!
//! Everything is trained live: [`Training`] by steps, [`Sampling`] by moves, [`Field`] for what the network says at every place.
//! How well drawn points match the data is a [`distance`] that has a floor: two draws of the data themselves are not equal either.
//! The pictures of the chapter are drawn by [`crate::tiny::diffusion`].
//!
//! Claims, asserted in `acts/tests/ch41_diffusion.rs`:
//! - the distance to the data falls with the number of steps, then levels;
//! - a few steps without fresh noise keep most of the quality;
//! - guidance raises the share of points of the class that was asked for, and lowers their variety.

mod cloud;
mod measure;
mod net;
mod run;

pub use cloud::{CLASSES, MOST_POINTS_DRAWN, Points, Source, Stroke};
pub use measure::{class_share, distance, variety};
pub use net::{NO_CLASS, Sizes};
pub use run::{BATCH, Field, Frame, Learnt, Plan, Point, Sampling, Settings, Training, noised, sweep};
