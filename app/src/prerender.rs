//! Every page as HTML, made once when the site is built: real pages that answer 200, with their text, without
//! JavaScript.

use leptos::prelude::*;
use leptos::task::Executor;
use leptos_router::location::RequestUrl;

use crate::App;
use crate::page::Page;

/// A page to write to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// From the site's root, with both slashes: `/chapter/5/`.
    pub path: String,
    /// For `<title>`.
    pub title: String,
    /// For `<meta name="description">`.
    pub description: String,
}

/// Every page of the site, in reading order.
pub fn routes() -> Vec<Route> {
    Page::all()
        .map(|page| Route { path: page.path(), title: page.title(), description: page.description().to_owned() })
        .collect()
}

/// The inner HTML of `<div id="app">` for a path such as `/chapter/5/`; a path that names no page gives the page
/// that says so, for a host's 404.
///
/// Links are relative to the document's `<base href>`, so the result is the same for every place the site may be
/// mounted. `base` (`""`, or `/some/path`) only matters for the skip link, which must name its own page.
pub fn render(path: &str, base: &str) -> String {
    // Effects and futures never run here, but the reactive system insists on having somewhere to put them.
    let _ = Executor::init_futures_executor();
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_context(RequestUrl::new(&format!("{base}{path}")));
        view! { <App base=base.to_owned() /> }.to_html()
    });
    owner.cleanup();
    html
}
