use leptos::prelude::*;
use leptos::{ev, html};

use super::ReadMark;
use crate::book::{ACTS, Act};
use crate::exhibits;
use crate::lang::use_lang;
use crate::page::{Link, Page};

/// The whole book as a list: beside the text where there is room, above it on demand where there is not.
#[component]
pub fn Contents(
    /// Whether it is shown on a narrow screen.
    open: RwSignal<bool>,
) -> impl IntoView {
    let t = use_lang();
    let nav = NodeRef::<html::Nav>::new();

    // Keep the reader's chapter in view inside the list, without moving the page.
    let here = crate::page::use_page();
    Effect::new(move |_| {
        here.track();
        open.track();
        let Some(nav) = nav.get() else { return };
        if let Ok(Some(current)) = nav.query_selector("[aria-current=page]") {
            let (rail, link) = (nav.get_bounding_client_rect(), current.get_bounding_client_rect());
            if link.top() < rail.top() || link.bottom() > rail.bottom() {
                nav.set_scroll_top(nav.scroll_top() + (link.top() - rail.top() - rail.height() / 3.0) as i32);
            }
        }
    });
    let close = move |ev: ev::KeyboardEvent| {
        if ev.key() == "Escape" {
            open.set(false);
        }
    };

    let act_view = move |act: &'static Act| {
        view! {
            <section class=format!("act-{}", act.number)>
                <h2 lang=t.prose()><Link to=Page::Act(act.number)><span class="numeral">{act.numeral}</span>{act.title}</Link></h2>
                <ol>
                    {act
                        .chapters()
                        .map(move |chapter| {
                            let live = exhibits::of(chapter.number)
                                .map(|_| view! { <span class="dot live"></span><span class="hidden">{t.with_exhibit()}</span> });
                            view! {
                                <li>
                                    <Link to=Page::Chapter(chapter.number)>
                                        <span class="number">{chapter.number}</span>
                                        " "
                                        <span class="grow" lang=t.prose()>{chapter.short}</span>
                                        {live}
                                        <ReadMark number=chapter.number />
                                    </Link>
                                </li>
                            }
                        })
                        .collect_view()}
                </ol>
            </section>
        }
    };
    let home = |page: Page| view! { <p class="rail-home"><Link to=page>{page.name(t)}</Link></p> };
    view! {
        <nav class="rail" id="contents" aria-label=t.contents() class:open=move || open.get() node_ref=nav on:keydown=close>
            {home(Page::Home)}
            {ACTS.iter().map(act_view).collect_view()}
            <p class="rail-key"><span class="dot live"></span>" "{t.key_live()}<span class="tick"></span>" "{t.key_read()}</p>
            {home(Page::Map)}
            {home(Page::Papers)}
            {home(Page::Glossary)}
            {home(Page::Verify)}
            {home(Page::Bench)}
        </nav>
    }
}
