//! The page: prose, pictures and controls over `acts` and `engine`. It owns no mathematics.
//!
//! - [`book`] is the content as data and the pages that show it;
//! - [`search`] finds things in it;
//! - [`shell`] is what surrounds every page: bar, contents, theme, notices, the state of the device;
//! - [`compute`] is the engine in the page: its device, its files, and what happens when the GPU goes away;
//! - [`lang`] is what the interface says, in each of its languages;
//! - [`viz`] is the picture components, which know nothing of any chapter;
//! - [`exhibits`] puts the three together, one folder a chapter;
//! - [`parts`] leaves out of the first load what only some pages need.
//!
//! The same components render twice: natively to HTML, once per route ([`prerender`]), and in the browser, which
//! replaces that HTML by the live page. Both give the same elements, so nothing moves when the page comes alive.

// The type of a view is as deep as the page it draws.
#![recursion_limit = "512"]

pub mod book;
pub mod compute;
pub mod exhibits;
pub mod lang;
pub mod page;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod prerender;
pub mod search;
pub mod shell;
mod url;
pub mod viz;

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::book::{
    ActPage, BenchPage, ChapterPage, EmbedPage, GlossaryPage, HomePage, IdeaPage, Loaded, MapPage, NotFoundPage,
    PapersPage, Passages, VerifyPage,
};
use crate::lang::Lang;
use crate::page::BasePath;
use crate::shell::{Contexts, Shell};

/// The whole application, below `base` (`""`, or `/some/path` without a closing slash; with a language's folder, where
/// it has one).
#[component]
pub fn App(
    /// Where the site is mounted on its host.
    #[prop(into)]
    base: String,
    /// The language of the interface.
    lang: Lang,
    /// The text of the page as it was loaded.
    loaded: Loaded,
) -> impl IntoView {
    provide_context(BasePath(base.clone()));
    provide_context(lang);
    Passages::provide(loaded);
    Contexts::provide();
    view! {
        <Router base=base>
            <Shell>
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=path!("/") view=HomePage />
                    <Route path=path!("/act/:number") view=ActPage />
                    <Route path=path!("/chapter/:number") view=ChapterPage />
                    <Route path=path!("/map") view=MapPage />
                    <Route path=path!("/idea/:id") view=IdeaPage />
                    <Route path=path!("/papers") view=PapersPage />
                    <Route path=path!("/glossary") view=GlossaryPage />
                    <Route path=path!("/verify") view=VerifyPage />
                    <Route path=path!("/bench") view=BenchPage />
                    <Route path=path!("/embed/:number") view=EmbedPage />
                </FlatRoutes>
            </Shell>
        </Router>
    }
}

/// Starts the page in the browser: clears the prerendered text out of `#app` and mounts the live one in its place.
#[cfg(feature = "csr")]
pub fn start() {
    use wasm_bindgen::JsCast;

    console_error_panic_hook::set_once();
    let base = page::base_path(&document().base_uri().ok().flatten().unwrap_or_default());
    let Some(root) = document().get_element_by_id("app") else {
        leptos::logging::error!("the page has no element #app to mount on");
        return;
    };
    let (lang, loaded) = (Lang::of_document(), Loaded::of_document());
    root.set_inner_html("");
    leptos::mount::mount_to(root.unchecked_into(), move || view! { <App base lang loaded /> }).forget();
    // The element that the address points at has just been replaced: point at it again.
    let location = window().location();
    if let (Ok(hash), Ok(href)) = (location.hash(), location.href())
        && !hash.is_empty()
    {
        let _ = location.replace(&href);
    }
}
