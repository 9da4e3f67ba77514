//! Every page as HTML, made once when the site is built: real pages that answer 200, with their text, without
//! JavaScript.

use any_spawner::Executor;
use leptos::prelude::*;
use leptos_router::location::RequestUrl;

use crate::App;
use crate::book::Loaded;
use crate::page::Page;
use crate::search::{self, Kind};

/// A page to write to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// From the site's root, with both slashes: `/chapter/5/`.
    pub path: String,
    /// For `<title>`.
    pub title: String,
    /// For `<meta name="description">`.
    pub description: String,
    /// Whether it is a piece of the book to be read, and not a list or a front page.
    pub is_article: bool,
}

/// The name of the search index below the site's root, and its content: for each thing that can be found its kind,
/// title, place, address and text.
pub fn search_index() -> (&'static str, String) {
    let rows: Vec<_> = search::index()
        .into_iter()
        .map(|search::Entry { kind, title, place, address, text }| {
            serde_json::json!([Kind::ALL.iter().position(|k| *k == kind), title, place, address, text])
        })
        .collect();
    (search::INDEX_FILE, serde_json::Value::Array(rows).to_string())
}

/// Every page of the site, in reading order.
pub fn routes() -> Vec<Route> {
    let is_article = |page| matches!(page, Page::Act(_) | Page::Chapter(_) | Page::Idea(_));
    Page::all()
        .map(|page| Route {
            path: page.path(),
            title: page.title(),
            description: page.description(),
            is_article: is_article(page),
        })
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
        view! { <App base=base.to_owned() loaded=Loaded::default() /> }.to_html()
    });
    owner.cleanup();
    html
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The values of an attribute in a piece of HTML that this crate wrote itself.
    fn attribute<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
        let opening = format!(" {name}=\"");
        html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_page_has_text_under_one_first_heading_and_a_title_of_its_own() {
        let mut titles = HashSet::new();
        for route in routes() {
            let html = render(&route.path, "");
            assert_eq!(html.matches("<h1").count(), 1, "{} has not one first heading", route.path);
            assert!(html.contains("<main"), "{} has no main part", route.path);
            assert!(!route.description.is_empty(), "{} has no description", route.path);
            assert!(!html.contains("not in the book"), "{} is not found", route.path);
            assert!(titles.insert(route.title.clone()), "two pages are called '{}'", route.title);
        }
    }

    #[test]
    fn nothing_needs_an_inline_style_or_script() {
        for route in routes() {
            let html = render(&route.path, "");
            for forbidden in [" style=", "<style", "<script", " onclick="] {
                assert!(!html.contains(forbidden), "{} contains '{forbidden}'", route.path);
            }
        }
    }

    #[test]
    fn every_internal_link_leads_to_a_page_and_an_anchor_that_exist() {
        let ids =
            |path: &str| attribute(&render(path, ""), "id").into_iter().map(str::to_owned).collect::<HashSet<_>>();
        let anchors: std::collections::HashMap<String, HashSet<String>> =
            routes().into_iter().map(|route| (route.path.clone(), ids(&route.path))).collect();
        for route in routes() {
            for link in
                attribute(&render(&route.path, ""), "href").into_iter().filter(|link| !link.starts_with("https://"))
            {
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let path = format!("/{}", path.trim_start_matches("./").trim_start_matches('/'));
                let known = anchors.get(&path);
                assert!(known.is_some(), "{} links to '{link}', which is no page", route.path);
                assert!(
                    anchor.is_empty() || known.is_some_and(|ids| ids.contains(anchor)),
                    "{} links to '{link}'",
                    route.path
                );
            }
        }
    }

    #[test]
    fn ids_are_unique_and_named_parts_exist() {
        for route in routes() {
            let html = render(&route.path, "");
            let ids = attribute(&html, "id");
            let unique: HashSet<&str> = ids.iter().copied().collect();
            assert_eq!(ids.len(), unique.len(), "{} has an id twice", route.path);
            for name in ["aria-labelledby", "aria-describedby", "aria-controls", "for"] {
                for id in attribute(&html, name).into_iter().flat_map(str::split_whitespace) {
                    assert!(unique.contains(id), "{}: {name}=\"{id}\" names nothing", route.path);
                }
            }
        }
    }

    #[test]
    fn a_site_below_a_path_differs_only_in_its_skip_link() {
        let (root, below) = (render("/chapter/5/", ""), render("/chapter/5/", "/any/sub/path"));
        assert_eq!(root, below.replace("/any/sub/path/chapter/5/#main", "/chapter/5/#main"));
        assert!(root.contains("aria-current=\"page\""));
    }

    #[test]
    fn chapter_five_reads_without_javascript() {
        let html = render("/chapter/5/", "");
        for part in [
            "The puzzle",
            "The bad attempt",
            "The trick",
            "The maths as sanity check",
            "The thing nobody mentions",
            "<math",
            "application/x-tex",
        ] {
            assert!(html.contains(part), "no '{part}'");
        }
    }

    #[test]
    fn a_chapter_marks_each_term_once_outside_links_and_headings_and_defines_it() {
        let mut marked = 0;
        for route in routes().iter().filter(|route| route.path.starts_with("/chapter/")) {
            let html = render(&route.path, "");
            let mut seen = HashSet::new();
            for (at, _) in html.match_indices("class=\"term\"") {
                let (before, after) = html.split_at(at);
                let id = attribute(after, "aria-describedby")[0];
                assert!(seen.insert(id), "{} marks {id} twice", route.path);
                let definition = after.split(&format!("id=\"{id}\">")).nth(1).unwrap_or_default();
                assert!(definition.chars().take_while(|c| *c != '<').count() > 20, "{}: {id} says nothing", route.path);
                for (open, close) in
                    [("<a ", "</a>"), ("<h2", "</h2>"), ("<h3", "</h3>"), ("<math", "</math>"), ("<code", "</code>")]
                {
                    let is_inside = before.rfind(open) > before.rfind(close);
                    assert!(!is_inside, "{}: {id} stands inside {open}>", route.path);
                }
            }
            marked += seen.len();
        }
        assert!(marked > 150, "only {marked} terms are marked");
    }

    #[test]
    fn asides_say_what_they_are() {
        let html = render("/chapter/26/", "");
        assert!(html.contains("<aside class=\"remark correction\">\n<p><strong>Correction.</strong>"));
        assert!(html.contains("<aside class=\"remark open\">\n<p><strong>Open.</strong>"));
    }

    #[test]
    fn the_search_index_is_a_list_of_rows_of_five() {
        let (name, json) = search_index();
        assert_eq!(name, "search.json");
        let rows: Vec<(usize, String, String, String, String)> =
            serde_json::from_str(&json).expect("the index is what the page reads");
        assert!(rows.len() > 43 * 6 + 93 * 2 && rows.iter().all(|row| row.0 < Kind::ALL.len()));
    }

    #[test]
    fn an_address_that_names_no_page_says_so() {
        for path in ["/chapter/44/", "/nothing/", "/act/0/"] {
            assert!(render(path, "").contains("not in the book"), "{path}");
        }
    }
}
