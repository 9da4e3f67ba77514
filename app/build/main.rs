//! Turns the book's content into Rust data, so that the page carries neither a Markdown nor a LaTeX parser,
//! and so that a broken book does not build: a dangling link, a cycle of ideas, a chapter without an idea or
//! without its five beats is an error that names the file.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use serde::Deserialize;

use markdown::{Links, render, render_marking};
use messages::Language;
use terms::Marker;

mod layout;
mod markdown;
mod messages;
mod terms;

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
    /// What stood in the way, in a sentence.
    constraint: String,
    /// What the idea does about it, in a sentence.
    answer: String,
    /// The paper it is usually credited to.
    year: i32,
    authors: String,
    paper: String,
    venue: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    question: Vec<Question>,
}

/// What a reader may ask themselves at an act's end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    ask: String,
    answer: String,
    chapter: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Glossary {
    term: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    term: String,
    /// Plurals and other forms.
    also: Vec<String>,
    /// Forms, the term itself included, that are not marked in the text because they mean something else too: `floor`
    /// anywhere, `loss in 25` in that chapter.
    #[serde(default)]
    elsewhere: Vec<String>,
    definition: String,
}

/// The beats: their name in code, their anchor, and what a heading of a chapter file must start with, in this order.
const BEATS: [(&str, &str, &str); 5] = [
    ("Puzzle", "puzzle", "The puzzle"),
    ("BadAttempt", "bad-attempt", "The bad attempt"),
    ("Trick", "trick", "The trick"),
    ("Maths", "maths", "The maths as sanity check"),
    ("Unmentioned", "unmentioned", "The thing nobody mentions"),
];

/// The language of the book's text.
const PROSE: &str = "en";

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
    println!("cargo::rerun-if-changed=build");
    let languages = messages::read_all(&root.join("messages"))?;
    let copy = languages[0].plain("copy-latex")?;
    let book: Book = parse_toml(&root.join("book.toml"))?;
    let ideas: Ideas = parse_toml(&root.join("ideas.toml"))?;
    let questions: Questions = parse_toml(&root.join("questions.toml"))?;
    let glossary: Glossary = parse_toml(&root.join("glossary.toml"))?;
    check_book(&book)?;
    let answers = check_ideas(&ideas.idea, book.chapter.len())?;
    check_questions(&questions.question, &book)?;
    let links = Links { acts: book.act.len(), chapters: book.chapter.len(), ideas: &ideas.idea, copy };
    check_glossary(&glossary.term)?;
    let definitions = (glossary.term.iter()).map(|t| render(&t.definition, &links)).collect::<Result<Vec<_>, _>>()?;
    let chapters = read_chapters(&root.join("chapters"), &links, &|n| Marker::new(&glossary.term, &definitions, n))?;

    let mut passages = Passages::default();
    passages
        .add("prologue", render(&read(&root.join("prologue.md"))?, &links).map_err(|f| format!("prologue.md: {f}"))?);
    let mut act_headings = Vec::new();
    for act in 1..=book.act.len() {
        let [(opening, before), (closing, after)] = act_texts(&root.join("acts"), act, &links)?;
        passages.add(&format!("act-{act}/opening"), before);
        passages.add(&format!("act-{act}/closing"), after);
        act_headings.push([opening, closing]);
    }
    for (chapter, beats) in &chapters {
        for beat in beats {
            passages.add(&format!("chapter-{chapter}/{}", beat.anchor), beat.html.clone());
        }
    }
    for language in &languages {
        let answers = translated_answers(&root, language, &ideas.idea)?;
        for idea in &ideas.idea {
            // Where the answers are translated, the passage is that language's own.
            let answer = answers.as_ref().map(|answers| answers[&idea.id].as_str());
            let prefix = if answer.is_some() { format!("{}:", language.tag) } else { String::new() };
            passages.add(&format!("{prefix}idea/{}", idea.id), idea_text(idea, language, answer)?);
        }
    }
    for idea in &ideas.idea {
        passages.add(&format!("paper/{}", idea.id), paper_text(idea));
    }
    for (number, question) in questions.question.iter().enumerate() {
        passages.add(&format!("question/{number}/ask"), render(&question.ask, &links)?);
        passages.add(&format!("question/{number}/answer"), render(&question.answer, &links)?);
    }
    for (number, definition) in definitions.iter().enumerate() {
        passages.add(&format!("term/{number}"), definition.clone());
    }

    let mut out = String::new();
    emit(&mut out, &book, &act_headings, &ideas.idea, &answers, &chapters, &questions, &glossary)
        .map_err(|e| e.to_string())?;
    let target = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?);
    fs::write(target.join("book.rs"), out).map_err(|e| e.to_string())?;
    let forms: Vec<&Vec<String>> = glossary.term.iter().map(|t| &t.also).collect();
    let forms = format!(
        "/// The other forms of each term.\npub static FORMS: &[&[&str]] = &[{}];\n",
        forms.iter().map(|also| format!("&{also:?}")).collect::<Vec<_>>().join(", ")
    );
    fs::write(target.join("lang.rs"), messages::source(&languages)).map_err(|e| e.to_string())?;
    fs::write(target.join("passages.rs"), passages.source() + &forms).map_err(|e| e.to_string())?;
    fs::write(target.join("map.rs"), map_source(&book, &ideas.idea, &answers)).map_err(|e| e.to_string())
}

/// The map's two layouts as Rust tables.
fn map_source(book: &Book, ideas: &[Idea], answers: &[Vec<usize>]) -> String {
    let subjects: Vec<layout::Subject> = ideas
        .iter()
        .zip(answers)
        .map(|(idea, answers)| layout::Subject { name: &idea.name, act: book.chapter[idea.chapter - 1].act, answers })
        .collect();
    let mut out = String::new();
    for (name, map) in [("WIDE", layout::wide(&subjects)), ("NARROW", layout::narrow(&subjects))] {
        let layout::Layout { width, height, spots, bands, lines } = map;
        let _ = write!(out, "pub static {name}: Layout = Layout {{ width: {width}, height: {height}, spots: &[");
        for layout::Spot { layer, x, y, width, height, lines } in spots {
            let _ = write!(
                out,
                "Spot {{ layer: {layer}, x: {x}, y: {y}, width: {width}, height: {height}, lines: &{lines:?} }},"
            );
        }
        let _ = write!(out, "], bands: &[");
        for layout::Band { act, y, height } in bands {
            let _ = write!(out, "Band {{ act: {act}, y: {y}, height: {height} }},");
        }
        let _ = write!(out, "], lines: &[");
        for layout::Line { from, to, path } in lines {
            let _ = write!(out, "Line {{ from: {from}, to: {to}, path: {path:?} }},");
        }
        let _ = writeln!(out, "] }};");
    }
    out
}

/// The book's running text by key. It goes into the pages and not into the program that runs in them.
#[derive(Default)]
struct Passages(BTreeMap<String, String>);

impl Passages {
    fn add(&mut self, key: &str, html: String) {
        self.0.insert(key.to_owned(), html);
    }

    /// A sorted Rust table.
    fn source(&self) -> String {
        let mut out = String::from("static PASSAGES: &[(&str, &str)] = &[\n");
        for (key, html) in &self.0 {
            let _ = writeln!(out, "({key:?}, {html:?}),");
        }
        out + "];\n"
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The ideas' answers in a language other than that of the prose, by id: all of them, and no other.
fn translated_answers(
    root: &Path,
    language: &Language,
    ideas: &[Idea],
) -> Result<Option<HashMap<String, String>>, Fault> {
    let tag = &language.tag;
    if tag == PROSE {
        return Ok(None);
    }
    let answers: HashMap<String, String> = parse_toml(&root.join(tag).join("ideas.toml"))?;
    if let Some(missing) = ideas.iter().find(|idea| !answers.contains_key(&idea.id)) {
        return Err(format!("{tag}/ideas.toml: '{}' is missing", missing.id));
    }
    if let Some(unknown) = answers.keys().find(|id| ideas.iter().all(|idea| idea.id != **id)) {
        return Err(format!("{tag}/ideas.toml: '{unknown}' is no idea"));
    }
    Ok(Some(answers))
}

/// What stood in an idea's way, and what it does about it; the latter translated, where it is.
fn idea_text(idea: &Idea, language: &Language, answer: Option<&str>) -> Result<String, Fault> {
    let part = |class: &str, label: &str, text: &str, is_foreign: bool| {
        let text = escape(text).replace('\'', "’");
        let text = if is_foreign { format!("<span lang=\"{PROSE}\">{text}</span>") } else { text };
        Ok::<_, Fault>(format!(
            "<p class=\"{class}\"><span class=\"label\">{}</span> {text}</p>",
            language.plain(label)?
        ))
    };
    let constraint = part("constraint", "idea-wall", &idea.constraint, answer.is_some())?;
    Ok(constraint + &part("answer", "idea-answer", answer.unwrap_or(&idea.answer), false)?)
}

/// Where an idea was first said.
fn paper_text(idea: &Idea) -> String {
    let title = format!("<cite>{}</cite>", escape(&idea.paper));
    let title = if idea.url.is_empty() { title } else { format!("<a href=\"{}\">{title}</a>", escape(&idea.url)) };
    format!("{} ({}). {title}. {}", escape(&idea.authors), idea.year, escape(&idea.venue))
}

fn check_glossary(terms: &[Term]) -> Result<(), Fault> {
    let mut forms = HashMap::new();
    for Term { term, also, elsewhere, .. } in terms {
        let own = || std::iter::once(term).chain(also);
        for form in own() {
            if let Some(other) = forms.insert(form.to_lowercase(), term) {
                return Err(format!("glossary.toml: '{form}' is a form of both '{other}' and '{term}'"));
            }
        }
        let is_known = |entry: &str| {
            let form =
                entry.rsplit_once(" in ").filter(|(_, n)| n.parse::<usize>().is_ok()).map_or(entry, |(form, _)| form);
            own().any(|own| own == form)
        };
        if let Some(unknown) = elsewhere.iter().find(|entry| !is_known(entry)) {
            return Err(format!("glossary.toml: '{unknown}' is no form of '{term}'"));
        }
    }
    Ok(())
}

fn check_questions(questions: &[Question], book: &Book) -> Result<(), Fault> {
    let act_of = |q: &Question| {
        let chapter = q.chapter.checked_sub(1).and_then(|i| book.chapter.get(i));
        chapter.map(|c| c.act).ok_or_else(|| format!("questions.toml: there is no chapter {}", q.chapter))
    };
    let mut act_so_far = 1;
    for question in questions {
        let act = act_of(question)?;
        if act < act_so_far {
            return Err(format!("questions.toml: '{}' stands out of order", question.ask));
        }
        act_so_far = act;
    }
    if let Some(without) = (1..=book.chapter.len()).find(|c| questions.iter().all(|q| q.chapter != *c)) {
        return Err(format!("questions.toml: chapter {without} is asked nothing"));
    }
    Ok(())
}

/// The opening and the closing of an act: heading and HTML.
fn act_texts(folder: &Path, act: usize, links: &Links) -> Result<[(String, String); 2], Fault> {
    let path = folder.join(format!("{act}.md"));
    let fault = |f: String| format!("acts/{act}.md: {f}");
    let sections = sections(&read(&path)?).map_err(fault)?;
    let [(opening, before), (closing, after)] = <[_; 2]>::try_from(sections)
        .map_err(|found| fault(format!("there are {} parts, not an opening and a closing", found.len())))?;
    let text = |label: &str, heading: String, body: String| {
        let own = heading.strip_prefix(label).and_then(|h| h.strip_prefix(": "));
        let own = own.ok_or_else(|| fault(format!("expected a heading '{label}: ...'")))?.to_owned();
        Ok::<_, Fault>((own, render(&body, links).map_err(fault)?))
    };
    Ok([text("Opening", opening, before)?, text("Closing", closing, after)?])
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

struct Beat {
    kind: &'static str,
    anchor: &'static str,
    heading: String,
    html: String,
    exhibit_after: bool,
}

fn read_chapters<'a>(
    folder: &Path,
    links: &Links,
    marker: &dyn Fn(usize) -> Marker<'a>,
) -> Result<BTreeMap<usize, Vec<Beat>>, Fault> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if !name.ends_with(".md") {
            continue;
        }
        let number = name.get(..2).and_then(|n| n.parse::<usize>().ok()).filter(|n| (1..=links.chapters).contains(n));
        let number = number.ok_or_else(|| format!("chapters/{name}: the name starts with no chapter number"))?;
        let beats = beats(&read(&path)?, links, &mut marker(number)).map_err(|f| format!("chapters/{name}: {f}"))?;
        if texts.insert(number, beats).is_some() {
            return Err(format!("chapters/{name}: chapter {number} has two files"));
        }
    }
    Ok(texts)
}

/// A text cut at its second-level headings: each heading with what follows it.
fn sections(markdown: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in markdown.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push((heading.trim().to_owned(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            let _ = writeln!(body, "{line}");
        } else if !line.trim().is_empty() {
            return Err("there is text before the first heading".to_owned());
        }
    }
    Ok(sections)
}

/// Splits a chapter at its second-level headings, which must be the five beats: `## The trick: Its own heading`.
fn beats(markdown: &str, links: &Links, marker: &mut Marker) -> Result<Vec<Beat>, Fault> {
    let sections = sections(markdown)?;
    if sections.len() != BEATS.len() {
        return Err(format!("there are {} beats and not five", sections.len()));
    }
    sections
        .into_iter()
        .zip(BEATS)
        .map(|((heading, body), (kind, anchor, label))| {
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
            Ok(Beat { kind, anchor, heading, html: render_marking(&prose, links, marker)?, exhibit_after })
        })
        .collect()
}

fn emit(
    out: &mut String,
    book: &Book,
    act_headings: &[[String; 2]],
    ideas: &[Idea],
    answers: &[Vec<usize>],
    texts: &BTreeMap<usize, Vec<Beat>>,
    questions: &Questions,
    glossary: &Glossary,
) -> std::fmt::Result {
    writeln!(out, "/// The seven acts in reading order.\npub static ACTS: &[Act] = &[")?;
    for (index, act) in book.act.iter().enumerate() {
        let Act { numeral, slug, title, question } = act;
        let number = index + 1;
        let [opening, closing] = &act_headings[index];
        writeln!(
            out,
            "Act {{ number: {number}, numeral: {numeral:?}, slug: {slug:?}, title: {title:?}, question: {question:?}, \
             opening: {opening:?}, closing: {closing:?} }},"
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
        for Beat { kind, heading, exhibit_after, .. } in texts.get(&number).map(Vec::as_slice).unwrap_or_default() {
            write!(out, "Beat {{ kind: BeatKind::{kind}, heading: {heading:?}, exhibit_after: {exhibit_after} }},")?;
        }
        writeln!(out, "] }},")?;
    }
    writeln!(out, "];\n/// The ninety-three ideas in reading order.\npub static IDEAS: &[Idea] = &[")?;
    for (index, idea) in ideas.iter().enumerate() {
        let necessary: Vec<usize> = (0..ideas.len()).filter(|&i| answers[i].contains(&index)).collect();
        let Idea { id, name, chapter, year, .. } = idea;
        writeln!(
            out,
            "Idea {{ id: {id:?}, name: {name:?}, chapter: {chapter}, year: {year}, answers: &{:?}, makes_necessary: &{necessary:?} }},",
            answers[index]
        )?;
    }
    let chapters: Vec<usize> = questions.question.iter().map(|q| q.chapter).collect();
    let terms: Vec<&str> = glossary.term.iter().map(|t| t.term.as_str()).collect();
    writeln!(
        out,
        "];\n/// The chapter that each question of the self-checks goes back to, in reading order.\n\
         pub static QUESTIONS: &[usize] = &{chapters:?};\n\
         /// The terms of the glossary, in its order.\npub static TERMS: &[&str] = &{terms:?};"
    )
}
