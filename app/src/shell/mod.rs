//! What surrounds every page: the bar, the contents, the way forward and back, notices and the state of the device.

mod contents;
mod device;
#[cfg(feature = "csr")]
mod formulas;
mod kept;
mod languages;
mod notices;
mod offline;
mod palette;
mod progress;
mod reading;
mod share;
#[cfg(feature = "csr")]
mod terms;
mod theme;
mod turning;

pub use device::{Executor, GpuStatus};
pub use notices::{Notice, NoticeKind, Notices};
pub use progress::{ChapterEnd, Progress, ReadMark};
pub use reading::Reading;
pub use share::{BackToChapter, Share};
pub use theme::Theme;

use leptos::html;
use leptos::prelude::*;

use crate::book::act;
use crate::compute::Compute;
use crate::lang::use_lang;
use crate::page::{Page, use_page};
use contents::Contents;
use device::DeviceChip;
use notices::NoticesView;
use offline::{KeptLine, Renewal};
use palette::{Palette, PaletteView, SearchButton};
use reading::ReadingPanel;
use turning::{Turning, TurningKeys};

/// The contexts that components below the shell may ask for by type.
#[derive(Clone, Copy)]
pub struct Contexts;

impl Contexts {
    /// Makes [`Notices`], [`GpuStatus`], [`Theme`], [`Reading`] and [`Progress`] available to everything below.
    pub fn provide() {
        let (notices, status) = (Notices::new(), GpuStatus::new());
        provide_context(notices);
        provide_context(status);
        provide_context(Compute::new(status, notices));
        provide_context(Theme::new());
        provide_context(TurningKeys::new());
        provide_context(Reading::kept());
        provide_context(Progress::kept());
        provide_context(Palette::new());
        offline::provide();
    }
}

/// The frame of the site, around the page.
#[component]
pub fn Shell(
    /// The page.
    children: Children,
) -> impl IntoView {
    let (t, here) = (use_lang(), use_page());
    let location = leptos_router::hooks::use_location();
    provide_context(location.clone());
    let pathname = location.pathname;
    let contents_open = RwSignal::new(false);
    let main = NodeRef::<html::Main>::new();

    // A page that has been turned to takes the document's title and the reader's focus, as a page loaded afresh would;
    // the first one already has them.
    Effect::new(move |before: Option<Option<Page>>| {
        let page = here.get();
        document().set_title(&page.map_or_else(|| t.title_not_found().to_owned(), |page| page.title(t)));
        if before.is_some_and(|before| before != page) {
            contents_open.set(false);
            if let Some(main) = main.get_untracked() {
                // The router scrolls, to the top or to the place that was asked for or left.
                let still = web_sys::FocusOptions::new();
                still.set_prevent_scroll(true);
                let _ = main.focus_with_options(&still);
            }
        }
        page
    });

    #[cfg(feature = "csr")]
    terms::listen();
    #[cfg(feature = "csr")]
    formulas::listen();

    // `href="#main"` alone would be resolved against <base>, which is the site's root and not this page.
    let skip_target = move || format!("{}#main", pathname.get());
    let skip = move |ev: leptos::ev::MouseEvent| {
        if let Some(main) = main.get_untracked() {
            ev.prevent_default();
            let _ = main.focus();
        }
    };
    let act_class = move || {
        let act = here.get().and_then(Page::act).unwrap_or(0);
        format!("site act-{act}")
    };
    let place = move || match here.get() {
        Some(page) => page.act().and_then(act).map(|a| t.act_titled(a.numeral, a.title)).unwrap_or_default(),
        None => String::new(),
    };

    // In a frame of another page an exhibit stands alone.
    if matches!(here.get_untracked(), Some(Page::Embed(_))) {
        return view! {
            <div class=act_class>
                <main id="main">{children()}</main>
                <NoticesView />
            </div>
        }
        .into_any();
    }
    view! {
        <div class=act_class>
            <a class="skip" href=skip_target on:click=skip>{t.skip()}</a>
            <header class="top">
                <button
                    class="btn contents-button"
                    aria-expanded=move || contents_open.get().to_string()
                    aria-controls="contents"
                    aria-label=t.contents()
                    on:click=move |_| contents_open.update(|open| *open = !*open)
                >
                    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                        <path d="M1 3.5h14M1 8h14M1 12.5h9" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />
                    </svg>
                    <span class="contents-word">{t.contents()}</span>
                </button>
                <a class="mark" href=Page::Home.href()>"The Field Rhymes"</a>
                <span class="where">{place}</span>
                <span class="grow"></span>
                <SearchButton />
                <DeviceChip />
                <ReadingPanel />
            </header>
            <div class="page">
                <Contents open=contents_open />
                <div class="column">
                    <main id="main" tabindex="-1" node_ref=main>
                        {t.prose().map(|_| view! { <p class="prose-note">{t.prose_is_english()}</p> })}
                        {children()}
                    </main>
                    <Turning />
                    <Footer />
                </div>
            </div>
            <NoticesView />
            <Renewal />
            <PaletteView />
        </div>
    }
    .into_any()
}

#[component]
fn Footer() -> impl IntoView {
    let t = use_lang();
    view! {
        <footer class="foot">
            <p>
                {t.everything_here()}" "
                <a href=Page::Verify.href()>{t.check_the_arithmetic()}</a>
            </p>
            <KeptLine />
        </footer>
    }
}
