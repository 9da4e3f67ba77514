use leptos::prelude::*;

use super::kept::{store, stored};
use crate::lang::{use_lang, with_keys};
use crate::page::{Page, use_page};

const STORAGE_KEY: &str = "turning-keys";

/// Whether `[` and `]` turn pages. It can be switched off, because software that is spoken to types letters.
#[derive(Clone, Copy, Debug)]
pub struct TurningKeys(RwSignal<bool>);

impl TurningKeys {
    /// As the reader left it; on at first.
    pub fn new() -> Self {
        let keys = Self(RwSignal::new(true));
        Effect::new(move |first: Option<()>| {
            if first.is_none() {
                keys.0.set(stored(STORAGE_KEY).as_deref() != Some("off"));
            }
        });
        keys
    }

    fn set(self, on: bool) {
        self.0.set(on);
        store(STORAGE_KEY, if on { "on" } else { "off" });
    }
}

/// The way to the page before and the page after, by link and by the keys `[` and `]`.
#[component]
pub fn Turning() -> impl IntoView {
    let (t, here) = (use_lang(), use_page());
    let neighbours = Memo::new(move |_| here.get().map_or((None, None), Page::neighbours));
    #[cfg(feature = "csr")]
    listen(neighbours);

    let link = move |page: Page, before: bool| {
        let (class, rel, label, key) =
            if before { ("before", "prev", t.turning_before(), "[") } else { ("after", "next", t.turning_next(), "]") };
        view! {
            <a class=class href=page.href() rel=rel>
                <small>{label}" "<kbd aria-hidden="true">{key}</kbd></small>
                <span lang=page.name_lang(t)>{page.name(t)}</span>
            </a>
        }
    };
    view! {
        <nav class="turning" aria-label=t.turning()>
            {move || neighbours.get().0.map(|page| link(page, true))}
            {move || neighbours.get().1.map(|page| link(page, false))}
        </nav>
    }
}

/// Whether keys are text where they were pressed.
#[cfg(feature = "csr")]
pub fn is_text(target: Option<web_sys::EventTarget>) -> bool {
    use wasm_bindgen::JsCast;

    let element = target.and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|e| matches!(e.closest("input, textarea, select, [contenteditable]"), Ok(Some(_))))
}

/// Listens for the two keys everywhere except where keys are text.
#[cfg(feature = "csr")]
fn listen(neighbours: Memo<(Option<Page>, Option<Page>)>) {
    use leptos_router::NavigateOptions;

    let keys = expect_context::<TurningKeys>();
    let base = use_context::<crate::page::BasePath>().map(|b| b.0).unwrap_or_default();
    let navigate = leptos_router::hooks::use_navigate();
    let listener = window_event_listener(leptos::ev::keydown, move |ev| {
        let (before, after) = neighbours.get_untracked();
        let target = match ev.key().as_str() {
            "[" => before,
            "]" => after,
            _ => None,
        };
        if let Some(page) = target.filter(|_| keys.0.get_untracked() && !ev.meta_key() && !is_text(ev.target())) {
            ev.prevent_default();
            navigate(&format!("{base}{}", page.path()), NavigateOptions { resolve: false, ..Default::default() });
        }
    });
    on_cleanup(move || listener.remove());
}

/// Switches the two keys off and on.
#[component]
pub fn KeysSwitch() -> impl IntoView {
    let keys = expect_context::<TurningKeys>();
    view! {
        <label class="keys-switch">
            <input type="checkbox" prop:checked=move || keys.0.get() on:change=move |ev| keys.set(event_target_checked(&ev)) />
            <span>{with_keys(use_lang().keys_turn())}</span>
        </label>
    }
}
