use leptos::prelude::*;

use crate::lang::{Lang, use_lang};
use crate::page::{Page, use_page};

/// The same page in the other languages. Each is a document of its own, so the browser goes there and not the router;
/// what the address says beyond the page goes along.
#[component]
pub fn Languages() -> impl IntoView {
    let (t, here) = (use_lang(), use_page());
    let other = move |lang: Lang| {
        let href = move || t.link(lang, here.get().unwrap_or(Page::Home));
        view! {
            <a
                class="btn"
                rel="external"
                lang=lang.tag()
                hreflang=lang.tag()
                title=lang.this_page_in_language()
                href=href
                on:pointerdown=take_along
                on:click=take_along
            >
                {lang.language()}
            </a>
        }
    };
    let others = Lang::ALL.iter().copied().filter(|lang| *lang != t).map(other).collect_view();
    view! { <p class="languages actions"><span>{t.languages()}</span>{others}</p> }
}

/// Gives a link the query and the hash that the page has now. They change without the page hearing of it.
pub fn take_along<E: AsRef<web_sys::Event>>(ev: E) {
    use wasm_bindgen::JsCast;

    let pressed = ev.as_ref().target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let link = pressed.and_then(|pressed| pressed.closest("a").ok().flatten());
    let link = link.and_then(|link| link.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    let location = window().location();
    if let (Some(link), Ok(query), Ok(hash)) = (link, location.search(), location.hash()) {
        link.set_search(&query);
        link.set_hash(&hash);
    }
}
