//! The buttons beside formulas: one listener for all of them, as they stand in the book's text and not in the program.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::Notices;
use crate::lang::use_lang;

/// How long a button says that it has copied.
const SAID_MS: u32 = 2000;

/// A press copies the LaTeX source that the formula carries.
pub fn listen() {
    let (t, notices) = (use_lang(), expect_context::<Notices>());
    let listener = window_event_listener(leptos::ev::click, move |ev| {
        let pressed = ev.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = pressed.filter(|e| e.class_list().contains("copy-latex")) else { return };
        let formula = button
            .parent_element()
            .and_then(|place| place.query_selector("annotation[encoding='application/x-tex']").ok().flatten());
        let Some(source) = formula.and_then(|formula| formula.text_content()) else { return };
        let written = window().navigator().clipboard().write_text(&source);
        leptos::task::spawn_local(async move {
            if wasm_bindgen_futures::JsFuture::from(written).await.is_err() {
                notices.problem(t.copy_refused(source));
                return;
            }
            button.set_text_content(Some(t.copied()));
            gloo_timers::future::TimeoutFuture::new(SAID_MS).await;
            button.set_text_content(Some(t.copy_latex()));
        });
    });
    on_cleanup(move || listener.remove());
}
