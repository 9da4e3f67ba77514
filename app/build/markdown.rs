//! Markdown to HTML, with formulas as MathML and every link checked.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream, html};
use pulldown_latex::config::{DisplayMode, RenderConfig};

use crate::terms::Marker;
use crate::{Fault, Idea};

/// What an internal link of the prose may point to.
pub struct Links<'a> {
    pub acts: usize,
    pub chapters: usize,
    pub ideas: &'a [Idea],
    /// What the button beside a formula says.
    pub copy: &'a str,
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
            return Ok(format!("idea/{}/", idea.id));
        }
        let within = |rest: &str, count: usize| {
            rest.strip_suffix('/').and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| (1..=count).contains(&n))
        };
        let path = link.strip_prefix('/').ok_or_else(dangling)?;
        let known = matches!(path, "" | "verify/" | "map/" | "papers/" | "glossary/")
            || path.strip_prefix("act/").is_some_and(|rest| within(rest, self.acts))
            || path.strip_prefix("chapter/").is_some_and(|rest| within(rest, self.chapters));
        if known { Ok(if path.is_empty() { "./".to_owned() } else { path.to_owned() }) } else { Err(dangling()) }
    }
}

/// What the first word of a quotation makes of it: an aside of a kind that the reader can tell by word and mark.
const REMARKS: [(&str, &str); 3] = [("Opinion.", "opinion"), ("Open.", "open"), ("Correction.", "correction")];

/// Markdown to HTML: maths becomes MathML, links are checked, raw HTML and headings inside a beat are refused.
pub fn render(markdown: &str, links: &Links) -> Result<String, Fault> {
    render_marking(markdown, links, &mut Marker::none())
}

/// The same, with the terms that `marker` still looks for marked where they occur first.
pub fn render_marking(markdown: &str, links: &Links, marker: &mut Marker) -> Result<String, Fault> {
    let options = Options::ENABLE_MATH | Options::ENABLE_SMART_PUNCTUATION | Options::ENABLE_TABLES;
    let mut events: Vec<Event> = Vec::new();
    // How many elements are open in which a term is not marked.
    let mut unmarked = 0_usize;
    let mut remark = None;
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        match &event {
            Event::Start(tag) if forbids_terms(&tag.to_end()) => unmarked += 1,
            Event::End(tag) if forbids_terms(tag) => unmarked -= 1,
            _ => (),
        }
        if let (Event::Text(text), Some(at)) = (&event, remark) {
            let kind = REMARKS.iter().find(|(word, _)| *word == text.trim());
            let (_, class) = kind.ok_or_else(|| format!("an aside must say what it is first, and not '{text}'"))?;
            events[at] = Event::Html(format!("<aside class=\"remark {class}\">").into());
            remark = None;
        }
        let event = match event {
            Event::Text(text) if unmarked == 0 => match marker.mark(&text) {
                Some(html) => Event::InlineHtml(html.into()),
                None => Event::Text(text),
            },
            Event::InlineMath(tex) => Event::InlineHtml(mathml(&tex, DisplayMode::Inline)?.into()),
            // A wide formula scrolls by itself and needs a name and a tab stop for that; its button must not scroll along.
            Event::DisplayMath(tex) => Event::InlineHtml(
                format!(
                    "<span class=\"formula-box\"><span class=\"formula\" role=\"group\" aria-label=\"Formula\" tabindex=\"0\">{}</span>\
                     <button type=\"button\" class=\"copy-latex\">{}</button></span>",
                    mathml(&tex, DisplayMode::Block)?,
                    links.copy
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
            Event::Start(Tag::BlockQuote(_)) => {
                remark = Some(events.len());
                Event::Html("".into())
            }
            // On a narrow screen a table scrolls by itself, like a formula.
            Event::Start(Tag::Table(alignments)) => {
                events.push(Event::Html(
                    "<div class=\"prose-table\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">".into(),
                ));
                Event::Start(Tag::Table(alignments))
            }
            Event::End(TagEnd::Table) => {
                events.push(Event::End(TagEnd::Table));
                Event::Html("</div>".into())
            }
            Event::End(TagEnd::BlockQuote(_)) => Event::Html("</aside>".into()),
            other => other,
        };
        events.push(event);
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    // The site's content policy forbids inline styles, so a renderer that starts to emit them must not pass.
    if out.contains("style=") {
        return Err("the rendered text carries an inline style".to_owned());
    }
    Ok(out)
}

/// A term inside one of these would be a control within a control, or lost in a place that scrolls.
fn forbids_terms(tag: &TagEnd) -> bool {
    matches!(tag, TagEnd::Link | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table | TagEnd::Emphasis)
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
