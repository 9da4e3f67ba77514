use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;

use super::languages::take_along;
use crate::book::chapter;
use crate::lang::{Lang, use_lang};
use crate::page::{Page, use_page};
use crate::url;

/// The least height a frame is offered with, in pixels.
const LEAST_HEIGHT_PX: f64 = 320.0;
/// What an embedded page has above and below its exhibit, in pixels.
const AROUND_PX: f64 = 56.0;

/// Where the present state of a page stands on another page of the site.
fn address(lang: Lang, page: Page) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let Ok(address) = web_sys::Url::new_with_base(&lang.link(Lang::PROSE, page), &base) else { return String::new() };
    address.set_search(&window().location().search().unwrap_or_default());
    address.href()
}

/// The element that shows an exhibit in any page. `width` follows the page it stands in.
fn snippet(address: &str, title: &str, height: u32) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!(
        "<iframe src=\"{}\" title=\"{}\" width=\"100%\" height=\"{height}\" loading=\"lazy\" allow=\"clipboard-write\"></iframe>",
        escape(address),
        escape(title)
    )
}

/// Hands an exhibit on, as it stands: its link, and a frame for another page.
#[component]
pub fn Share(
    /// The heading of the exhibit.
    title: String,
) -> impl IntoView {
    let (t, here) = (use_lang(), use_page());
    let place = NodeRef::<html::Details>::new();
    let frame = RwSignal::new(String::new());
    let link = RwSignal::new(String::new());
    let said = RwSignal::new("");
    let number = move || match here.get_untracked() {
        Some(Page::Chapter(number) | Page::Embed(number)) => Some(number),
        _ => None,
    };
    let open = move |_: ev::Event| {
        said.set("");
        let exhibit = place.get_untracked().and_then(|place| place.closest(".exhibit").ok().flatten());
        let height = exhibit.map_or(0.0, |e| e.get_bounding_client_rect().height()).max(LEAST_HEIGHT_PX) + AROUND_PX;
        match number() {
            // What is shared from a frame is the chapter it comes from.
            Some(number) => {
                let name = chapter(number).map_or("", |c| c.title);
                let title = format!("{title} ({name}, The Field Rhymes)");
                frame.set(snippet(&address(t, Page::Embed(number)), &title, height.ceil() as u32));
                let is_framed = matches!(here.get_untracked(), Some(Page::Embed(_)));
                link.set(if is_framed { address(t, Page::Chapter(number)) } else { url::address() });
            }
            None => link.set(url::address()),
        }
    };
    let copy = move |text: RwSignal<String>| {
        let written = window().navigator().clipboard().write_text(&text.read_untracked());
        leptos::task::spawn_local(async move {
            let is_done = wasm_bindgen_futures::JsFuture::from(written).await.is_ok();
            let _ = said.try_set(if is_done { t.share_copied() } else { t.share_refused() });
        });
    };
    let close = move |ev: ev::KeyboardEvent| {
        if ev.key() == "Escape"
            && let Some(place) = place.get_untracked()
            && place.open()
        {
            ev.prevent_default();
            ev.stop_propagation();
            place.set_open(false);
            let summary = place.query_selector("summary").ok().flatten();
            if let Some(summary) = summary.and_then(|s| s.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = summary.focus();
            }
        }
    };
    let select = move |ev: ev::FocusEvent| {
        if let Some(area) = ev.target().and_then(|e| e.dyn_into::<web_sys::HtmlTextAreaElement>().ok()) {
            area.select();
        }
    };
    let box_of = move |text: RwSignal<String>, label: &'static str, class: &'static str| {
        view! { <textarea class=class readonly rows="3" aria-label=label spellcheck="false" prop:value=move || text.get() on:focus=select></textarea> }
    };
    let framed = number().map(|_| {
        view! {
            <p><b>{t.share_frame()}</b></p>
            {box_of(frame, t.share_frame(), "share-frame")}
            <button class="btn" data-copy="frame" on:click=move |_| copy(frame)>{t.share_copy_frame()}</button>
        }
    });
    view! {
        <details class="share" lang=t.tag() node_ref=place on:toggle=open on:keydown=close>
            <summary class="btn">{t.share()}</summary>
            <div class="share-panel">
                {box_of(link, t.share_link(), "share-link")}
                <button class="btn" data-copy="link" on:click=move |_| copy(link)>{t.share_link()}</button>
                {framed}
                <p class="share-said" role="status">{said}</p>
            </div>
        </details>
    }
}

/// From a frame in another page to the chapter, as the exhibit stands.
#[component]
pub fn BackToChapter(
    /// Which chapter.
    number: usize,
) -> impl IntoView {
    let t = use_lang();
    view! {
        <p class="back-to-chapter">
            <a
                target="_blank"
                rel="noopener"
                href=Page::Chapter(number).href()
                on:pointerdown=take_along
                on:click=take_along
            >
                {t.embed_from(number)}
            </a>
        </p>
    }
}
