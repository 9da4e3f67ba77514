//! Going anywhere by typing: a dialog over the index of the book.

use leptos::{ev, html, prelude::*};

use crate::lang::use_lang;
use crate::search::{Hit, Index, Kind};

/// The palette, for whoever wants to open it.
#[derive(Clone, Copy)]
pub struct Palette {
    dialog: NodeRef<html::Dialog>,
    input: NodeRef<html::Input>,
    index: RwSignal<Loading>,
}

/// How far the index has come.
#[cfg_attr(not(feature = "csr"), allow(dead_code, reason = "nothing is fetched while pages are rendered"))]
enum Loading {
    Unasked,
    OnItsWay,
    Here(Index),
    Failed(String),
}

impl Palette {
    /// Closed, and without its index.
    pub fn new() -> Self {
        Self { dialog: NodeRef::new(), input: NodeRef::new(), index: RwSignal::new(Loading::Unasked) }
    }

    /// Opens it and fetches the index if it is not there. Opening again selects what was asked last.
    pub fn open(self) {
        if let Some(dialog) = self.dialog.get_untracked()
            && !dialog.open()
        {
            let _ = dialog.show_modal();
        }
        if let Some(input) = self.input.get_untracked() {
            let _ = input.focus();
            input.select();
        }
        if self.index.with_untracked(|index| matches!(index, Loading::Unasked | Loading::Failed(_))) {
            self.index.set(Loading::OnItsWay);
            #[cfg(feature = "csr")]
            leptos::task::spawn_local(async move {
                let got = crate::compute::fetch_page(crate::search::INDEX_FILE).await.and_then(|json| parse(&json));
                self.index.set(match got {
                    Ok(index) => Loading::Here(index),
                    Err(error) => Loading::Failed(error.to_string()),
                });
            });
        }
    }

    fn close(self) {
        if let Some(dialog) = self.dialog.get_untracked() {
            dialog.close();
        }
    }
}

/// Rows of a kind by its place, and four texts.
#[cfg(feature = "csr")]
fn parse(json: &str) -> Result<Index, engine::Error> {
    use crate::search::{Entry, INDEX_FILE};

    let broken = || engine::Error::data(INDEX_FILE, "is not an index");
    let rows = js_sys::JSON::parse(json).map_err(|_| broken())?;
    let row = |row: wasm_bindgen::JsValue| {
        let row = js_sys::Array::from(&row);
        let text = |i| row.get(i).as_string();
        let kind = *Kind::ALL.get(row.get(0).as_f64()? as usize)?;
        Some(Entry { kind, title: text(1)?, place: text(2)?, address: text(3)?, text: text(4)? })
    };
    let entries = js_sys::Array::from(&rows).iter().map(row).collect::<Option<Vec<_>>>();
    entries.filter(|entries| !entries.is_empty()).map(Index::new).ok_or_else(broken)
}

/// The button in the bar that opens it.
#[component]
pub fn SearchButton() -> impl IntoView {
    let (t, palette) = (use_lang(), expect_context::<Palette>());
    view! {
        <button class="btn search-button" aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K /" on:click=move |_| palette.open()>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                <circle cx="6.5" cy="6.5" r="4.5" fill="none" stroke="currentColor" stroke-width="1.6" />
                <path d="M10 10l4.5 4.5" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />
            </svg>
            <span class="search-word">{t.search()}</span>
            <kbd aria-hidden="true">"Ctrl K"</kbd>
        </button>
    }
}

/// The dialog.
#[component]
pub fn PaletteView() -> impl IntoView {
    let (t, palette) = (use_lang(), expect_context::<Palette>());
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let hits = Memo::new(move |_| {
        palette.index.with(|index| match index {
            Loading::Here(index) => index.find(&query.read()),
            _ => Vec::new(),
        })
    });

    let base = use_context::<crate::page::BasePath>().map(|b| b.0).unwrap_or_default();
    let navigate = leptos_router::hooks::use_navigate();
    let go = StoredValue::new_local(move |hit: &Hit| {
        palette.close();
        let options = leptos_router::NavigateOptions { resolve: false, ..Default::default() };
        navigate(&format!("{base}/{}", hit.entry.address.trim_start_matches("./")), options);
    });
    let choose = move |index: usize| {
        let hit = hits.with_untracked(|hits| hits.get(index).cloned());
        if let Some(hit) = hit {
            go.with_value(|go| go(&hit));
        }
    };

    #[cfg(feature = "csr")]
    listen(palette);

    let keys = move |ev: ev::KeyboardEvent| {
        let count = hits.with_untracked(Vec::len);
        let at = chosen.get_untracked();
        let to = match ev.key().as_str() {
            "ArrowDown" if count > 0 => (at + 1) % count,
            "ArrowUp" if count > 0 => (at + count - 1) % count,
            "Enter" => {
                ev.prevent_default();
                return choose(at);
            }
            _ => return,
        };
        ev.prevent_default();
        chosen.set(to);
        if let Some(option) = document().get_element_by_id(&format!("found-{to}")) {
            let nearest = web_sys::ScrollIntoViewOptions::new();
            nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    };
    // A press outside the box, on what is behind it, closes.
    let outside = move |ev: ev::MouseEvent| {
        let (dialog, target) = (palette.dialog.get_untracked(), ev.target());
        if let (Some(dialog), Some(target)) = (dialog, target)
            && target == web_sys::EventTarget::from((*dialog).clone())
        {
            dialog.close();
        }
    };
    let state = move || {
        let found = hits.with(Vec::len);
        palette.index.with(|index| match index {
            Loading::Unasked | Loading::OnItsWay => t.search_coming().to_owned(),
            Loading::Failed(why) => t.search_failed(why),
            Loading::Here(_) if query.read().trim().is_empty() => t.search_invitation().to_owned(),
            Loading::Here(_) => t.search_found(found),
        })
    };
    let option = move |index: usize, hit: Hit| {
        let Hit { entry, excerpt } = hit;
        // Only the names of the site's own pages are in the language of the page.
        let title_lang = t.prose().filter(|_| entry.kind != Kind::Page);
        let excerpt = excerpt.map(|[before, found, after]| {
            view! { <span class="found-text">{before}<mark>{found}</mark>{after}</span> }
        });
        let place = (!entry.place.is_empty()).then(|| view! { <span class="found-place">{entry.place}</span> });
        view! {
            <li
                role="option"
                id=format!("found-{index}")
                data-address=entry.address
                aria-selected=move || (chosen.get() == index).to_string()
                on:click=move |_| choose(index)
                on:pointermove=move |_| {
                    if chosen.get_untracked() != index {
                        chosen.set(index);
                    }
                }
            >
                <span class="found-kind">{entry.kind.label(t)}</span>
                <span class="found-title" lang=title_lang>{entry.title}</span>
                {place}
                {excerpt}
            </li>
        }
    };
    let has_hits = move || hits.with(|hits| !hits.is_empty());
    view! {
        <dialog class="palette" aria-label=t.search_the_book() node_ref=palette.dialog on:click=outside>
            <div class="palette-box">
                <div class="palette-head">
                    <input
                        node_ref=palette.input
                        id="palette-query"
                        type="text"
                        role="combobox"
                        placeholder=t.search_placeholder()
                        aria-label=t.search_the_book()
                        aria-autocomplete="list"
                        aria-controls="palette-found"
                        aria-expanded=move || has_hits().to_string()
                        aria-activedescendant=move || has_hits().then(|| format!("found-{}", chosen.get()))
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        enterkeyhint="go"
                        on:input=move |ev| {
                            chosen.set(0);
                            query.set(event_target_value(&ev));
                        }
                        on:keydown=keys
                    />
                    <button class="btn" on:click=move |_| palette.close()>{t.close()}</button>
                </div>
                <p class="palette-state" role="status">{state}</p>
                <ul role="listbox" id="palette-found" aria-label=t.search_results() hidden=move || !has_hits()>
                    {move || hits.get().into_iter().enumerate().map(|(i, hit)| option(i, hit)).collect_view()}
                </ul>
            </div>
        </dialog>
    }
}

/// Ctrl-K or Command-K anywhere; `/` where keys are not text.
#[cfg(feature = "csr")]
fn listen(palette: Palette) {
    let listener = window_event_listener(ev::keydown, move |ev| {
        let with = ev.ctrl_key() || ev.meta_key();
        let asks = match ev.key().as_str() {
            "k" | "K" => with && !ev.alt_key(),
            "/" => !with && !ev.alt_key() && !super::turning::is_text(ev.target()),
            _ => false,
        };
        if asks {
            ev.prevent_default();
            palette.open();
        }
    });
    on_cleanup(move || listener.remove());
}
