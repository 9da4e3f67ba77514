//! The kinds of page.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};

use super::{ACTS, Act, Beat, Chapter, IDEAS, Idea, Passage, QUESTIONS, TERMS, act, chapter, idea_index};
use crate::exhibits;
use crate::page::{Link, Page};
use crate::parts::Lazy;
use crate::shell::{ChapterEnd, Progress, ReadMark, Reading};

/// The prologue and the contents of the whole book.
#[component]
pub fn HomePage() -> impl IntoView {
    let act_view = |act: &'static Act| {
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
    let progress = expect_context::<Progress>();
    let read = move || match progress.chapters() {
        0 => "none".to_owned(),
        n => n.to_string(),
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
                    <a class="btn" href=Page::Map.href()>"See how the ideas rhyme"</a>
                </p>
            </header>
            <section aria-label="Prologue"><Passage on=Page::Home key="prologue" /></section>
            <h2 class="beat">"Contents"</h2>
            <p class="toc-note">
                "A chapter marked " <span class="chip">"live"</span> " has an exhibit that computes in the page; the others are text for now. "
                <span id="home-progress">"Chapters you have read, kept in this browser only: "{read}"."</span>
            </p>
            <div class="toc">{ACTS.iter().map(act_view).collect_view()}</div>
        </article>
    }
}

fn toc_entry(chapter: &'static Chapter) -> impl IntoView {
    let live = exhibits::of(chapter.number).map(|_| view! { <span class="chip">"live"</span> });
    view! {
        <li>
            <Link to=Page::Chapter(chapter.number)>
                <span class="number">{chapter.number}</span>
                " "
                <span>{chapter.title}</span>
            </Link>
            {live}
            <ReadMark number=chapter.number />
        </li>
    }
}

/// An act: what the last one left open, its chapters, what it settles, and questions to answer from memory.
#[component]
pub fn ActPage() -> impl IntoView {
    numbered(act, |act| {
        let page = Page::Act(act.number);
        let entry = |chapter: &'static Chapter| {
            view! {
                <li>
                    <h3><Link to=Page::Chapter(chapter.number)><span class="number">{chapter.number}</span><span>{chapter.title}</span></Link></h3>
                    <p>{chapter.question}</p>
                </li>
            }
        };
        let part = |kind: &'static str, label: &'static str, heading: &'static str| {
            view! {
                <section class="beat-section" id=kind>
                    <h2 class="beat"><small>{label}</small>" "{heading}</h2>
                    <Passage on=page key=format!("act-{}/{kind}", act.number) />
                </section>
            }
        };
        view! {
            <article>
                <p class="kicker">{format!("Act {}", act.numeral)}</p>
                <h1>{act.title}</h1>
                <p class="lede">{act.question}</p>
                {part("opening", "Opening", act.opening)}
                <h2 class="beat">"The chapters"</h2>
                <ol class="act-chapters">{act.chapters().map(entry).collect_view()}</ol>
                {part("closing", "Closing", act.closing)}
                <SelfCheck act />
            </article>
        }
        .into_any()
    })
}

/// Questions for the end of an act: answered from memory, then compared.
#[component]
fn SelfCheck(act: &'static Act) -> impl IntoView {
    let page = Page::Act(act.number);
    let progress = expect_context::<Progress>();
    let total = act.questions().count();
    let known = move || progress.known.count(act.questions());
    let mark = move |number: usize, is_known: bool, label: &'static str| {
        let set = move || if is_known { progress.known } else { progress.not_yet }.has(number);
        view! {
            <button class="btn" aria-pressed=move || set().to_string() on:click=move |_| progress.mark(number, is_known)>
                {label}
            </button>
        }
    };
    let question = move |number: usize| {
        let back = QUESTIONS[number];
        view! {
            <li class:known=move || progress.known.has(number) class:not-yet=move || progress.not_yet.has(number)>
                <Passage on=page key=format!("question/{number}/ask") class="ask" />
                <details>
                    <summary>"Show an answer"</summary>
                    <Passage on=page key=format!("question/{number}/answer") class="answer" />
                    <p class="back"><Link to=Page::Chapter(back)>{format!("Back to chapter {back}")}</Link></p>
                    <div class="marks" role="group" aria-label="How did it go?">
                        {mark(number, true, "Knew it")}
                        {mark(number, false, "Not yet")}
                    </div>
                </details>
            </li>
        }
    };
    view! {
        <section class="self-check" aria-labelledby="self-check">
            <h2 class="beat" id="self-check"><small>"Before you go on"</small>" Answer these from memory"</h2>
            <p class="toc-note" role="status">{move || format!("{} of {total} known. Kept in this browser only.", known())}</p>
            <ol>{act.questions().map(question).collect_view()}</ol>
        </section>
    }
}

/// A chapter: five beats around an exhibit.
#[component]
pub fn ChapterPage() -> impl IntoView {
    numbered(chapter, |chapter| {
        let reading = expect_context::<Reading>();
        // Who follows a link to a part that a quick walk leaves out wants the chapter.
        let whole = RwSignal::new(asks_for_hidden_part());
        let quick = move || {
            (reading.is_quick() && !whole.get()).then(|| {
                view! {
                    <div class="walk-note" role="note">
                        <p>"This is a quick walk: only the trick and the exhibit of each chapter."</p>
                        <p class="actions">
                            <button class="btn primary" on:click=move |_| whole.set(true)>"Read the whole chapter"</button>
                            <button class="btn" on:click=move |_| reading.whole()>"Leave the quick walk"</button>
                        </p>
                    </div>
                }
            })
        };
        view! {
            <article class="chapter" class:whole=whole>
                <p class="kicker">{format!("Chapter {}", chapter.number)}</p>
                <h1>{chapter.title}</h1>
                {rhyme(chapter)}
                {quick}
                {chapter.beats.iter().map(|beat| beat_view(beat, chapter)).collect_view()}
                {ideas_view(chapter)}
                <ChapterEnd number=chapter.number />
            </article>
        }
        .into_any()
    })
}

/// Whether the address names a part of a chapter that a quick walk leaves out.
fn asks_for_hidden_part() -> bool {
    let hash = use_location().hash.get_untracked();
    !matches!(hash.trim_start_matches('#'), "" | "main" | "trick")
}

fn beat_view(beat: &'static Beat, chapter: &'static Chapter) -> impl IntoView {
    let anchor = beat.kind.anchor();
    let exhibit = beat.exhibit_after.then(|| match exhibits::of(chapter.number) {
        Some(exhibit) => view! { <Lazy part=exhibit.part on=Page::Chapter(chapter.number) /> }.into_any(),
        None => view! { <p class="unbuilt-note">"The exhibit of this chapter is not built yet. The text reads on without it."</p> }.into_any(),
    });
    view! {
        <section class="beat-section" id=anchor>
            <h2 class="beat"><small>{beat.kind.label()}</small>" "{beat.heading}</h2>
            <Passage on=Page::Chapter(chapter.number) key=format!("chapter-{}/{anchor}", chapter.number) />
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
    let card = |idea: &'static Idea| {
        view! {
            <li id=format!("idea-{}", idea.id)>
                <h3><a href=idea.page().href()>{idea.name}</a></h3>
                {neighbours(idea)}
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

/// What an idea answers and what it made necessary.
fn neighbours(idea: &'static Idea) -> impl IntoView {
    let row = |label: &'static str, indices: &'static [usize]| {
        (!indices.is_empty()).then(|| {
            let ideas = indices.iter().map(|&i| &IDEAS[i]).collect();
            view! { <dt>{label}</dt><dd>{idea_links(ideas)}</dd> }
        })
    };
    let starts =
        idea.answers.is_empty().then(|| view! { <dt>"answers"</dt><dd>"nothing before it: a thread starts here"</dd> });
    view! { <dl>{starts}{row("answers", idea.answers)}{row("makes necessary", idea.makes_necessary)}</dl> }
}

fn idea_links(ideas: Vec<&'static Idea>) -> impl IntoView {
    ideas
        .into_iter()
        .enumerate()
        .map(|(index, idea)| {
            let comma = if index == 0 { "" } else { ", " };
            view! { {comma}<a href=idea.page().href()>{idea.name}</a> }
        })
        .collect_view()
}

/// One idea: what stood in the way, what it does, where it was said first, and the chain of walls behind it.
#[component]
pub fn IdeaPage() -> impl IntoView {
    let params = use_params_map();
    let found = Memo::new(move |_| params.read().get("id").and_then(|id| idea_index(&id)));
    move || match found.get().map(|index| &IDEAS[index]) {
        None => NotFoundPage().into_any(),
        Some(idea) => {
            let page = idea.page();
            let step = move |step: &'static Idea| {
                view! {
                    <li>
                        <h3><a href=step.page().href()>{step.name}</a></h3>
                        <Passage on=page key=format!("idea/{}", step.id) class="prose idea-text" />
                    </li>
                }
            };
            let mut chain = idea.chain();
            chain.reverse();
            let before = chain.len() - 1;
            let home = chapter(idea.chapter).map(|c| {
                view! { <Link to=Page::Chapter(c.number)>{format!("Chapter {}, {}", c.number, c.title)}</Link> }
            });
            view! {
                <article class="idea-page">
                    <p class="kicker">{home}</p>
                    <h1>{idea.name}</h1>
                    <Passage on=page key=format!("idea/{}", idea.id) class="prose idea-text" />
                    <div class="paper"><span class="rhyme-label">"Usually credited to"</span><Passage on=page key=format!("paper/{}", idea.id) class="paper-text" /></div>
                    <div class="ideas">{neighbours(idea)}</div>
                    {(before > 0)
                        .then(|| {
                            view! {
                                <section aria-labelledby="why">
                                    <h2 class="beat" id="why"><small>"Why does it exist?"</small>" The walls behind it"</h2>
                                    <ol class="chain">{chain.into_iter().take(before).map(step).collect_view()}</ol>
                                </section>
                            }
                        })}
                </article>
            }
            .into_any()
        }
    }
}

/// The works behind the ideas, by year.
#[component]
pub fn PapersPage() -> impl IntoView {
    let mut order: Vec<&'static Idea> = IDEAS.iter().collect();
    order.sort_by_key(|idea| idea.year);
    let row = |idea: &'static Idea| {
        view! {
            <li id=format!("paper-{}", idea.id)>
                <Passage on=Page::Papers key=format!("paper/{}", idea.id) class="paper-text" />
                <p class="back"><a href=idea.page().href()>{idea.name}</a></p>
            </li>
        }
    };
    view! {
        <article>
            <p class="kicker">"Where it was first said"</p>
            <h1>"Papers"</h1>
            <p class="lede">"The work each idea is usually credited to, by year. Credit is often shared, and the chapters say where it is disputed; they name many more papers in their text."</p>
            <ol class="papers">{order.into_iter().map(row).collect_view()}</ol>
        </article>
    }
}

/// The terms of the book.
#[component]
pub fn GlossaryPage() -> impl IntoView {
    let row = |(number, term): (usize, &'static &'static str)| {
        view! {
            <div id=format!("term-{number}")>
                <dt>{*term}</dt>
                <dd><Passage on=Page::Glossary key=format!("term/{number}") class="definition" /></dd>
            </div>
        }
    };
    view! {
        <article>
            <p class="kicker">"In one sentence each"</p>
            <h1>"Glossary"</h1>
            <dl class="glossary">{TERMS.iter().enumerate().map(row).collect_view()}</dl>
        </article>
    }
}

/// Where the site's arithmetic is proved on the reader's device.
#[component]
pub fn VerifyPage() -> impl IntoView {
    view! {
        <article>
            <p class="kicker">"Trust, but check"</p>
            <h1>"Checked on your device"</h1>
            <p class="lede">"Every operation of this book exists twice: as a program for the graphics processor, and as plain loops that can be read and believed."</p>
            <h2 class="beat">"Both, side by side"</h2>
            <Lazy part=exhibits::VERIFY on=Page::Verify />
        </article>
    }
}

/// Where the book's kernels are timed on the reader's device.
#[component]
pub fn BenchPage() -> impl IntoView {
    view! {
        <article>
            <p class="kicker">"How fast is it here?"</p>
            <h1>"Timed on your device"</h1>
            <p class="lede">"Two programs find the ceilings: one only copies, one only multiplies and adds. Everything else the book computes lies somewhere below them."</p>
            <h2 class="beat">"Between two ceilings"</h2>
            <Lazy part=exhibits::BENCH on=Page::Bench />
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
            <p class="lede">"The address names no page. The contents list everything there is."</p>
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
