//! The map as a list: the same facts in reading order, for eyes, screen readers, and pages without JavaScript.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::state::chain;
use crate::book::{ACTS, Act, Chapter, IDEAS, Idea, Passage, idea_index};
use crate::lang::use_lang;
use crate::page::Page;

/// The place of an idea in the list.
fn anchor(idea: &Idea) -> String {
    format!("map/#idea-{}", idea.id)
}

/// Links to the places of some ideas in the list.
fn places(indices: &'static [usize]) -> impl IntoView {
    let t = use_lang();
    let link = move |(place, &index): (usize, &usize)| {
        let comma = if place == 0 { "" } else { ", " };
        view! { {comma}<a href=anchor(&IDEAS[index]) lang=t.prose()>{IDEAS[index].name}</a> }
    };
    indices.iter().enumerate().map(link).collect_view()
}

fn idea_row(idea: &'static Idea) -> impl IntoView {
    let t = use_lang();
    let answers = if idea.answers.is_empty() {
        view! { <dd class="answers">{t.thread_starts()}</dd> }.into_any()
    } else {
        view! { <dd class="answers">{places(idea.answers)}</dd> }.into_any()
    };
    let necessary = (!idea.makes_necessary.is_empty())
        .then(|| view! { <dt>{t.list_necessary()}</dt><dd class="necessary">{places(idea.makes_necessary)}</dd> });
    let back = chain(idea_index(idea.id).unwrap_or_default(), &BTreeMap::new());
    let back = (back.len() > 2).then(|| {
        let names: Vec<&str> = back[1..].iter().map(|&i| IDEAS[i].name).collect();
        view! { <dt>{t.list_thread()}</dt><dd class="thread" lang=t.prose()>{names.join(" ← ")}</dd> }
    });
    view! {
        <li id=format!("idea-{}", idea.id) data-idea=idea.id>
            <h4><a href=idea.page().href() lang=t.prose()>{idea.name}</a>" "<span class="number">{idea.year}</span></h4>
            <Passage on=Page::Map key=format!("idea/{}", idea.id) class="idea-text" />
            <dl><dt>{t.list_answers()}</dt>{answers}{necessary}{back}</dl>
        </li>
    }
}

fn chapter_rows(chapter: &'static Chapter) -> impl IntoView {
    view! {
        <section class="map-chapter" aria-labelledby=format!("map-chapter-{}", chapter.number)>
            <h3 id=format!("map-chapter-{}", chapter.number) lang=use_lang().prose()>
                <a href=Page::Chapter(chapter.number).href()><span class="number">{chapter.number}</span>" "{chapter.title}</a>
            </h3>
            <ul>{chapter.ideas().map(idea_row).collect_view()}</ul>
        </section>
    }
}

fn act_rows(act: &'static Act) -> impl IntoView {
    let t = use_lang();
    view! {
        <section class=format!("map-act act-{}", act.number) aria-labelledby=format!("map-{}", act.slug)>
            <h2 class="beat" id=format!("map-{}", act.slug)><small>{t.act(act.numeral)}</small>" "<span lang=t.prose()>{act.title}</span></h2>
            {act.chapters().map(chapter_rows).collect_view()}
        </section>
    }
}

/// All ideas, by act and chapter.
#[component]
pub fn List() -> impl IntoView {
    view! { <div class="map-list" id="map-list">{ACTS.iter().map(act_rows).collect_view()}</div> }
}
