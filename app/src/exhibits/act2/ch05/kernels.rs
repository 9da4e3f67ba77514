use leptos::prelude::*;

use super::run::Runner;
use crate::exhibits::work;

/// The drawer behind the picture: each step of the program, its kernel, what it costs, what it took.
#[component]
pub fn Kernels(runner: Runner, open: RwSignal<bool>) -> impl IntoView {
    view! {
        <section id="ch5-kernels" class="drawer" hidden=move || !open.get() aria-label="The kernels behind the picture">
            <h3>"What ran for this picture"</h3>
            <p class="note">{move || work::introduction("One layer, all its heads", &runner.work.get())}</p>
            <ol class="work">{move || runner.work.get().into_iter().map(work::step).collect_view()}</ol>
        </section>
    }
}
