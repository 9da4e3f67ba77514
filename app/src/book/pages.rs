//! The kinds of page.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};

use super::{ACTS, Act, Beat, Chapter, IDEAS, Idea, Passage, QUESTIONS, TERMS, act, chapter, idea_index};
use crate::exhibits;
use crate::lang::use_lang;
use crate::page::{Link, Page};
use crate::parts::Lazy;
use crate::shell::{BackToChapter, ChapterEnd, Progress, ReadMark, Reading};

/// The prologue and the contents of the whole book.
#[component]
pub fn HomePage() -> impl IntoView {
    let t = use_lang();
    let act_view = move |act: &'static Act| {
        view! {
            <section class=format!("toc-act act-{}", act.number) aria-labelledby=format!("toc-{}", act.slug)>
                <h3 id=format!("toc-{}", act.slug) lang=t.prose()>
                    <Link to=Page::Act(act.number)><span class="numeral">{act.numeral}</span>{act.title}</Link>
                </h3>
                <p class="toc-question" lang=t.prose()>{act.question}</p>
                <ol>{act.chapters().map(toc_entry).collect_view()}</ol>
            </section>
        }
    };
    let progress = expect_context::<Progress>();
    let read = move || match progress.chapters() {
        0 => t.home_progress_none().to_owned(),
        n => t.home_progress(n),
    };
    let [marked, has_exhibit] = t.toc_note();
    view! {
        <article class="home">
            <header class="cover">
                <p class="kicker">{t.cover_kicker()}</p>
                <h1>"The Field Rhymes"</h1>
                <p class="lede">{t.cover_lede()}</p>
                <p class="cover-links">
                    <a class="btn primary" href=Page::Chapter(5).href()>{t.cover_start()}</a>
                    <a class="btn" href=Page::Act(1).href()>{t.cover_first_act()}</a>
                    <a class="btn" href=Page::Map.href()>{t.cover_map()}</a>
                </p>
            </header>
            <section aria-label=t.page_home()><Passage on=Page::Home key="prologue" /></section>
            <h2 class="beat">{t.contents()}</h2>
            <p class="toc-note">
                {marked}<span class="chip">{t.live()}</span>{has_exhibit}" "
                <span id="home-progress">{read}</span>
            </p>
            <div class="toc">{ACTS.iter().map(act_view).collect_view()}</div>
        </article>
    }
}

fn toc_entry(chapter: &'static Chapter) -> impl IntoView {
    let t = use_lang();
    let live = exhibits::of(chapter.number).map(|_| view! { <span class="chip">{t.live()}</span> });
    view! {
        <li>
            <Link to=Page::Chapter(chapter.number)>
                <span class="number">{chapter.number}</span>
                " "
                <span lang=t.prose()>{chapter.title}</span>
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
        let t = use_lang();
        let page = Page::Act(act.number);
        let entry = |chapter: &'static Chapter| {
            view! {
                <li lang=t.prose()>
                    <h3><Link to=Page::Chapter(chapter.number)><span class="number">{chapter.number}</span><span>{chapter.title}</span></Link></h3>
                    <p>{chapter.question}</p>
                </li>
            }
        };
        let part = |kind: &'static str, label: &'static str, heading: &'static str| {
            view! {
                <section class="beat-section" id=kind>
                    <h2 class="beat"><small>{label}</small>" "<span lang=t.prose()>{heading}</span></h2>
                    <Passage on=page key=format!("act-{}/{kind}", act.number) />
                </section>
            }
        };
        view! {
            <article>
                <p class="kicker">{t.act(act.numeral)}</p>
                <h1 lang=t.prose()>{act.title}</h1>
                <p class="lede" lang=t.prose()>{act.question}</p>
                {part("opening", t.act_opening(), act.opening)}
                <h2 class="beat">{t.act_chapters()}</h2>
                <ol class="act-chapters">{act.chapters().map(entry).collect_view()}</ol>
                {part("closing", t.act_closing(), act.closing)}
                <SelfCheck act />
            </article>
        }
        .into_any()
    })
}

/// Questions for the end of an act: answered from memory, then compared.
#[component]
fn SelfCheck(act: &'static Act) -> impl IntoView {
    let t = use_lang();
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
                    <summary>{t.check_show()}</summary>
                    <Passage on=page key=format!("question/{number}/answer") class="answer" />
                    <p class="back"><Link to=Page::Chapter(back)>{t.check_back(back)}</Link></p>
                    <div class="marks" role="group" aria-label=t.check_how()>
                        {mark(number, true, t.check_knew())}
                        {mark(number, false, t.check_not_yet())}
                    </div>
                </details>
            </li>
        }
    };
    view! {
        <section class="self-check" aria-labelledby="self-check">
            <h2 class="beat" id="self-check"><small>{t.check_kicker()}</small>" "{t.check_title()}</h2>
            <p class="toc-note" role="status">{move || t.check_count(known(), total)}</p>
            <ol>{act.questions().map(question).collect_view()}</ol>
        </section>
    }
}

/// A chapter: five beats around an exhibit.
#[component]
pub fn ChapterPage() -> impl IntoView {
    numbered(chapter, |chapter| {
        let (t, reading) = (use_lang(), expect_context::<Reading>());
        // Who follows a link to a part that a quick walk leaves out wants the chapter.
        let whole = RwSignal::new(asks_for_hidden_part());
        let quick = move || {
            (reading.is_quick() && !whole.get()).then(|| {
                view! {
                    <div class="walk-note" role="note">
                        <p>{t.walk_here()}</p>
                        <p class="actions">
                            <button class="btn primary" on:click=move |_| whole.set(true)>{t.walk_read_whole()}</button>
                            <button class="btn" on:click=move |_| reading.whole()>{t.walk_leave()}</button>
                        </p>
                    </div>
                }
            })
        };
        view! {
            <article class="chapter" class:whole=whole>
                <p class="kicker">{t.chapter(chapter.number)}</p>
                <h1 lang=t.prose()>{chapter.title}</h1>
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
    let t = use_lang();
    let anchor = beat.kind.anchor();
    let exhibit = beat.exhibit_after.then(|| match exhibits::of(chapter.number) {
        Some(exhibit) => {
            view! { <div id="exhibit" lang=t.prose()><Lazy part=exhibit.part on=Page::Chapter(chapter.number) /></div> }
                .into_any()
        }
        None => view! { <p class="unbuilt-note">{t.unbuilt()}</p> }.into_any(),
    });
    view! {
        <section class="beat-section" id=anchor>
            <h2 class="beat"><small>{beat.kind.label(t)}</small>" "<span lang=t.prose()>{beat.heading}</span></h2>
            <Passage on=Page::Chapter(chapter.number) key=format!("chapter-{}/{anchor}", chapter.number) />
        </section>
        {exhibit}
    }
}

/// The line under a chapter's title: the walls it answers, and the walls it runs into.
fn rhyme(chapter: &'static Chapter) -> impl IntoView {
    let t = use_lang();
    let side = |label: &'static str, ideas: Vec<&'static Idea>| {
        (!ideas.is_empty())
            .then(|| view! { <span><span class="rhyme-label">{label}</span>" "{idea_links(ideas)}</span> })
    };
    view! {
        <p class="rhyme">
            {side(t.answers(), chapter.answers())}
            " "
            {side(t.makes_necessary(), chapter.makes_necessary())}
        </p>
    }
}

fn ideas_view(chapter: &'static Chapter) -> impl IntoView {
    let t = use_lang();
    let card = move |idea: &'static Idea| {
        view! {
            <li id=format!("idea-{}", idea.id)>
                <h3><a href=idea.page().href() lang=t.prose()>{idea.name}</a></h3>
                {neighbours(idea)}
            </li>
        }
    };
    view! {
        <section class="ideas" aria-labelledby="ideas-heading">
            <h2 class="beat" id="ideas-heading">{t.ideas_here()}</h2>
            <ul>{chapter.ideas().map(card).collect_view()}</ul>
        </section>
    }
}

/// What an idea answers and what it made necessary.
fn neighbours(idea: &'static Idea) -> impl IntoView {
    let t = use_lang();
    let row = |label: &'static str, indices: &'static [usize]| {
        (!indices.is_empty()).then(|| {
            let ideas = indices.iter().map(|&i| &IDEAS[i]).collect();
            view! { <dt>{label}</dt><dd>{idea_links(ideas)}</dd> }
        })
    };
    let starts = idea.answers.is_empty().then(|| view! { <dt>{t.answers()}</dt><dd>{t.thread_starts()}</dd> });
    view! { <dl>{starts}{row(t.answers(), idea.answers)}{row(t.makes_necessary(), idea.makes_necessary)}</dl> }
}

fn idea_links(ideas: Vec<&'static Idea>) -> impl IntoView {
    let t = use_lang();
    ideas
        .into_iter()
        .enumerate()
        .map(move |(index, idea)| {
            let comma = if index == 0 { "" } else { ", " };
            view! { {comma}<a href=idea.page().href() lang=t.prose()>{idea.name}</a> }
        })
        .collect_view()
}

/// One idea: what stood in the way, what it does, where it was said first, and the chain of walls behind it.
#[component]
pub fn IdeaPage() -> impl IntoView {
    let t = use_lang();
    let params = use_params_map();
    let found = Memo::new(move |_| params.read().get("id").and_then(|id| idea_index(&id)));
    move || match found.get().map(|index| &IDEAS[index]) {
        None => NotFoundPage().into_any(),
        Some(idea) => {
            let page = idea.page();
            let step = move |step: &'static Idea| {
                view! {
                    <li>
                        <h3><a href=step.page().href() lang=t.prose()>{step.name}</a></h3>
                        <Passage on=page key=format!("idea/{}", step.id) class="prose idea-text" />
                    </li>
                }
            };
            let mut chain = idea.chain();
            chain.reverse();
            let before = chain.len() - 1;
            let home = chapter(idea.chapter).map(|c| {
                view! { <Link to=Page::Chapter(c.number)>{t.chapter_titled(c.number, c.title)}</Link> }
            });
            view! {
                <article class="idea-page">
                    <p class="kicker">{home}</p>
                    <h1 lang=t.prose()>{idea.name}</h1>
                    <Passage on=page key=format!("idea/{}", idea.id) class="prose idea-text" />
                    <div class="paper"><span class="rhyme-label">{t.credited_to()}</span><Passage on=page key=format!("paper/{}", idea.id) class="paper-text" /></div>
                    <div class="ideas">{neighbours(idea)}</div>
                    <p class="on-the-map"><a class="btn" href=format!("{}?idea={}", Page::Map.href(), idea.id)>{t.on_the_map()}</a></p>
                    {(before > 0)
                        .then(|| {
                            view! {
                                <section aria-labelledby="why">
                                    <h2 class="beat" id="why"><small>{t.why_kicker()}</small>" "{t.why_title()}</h2>
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
    let t = use_lang();
    let mut order: Vec<&'static Idea> = IDEAS.iter().collect();
    order.sort_by_key(|idea| idea.year);
    let row = |idea: &'static Idea| {
        view! {
            <li id=format!("paper-{}", idea.id)>
                <Passage on=Page::Papers key=format!("paper/{}", idea.id) class="paper-text" />
                <p class="back"><a href=idea.page().href() lang=t.prose()>{idea.name}</a></p>
            </li>
        }
    };
    view! {
        <article>
            <p class="kicker">{t.papers_kicker()}</p>
            <h1>{t.page_papers()}</h1>
            <p class="lede">{t.papers_lede()}</p>
            <ol class="papers">{order.into_iter().map(row).collect_view()}</ol>
        </article>
    }
}

/// The terms of the book.
#[component]
pub fn GlossaryPage() -> impl IntoView {
    let t = use_lang();
    let row = |(number, term): (usize, &'static &'static str)| {
        view! {
            <div id=format!("term-{number}")>
                <dt lang=t.prose()>{*term}</dt>
                <dd><Passage on=Page::Glossary key=format!("term/{number}") class="definition" /></dd>
            </div>
        }
    };
    view! {
        <article>
            <p class="kicker">{t.glossary_kicker()}</p>
            <h1>{t.page_glossary()}</h1>
            <dl class="glossary">{TERMS.iter().enumerate().map(row).collect_view()}</dl>
        </article>
    }
}

/// Where the site's arithmetic is proved on the reader's device.
#[component]
pub fn VerifyPage() -> impl IntoView {
    let t = use_lang();
    view! {
        <article>
            <p class="kicker">{t.verify_kicker()}</p>
            <h1>{t.page_verify()}</h1>
            <p class="lede">{t.verify_lede()}</p>
            <h2 class="beat">{t.verify_heading()}</h2>
            <div lang=t.prose()><Lazy part=exhibits::VERIFY on=Page::Verify /></div>
        </article>
    }
}

/// Where the book's kernels are timed on the reader's device.
#[component]
pub fn BenchPage() -> impl IntoView {
    let t = use_lang();
    view! {
        <article>
            <p class="kicker">{t.bench_kicker()}</p>
            <h1>{t.page_bench()}</h1>
            <p class="lede">{t.bench_lede()}</p>
            <h2 class="beat">{t.bench_heading()}</h2>
            <div lang=t.prose()><Lazy part=exhibits::BENCH on=Page::Bench /></div>
        </article>
    }
}

/// The exhibit of a chapter alone, for a frame in another page.
#[component]
pub fn EmbedPage() -> impl IntoView {
    numbered(chapter, |chapter| match exhibits::of(chapter.number) {
        None => NotFoundPage().into_any(),
        Some(exhibit) => view! {
            <article class="embed">
                <h1 class="hidden">{chapter.title}</h1>
                <h2 class="hidden">{exhibit.title}</h2>
                <Lazy part=exhibit.part on=Page::Embed(chapter.number) />
                <BackToChapter number=chapter.number />
            </article>
        }
        .into_any(),
    })
}

/// What an address that names no page shows.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let t = use_lang();
    view! {
        <article>
            <p class="kicker">{t.lost_kicker()}</p>
            <h1>{t.lost_title()}</h1>
            <p class="lede">{t.lost_lede()}</p>
            <p><a class="btn primary" href=Page::Home.href()>{t.lost_back()}</a></p>
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
