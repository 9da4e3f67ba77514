//! What the page remembers of a reader: in this browser, and nowhere else.

use leptos::prelude::*;

use crate::lang::{Lang, use_lang};

/// What was stored under a key.
pub fn stored(key: &str) -> Option<String> {
    window().local_storage().ok().flatten().and_then(|storage| storage.get_item(key).ok().flatten())
}

/// Stores a value. A browser that refuses still has it until the page is closed.
pub fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Forgets a value.
pub fn forget(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

/// One of a few ways to show the page. It stands on the document as `data-<name>`, for style sheets to follow;
/// `theme.js` puts it there before the first paint, under the same key.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    name: &'static str,
    values: &'static [Way],
    chosen: RwSignal<usize>,
}

/// A value of a [`Kept`], and what the reader calls it.
pub type Way = (&'static str, fn(Lang) -> &'static str);

impl Kept {
    /// As the document shows it now; the first of the values unless it says otherwise.
    pub fn new(name: &'static str, values: &'static [Way]) -> Self {
        let kept = Self { name, values, chosen: RwSignal::new(0) };
        Effect::new(move |first: Option<()>| {
            if first.is_none() {
                let shown = document().document_element().and_then(|root| root.get_attribute(&format!("data-{name}")));
                let known = values.iter().position(|(value, _)| shown.as_deref() == Some(*value));
                kept.chosen.set(known.unwrap_or_default());
            }
        });
        kept
    }

    /// The value.
    pub fn get(self) -> &'static str {
        self.values[self.chosen.get()].0
    }

    /// Takes the value at this place among the values, for now and for the next visit.
    pub fn choose(self, index: usize) {
        self.chosen.set(index);
        let value = self.values[index].0;
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute(&format!("data-{}", self.name), value);
        }
        store(self.name, value);
    }
}

/// Chooses among the values of a [`Kept`].
#[component]
pub fn Choice(
    /// What is chosen.
    legend: &'static str,
    /// Where it is kept.
    kept: Kept,
) -> impl IntoView {
    let t = use_lang();
    let way = move |(index, (value, label)): (usize, &'static Way)| {
        view! {
            <label>
                <input
                    type="radio"
                    name=kept.name
                    value=*value
                    prop:checked=move || kept.chosen.get() == index
                    on:change=move |_| kept.choose(index)
                />
                <span>{label(t)}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segmented">
            <legend>{legend}</legend>
            <div>{kept.values.iter().enumerate().map(way).collect_view()}</div>
        </fieldset>
    }
}
