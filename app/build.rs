//! Turns the book's content into Rust data, so that the page carries neither a Markdown nor a LaTeX parser,
//! and so that a broken book does not build: a dangling link, a cycle of ideas, a chapter without an idea or
//! without its five beats is an error that names the file.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use pulldown_latex::config::{DisplayMode, RenderConfig};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    act: Vec<Act>,
    chapter: Vec<Chapter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    numeral: String,
    slug: String,
    title: String,
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chapter {
    act: usize,
    title: String,
    short: String,
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ideas {
    idea: Vec<Idea>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Idea {
    id: String,
    name: String,
    chapter: usize,
    answers: Vec<String>,
}

/// What a heading of a chapter file must start with, in this order.
const BEATS: [(&str, &str); 5] = [
    ("Puzzle", "The puzzle"),
    ("BadAttempt", "The bad attempt"),
    ("Trick", "The trick"),
    ("Maths", "The maths as sanity check"),
    ("Unmentioned", "The thing nobody mentions"),
];

/// A paragraph with nothing but this says where the chapter's exhibit stands.
const EXHIBIT_MARK: &str = "{{exhibit}}";

type Fault = String;

fn main() {
    if let Err(fault) = run() {
        eprintln!("the book does not hold together: {fault}");
        process::exit(1);
    }
}

fn run() -> Result<(), Fault> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(|e| e.to_string())?).join("content");
    println!("cargo::rerun-if-changed=content");
    let book: Book = parse_toml(&root.join("book.toml"))?;
    let ideas: Ideas = parse_toml(&root.join("ideas.toml"))?;
    check_book(&book)?;
    let answers = check_ideas(&ideas.idea, book.chapter.len())?;
    let links = Links { acts: book.act.len(), chapters: book.chapter.len(), ideas: &ideas.idea };
    let texts = read_chapters(&root.join("chapters"), &links)?;
    let prologue = render(&read(&root.join("prologue.md"))?, &links).map_err(|f| format!("prologue.md: {f}"))?;

    let mut out = String::new();
    emit(&mut out, &book, &ideas.idea, &answers, &texts, &prologue).map_err(|e| e.to_string())?;
    let target = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?).join("book.rs");
    fs::write(target, out).map_err(|e| e.to_string())
}

fn read(path: &Path) -> Result<String, Fault> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn parse_toml<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Fault> {
    toml::from_str(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

fn check_book(book: &Book) -> Result<(), Fault> {
    let mut act_so_far = 1;
    for (index, chapter) in book.chapter.iter().enumerate() {
        if chapter.act < act_so_far || chapter.act > book.act.len() {
            return Err(format!("book.toml: chapter {} stands in act {}, out of order", index + 1, chapter.act));
        }
        act_so_far = chapter.act;
    }
    for act in 1..=book.act.len() {
        if !book.chapter.iter().any(|c| c.act == act) {
            return Err(format!("book.toml: act {act} has no chapter"));
        }
    }
    Ok(())
}

/// The answers of each idea as indices, after refusing unknown ids, empty chapters and cycles.
fn check_ideas(ideas: &[Idea], chapters: usize) -> Result<Vec<Vec<usize>>, Fault> {
    let mut by_id = HashMap::new();
    for (index, idea) in ideas.iter().enumerate() {
        if by_id.insert(idea.id.as_str(), index).is_some() {
            return Err(format!("ideas.toml: '{}' is there twice", idea.id));
        }
        if idea.chapter == 0 || idea.chapter > chapters {
            return Err(format!("ideas.toml: '{}' belongs to no chapter ({})", idea.id, idea.chapter));
        }
    }
    if let Some(empty) = (1..=chapters).find(|c| !ideas.iter().any(|i| i.chapter == *c)) {
        return Err(format!("ideas.toml: chapter {empty} introduces no idea"));
    }
    let answers = ideas
        .iter()
        .map(|idea| {
            let find = |id: &String| {
                by_id
                    .get(id.as_str())
                    .copied()
                    .ok_or_else(|| format!("ideas.toml: '{}' answers '{id}', which is not an idea", idea.id))
            };
            idea.answers.iter().map(find).collect()
        })
        .collect::<Result<Vec<Vec<usize>>, Fault>>()?;

    // Peel off ideas whose answers are all settled; what never settles lies on or behind a cycle.
    let mut settled = vec![false; ideas.len()];
    while let Some(next) = (0..ideas.len()).find(|&i| !settled[i] && answers[i].iter().all(|&a| settled[a])) {
        settled[next] = true;
    }
    if let Some(stuck) = settled.iter().position(|s| !s) {
        return Err(format!("ideas.toml: '{}' answers itself through a cycle", ideas[stuck].id));
    }
    Ok(answers)
}

/// What an internal link of the prose may point to.
struct Links<'a> {
    acts: usize,
    chapters: usize,
    ideas: &'a [Idea],
}

impl Links<'_> {
    /// Internal links are written from the root (`/chapter/7/`, or `idea:softmax`) and leave here relative to
    /// `<base>`, so that one build works under any path.
    fn resolve(&self, link: &str) -> Result<String, Fault> {
        if link.starts_with("https://") {
            return Ok(link.to_owned());
        }
        let dangling = || format!("the link '{link}' leads nowhere");
        if let Some(id) = link.strip_prefix("idea:") {
            let idea = self.ideas.iter().find(|i| i.id == id).ok_or_else(dangling)?;
            return Ok(format!("chapter/{}/#idea-{id}", idea.chapter));
        }
        let within = |rest: &str, count: usize| {
            rest.strip_suffix('/').and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| (1..=count).contains(&n))
        };
        let path = link.strip_prefix('/').ok_or_else(dangling)?;
        let known = matches!(path, "" | "verify/")
            || path.strip_prefix("act/").is_some_and(|rest| within(rest, self.acts))
            || path.strip_prefix("chapter/").is_some_and(|rest| within(rest, self.chapters));
        if known { Ok(if path.is_empty() { "./".to_owned() } else { path.to_owned() }) } else { Err(dangling()) }
    }
}

struct Beat {
    kind: &'static str,
    heading: String,
    html: String,
    exhibit_after: bool,
}

fn read_chapters(folder: &Path, links: &Links) -> Result<BTreeMap<usize, Vec<Beat>>, Fault> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if !name.ends_with(".md") {
            continue;
        }
        let number = name.get(..2).and_then(|n| n.parse::<usize>().ok()).filter(|n| (1..=links.chapters).contains(n));
        let number = number.ok_or_else(|| format!("chapters/{name}: the name starts with no chapter number"))?;
        let beats = beats(&read(&path)?, links).map_err(|f| format!("chapters/{name}: {f}"))?;
        if texts.insert(number, beats).is_some() {
            return Err(format!("chapters/{name}: chapter {number} has two files"));
        }
    }
    Ok(texts)
}

/// Splits a chapter at its second-level headings, which must be the five beats: `## The trick: Its own heading`.
fn beats(markdown: &str, links: &Links) -> Result<Vec<Beat>, Fault> {
    let mut sections = Vec::new();
    for line in markdown.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push((heading.trim(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            let _ = writeln!(body, "{line}");
        } else if !line.trim().is_empty() {
            return Err("there is text before the first beat".to_owned());
        }
    }
    if sections.len() != BEATS.len() {
        return Err(format!("there are {} beats and not five", sections.len()));
    }
    sections
        .into_iter()
        .zip(BEATS)
        .map(|((heading, body), (kind, label))| {
            let heading = heading.strip_prefix(label).and_then(|h| h.strip_prefix(": ")).filter(|h| !h.is_empty());
            let heading = heading.ok_or_else(|| format!("expected a heading '{label}: ...'"))?.to_owned();
            let prose = body.replace(EXHIBIT_MARK, "");
            let exhibit_after = prose.len() != body.len();
            if exhibit_after && !body.trim_end().ends_with(EXHIBIT_MARK) {
                return Err(format!("{EXHIBIT_MARK} must end its beat"));
            }
            if prose.trim().is_empty() {
                return Err(format!("'{label}' is empty"));
            }
            Ok(Beat { kind, heading, html: render(&prose, links)?, exhibit_after })
        })
        .collect()
}

/// Markdown to HTML: maths becomes MathML, links are checked, raw HTML and headings inside a beat are refused.
fn render(markdown: &str, links: &Links) -> Result<String, Fault> {
    let options = Options::ENABLE_MATH | Options::ENABLE_SMART_PUNCTUATION | Options::ENABLE_TABLES;
    let mut events = Vec::new();
    for event in Parser::new_ext(markdown, options) {
        events.push(match event {
            Event::InlineMath(tex) => Event::InlineHtml(mathml(&tex, DisplayMode::Inline)?.into()),
            // A wide formula scrolls by itself and needs a name and a tab stop for that.
            Event::DisplayMath(tex) => Event::InlineHtml(
                format!(
                    "<span class=\"formula\" role=\"group\" aria-label=\"Formula\" tabindex=\"0\">{}</span>",
                    mathml(&tex, DisplayMode::Block)?
                )
                .into(),
            ),
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let dest_url = CowStr::from(links.resolve(&dest_url)?);
                Event::Start(Tag::Link { link_type, dest_url, title, id })
            }
            Event::Start(Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2, .. }) => {
                return Err("a heading above the third level inside a beat".to_owned());
            }
            Event::Html(raw) | Event::InlineHtml(raw) => return Err(format!("raw HTML: {raw}")),
            Event::Start(Tag::BlockQuote(_)) => Event::Html("<aside class=\"note\">".into()),
            Event::End(TagEnd::BlockQuote(_)) => Event::Html("</aside>".into()),
            other => other,
        });
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    // The site's content policy forbids inline styles, so a renderer that starts to emit them must not pass.
    if out.contains("style=") {
        return Err("the rendered text carries an inline style".to_owned());
    }
    Ok(out)
}

fn mathml(tex: &str, display_mode: DisplayMode) -> Result<String, Fault> {
    let storage = pulldown_latex::Storage::new();
    let events = pulldown_latex::Parser::new(tex, &storage)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| format!("the formula '{tex}' does not parse: {e}"))?;
    // The annotation carries the source, so that a copied formula can be pasted as LaTeX.
    let source = tex.replace('&', "&amp;").replace('<', "&lt;");
    let config = RenderConfig { display_mode, annotation: Some(&source), ..RenderConfig::default() };
    let mut out = String::new();
    let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
    pulldown_latex::push_mathml(&mut out, events, config).map_err(|e| e.to_string())?;
    Ok(out)
}

fn emit(
    out: &mut String,
    book: &Book,
    ideas: &[Idea],
    answers: &[Vec<usize>],
    texts: &BTreeMap<usize, Vec<Beat>>,
    prologue: &str,
) -> std::fmt::Result {
    writeln!(out, "/// The prologue, as HTML.\npub static PROLOGUE: &str = {prologue:?};")?;
    writeln!(out, "/// The seven acts in reading order.\npub static ACTS: &[Act] = &[")?;
    for (index, act) in book.act.iter().enumerate() {
        let Act { numeral, slug, title, question } = act;
        let number = index + 1;
        writeln!(
            out,
            "Act {{ number: {number}, numeral: {numeral:?}, slug: {slug:?}, title: {title:?}, question: {question:?} }},"
        )?;
    }
    writeln!(out, "];\n/// The forty-three chapters in reading order.\npub static CHAPTERS: &[Chapter] = &[")?;
    for (index, chapter) in book.chapter.iter().enumerate() {
        let Chapter { act, title, short, question } = chapter;
        let number = index + 1;
        write!(
            out,
            "Chapter {{ number: {number}, act: {act}, title: {title:?}, short: {short:?}, question: {question:?}, beats: &["
        )?;
        for Beat { kind, heading, html, exhibit_after } in texts.get(&number).map(Vec::as_slice).unwrap_or_default() {
            write!(
                out,
                "Beat {{ kind: BeatKind::{kind}, heading: {heading:?}, html: {html:?}, exhibit_after: {exhibit_after} }},"
            )?;
        }
        writeln!(out, "] }},")?;
    }
    writeln!(out, "];\n/// The ninety-three ideas in reading order.\npub static IDEAS: &[Idea] = &[")?;
    for (index, idea) in ideas.iter().enumerate() {
        let necessary: Vec<usize> = (0..ideas.len()).filter(|&i| answers[i].contains(&index)).collect();
        let Idea { id, name, chapter, .. } = idea;
        writeln!(
            out,
            "Idea {{ id: {id:?}, name: {name:?}, chapter: {chapter}, answers: &{:?}, makes_necessary: &{necessary:?} }},",
            answers[index]
        )?;
    }
    writeln!(out, "];")
}
