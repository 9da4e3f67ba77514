//! The picture components: a matrix, a frame, readouts, controls, and how numbers and colours are written.
//!
//! They know nothing of any chapter. Everything works by keyboard, is named for a screen reader and stays legible
//! (11 px and more) at every width: what does not fit scrolls inside its own box.

pub mod colormap;
mod fields;
mod frame;
mod heatmap;
pub mod number;
mod readouts;
mod tabs;

pub use fields::{Segmented, Slider, Toggle};
pub use frame::{ExhibitFrame, FrameSize, RunsOn};
pub use heatmap::{Cell, Heatmap, Matrix, Scale};
pub use readouts::{Readout, Readouts};
pub use tabs::{Tab, Tabs};
