//! The rhyme map: every idea, and which of them answers the limits of which. First as a picture to walk through, then
//! as a list of the same facts.

mod layout;
mod list;
mod panel;
mod picture;
mod state;

use leptos::ev;
use leptos::prelude::*;

use super::{ACTS, Act};
use crate::lang::{use_lang, with_keys};
use crate::page::Page;
use crate::parts::{Lazy, Part};
use list::List;
use panel::Panel;
use picture::{Canvas, Picture, View, ZOOM_STEP};
use state::Chosen;

/// The ideas as a map.
#[component]
pub fn MapPage() -> impl IntoView {
    let t = use_lang();
    view! {
        <article class="map-page">
            <p class="kicker">{t.map_kicker()}</p>
            <h1>{t.page_map()}</h1>
            <p class="lede">{t.map_lede()}</p>
            <Lazy part=MAP on=Page::Map />
        </article>
    }
}

static MAP: Part = crate::part!(map, || RhymeMap().into_any());

/// The picture and the list.
#[component]
fn RhymeMap() -> impl IntoView {
    let chosen = Chosen::of_address();
    chosen.keep_in_address();
    let canvas = Canvas::new();
    let reveal = Callback::new(move |idea: usize| {
        request_animation_frame(move || canvas.reveal(idea));
    });
    let escape = move |ev: ev::KeyboardEvent| {
        if ev.key() == "Escape" && !ev.default_prevented() {
            chosen.select(None);
        }
    };
    view! {
        <div class="map-block" on:keydown=escape>
            <Tools chosen canvas />
            <Legend />
            <div class="map-frame">
                <Picture chosen canvas />
                <Panel chosen reveal />
            </div>
        </div>
        <List />
    }
}

/// What can be done to the map as a whole.
#[component]
fn Tools(chosen: Chosen, canvas: Canvas) -> impl IntoView {
    let t = use_lang();
    let typed = move |ev| chosen.query.set(event_target_value(&ev));
    let search_keys = move |ev: ev::KeyboardEvent| {
        if ev.key() == "Enter"
            && let Some(&first) = untrack(|| chosen.found()).first()
        {
            ev.prevent_default();
            chosen.select(Some(first));
        }
        if ev.key() == "Escape" && !chosen.query.read_untracked().is_empty() {
            ev.prevent_default();
            chosen.query.set(String::new());
        }
    };
    let show = move |act: Option<usize>| {
        chosen.act.set(act);
        canvas.show_act(act.unwrap_or(0));
    };
    let act_button = |act: &'static Act| {
        let number = act.number;
        let label = t.map_act(act.numeral, act.title);
        view! {
            <button
                class=format!("btn map-act-button act-{number}")
                title=label.clone()
                aria-label=label
                aria-pressed=move || (chosen.act.get() == Some(number)).to_string()
                on:click=move |_| show(Some(number).filter(|_| chosen.act.get_untracked() != Some(number)))
            >
                {act.numeral}
            </button>
        }
    };
    view! {
        <div class="map-tools">
            <label class="hidden" for="map-search">{t.map_find()}</label>
            <input
                id="map-search"
                type="search"
                placeholder=t.map_find()
                autocomplete="off"
                spellcheck="false"
                prop:value=move || chosen.query.get()
                on:input=typed
                on:keydown=search_keys
            />
            <div class="map-group" role="group" aria-label=t.map_one_act()>
                <button class="btn" aria-pressed=move || chosen.act.get().is_none().to_string() on:click=move |_| show(None)>{t.map_all()}</button>
                {ACTS.iter().map(act_button).collect_view()}
            </div>
            <span class="grow"></span>
            <div class="map-group" role="group" aria-label=t.map_size()>
                <button class="btn" aria-label=t.map_smaller() title=format!("{} (-)", t.map_smaller()) on:click=move |_| canvas.zoom(1.0 / ZOOM_STEP, None)><span aria-hidden="true">"−"</span></button>
                <button class="btn" aria-label=t.map_larger() title=format!("{} (+)", t.map_larger()) on:click=move |_| canvas.zoom(ZOOM_STEP, None)><span aria-hidden="true">"+"</span></button>
                <button class="btn" title=format!("{} (0)", t.map_whole()) on:click=move |_| canvas.view.set(View::WHOLE)>{t.map_whole()}</button>
            </div>
        </div>
    }
}

/// What lines and boxes mean, and the keys.
#[component]
fn Legend() -> impl IntoView {
    let t = use_lang();
    let sample = |role: &'static str| {
        view! {
            <svg class="map-sample" width="44" height="16" aria-hidden="true">
                <path class="map-line" data-role=role d="M1 8H20"></path>
                <rect class="map-box" data-role=role x="21" y="2" width="22" height="12" rx="4"></rect>
            </svg>
        }
    };
    view! {
        <div class="map-legend">
            <p>
                <span>{t.map_legend_point()}</span>
                " "
                <span class="map-key">{sample("before")}{t.map_legend_before()}</span>
                " "
                <span class="map-key">{sample("after")}{t.map_legend_after()}</span>
                " "
                <span>{t.map_legend_open()}</span>
                " "
                <a href="map/#map-list">{t.map_legend_list()}</a>
            </p>
            <p class="map-keys" id="map-keys">{with_keys(t.map_keys())}</p>
        </div>
    }
}
