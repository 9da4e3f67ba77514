//! The five kinds of page.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{ACTS, Beat, Chapter, IDEAS, Idea, PROLOGUE, act, chapter};
use crate::exhibits;
use crate::page::{Link, Page};

/// The prologue and the contents of the whole book.
#[component]
pub fn HomePage() -> impl IntoView {
    let act_view = |act: &'static super::Act| {
        view! {
            <section class=format!("toc-act act-{}", act.number) aria-labelledby=format!("toc-{}", act.slug)>
                <h3 id=format!("toc-{}", act.slug)>
                    <Link to=Page::Act(act.number)><span class="numeral">{act.numeral}</span>{act.title}</Link>
                </h3>
                <p class="toc-question">{act.question}</p>
                <ol>{act.chapters().map(toc_entry).collect_view()}</ol>
            </section>
        }
    };
    view! {
        <article class="home">
            <header class="cover">
                <p class="kicker">"An explorable edition"</p>
                <h1>"The Field Rhymes"</h1>
                <p class="lede">"Modern machine learning in seven acts and ninety-three ideas, made to run on your own machine."</p>
                <p class="cover-links">
                    <a class="btn primary" href=Page::Chapter(5).href()>"Start with attention"</a>
                    <a class="btn" href=Page::Act(1).href()>"Read from the first act"</a>
                </p>
            </header>
            <section class="prose" aria-label="Prologue" inner_html=PROLOGUE></section>
            <h2 class="beat">"Contents"</h2>
            <p class="toc-note">
                "Chapters marked ready have their text and their exhibit; the others list their ideas for now."
            </p>
            <div class="toc">{ACTS.iter().map(act_view).collect_view()}</div>
        </article>
    }
}

fn toc_entry(chapter: &'static Chapter) -> impl IntoView {
    let ready = (!chapter.beats.is_empty()).then(|| view! { <span class="chip">"ready"</span> });
    view! {
        <li>
            <Link to=Page::Chapter(chapter.number)>
                <span class="number">{chapter.number}</span>
                " "
                <span>{chapter.title}</span>
            </Link>
            {ready}
        </li>
    }
}

/// The opening of an act: its question and its chapters.
#[component]
pub fn ActPage() -> impl IntoView {
    numbered(act, |act| {
        let entry = |chapter: &'static Chapter| {
            view! {
                <li>
                    <h2><Link to=Page::Chapter(chapter.number)><span class="number">{chapter.number}</span><span>{chapter.title}</span></Link></h2>
                    <p>{chapter.question}</p>
                </li>
            }
        };
        view! {
            <article>
                <p class="kicker">{format!("Act {}", act.numeral)}</p>
                <h1>{act.title}</h1>
                <p class="lede">{act.question}</p>
                <ol class="act-chapters">{act.chapters().map(entry).collect_view()}</ol>
            </article>
        }
        .into_any()
    })
}

/// A chapter: five beats around an exhibit, or what is known of it while it is unwritten.
#[component]
pub fn ChapterPage() -> impl IntoView {
    numbered(chapter, |chapter| {
        let body = if chapter.beats.is_empty() {
            view! {
                <p class="lede">{chapter.question}</p>
                <p class="unwritten-note">"The text and the exhibit of this chapter are not written yet."</p>
            }
            .into_any()
        } else {
            chapter.beats.iter().map(|beat| beat_view(beat, chapter)).collect_view().into_any()
        };
        view! {
            <article>
                <p class="kicker">{format!("Chapter {}", chapter.number)}</p>
                <h1>{chapter.title}</h1>
                {rhyme(chapter)}
                {body}
                {ideas_view(chapter)}
            </article>
        }
        .into_any()
    })
}

fn beat_view(beat: &'static Beat, chapter: &'static Chapter) -> impl IntoView {
    let exhibit = beat.exhibit_after.then(|| exhibits::view(chapter.number));
    view! {
        <section class="beat-section" id=beat.kind.anchor()>
            <h2 class="beat"><small>{beat.kind.label()}</small>" "{beat.heading}</h2>
            <div class="prose" inner_html=beat.html></div>
        </section>
        {exhibit}
    }
}

/// The line under a chapter's title: the walls it answers, and the walls it runs into.
fn rhyme(chapter: &'static Chapter) -> impl IntoView {
    let side = |label: &'static str, ideas: Vec<&'static Idea>| {
        (!ideas.is_empty())
            .then(|| view! { <span><span class="rhyme-label">{label}</span>" "{idea_links(ideas)}</span> })
    };
    view! {
        <p class="rhyme">
            {side("answers", chapter.answers())}
            " "
            {side("makes necessary", chapter.makes_necessary())}
        </p>
    }
}

fn ideas_view(chapter: &'static Chapter) -> impl IntoView {
    let row = |label: &'static str, indices: &'static [usize]| {
        (!indices.is_empty()).then(|| {
            let ideas = indices.iter().map(|&i| &IDEAS[i]).collect();
            view! { <dt>{label}</dt><dd>{idea_links(ideas)}</dd> }
        })
    };
    let card = |idea: &'static Idea| {
        let starts = idea
            .answers
            .is_empty()
            .then(|| view! { <dt>"answers"</dt><dd>"nothing before it: a thread starts here"</dd> });
        view! {
            <li id=format!("idea-{}", idea.id)>
                <h3>{idea.name}</h3>
                <dl>{starts}{row("answers", idea.answers)}{row("makes necessary", idea.makes_necessary)}</dl>
            </li>
        }
    };
    view! {
        <section class="ideas" aria-labelledby="ideas-heading">
            <h2 class="beat" id="ideas-heading">"Ideas in this chapter"</h2>
            <ul>{chapter.ideas().map(card).collect_view()}</ul>
        </section>
    }
}

fn idea_links(ideas: Vec<&'static Idea>) -> impl IntoView {
    ideas
        .into_iter()
        .enumerate()
        .map(|(index, idea)| {
            let comma = if index == 0 { "" } else { ", " };
            view! { {comma}<a href=format!("{}#idea-{}", Page::Chapter(idea.chapter).href(), idea.id)>{idea.name}</a> }
        })
        .collect_view()
}

/// Where the site's arithmetic is proved on the reader's device.
#[component]
pub fn VerifyPage() -> impl IntoView {
    view! {
        <article>
            <p class="kicker">"Trust, but check"</p>
            <h1>"Checked on your device"</h1>
            <p class="lede">"Every operation of this book exists twice: as a program for the graphics processor, and as plain loops that can be read and believed."</p>
            {exhibits::verify()}
        </article>
    }
}

/// What an address that names no page shows.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <article>
            <p class="kicker">"Not found"</p>
            <h1>"This page is not in the book"</h1>
            <p class="lede">"The address names no act and no chapter. The contents list everything there is."</p>
            <p><a class="btn primary" href=Page::Home.href()>"To the contents"</a></p>
        </article>
    }
}

/// A page for the `:number` in the address, or the one that says there is no such number. It follows the address:
/// going from one chapter to the next keeps the component and changes the number.
fn numbered<T: 'static>(find: fn(usize) -> Option<&'static T>, show: fn(&'static T) -> AnyView) -> impl IntoView {
    let params = use_params_map();
    let number = Memo::new(move |_| params.read().get("number").and_then(|n| n.parse::<usize>().ok()));
    move || match number.get().and_then(find) {
        Some(found) => show(found),
        None => NotFoundPage().into_any(),
    }
}
