//! The book's running text. It stands in the prerendered pages and not in the program: a chapter's text arrives with its
//! page, and the text of a page that is turned to is taken out of that page.

use leptos::prelude::*;

use crate::lang::{Lang, use_lang};
use crate::page::Page;

#[cfg(feature = "csr")]
/// What marks an element of a page as a passage; its value is the passage's key.
const MARK: &str = "data-passage";

/// What marks the place of a part of the program; its value is the part's name.
#[cfg(feature = "csr")]
const PART_MARK: &str = "data-part";

/// The key of the HTML that stands where a part of the program belongs until that has come.
pub fn part_key(part: &str) -> String {
    format!("part/{part}")
}

#[cfg(feature = "ssr")]
pub mod table {
    //! The book's text, and what else only the making of the site needs.

    use crate::lang::Lang;

    include!(concat!(env!("OUT_DIR"), "/passages.rs"));

    /// A passage by its key, as the pages of a language have it.
    pub fn find(lang: Lang, key: &str) -> Option<String> {
        let get = |key: &str| PASSAGES.binary_search_by_key(&key, |(key, _)| key).ok().map(|found| PASSAGES[found].1);
        if lang == Lang::PROSE {
            return get(key).map(str::to_owned);
        }
        if let Some(own) = get(&format!("{}:{key}", lang.tag())) {
            return Some(own.to_owned());
        }
        // In the book's own text the one thing that speaks for the interface is the button beside a formula.
        let button = |lang: Lang, mark: &str| format!("class=\"copy-latex\"{mark}>{}</button>", lang.copy_latex());
        let own = button(lang, &format!(" lang=\"{}\"", lang.tag()));
        get(key).map(|html| html.replace(&button(Lang::PROSE, ""), &own))
    }
}

/// The passages that have arrived.
#[derive(Clone, Copy)]
pub struct Passages {
    #[cfg_attr(not(feature = "ssr"), allow(dead_code))]
    lang: Lang,
    #[cfg(feature = "csr")]
    found: StoredValue<std::collections::HashMap<String, String>>,
    #[cfg(feature = "csr")]
    asked: StoredValue<std::collections::HashSet<String>>,
    #[cfg(feature = "csr")]
    arrived: RwSignal<u32>,
    /// Why the text of a page did not come.
    failure: RwSignal<Option<String>>,
}

impl Passages {
    /// In the browser, those of the page as it was loaded.
    pub fn provide(loaded: Loaded) {
        #[cfg(not(feature = "csr"))]
        let _ = loaded;
        provide_context(Self {
            lang: use_lang(),
            #[cfg(feature = "csr")]
            found: StoredValue::new(loaded.0),
            #[cfg(feature = "csr")]
            asked: StoredValue::default(),
            #[cfg(feature = "csr")]
            arrived: RwSignal::new(0),
            failure: RwSignal::new(None),
        });
    }

    /// The HTML of a passage that stands on `page`; `None` until it has come.
    pub fn get(self, page: Page, key: &str) -> Option<String> {
        #[cfg(feature = "ssr")]
        {
            let _ = page;
            table::find(self.lang, key)
        }
        #[cfg(all(feature = "csr", not(feature = "ssr")))]
        {
            self.arrived.track();
            let known = self.found.with_value(|found| found.get(key).cloned());
            if known.is_none() {
                self.fetch(page);
            }
            known
        }
        #[cfg(not(any(feature = "csr", feature = "ssr")))]
        {
            let _ = (self, page, key);
            None
        }
    }

    #[cfg(all(feature = "csr", not(feature = "ssr")))]
    fn fetch(self, page: Page) {
        let path = page.href();
        if self.asked.try_update_value(|asked| asked.insert(path.clone())) != Some(true) {
            return;
        }
        leptos::task::spawn_local(async move {
            let page = crate::compute::fetch_page(&path).await.and_then(|html| Loaded::of_page(&html));
            match page {
                Ok(loaded) => {
                    let _ = self.found.try_update_value(|found| found.extend(loaded.0));
                    let _ = self.arrived.try_update(|n| *n += 1);
                    let _ = self.failure.try_set(None);
                    request_animation_frame(show_anchor);
                }
                Err(error) => {
                    let _ = self.asked.try_update_value(|asked| asked.remove(&path));
                    let _ = self.failure.try_set(Some(error.to_string()));
                }
            }
        });
    }
}

/// Whether a page's running text has come.
pub fn has_text() -> bool {
    #[cfg(feature = "csr")]
    {
        let first = document().query_selector(&format!("main [{MARK}]")).ok().flatten();
        first.is_some_and(|passage| passage.has_child_nodes())
    }
    #[cfg(not(feature = "csr"))]
    false
}

/// Brings the part that the address names back into view: the text that has just come in has moved it.
#[cfg(all(feature = "csr", not(feature = "ssr")))]
fn show_anchor() {
    let hash = window().location().hash().unwrap_or_default();
    if let Some(part) = hash.strip_prefix('#').and_then(|id| document().get_element_by_id(id)) {
        part.scroll_into_view();
    }
}

/// Passages read out of a page.
#[derive(Clone, Debug, Default)]
pub struct Loaded(#[cfg_attr(not(feature = "csr"), allow(dead_code))] std::collections::HashMap<String, String>);

#[cfg(feature = "csr")]
impl Loaded {
    /// Those of the document as it stands.
    pub fn of_document() -> Self {
        Self::of(&document())
    }

    #[cfg(not(feature = "ssr"))]
    fn of_page(html: &str) -> Result<Self, engine::Error> {
        let broken = |_| engine::Error::data("page", "could not be read");
        let parser = web_sys::DomParser::new().map_err(broken)?;
        let document = parser.parse_from_string(html, web_sys::SupportedType::TextHtml).map_err(broken)?;
        Ok(Self::of(&document))
    }

    fn of(document: &web_sys::Document) -> Self {
        use wasm_bindgen::JsCast;

        let mut found = std::collections::HashMap::new();
        for mark in [MARK, PART_MARK] {
            let Ok(marked) = document.query_selector_all(&format!("[{mark}]")) else { continue };
            for element in (0..marked.length()).filter_map(|i| marked.get(i)?.dyn_into::<web_sys::Element>().ok()) {
                let name = element.get_attribute(mark).unwrap_or_default();
                let key = if mark == MARK { name } else { part_key(&name) };
                found.insert(key, element.inner_html());
            }
        }
        Self(found)
    }
}

/// A passage of the book.
#[component]
pub fn Passage(
    /// The page it stands on.
    on: Page,
    /// Which one.
    #[prop(into)]
    key: String,
    /// Classes of the element around it.
    #[prop(into, default = "prose".into())]
    class: String,
) -> impl IntoView {
    let (lang, passages) = (use_lang(), expect_context::<Passages>());
    // What is said of an idea is in the language of the page, but for what says itself that it is not.
    let prose = lang.prose().filter(|_| !key.starts_with("idea/"));
    let asked = key.clone();
    let html = move || passages.get(on, &asked).unwrap_or_default();
    let empty = html.clone();
    let problem = move || {
        let failure = passages.failure.get().filter(|_| empty().is_empty())?;
        Some(view! { <p class="problem" role="status">{lang.text_missing(failure)}</p> })
    };
    view! {
        <div class=class lang=prose data-passage=key inner_html=html></div>
        {problem}
    }
}
