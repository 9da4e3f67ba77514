use leptos::children::ViewFn;
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;

/// One of several views that share a place.
#[derive(Clone)]
pub struct Tab {
    label: &'static str,
    view: ViewFn,
}

impl Tab {
    /// A view under a name; it is built when it is first opened, and anew each time.
    pub fn new(label: &'static str, view: impl Into<ViewFn>) -> Self {
        Self { label, view: view.into() }
    }
}

/// Views that share a place, one shown at a time. The row of names is one tab stop; arrows move within it.
#[component]
pub fn Tabs(
    /// Unique on the page; names the parts.
    #[prop(into)]
    id: String,
    /// What the tabs choose between.
    #[prop(into)]
    label: String,
    /// At least one.
    tabs: Vec<Tab>,
    /// The index of the open one.
    #[prop(optional)]
    open: RwSignal<usize>,
) -> impl IntoView {
    let count = tabs.len();
    let list = NodeRef::<html::Div>::new();
    let go = move |index: usize| {
        open.set(index);
        let button = list.get_untracked().and_then(|list| list.children().item(index as u32));
        if let Some(button) = button.and_then(|b| b.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = button.focus();
        }
    };
    let keys = move |ev: ev::KeyboardEvent| {
        let at = open.get_untracked();
        let to = match ev.key().as_str() {
            "ArrowRight" => (at + 1) % count.max(1),
            "ArrowLeft" => (at + count.max(1) - 1) % count.max(1),
            "Home" => 0,
            "End" => count.saturating_sub(1),
            _ => return,
        };
        ev.prevent_default();
        go(to);
    };
    let panel_id = format!("{id}-panel");
    let names = tabs
        .iter()
        .enumerate()
        .map(|(index, tab)| {
            view! {
                <button
                    role="tab"
                    id=format!("{id}-{index}")
                    aria-controls=panel_id.clone()
                    aria-selected=move || (open.get() == index).to_string()
                    tabindex=move || if open.get() == index { "0" } else { "-1" }
                    on:click=move |_| open.set(index)
                >
                    {tab.label}
                </button>
            }
        })
        .collect_view();
    let labelled = {
        let id = id.clone();
        move || format!("{id}-{}", open.get())
    };
    view! {
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label=label node_ref=list on:keydown=keys>{names}</div>
            <div class="tab-panel" role="tabpanel" id=panel_id aria-labelledby=labelled>
                {move || tabs.get(open.get()).map(|tab| tab.view.run())}
            </div>
        </div>
    }
}
