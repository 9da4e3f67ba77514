//! The entries, read out of the book when the site is built.

use super::{Entry, Kind};
use crate::book::{ACTS, CHAPTERS, FORMS, IDEAS, TERMS, passage};
use crate::lang::Lang;
use crate::page::Page;

/// Everything that can be found in the pages of a language, in the order of the book.
pub fn index(lang: Lang) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |kind, title: &str, place: String, address: String, text: String| {
        entries.push(Entry { kind, title: title.to_owned(), place, address, text });
    };
    let text = |key: &str| plain(&passage(lang, key).unwrap_or_default());
    let at = |page: Page, anchor: &str| format!("{}#{anchor}", page.href());

    for chapter in CHAPTERS {
        let page = Page::Chapter(chapter.number);
        add(Kind::Chapter, chapter.title, lang.chapter(chapter.number), page.href(), chapter.question.to_owned());
        for beat in chapter.beats {
            let anchor = beat.kind.anchor();
            let place = lang.place_in_chapter(chapter.number, beat.kind.label(lang).to_lowercase());
            let key = format!("chapter-{}/{anchor}", chapter.number);
            add(Kind::Text, beat.heading, place, at(page, anchor), text(&key));
        }
    }
    for act in ACTS {
        let page = Page::Act(act.number);
        add(Kind::Act, act.title, lang.act(act.numeral), page.href(), act.question.to_owned());
        let parts = [("opening", act.opening, lang.part_opening()), ("closing", act.closing, lang.part_closing())];
        for (anchor, heading, part) in parts {
            let key = format!("act-{}/{anchor}", act.number);
            add(Kind::Text, heading, lang.place_in_act(act.numeral, part), at(page, anchor), text(&key));
        }
    }
    for idea in IDEAS {
        let place = lang.chapter(idea.chapter);
        add(Kind::Idea, idea.name, place, idea.page().href(), text(&format!("idea/{}", idea.id)));
    }
    for idea in IDEAS {
        let html = passage(lang, &format!("paper/{}", idea.id)).unwrap_or_default();
        let title = html.split("<cite>").nth(1).and_then(|rest| rest.split("</cite>").next()).unwrap_or(idea.name);
        let authors = plain(html.split(&format!(" ({}). ", idea.year)).next().unwrap_or_default());
        let place = format!("{authors} ({})", idea.year);
        add(Kind::Paper, &plain(title), place, at(Page::Papers, &format!("paper-{}", idea.id)), plain(&html));
    }
    for (number, term) in TERMS.iter().enumerate() {
        let address = at(Page::Glossary, &format!("term-{number}"));
        add(Kind::Term, term, FORMS[number].join(", "), address, text(&format!("term/{number}")));
    }
    let other = [
        (Page::Home, text("prologue")),
        (Page::Map, Page::Map.description(lang)),
        (Page::Papers, Page::Papers.description(lang)),
        (Page::Glossary, Page::Glossary.description(lang)),
        (Page::Verify, Page::Verify.description(lang)),
    ];
    for (page, text) in other {
        add(Kind::Page, page.name(lang), String::new(), page.href(), text);
    }
    entries
}

/// What a reader sees of a piece of the book's HTML: no tags, no definitions of terms, no source of formulas.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out += &rest[..open];
        let tag_end = rest[open..].find('>').map_or(rest.len(), |close| open + close + 1);
        let tag = &rest[open..tag_end];
        let hidden = [
            ("<annotation", "</annotation>"),
            ("<span class=\"definition\"", "</span>"),
            ("<span class=\"label\"", "</span>"),
            ("<button type=\"button\" class=\"copy-latex\"", "</button>"),
        ];
        match hidden.iter().find(|(start, _)| tag.starts_with(start)) {
            Some((_, end)) => {
                rest = rest[tag_end..].split_once(end).map_or("", |(_, rest)| rest);
            }
            None => {
                // Blocks part words, and nothing else does.
                if ["<p", "</p", "<li", "</li", "</td", "</th", "<br", "</div", "<aside"]
                    .iter()
                    .any(|t| tag.starts_with(t))
                {
                    out.push(' ');
                }
                rest = &rest[tag_end..];
            }
        }
    }
    out += rest;
    let out = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    out.replace("&amp;", "&").split_whitespace().collect::<Vec<_>>().join(" ")
}
