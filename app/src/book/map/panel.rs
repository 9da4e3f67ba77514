//! Beside the map: the idea that was opened, and why it exists; or what a search found.

use leptos::prelude::*;

use super::state::{Chosen, chain};
use crate::book::{IDEAS, Passages, chapter};
use crate::lang::use_lang;
use crate::page::Page;

/// How many names a search lists.
const MOST_FOUND: usize = 12;

/// What the panel shows.
#[derive(Clone, PartialEq)]
enum Shown {
    Nothing,
    Found(Vec<usize>),
    Idea(usize),
}

/// The panel; nothing where nothing was opened or searched for.
#[component]
pub fn Panel(
    /// What the reader has chosen.
    chosen: Chosen,
    /// What else happens when an idea is opened here: the map shows it.
    reveal: Callback<usize>,
) -> impl IntoView {
    let t = use_lang();
    let shown = Memo::new(move |_| {
        if !chosen.query.read().trim().is_empty() {
            Shown::Found(chosen.found())
        } else {
            chosen.idea.get().map_or(Shown::Nothing, Shown::Idea)
        }
    });
    move || match shown.get() {
        Shown::Nothing => None,
        Shown::Found(found) => Some(
            view! { <aside class="map-panel" aria-label=t.map_found()>{found_view(chosen, found, reveal)}</aside> }
                .into_any(),
        ),
        Shown::Idea(idea) => Some(idea_view(chosen, idea, reveal).into_any()),
    }
}

/// A button for each of some ideas, which opens it.
fn open_buttons(chosen: Chosen, ideas: &[usize], reveal: Callback<usize>) -> impl IntoView + use<> {
    let t = use_lang();
    let button = |idea: usize| {
        let open = move |_| {
            chosen.select(Some(idea));
            reveal.run(idea);
        };
        view! { <li><button class="btn map-open" lang=t.prose() on:click=open>{IDEAS[idea].name}</button></li> }
    };
    view! { <ul class="map-names">{ideas.iter().copied().map(button).collect_view()}</ul> }
}

fn found_view(chosen: Chosen, found: Vec<usize>, reveal: Callback<usize>) -> impl IntoView {
    let t = use_lang();
    let count = t.map_found_count(found.len());
    let more = found.len().saturating_sub(MOST_FOUND);
    let listed: Vec<usize> = found.into_iter().take(MOST_FOUND).collect();
    view! {
        <p class="map-count" role="status">{count}</p>
        {open_buttons(chosen, &listed, reveal)}
        {(more > 0).then(|| view! { <p class="map-hint">{t.map_more(more)}</p> })}
    }
}

/// What the text of an idea says in one of its two sentences, as HTML.
fn sentence(html: &str, class: &str) -> String {
    let opening = format!("<p class=\"{class}\">");
    let rest = html.split_once(&opening).map_or("", |(_, rest)| rest);
    rest.split_once("</p>").map_or("", |(sentence, _)| sentence).to_owned()
}

fn idea_view(chosen: Chosen, index: usize, reveal: Callback<usize>) -> impl IntoView {
    let (t, passages) = (use_lang(), expect_context::<Passages>());
    let idea = &IDEAS[index];
    let says = move |class: &'static str| {
        move || sentence(&passages.get(Page::Map, &format!("idea/{}", idea.id)).unwrap_or_default(), class)
    };
    let (wall, answer) = (says("constraint"), says("answer"));
    let home = chapter(idea.chapter);
    let act = home.map_or(0, |c| c.act);
    let answers = if idea.answers.is_empty() {
        view! { <p class="map-hint">{t.map_starts()}</p> }.into_any()
    } else {
        open_buttons(chosen, idea.answers, reveal).into_any()
    };
    let necessary = if idea.makes_necessary.is_empty() {
        view! { <p class="map-hint">{t.map_nothing_yet()}</p> }.into_any()
    } else {
        open_buttons(chosen, idea.makes_necessary, reveal).into_any()
    };
    let close = move |_| chosen.select(None);
    view! {
        <aside class=format!("map-panel act-{act}") aria-labelledby="map-panel-name">
            <div class="map-panel-head">
                <p class="kicker">
                    {home.map(|c| view! { <a href=Page::Chapter(c.number).href()>{t.chapter(c.number)}</a> })}
                    " · "
                    <span class="number">{idea.year}</span>
                </p>
                <button class="btn map-close" aria-label=t.close() title=format!("{} (Esc)", t.close()) on:click=close><span aria-hidden="true">"×"</span></button>
            </div>
            <h2 id="map-panel-name" lang=t.prose()>{idea.name}</h2>
            <dl class="map-says">
                <dt>{t.map_wall()}</dt>
                <dd class="constraint" inner_html=wall></dd>
                <dt>{t.map_answer()}</dt>
                <dd class="answer" inner_html=answer></dd>
            </dl>
            <Why chosen index />
            <h3>{t.map_answers()}</h3>
            {answers}
            <h3>{t.map_necessary()}</h3>
            {necessary}
            <p class="map-more"><a href=idea.page().href()>{t.map_page()}</a></p>
        </aside>
    }
}

/// Scrolls the panel, and not the page, to the end of its last step.
fn show_newest_step() {
    const ROOM_PX: f64 = 16.0;
    let find = |selector: &str| document().query_selector(selector).ok().flatten();
    if let (Some(panel), Some(step)) = (find(".map-panel"), find(".map-steps > li:last-child")) {
        let hidden = step.get_bounding_client_rect().bottom() + ROOM_PX - panel.get_bounding_client_rect().bottom();
        if hidden > 0.0 {
            panel.set_scroll_top(panel.scroll_top() + hidden.ceil() as i32);
        }
    }
}

/// The walk back to the root, a sentence a step.
#[component]
fn Why(chosen: Chosen, index: usize) -> impl IntoView {
    let (t, passages) = (use_lang(), expect_context::<Passages>());
    let length = Memo::new(move |_| chain(index, &chosen.via.read()).len());
    let steps = move || {
        let chain = chain(index, &chosen.via.read());
        let taken = chosen.why.get();
        let next = |place: usize| chain.get(place + 1).copied();
        (0..taken.min(chain.len())).map(|place| (place, chain[place], next(place))).collect::<Vec<_>>()
    };
    let step_label = move || {
        let taken = chosen.why.get();
        if taken == 0 {
            t.map_step()
        } else if taken < length.get() {
            t.map_next_step()
        } else {
            t.map_start_again()
        }
    };
    let progress = move || {
        let (taken, length) = (chosen.why.get(), length.get());
        match (taken, length) {
            (0, _) => t.map_steps(length),
            _ => t.map_step_of(length, taken),
        }
    };
    // The newest step is to be seen without scrolling for it.
    Effect::new(move |before: Option<usize>| {
        let taken = chosen.why.get();
        if before.is_some_and(|before| taken > before) {
            request_animation_frame(show_newest_step);
        }
        taken
    });
    let row = move |(_, idea, next): (usize, usize, Option<usize>)| {
        let key = format!("idea/{}", IDEAS[idea].id);
        let wall = move || sentence(&passages.get(Page::Map, &key).unwrap_or_default(), "constraint");
        let source = match (next, IDEAS[idea].answers) {
            (None, _) => view! { <p class="map-source">{t.map_thread_start()}</p> }.into_any(),
            (Some(next), [_]) => {
                let [before, after] = t.map_limit_of();
                view! { <p class="map-source">{before}<b lang=t.prose()>{IDEAS[next].name}</b>{after}</p> }.into_any()
            }
            (Some(next), several) => {
                let choice = |parent: usize| {
                    view! {
                        <button class="btn" lang=t.prose() aria-pressed=(parent == next).to_string() on:click=move |_| chosen.follow(idea, parent)>
                            {IDEAS[parent].name}
                        </button>
                    }
                };
                view! {
                    <div class="map-source" role="group" aria-label=t.map_which()>
                        <p>{t.map_choose()}</p>
                        {several.iter().copied().map(choice).collect_view()}
                    </div>
                }
                .into_any()
            }
        };
        view! {
            <li data-step=IDEAS[idea].id>
                <p class="map-step-name"><span lang=t.prose()>{IDEAS[idea].name}</span>" "<span class="number">{IDEAS[idea].year}</span></p>
                <p class="map-step-wall" inner_html=wall></p>
                {source}
            </li>
        }
    };
    view! {
        <section class="map-why" aria-labelledby="map-why">
            <h3 id="map-why">{t.map_why()}</h3>
            <div class="map-why-buttons">
                <button class="btn primary" data-why="step" on:click=move |_| chosen.step()>{step_label}" "<kbd aria-hidden="true">"w"</kbd></button>
                <button class="btn" data-why="all" on:click=move |_| chosen.why.set(length.get_untracked())>{t.map_all_at_once()}</button>
                <span class="map-progress number">{progress}</span>
            </div>
            <ol class="map-steps" aria-live="polite"><For each=steps key=|step| *step children=row /></ol>
        </section>
    }
}
