//! Every page as HTML, made once when the site is built: real pages that answer 200, with their text, without
//! JavaScript.

use any_spawner::Executor;
use leptos::prelude::*;
use leptos_router::location::RequestUrl;

use crate::App;
use crate::book::Loaded;
use crate::exhibits::EXHIBITS;
use crate::lang::Lang;
use crate::page::Page;
use crate::search::{self, Kind};

/// A page to write to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Of its interface.
    pub lang: Lang,
    /// From the site's root, with both slashes: `/chapter/5/`, `/id/chapter/5/`.
    pub path: String,
    /// Where the same page stands in each language, this one included.
    pub languages: Vec<(Lang, String)>,
    /// For `<title>`.
    pub title: String,
    /// For `<meta name="description">`.
    pub description: String,
    /// Whether it is a piece of the book to be read, and not a list or a front page.
    pub is_article: bool,
}

/// A page that a frame in another site's page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// From the site's root, with both slashes: `/embed/5/`.
    pub path: String,
    /// The chapter it belongs to, likewise.
    pub chapter: String,
    /// For `<title>`.
    pub title: String,
    /// For `<meta name="description">`.
    pub description: String,
}

/// The exhibits alone. They are no part of the reading order, the search or the sitemap.
pub fn embeds() -> Vec<Embed> {
    let embed = |number: usize| Embed {
        path: Page::Embed(number).path(),
        chapter: Page::Chapter(number).path(),
        title: Page::Embed(number).title(Lang::PROSE),
        description: Page::Embed(number).description(Lang::PROSE),
    };
    EXHIBITS.iter().map(|exhibit| embed(exhibit.chapter)).collect()
}

/// Where the search index of a language lies below the site's root, and its content: for each thing that can be found
/// its kind, title, place, address and text.
pub fn search_index(lang: Lang) -> (String, String) {
    let rows: Vec<_> = search::index(lang)
        .into_iter()
        .map(|search::Entry { kind, title, place, address, text }| {
            serde_json::json!([Kind::ALL.iter().position(|k| *k == kind), title, place, address, text])
        })
        .collect();
    (format!("{}{}", lang.folder(), search::INDEX_FILE), serde_json::Value::Array(rows).to_string())
}

/// Every page of the site, in reading order, language by language.
pub fn routes() -> Vec<Route> {
    let is_article = |page| matches!(page, Page::Act(_) | Page::Chapter(_) | Page::Idea(_));
    let path = |lang: Lang, page: Page| format!("/{}{}", lang.folder(), page.path().trim_start_matches('/'));
    let route = |lang: Lang, page: Page| Route {
        lang,
        path: path(lang, page),
        languages: Lang::ALL.iter().map(|&other| (other, path(other, page))).collect(),
        title: page.title(lang),
        description: page.description(lang),
        is_article: is_article(page),
    };
    Lang::ALL.iter().flat_map(|&lang| Page::all().map(move |page| route(lang, page))).collect()
}

/// The inner HTML of `<div id="app">` for a path such as `/chapter/5/`; a path that names no page gives the page
/// that says so, for a host's 404.
///
/// Links are relative to the document's `<base href>`, which is the language's folder, so the result is the same for
/// every place the site may be mounted. `base` (`""`, or `/some/path`) only matters for the skip link, which must name its own page.
pub fn render(path: &str, base: &str) -> String {
    // Effects and futures never run here, but the reactive system insists on having somewhere to put them.
    let _ = Executor::init_futures_executor();
    let lang = Lang::of_path(path).0;
    let below = format!("{base}/{}", lang.folder());
    let below = below.trim_end_matches('/').to_owned();
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_context(RequestUrl::new(&format!("{base}{path}")));
        view! { <App base=below lang loaded=Loaded::default() /> }.to_html()
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
                let path = path.split('?').next().unwrap_or_default();
                // Relative to the language's <base>, but for the skip link, which names its own page.
                let path = match (path.strip_prefix('/'), path.strip_prefix("../")) {
                    (Some(whole), _) => format!("/{whole}"),
                    (None, Some(above)) if route.lang != Lang::PROSE => format!("/{above}"),
                    (None, _) => format!("/{}{}", route.lang.folder(), path.trim_start_matches("./")),
                };
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
    fn another_language_says_which_text_is_not_in_it() {
        let html = render("/id/idea/softmax/", "/book");
        assert!(html.contains("Pangkatkan e dengan tiap skor"), "the answer is translated");
        assert!(html.contains("<span class=\"label\">Apa yang menghalangi</span> <span lang=\"en\">"));
        assert!(html.contains("<h1 lang=\"en\">Logits and softmax</h1>") && html.contains(Lang::Id.prose_is_english()));
        assert!(html.contains("href=\"../idea/softmax/\"") && html.contains("hreflang=\"en\""));
        assert!(html.contains("href=\"map/?idea=softmax\""), "the way to the map");
        let html = render("/id/chapter/12/", "");
        assert!(html.contains("class=\"prose\" lang=\"en\"") || html.contains("lang=\"en\" class=\"prose\""));
        assert!(html.contains("<button type=\"button\" class=\"copy-latex\" lang=\"id\">Salin LaTeX</button>"));
        assert!(!html.contains("Copy LaTeX"));
        assert!(
            !render("/chapter/12/", "").contains("lang=\"en\""),
            "a page in the language of the prose says nothing"
        );
    }

    #[test]
    fn an_embedded_page_is_an_exhibit_alone_and_no_part_of_the_book() {
        let embeds = embeds();
        assert_eq!(embeds.len(), EXHIBITS.len());
        for embed in embeds {
            let html = render(&embed.path, "");
            assert!(html.contains("class=\"exhibit "), "{} shows its exhibit", embed.path);
            for other in ["class=\"top\"", "class=\"rail\"", "class=\"turning\"", " style="] {
                assert!(!html.contains(other), "{} contains {other}", embed.path);
            }
            assert_eq!(html.matches("<h1").count(), 1);
            let link = format!("href=\"{}\"", embed.chapter.trim_start_matches('/'));
            assert!(html.contains(&link) && html.contains("rel=\"noopener\""), "{} leads to its chapter", embed.path);
            assert!(routes().iter().all(|route| route.path != embed.path && route.title != embed.title));
            assert!(!search_index(Lang::PROSE).1.contains("embed/"));
        }
    }

    #[test]
    fn every_displayed_formula_has_a_button_and_its_source() {
        for route in routes() {
            let html = render(&route.path, "");
            let count = html.matches("class=\"formula\"").count();
            assert_eq!(html.matches("class=\"copy-latex\"").count(), count, "{}", route.path);
            assert!(html.matches("encoding=\"application/x-tex\"").count() >= count, "{}", route.path);
        }
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
        for route in routes().iter().filter(|route| route.path.contains("/chapter/")) {
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
        assert_eq!(search_index(Lang::Id).0, "id/search.json");
        let (name, json) = search_index(Lang::PROSE);
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
