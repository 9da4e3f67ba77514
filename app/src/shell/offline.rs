//! What the page says of the copy that `app/offline.js` keeps: that it is there, and that another edition waits.

use leptos::prelude::*;

use crate::lang::use_lang;

/// Whether the book is kept on the reader's device, and whether a newer edition has arrived beside it.
#[derive(Clone, Copy)]
struct Kept {
    is_kept: RwSignal<bool>,
    is_renewed: RwSignal<bool>,
}

/// Listens for what `app/boot.js` says, below the shell.
pub fn provide() {
    let kept = Kept { is_kept: RwSignal::new(false), is_renewed: RwSignal::new(false) };
    provide_context(kept);
    #[cfg(feature = "csr")]
    for (name, signal) in [("book-kept", kept.is_kept), ("book-renewed", kept.is_renewed)] {
        let event = leptos::ev::Custom::<web_sys::Event>::new(name);
        let listener = window_event_listener(event, move |_| signal.set(true));
        on_cleanup(move || listener.remove());
    }
}

/// One line for the foot of every page.
#[component]
pub fn KeptLine() -> impl IntoView {
    let (t, kept) = (use_lang(), expect_context::<Kept>());
    let text = move || kept.is_kept.get().then_some(t.kept());
    view! { <p class="kept-line" role="status">{text}</p> }
}

/// The offer of the newer edition; what the reader is doing is never cut off by it.
#[component]
pub fn Renewal() -> impl IntoView {
    let (t, kept) = (use_lang(), expect_context::<Kept>());
    let renew = move |_| {
        #[cfg(feature = "csr")]
        if let Ok(event) = web_sys::Event::new("book-renew") {
            let _ = window().dispatch_event(&event);
        }
    };
    let offer = move || {
        kept.is_renewed.get().then(|| {
            view! {
                <div class="renewal" role="status">
                    <p>{t.renewed()}</p>
                    <p class="actions">
                        <button class="btn primary" on:click=renew>{t.renew()}</button>
                        <button class="btn" on:click=move |_| kept.is_renewed.set(false)>{t.later()}</button>
                    </p>
                </div>
            }
        })
    };
    view! { {offer} }
}
