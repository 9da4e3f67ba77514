//! The pages of the site as a type, so that a link in code cannot point at nothing.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::book::{ACTS, CHAPTERS, IDEAS, Idea, act, chapter, idea_index};
use crate::lang::Lang;

/// The path the site is mounted under: `""`, or `/some/path`.
#[derive(Clone, Debug)]
pub struct BasePath(pub String);

/// The path of a document's base address, without its closing slash: what the router calls its base.
pub fn base_path(base_uri: &str) -> String {
    let path = match base_uri.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => base_uri,
    };
    let folder = path.rfind('/').map_or("", |slash| &path[..slash]);
    folder.to_owned()
}

/// Every page there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The prologue and the contents.
    Home,
    /// The opening of an act, 1 to 7.
    Act(usize),
    /// A chapter, 1 to 43.
    Chapter(usize),
    /// The ideas and how they answer each other.
    Map,
    /// One of the ideas, by its index.
    Idea(usize),
    /// The works the ideas come from.
    Papers,
    /// The terms of the book.
    Glossary,
    /// The arithmetic of this site, checked on the reader's own device.
    Verify,
    /// The book's kernels, timed on the reader's own device.
    Bench,
    /// The exhibit of a chapter alone, for a frame in another page; no part of the reading order.
    Embed(usize),
}

impl Page {
    /// All pages in reading order.
    pub fn all() -> impl Iterator<Item = Page> {
        let acts = ACTS.iter().flat_map(|act| {
            let chapters = CHAPTERS.iter().filter(|c| c.act == act.number).map(|c| Page::Chapter(c.number));
            std::iter::once(Page::Act(act.number)).chain(chapters)
        });
        let ideas = (0..IDEAS.len()).map(Page::Idea);
        std::iter::once(Page::Home).chain(acts).chain([Page::Map]).chain(ideas).chain([
            Page::Papers,
            Page::Glossary,
            Page::Verify,
            Page::Bench,
        ])
    }

    /// The path from the site's root.
    pub fn path(self) -> String {
        match self {
            Page::Home => "/".to_owned(),
            Page::Act(number) => format!("/act/{number}/"),
            Page::Chapter(number) => format!("/chapter/{number}/"),
            Page::Map => "/map/".to_owned(),
            Page::Idea(index) => format!("/idea/{}/", IDEAS[index].id),
            Page::Papers => "/papers/".to_owned(),
            Page::Glossary => "/glossary/".to_owned(),
            Page::Verify => "/verify/".to_owned(),
            Page::Bench => "/bench/".to_owned(),
            Page::Embed(number) => format!("/embed/{number}/"),
        }
    }

    /// The link from anywhere on the site. Relative to `<base>`, so one build works under any path.
    pub fn href(self) -> String {
        match self {
            Page::Home => "./".to_owned(),
            other => other.path().trim_start_matches('/').to_owned(),
        }
    }

    /// The page at a path below `base`, if there is one.
    pub fn at(path: &str, base: &str) -> Option<Page> {
        let path = path.strip_prefix(base)?.trim_matches('/');
        let numbered = |rest: &str| rest.parse::<usize>().ok();
        match path.split_once('/') {
            None if path.is_empty() => Some(Page::Home),
            None if path == "verify" => Some(Page::Verify),
            None if path == "bench" => Some(Page::Bench),
            None if path == "map" => Some(Page::Map),
            None if path == "papers" => Some(Page::Papers),
            None if path == "glossary" => Some(Page::Glossary),
            Some(("idea", id)) => idea_index(id).map(Page::Idea),
            Some(("act", rest)) => act(numbered(rest)?).map(|a| Page::Act(a.number)),
            Some(("chapter", rest)) => chapter(numbered(rest)?).map(|c| Page::Chapter(c.number)),
            Some(("embed", rest)) => crate::exhibits::of(numbered(rest)?).map(|e| Page::Embed(e.chapter)),
            _ => None,
        }
    }

    /// The document title.
    pub fn title(self, lang: Lang) -> String {
        match self {
            Page::Home => lang.title_home().to_owned(),
            Page::Act(number) => act(number).map_or_else(String::new, |a| lang.title_act(a.numeral, a.title)),
            Page::Chapter(number) => chapter(number).map_or_else(String::new, |c| lang.title_chapter(number, c.title)),
            Page::Embed(number) => chapter(number).map_or_else(String::new, |c| lang.title_embed(number, c.title)),
            Page::Idea(index) => lang.title_idea(IDEAS[index].name),
            Page::Map | Page::Papers | Page::Glossary | Page::Verify | Page::Bench => lang.title_page(self.name(lang)),
        }
    }

    /// One line for search engines and previews.
    pub fn description(self, lang: Lang) -> String {
        let line = match self {
            Page::Home => lang.about_home(),
            Page::Act(number) => return act(number).map_or_else(String::new, |a| lang.about_act(a.question)),
            Page::Chapter(number) | Page::Embed(number) => {
                return chapter(number).map_or_else(String::new, |c| lang.about_chapter(c.question));
            }
            Page::Map => lang.about_map(),
            Page::Idea(index) => {
                let Idea { name, chapter, year, .. } = &IDEAS[index];
                return lang.about_idea(chapter, name, year);
            }
            Page::Papers => lang.about_papers(),
            Page::Glossary => lang.about_glossary(),
            Page::Verify => lang.about_verify(),
            Page::Bench => lang.about_bench(),
        };
        line.to_owned()
    }

    /// The name a link to this page carries.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Page::Home => lang.page_home(),
            Page::Act(number) => act(number).map_or("", |a| a.title),
            Page::Chapter(number) | Page::Embed(number) => chapter(number).map_or("", |c| c.short),
            Page::Map => lang.page_map(),
            Page::Idea(index) => IDEAS[index].name,
            Page::Papers => lang.page_papers(),
            Page::Glossary => lang.page_glossary(),
            Page::Verify => lang.page_verify(),
            Page::Bench => lang.page_bench(),
        }
    }

    /// The value of `lang` for its name: what the book itself names is not translated.
    pub fn name_lang(self, lang: Lang) -> Option<&'static str> {
        lang.prose().filter(|_| matches!(self, Page::Act(_) | Page::Chapter(_) | Page::Idea(_) | Page::Embed(_)))
    }

    /// The act a page belongs to; it decides the page's hue.
    pub fn act(self) -> Option<usize> {
        match self {
            Page::Act(number) => Some(number),
            Page::Chapter(number) | Page::Embed(number) => chapter(number).map(|c| c.act),
            Page::Idea(index) => chapter(IDEAS[index].chapter).map(|c| c.act),
            Page::Home | Page::Map | Page::Papers | Page::Glossary | Page::Verify | Page::Bench => None,
        }
    }

    /// The pages before and after this one in reading order.
    pub fn neighbours(self) -> (Option<Page>, Option<Page>) {
        let pages: Vec<Page> = Page::all().collect();
        let Some(index) = pages.iter().position(|p| *p == self) else {
            return (None, None);
        };
        (index.checked_sub(1).map(|i| pages[i]), pages.get(index + 1).copied())
    }
}

/// The page the reader is on; `None` where the address names none.
pub fn use_page() -> Memo<Option<Page>> {
    let pathname = use_location().pathname;
    let base = use_context::<BasePath>().map(|b| b.0).unwrap_or_default();
    Memo::new(move |_| Page::at(&pathname.read(), &base))
}

/// A link to a page of the site, marked as current on that page.
#[component]
pub fn Link(
    /// Where it leads.
    to: Page,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let here = use_page();
    let current = move || (here.get() == Some(to)).then_some("page");
    view! { <a href=to.href() aria-current=current>{children()}</a> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_at_its_own_path_under_any_base() {
        let embeds = crate::exhibits::EXHIBITS.iter().map(|exhibit| Page::Embed(exhibit.chapter));
        for page in Page::all().chain(embeds) {
            for base in ["", "/book", "/a/b"] {
                let path = format!("{base}{}", page.path());
                assert_eq!(Page::at(&path, base), Some(page), "{path}");
                assert_eq!(Page::at(path.trim_end_matches('/'), base), Some(page), "{path} without its slash");
            }
        }
    }

    #[test]
    fn addresses_that_name_no_page_are_none() {
        for path in [
            "/chapter/0/",
            "/chapter/44/",
            "/act/8/",
            "/chapter/five/",
            "/chapter/5/more/",
            "/nothing/",
            "/chapter/",
            "/idea/phlogiston/",
            "/embed/44/",
            "/embed/5/more/",
        ] {
            assert_eq!(Page::at(path, ""), None, "{path}");
        }
    }

    #[test]
    fn base_paths_come_from_any_document() {
        for (uri, base) in [
            ("https://example.org/", ""),
            ("https://example.org", ""),
            ("http://localhost:8080/any/sub/path/", "/any/sub/path"),
            ("https://example.org/book/index.html", "/book"),
            ("", ""),
        ] {
            assert_eq!(base_path(uri), base, "{uri}");
        }
    }

    #[test]
    fn reading_order_starts_at_the_prologue_and_visits_every_page_once() {
        let mut page = Page::Home;
        let mut seen = vec![page];
        assert_eq!(page.neighbours().0, None);
        while let (_, Some(next)) = page.neighbours() {
            assert_eq!(next.neighbours().0, Some(page));
            page = next;
            seen.push(page);
        }
        assert_eq!(seen.len(), Page::all().count());
        assert_eq!(seen.len(), 1 + ACTS.len() + CHAPTERS.len() + 1 + IDEAS.len() + 4);
    }
}
