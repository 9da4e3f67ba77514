//! What the interface says: from one Fluent file a language to typed Rust. Only the sentences reach the page; a message
//! that a language lacks, or writes with other variables, does not build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey};
use fluent_syntax::parser;

use crate::{Fault, read};

/// The language all others are held to.
const REFERENCE: &str = "en";

/// The variable that stands for an element of the page.
const ELEMENT: &str = "element";

/// A language with what it says, by the names of the messages.
pub struct Language {
    /// As HTML writes it: `en`.
    pub tag: String,
    messages: BTreeMap<String, Vec<Piece>>,
}

/// A piece of a message.
enum Piece {
    Text(String),
    Value(String),
    /// One of several texts, by a count.
    Choice {
        count: String,
        arms: Vec<(Option<usize>, Vec<Piece>)>,
    },
}

impl Language {
    /// A message without variables.
    pub fn plain(&self, name: &str) -> Result<&str, Fault> {
        match self.messages.get(name).map(Vec::as_slice) {
            Some([Piece::Text(text)]) => Ok(text),
            _ => Err(format!("messages/{}.ftl: '{name}' must be there, without variables", self.tag)),
        }
    }
}

/// Every language of the folder, the reference first.
pub fn read_all(folder: &Path) -> Result<Vec<Language>, Fault> {
    let mut languages = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let tag = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let name = format!("messages/{tag}.ftl");
        if path.extension().is_none_or(|e| e != "ftl") || !tag.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(format!("{}: not the messages of a language", path.display()));
        }
        let messages = parse(&read(&path)?).map_err(|f| format!("{name}: {f}"))?;
        languages.push(Language { tag, messages });
    }
    languages.sort_by_key(|language| (language.tag != REFERENCE, language.tag.clone()));
    let Some((reference, others)) = languages.split_first().filter(|(first, _)| first.tag == REFERENCE) else {
        return Err(format!("messages/{REFERENCE}.ftl is missing"));
    };
    for other in others {
        let name = format!("messages/{}.ftl", other.tag);
        for (message, pieces) in &reference.messages {
            let Some(own) = other.messages.get(message) else {
                return Err(format!("{name}: '{message}' is missing"));
            };
            if variables(pieces) != variables(own) {
                return Err(format!("{name}: '{message}' has other variables than in {REFERENCE}.ftl"));
            }
        }
        if let Some(unknown) = other.messages.keys().find(|message| !reference.messages.contains_key(*message)) {
            return Err(format!("{name}: '{unknown}' is not in {REFERENCE}.ftl"));
        }
    }
    Ok(languages)
}

fn parse(source: &str) -> Result<BTreeMap<String, Vec<Piece>>, Fault> {
    let resource = parser::parse(source).map_err(|(_, errors)| format!("{:?}", errors[0]))?;
    let mut messages = BTreeMap::new();
    for entry in resource.body {
        match entry {
            Entry::Message(message) => {
                let name = message.id.name.to_owned();
                let value = message.value.filter(|_| message.attributes.is_empty());
                let value = value.ok_or_else(|| format!("'{name}' must be one text"))?;
                let pieces = pieces(&value).map_err(|f| format!("'{name}': {f}"))?;
                if messages.insert(name.clone(), pieces).is_some() {
                    return Err(format!("'{name}' is there twice"));
                }
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => (),
            Entry::Term(_) | Entry::Junk { .. } => return Err("there is more than messages and comments".to_owned()),
        }
    }
    Ok(messages)
}

fn pieces(pattern: &Pattern<&str>) -> Result<Vec<Piece>, Fault> {
    let variable = |expression: &InlineExpression<&str>| match expression {
        InlineExpression::VariableReference { id } => Ok(id.name.replace('-', "_")),
        _ => Err("only variables may stand between braces".to_owned()),
    };
    let piece = |element: &PatternElement<&str>| match element {
        PatternElement::TextElement { value } => Ok(Piece::Text((*value).to_owned())),
        PatternElement::Placeable { expression: Expression::Inline(inline) } => Ok(Piece::Value(variable(inline)?)),
        PatternElement::Placeable { expression: Expression::Select { selector, variants } } => {
            let arm = |variant: &fluent_syntax::ast::Variant<&str>| {
                let key = match variant.key {
                    _ if variant.default => None,
                    VariantKey::NumberLiteral { value } => {
                        Some(value.parse::<usize>().map_err(|_| format!("'{value}' is no count"))?)
                    }
                    // Plural categories would need each language's rules; the two there are do without.
                    VariantKey::Identifier { name } => return Err(format!("write a number instead of '{name}'")),
                };
                Ok((key, pieces(&variant.value)?))
            };
            let arms = variants.iter().map(arm).collect::<Result<Vec<_>, Fault>>()?;
            Ok(Piece::Choice { count: variable(selector)?, arms })
        }
    };
    let pieces = pattern.elements.iter().map(piece).collect::<Result<Vec<_>, Fault>>()?;
    if pieces.len() > 1 && pieces.iter().any(|piece| matches!(piece, Piece::Choice { .. })) {
        return Err("variants must be whole sentences, with nothing before or after them".to_owned());
    }
    Ok(pieces)
}

/// The variables of a message, and which of them are counts.
fn variables(pieces: &[Piece]) -> BTreeSet<(&str, bool)> {
    let mut found = BTreeSet::new();
    for piece in pieces {
        match piece {
            Piece::Text(_) => (),
            Piece::Value(name) => {
                found.insert((name.as_str(), false));
            }
            Piece::Choice { count, arms } => {
                found.insert((count.as_str(), true));
                found.extend(arms.iter().flat_map(|(_, pieces)| variables(pieces)));
            }
        }
    }
    // A count may be written as well.
    let counts: Vec<&str> = found.iter().filter(|(_, counts)| *counts).map(|(name, _)| *name).collect();
    found.retain(|(name, is_count)| *is_count || !counts.contains(name));
    found
}

fn variant(tag: &str) -> String {
    tag[..1].to_uppercase() + &tag[1..]
}

/// The languages and their messages as Rust.
pub fn source(languages: &[Language]) -> String {
    let mut out = String::from(
        "/// A language of the interface; what it says are its methods.\n\
         #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]\npub enum Lang {\n#[default]\n",
    );
    for language in languages {
        let _ = writeln!(out, "/// `{}`\n{},", language.tag, variant(&language.tag));
    }
    let all: Vec<String> = languages.iter().map(|l| format!("Lang::{}", variant(&l.tag))).collect();
    let _ = writeln!(
        out,
        "}}\nimpl Lang {{\n/// All of them, the language of the prose first.\npub const ALL: &'static [Lang] = &[{}];\n\
         /// Its name in HTML.\npub const fn tag(self) -> &'static str {{ match self {{",
        all.join(", ")
    );
    for language in languages {
        let _ = writeln!(out, "Lang::{} => {:?},", variant(&language.tag), language.tag);
    }
    out += "} }\n";
    for name in languages[0].messages.keys() {
        let function = name.replace('-', "_");
        let reference = &languages[0].messages[name];
        let known = variables(reference);
        let has_element = known.iter().any(|(name, _)| *name == ELEMENT);
        let is_plain = known.iter().all(|(name, _)| *name == ELEMENT);
        let parameters: String = known
            .iter()
            .filter(|(name, _)| *name != ELEMENT)
            .map(|(name, is_count)| {
                format!(", {name}: {}", if *is_count { "usize" } else { "impl ::core::fmt::Display" })
            })
            .collect();
        let one = if is_plain { "&'static str" } else { "String" };
        let result = if has_element { format!("[{one}; 2]") } else { one.to_owned() };
        let _ = writeln!(
            out,
            "/// {}",
            if has_element { "Before and after an element of the page." } else { "A message." }
        );
        let _ = writeln!(out, "pub fn {function}(self{parameters}) -> {result} {{ match self {{");
        for language in languages {
            let pieces = &language.messages[name];
            let body = if has_element {
                let at = pieces.iter().position(|p| matches!(p, Piece::Value(name) if name == ELEMENT));
                let at = at.unwrap_or(pieces.len());
                let after = pieces.get(at + 1..).unwrap_or_default();
                format!("[{}, {}]", text(&pieces[..at], is_plain), text(after, is_plain))
            } else {
                text(pieces, is_plain)
            };
            let _ = writeln!(out, "Lang::{} => {body},", variant(&language.tag));
        }
        out += "} }\n";
    }
    out + "}\n"
}

/// An expression of the text of some pieces.
fn text(pieces: &[Piece], is_plain: bool) -> String {
    if let [Piece::Choice { count, arms }] = pieces {
        let arm = |(key, pieces): &(Option<usize>, Vec<Piece>)| {
            format!("{} => {},", key.map_or("_".to_owned(), |k| k.to_string()), text(pieces, false))
        };
        // A match takes its first arm, so what stands for all the rest comes last.
        let (rest, exact): (Vec<_>, Vec<_>) = arms.iter().partition(|(key, _)| key.is_none());
        return format!("match {count} {{ {} }}", exact.into_iter().chain(rest).map(arm).collect::<String>());
    }
    let mut format = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) if is_plain => format += text,
            Piece::Text(text) => format += &text.replace('{', "{{").replace('}', "}}"),
            Piece::Value(name) => {
                let _ = write!(format, "{{{name}}}");
            }
            Piece::Choice { .. } => unreachable!("a choice is a whole message"),
        }
    }
    let has_value = pieces.iter().any(|piece| matches!(piece, Piece::Value(_)));
    match (is_plain, has_value) {
        (true, _) => format!("{format:?}"),
        (false, true) => format!("format!({format:?})"),
        (false, false) => format!("{:?}.to_owned()", format.replace("{{", "{").replace("}}", "}")),
    }
}
