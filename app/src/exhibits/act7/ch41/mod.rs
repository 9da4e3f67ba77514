//! Chapter 41: noise, and the way back.

mod chart;
mod pictures;
mod plane;
mod points;
mod run;
mod state;

use leptos::prelude::*;

use crate::compute::use_compute;
use crate::exhibits::Exhibit;

use pictures::Pictures;
use points::{Points, Steps};
use run::Runner;
use state::State;

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit = Exhibit { chapter: 41, title: "Noise, and the way back", view: || Diffusion().into_any() };

#[component]
fn Diffusion() -> impl IntoView {
    let state = State::from_address();
    let runner = Runner::new(use_compute());
    let settings = Memo::new(move |_| state.settings());
    let plan = Memo::new(move |_| state.plan());
    state.keep_in_address();
    runner.follow(settings, plan);
    view! {
        <Points state runner settings />
        <Steps runner />
        <Pictures state />
    }
}
