//! Definitions of terms show themselves by style sheet alone; a reader can also send one away.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{AddEventListenerOptions, Element, HtmlElement};

use leptos::prelude::*;

/// Escape hides the definition that is shown, until the pointer has left its term or the focus comes back to it.
pub fn listen() {
    let listener = window_event_listener(leptos::ev::keydown, |ev| {
        if ev.key() != "Escape" {
            return;
        }
        let focused = document().active_element().and_then(|e| e.dyn_into::<HtmlElement>().ok());
        if let Some(term) = focused.filter(|e| e.class_list().contains("term")) {
            let _ = term.blur();
        }
        if let Ok(Some(word)) = document().query_selector(".term-word:hover") {
            let _ = word.class_list().add_1("quiet");
            let again = Closure::once_into_js({
                let word: Element = word.clone();
                move || {
                    let _ = word.class_list().remove_1("quiet");
                }
            });
            let once = AddEventListenerOptions::new();
            once.set_once(true);
            let _ = word.add_event_listener_with_callback_and_add_event_listener_options(
                "pointerleave",
                again.unchecked_ref(),
                &once,
            );
        }
    });
    on_cleanup(move || listener.remove());
}
