//! Marks the terms of the glossary in the text of a chapter, each where it occurs first.

use crate::{Term, escape};

/// What of the glossary a chapter has not named yet.
pub struct Marker<'a> {
    /// Every form that is still looked for, the longest first, with the number of its term.
    forms: Vec<(String, usize)>,
    definitions: &'a [String],
}

impl<'a> Marker<'a> {
    /// Looks for every term in a chapter; `definitions` are HTML.
    pub fn new(terms: &[Term], definitions: &'a [String], chapter: usize) -> Self {
        let mut forms: Vec<(String, usize)> = terms
            .iter()
            .enumerate()
            .flat_map(|(number, Term { term, also, elsewhere, .. })| {
                let is_other = move |form: &String| {
                    elsewhere.iter().any(|entry| entry == form || *entry == format!("{form} in {chapter}"))
                };
                let own = std::iter::once(term).chain(also).filter(move |form| !is_other(form));
                own.map(move |form| (form.clone(), number))
            })
            .collect();
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        Self { forms, definitions }
    }

    /// Looks for none.
    pub fn none() -> Self {
        Self { forms: Vec::new(), definitions: &[] }
    }

    /// HTML for a piece of running text, or nothing if it names no new term.
    pub fn mark(&mut self, text: &str) -> Option<String> {
        let mut html = String::new();
        let mut rest = text;
        while let Some((at, length, number)) = self.first(rest) {
            self.forms.retain(|(_, of)| *of != number);
            // What touches the term stays on its line: a comma must not begin the next.
            let start = rest[..at].rfind(char::is_whitespace).map_or(0, |space| next(rest, space));
            let end = at + length;
            let end_of_word = rest[end..].find(char::is_whitespace).map_or(rest.len(), |space| end + space);
            let (term, definition) = (escape(&rest[at..end]), inline(&self.definitions[number]));
            html += &escape(&rest[..start]);
            html += "<span class=\"term-word\">";
            html += &escape(&rest[start..at]);
            html += &format!(
                "<button type=\"button\" class=\"term\" aria-describedby=\"def-{number}\">{term}</button>\
                 <span class=\"definition\" role=\"tooltip\" id=\"def-{number}\">{definition}</span>"
            );
            html += &escape(&rest[end..end_of_word]);
            html += "</span>";
            rest = &rest[end_of_word..];
        }
        (!html.is_empty()).then(|| html + &escape(rest))
    }

    /// The earliest form in the text, the longest of those that start there: where, how long, whose.
    fn first(&self, text: &str) -> Option<(usize, usize, usize)> {
        let lower = text.to_ascii_lowercase();
        let found = self.forms.iter().filter_map(|(form, number)| {
            // A form in capitals is a name: `GRU` is not `gru`.
            let is_name = form.chars().skip(1).any(char::is_uppercase);
            let wanted = if is_name { form.clone() } else { form.to_ascii_lowercase() };
            let text = if is_name { text } else { lower.as_str() };
            let at = text.match_indices(&wanted).map(|(at, _)| at).find(|&at| is_whole(text, at, wanted.len()))?;
            Some((at, wanted.len(), *number))
        });
        found.min_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)))
    }
}

/// Whether no letter, figure or hyphen touches what stands at `at`.
fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '-' || c == '’';
    !text[..at].chars().next_back().is_some_and(joins) && !text[at + length..].chars().next().is_some_and(joins)
}

fn next(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// A definition is one paragraph; within another one it goes without its own.
fn inline(definition: &str) -> &str {
    definition.trim().trim_start_matches("<p>").trim_end_matches("</p>")
}
