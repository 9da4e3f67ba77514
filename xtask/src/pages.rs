//! From the one `app/index.html` to a page of its own for every route.
//!
//! Each route gets a real file, so a static host answers 200 with the right title, and the text is there before, and
//! without, any script. The same staged build serves any mount point: its links are relative, and only `<base>` says
//! relative to what.

use crate::{offline, program::Program, public_url::PublicUrl};
use anyhow::{Context, Result, ensure};
use app::lang::Lang;
use app::prerender::{self, Embed, Route};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::{fs, ops::Range, path::Path};

/// The picture that previews show.
const CARD: &str = "icons/card.png";

/// What every page has in common: its frame, under a Content-Security-Policy, and the program that brings it to life.
pub struct Template {
    html: String,
    program: Program,
}

/// What a page has of its own.
struct Page<'a> {
    lang: Lang,
    title: &'a str,
    description: &'a str,
    /// `<link>` and `<meta>` for search engines and previews: the page's address, or that it has none.
    index: String,
    /// The site's mount, below which each language has its own `<base>`.
    mount: &'a str,
    /// What stands inside `#app`.
    body: &'a str,
}

impl Template {
    /// Puts the program into the page, and forbids it everything that the book does not use; `is_kept` says whether readers'
    /// browsers shall keep a copy for reading offline.
    pub fn new(index_html: &str, program: Program, is_kept: bool) -> Result<Self> {
        let mut html = index_html.to_owned();
        let starter = tag(&html, "script", "src=\"boot.js\"")?;
        let Program { js, wasm, loader, .. } = &program;
        html.replace_range(
            starter,
            &format!(
                "{}{}{}<script type=\"module\" src=\"boot.js\" data-js=\"{js}\" data-wasm=\"{wasm}\">",
                preload_module(js),
                preload_module(loader),
                preload_wasm(wasm)
            ),
        );
        let head = tag(&html, "head", "")?;
        let policy = content_security_policy(&html);
        let kept =
            if is_kept { format!("<meta name=\"offline\" content=\"{}\">", offline::WORKER) } else { String::new() };
        html.insert_str(head.end, &format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">{kept}"));
        Ok(Self { html, program })
    }

    fn fill(&self, page: &Page) -> Result<String> {
        let mut html = self.html.clone();
        let app = tag(&html, "div", "id=\"app\"")?;
        ensure!(html[app.end..].starts_with("</div>"), "index.html must hold an empty <div id=\"app\"></div>");
        html.insert_str(app.end, page.body);

        let description = tag(&html, "meta", "name=\"description\"")?;
        html.replace_range(
            description,
            &format!("<meta name=\"description\" content=\"{}\">{}", escape(page.description), page.index),
        );
        let title = tag(&html, "title", "")?;
        let end = html[title.end..].find("</title>").context("index.html: <title> has no end")?;
        html.replace_range(title.end..title.end + end, &escape(page.title));
        let base = tag(&html, "base", "")?;
        html.replace_range(base, &format!("<base href=\"{}{}\">", page.mount, page.lang.folder()));
        let starter = tag(&html, "script", "src=\"boot.js\"")?;
        html.insert_str(starter.start, &self.parts_of(page.body));
        if page.lang != Lang::PROSE {
            speak(&mut html, page.lang)?;
        }
        Ok(html)
    }

    /// What fetches the parts that a page shows while the program itself is still on its way.
    fn parts_of(&self, body: &str) -> String {
        let places = body.split("data-part=\"").skip(1).filter_map(|rest| rest.split('"').next());
        places.flat_map(|name| self.program.part(name)).map(|file| preload_wasm(file)).collect()
    }
}

/// A link that fetches JavaScript before it is imported; relative to `<base>`.
fn preload_module(file: &str) -> String {
    format!("<link rel=\"modulepreload\" href=\"{file}\" crossorigin=\"anonymous\">")
}

/// A link that fetches WebAssembly before it is asked for.
fn preload_wasm(file: &str) -> String {
    format!("<link rel=\"preload\" href=\"{file}\" as=\"fetch\" type=\"application/wasm\" crossorigin=\"anonymous\">")
}

/// Makes a filled page one of another language: its files are at the site's root, outside its `<base>`.
fn speak(html: &mut String, lang: Lang) -> Result<()> {
    let noscript = tag(html, "p", "class=\"noscript\"")?;
    let end =
        html[noscript.end..].find("</p>").context("index.html: the note for readers without scripts has no end")?;
    html.replace_range(noscript.end..noscript.end + end, lang.noscript());
    let head = html.find("</head>").context("index.html has no </head>")?;
    let mut out = String::new();
    for (index, part) in html[..head].split_inclusive('<').enumerate() {
        // Anything whose address is written within the site; whole addresses and <base> itself stay.
        let is_file = index > 0 && (part.starts_with("link ") || part.starts_with("script "));
        let mut part = part.to_owned();
        for name in ["href", "src"].iter().filter(|_| is_file) {
            let opening = format!(" {name}=\"");
            if let Some(at) = part.find(&opening).map(|at| at + opening.len())
                && !part[at..].starts_with('/')
                && !part[at..].starts_with("http")
            {
                part.insert_str(at, lang.to_root());
            }
        }
        out += &part;
    }
    out += &html[head..];
    *html = out;
    let root = tag(html, "html", "lang=\"en\"")?;
    let opening =
        html[root.clone()].replace("lang=\"en\"", &format!("lang=\"{}\" data-root=\"{}\"", lang.tag(), lang.to_root()));
    html.replace_range(root, &opening);
    Ok(())
}

/// What a page says of itself where a link to it is shown.
fn about(route: &Route, url: &PublicUrl) -> String {
    let address = url.address(&route.path);
    let kind = if route.is_article { "article" } else { "website" };
    let mut tags = format!("<link rel=\"canonical\" href=\"{}\">", escape(&address));
    let every = route.languages.iter().map(|(lang, path)| (lang.tag(), path));
    let any = route.languages.iter().filter(|(lang, _)| *lang == Lang::PROSE).map(|(_, path)| ("x-default", path));
    for (tag, path) in every.chain(any) {
        tags += &format!("<link rel=\"alternate\" hreflang=\"{tag}\" href=\"{}\">", escape(&url.address(path)));
    }
    let mut say = |name: &str, content: &str| {
        tags += &format!("<meta property=\"og:{name}\" content=\"{}\">", escape(content));
    };
    say("site_name", "The Field Rhymes");
    say("type", kind);
    say("title", &route.title);
    say("description", &route.description);
    // Previews are made on other machines, where a path alone leads nowhere.
    if url.has_host() {
        say("url", &address);
        say("image", &url.file(CARD));
        say("image:width", "1200");
        say("image:height", "630");
        say("image:alt", route.lang.preview_alt());
        tags += "<meta name=\"twitter:card\" content=\"summary_large_image\">";
    }
    tags
}

/// An embedded page is shown in other pages and found through its chapter alone.
fn about_embed(embed: &Embed, url: &PublicUrl) -> String {
    let chapter = escape(&url.address(&embed.chapter));
    format!("<meta name=\"robots\" content=\"noindex\"><link rel=\"canonical\" href=\"{chapter}\">")
}

/// Everything may be read. A host's crawlers look for this at its root only; elsewhere it does no harm.
fn robots(url: &PublicUrl) -> String {
    let sitemap = if url.has_host() { format!("Sitemap: {}\n", url.file("sitemap.xml")) } else { String::new() };
    format!("User-agent: *\nAllow: /\n{sitemap}")
}

/// Writes every route's page, the embedded ones, `404.html`, the search indices, `robots.txt` and `sitemap.xml`; says
/// how many routes there are.
pub fn write(template: &Template, dist: &Path, url: &PublicUrl) -> Result<usize> {
    let routes = prerender::routes();
    let mut sitemap = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
         xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n",
    );
    for route in &routes {
        let address = url.address(&route.path);
        let html = template
            .fill(&Page {
                lang: route.lang,
                title: &route.title,
                description: &route.description,
                index: about(route, url),
                mount: url.base(),
                body: &prerender::render(&route.path, url.mount()),
            })
            .with_context(|| format!("the page of {}", route.path))?;
        write_page(dist, &route.path, &html)?;
        let others: String = route
            .languages
            .iter()
            .map(|(lang, path)| {
                let href = escape(&url.address(path));
                format!("<xhtml:link rel=\"alternate\" hreflang=\"{}\" href=\"{href}\"/>", lang.tag())
            })
            .collect();
        sitemap += &format!("  <url><loc>{}</loc>{others}</url>\n", escape(&address));
    }
    for embed in prerender::embeds() {
        let html = template
            .fill(&Page {
                lang: Lang::PROSE,
                title: &embed.title,
                description: &embed.description,
                index: about_embed(&embed, url),
                mount: url.base(),
                body: &prerender::render(&embed.path, url.mount()),
            })
            .with_context(|| format!("the page of {}", embed.path))?;
        write_page(dist, &embed.path, &html)?;
    }
    sitemap += "</urlset>\n";
    write_file(&dist.join("sitemap.xml"), &sitemap)?;
    write_file(&dist.join("robots.txt"), &robots(url))?;
    for lang in Lang::ALL {
        let (name, index) = prerender::search_index(*lang);
        write_file(&dist.join(name), &index)?;
    }

    let lost = template.fill(&Page {
        lang: Lang::PROSE,
        title: "Page not found",
        description: "There is no page at this address.",
        index: "<meta name=\"robots\" content=\"noindex\">".to_owned(),
        mount: url.base(),
        body: &prerender::render("/404/", url.mount()),
    })?;
    write_file(&dist.join("404.html"), &lost)?;
    Ok(routes.len())
}

/// The path that a built page says it is mounted under.
pub fn base_of(html: &str) -> Result<&str> {
    let base = &html[tag(html, "base", "")?];
    base.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).context("<base> has no href")
}

/// Scripts come from the site itself or are the inline ones that the build saw, by hash. A reader's GPU does the rest,
/// so nothing is asked of any other host.
fn content_security_policy(html: &str) -> String {
    let mut scripts = String::from("'self' 'wasm-unsafe-eval'");
    for script in inline_scripts(html) {
        scripts += &format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)));
    }
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'"
    )
}

fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (body, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(body)
    })
}

/// Where the page's only start tag of this name that holds `attribute` stands.
fn tag(html: &str, name: &str, attribute: &str) -> Result<Range<usize>> {
    let open = format!("<{name}");
    let mut found = html
        .match_indices(&open)
        .filter_map(|(start, _)| Some(start..start + html[start..].find('>')? + 1))
        .filter(|at| {
            let rest = &html[at.start + open.len()..at.end];
            rest.starts_with([' ', '\n', '>', '/']) && rest.contains(attribute)
        });
    let first = found.next().with_context(|| format!("index.html has no <{name} {attribute}>"))?;
    ensure!(found.next().is_none(), "index.html has more than one <{name} {attribute}>");
    Ok(first)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A route is a folder with an `index.html`.
fn write_page(dist: &Path, route: &str, html: &str) -> Result<()> {
    let folder = dist.join(route.trim_matches('/'));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    write_file(&folder.join("index.html"), html)
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><base href="./"><title>Old</title>
<meta name="description" content="Old"><script src="./a.js"></script><script type="module">start()</script>
<script type="module" src="boot.js"></script></head>
<body><header>site</header><div id="app"></div><noscript><p class="noscript">No scripts.</p></noscript></body></html>"#;

    fn template(index_html: &str) -> Result<Template> {
        let program = Program {
            js: "app-1.js".to_owned(),
            wasm: "app_bg-1.wasm".to_owned(),
            loader: "parts-1.js".to_owned(),
            parts: [("ch05".to_owned(), vec!["chunk_1-1.wasm".to_owned(), "part_ch05-1.wasm".to_owned()])].into(),
        };
        Template::new(index_html, program, true)
    }

    #[test]
    fn a_page_names_its_program_and_the_parts_it_shows() -> Result<()> {
        let page =
            |body| Page { lang: Lang::PROSE, title: "", description: "", index: String::new(), mount: "/", body };
        let plain = template(INDEX)?.fill(&page("<main>text</main>"))?;
        assert!(
            plain.contains("src=\"boot.js\" data-js=\"app-1.js\" data-wasm=\"app_bg-1.wasm\"></script>"),
            "{plain}"
        );
        assert!(plain.contains("<link rel=\"modulepreload\" href=\"parts-1.js\""), "{plain}");
        assert!(!plain.contains("part_ch05"), "{plain}");
        let live = template(INDEX)?.fill(&page("<div class=\"part\" data-part=\"ch05\"></div>"))?;
        for file in ["chunk_1-1.wasm", "part_ch05-1.wasm"] {
            assert!(live.contains(&format!("<link rel=\"preload\" href=\"{file}\" as=\"fetch\"")), "{live}");
        }
        Ok(())
    }

    #[test]
    fn a_page_carries_its_own_title_text_and_base() -> Result<()> {
        let html = template(INDEX)?.fill(&Page {
            lang: Lang::PROSE,
            title: "Attention & <friends>",
            description: "\"Who\" looks where",
            index: "<link rel=\"canonical\" href=\"/book/\">".to_owned(),
            mount: "/book/",
            body: "<main>text</main>",
        })?;
        assert!(html.contains("<title>Attention &amp; &lt;friends&gt;</title>"));
        assert!(html.contains("content=\"&quot;Who&quot; looks where\"><link rel=\"canonical\" href=\"/book/\">"));
        assert!(html.contains("<div id=\"app\"><main>text</main></div>"));
        assert!(!html.contains("Old"));
        assert_eq!(base_of(&html)?, "/book/");
        Ok(())
    }

    #[test]
    fn a_page_of_another_language_says_so_and_finds_the_files_at_the_root() -> Result<()> {
        let html = template(INDEX)?.fill(&Page {
            lang: Lang::Id,
            title: "Attention",
            description: "Siapa melihat ke mana",
            index: "<link rel=\"canonical\" href=\"/book/id/\">".to_owned(),
            mount: "/book/",
            body: "<main><a href=\"chapter/5/\">5</a></main>",
        })?;
        for part in [
            "<html lang=\"id\" data-root=\"../\">",
            "<base href=\"/book/id/\">",
            "src=\".././a.js\"",
            "href=\"../parts-1.js\"",
            "href=\"/book/id/\"",
            "<a href=\"chapter/5/\">",
            Lang::Id.noscript(),
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        Ok(())
    }

    #[test]
    fn an_embedded_page_is_not_indexed_and_names_its_chapter() -> Result<()> {
        let embed = Embed {
            path: "/embed/5/".to_owned(),
            chapter: "/chapter/5/".to_owned(),
            title: String::new(),
            description: String::new(),
        };
        assert_eq!(
            about_embed(&embed, &"https://example.org/book/".parse()?),
            "<meta name=\"robots\" content=\"noindex\"><link rel=\"canonical\" href=\"https://example.org/book/chapter/5/\">"
        );
        Ok(())
    }

    #[test]
    fn previews_get_whole_addresses_where_the_host_is_known() -> Result<()> {
        let route = Route {
            lang: Lang::PROSE,
            path: "/chapter/5/".to_owned(),
            languages: vec![(Lang::En, "/chapter/5/".to_owned()), (Lang::Id, "/id/chapter/5/".to_owned())],
            title: "5. Attention & more".to_owned(),
            description: "Who looks where".to_owned(),
            is_article: true,
        };
        let tags = about(&route, &"https://example.org/book/".parse()?);
        for part in [
            "<link rel=\"canonical\" href=\"https://example.org/book/chapter/5/\">",
            "<link rel=\"alternate\" hreflang=\"id\" href=\"https://example.org/book/id/chapter/5/\">",
            "<link rel=\"alternate\" hreflang=\"x-default\" href=\"https://example.org/book/chapter/5/\">",
            "<meta property=\"og:title\" content=\"5. Attention &amp; more\">",
            "<meta property=\"og:type\" content=\"article\">",
            "<meta property=\"og:url\" content=\"https://example.org/book/chapter/5/\">",
            "<meta property=\"og:image\" content=\"https://example.org/book/icons/card.png\">",
        ] {
            assert!(tags.contains(part), "{tags} lacks {part}");
        }
        let tags = about(&route, &"/book/".parse()?);
        assert!(tags.contains("href=\"/book/chapter/5/\"") && !tags.contains("og:image"), "{tags}");
        Ok(())
    }

    #[test]
    fn robots_may_read_and_are_told_where_everything_is() -> Result<()> {
        let robots = robots(&"https://example.org/book/".parse()?);
        assert_eq!(robots, "User-agent: *\nAllow: /\nSitemap: https://example.org/book/sitemap.xml\n");
        Ok(())
    }

    #[test]
    fn the_policy_names_inline_scripts_by_hash() {
        assert_eq!(inline_scripts(INDEX).collect::<Vec<_>>(), ["start()"]);
        let policy = content_security_policy(INDEX);
        // From `printf 'start()' | openssl dgst -sha256 -binary | base64`.
        assert!(policy.contains("'sha256-DIm7WJS6ZKDYe5qFLPy+h4JFI9Bol5QmYC57mt3Fb00='"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && policy.starts_with("default-src 'none'"));
    }

    #[test]
    fn a_page_that_breaks_the_contract_is_an_error() -> Result<()> {
        for broken in [
            INDEX.replace("<title>", "<!--"),
            INDEX.replace("<base", "<link"),
            INDEX.replace("</head>", "<base href=\"/\"></head>"),
            INDEX.replace("id=\"app\">", "id=\"app\">something"),
            INDEX.replace("\"description\"", "\"other\""),
        ] {
            let page =
                Page { lang: Lang::PROSE, title: "", description: "", index: String::new(), mount: "/", body: "" };
            assert!(template(&broken)?.fill(&page).is_err(), "{broken}");
        }
        Ok(())
    }
}
