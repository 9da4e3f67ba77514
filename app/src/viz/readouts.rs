use leptos::prelude::*;

/// A measured number with its name.
#[derive(Clone, Debug)]
pub struct Readout {
    label: String,
    value: Signal<Option<String>>,
}

impl Readout {
    /// `value` is written with its unit (see [`super::number`]); `None` while nothing has been measured.
    pub fn new(label: impl Into<String>, value: impl Into<Signal<Option<String>>>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// The strip of measured numbers at the foot of an exhibit.
#[component]
pub fn Readouts(
    /// From left to right; four fit a line.
    items: Vec<Readout>,
) -> impl IntoView {
    let row = |item: Readout| {
        let value = move || {
            match item.value.get() {
            Some(text) => text.into_any(),
            None => view! { <span class="unmeasured"><span aria-hidden="true">"–"</span><span class="hidden">"not measured yet"</span></span> }.into_any(),
        }
        };
        view! { <div><dt>{item.label}</dt><dd>{value}</dd></div> }
    };
    view! { <dl class="strip">{items.into_iter().map(row).collect_view()}</dl> }
}
