use leptos::prelude::*;

/// A number chosen by sliding, with what it is and what it stands at.
#[component]
pub fn Slider(
    /// Unique on the page; ties the label to the control.
    #[prop(into)]
    id: String,
    /// What is chosen.
    #[prop(into)]
    label: String,
    /// What it stands at.
    value: RwSignal<f64>,
    /// The least.
    min: f64,
    /// The most.
    max: f64,
    /// The distance between two positions.
    #[prop(default = 1.0)]
    step: f64,
    /// How the number is written, with its unit.
    #[prop(default = |x| if x.fract() == 0.0 { format!("{x}") } else { super::number::value(x) })]
    format: fn(f64) -> String,
) -> impl IntoView {
    let read = move |ev| {
        // A browser hands over a number within the limits; anything else is not a choice.
        if let Ok(x) = event_target_value(&ev).parse::<f64>() {
            value.set(x.clamp(min, max));
        }
    };
    view! {
        <div class="field">
            <span class="field-head">
                <label for=id.clone()>{label}</label>
                <output for=id.clone()>{move || format(value.get())}</output>
            </span>
            <input
                id=id
                type="range"
                min=min.to_string()
                max=max.to_string()
                step=step.to_string()
                value=value.get_untracked().to_string()
                prop:value=move || value.get().to_string()
                aria-valuetext=move || format(value.get())
                on:input=read
            />
        </div>
    }
}

/// A yes or a no.
#[component]
pub fn Toggle(
    /// What it decides.
    #[prop(into)]
    label: String,
    /// What it stands at.
    value: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <label class="toggle">
            <input type="checkbox" prop:checked=move || value.get() on:change=move |ev| value.set(event_target_checked(&ev)) />
            <span>{label}</span>
        </label>
    }
}

/// One of a few, all in sight: radio buttons drawn as one bar.
#[component]
pub fn Segmented<T>(
    /// Unique on the page; groups the buttons.
    #[prop(into)]
    id: String,
    /// What is chosen.
    #[prop(into)]
    label: String,
    /// Each choice with its name.
    options: Vec<(T, &'static str)>,
    /// What it stands at.
    value: RwSignal<T>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let choice = |(option, name): (T, &'static str)| {
        view! {
            <label>
                <input type="radio" name=id.clone() prop:checked=move || value.get() == option on:change=move |_| value.set(option) />
                <span>{name}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segmented">
            <legend>{label}</legend>
            <div>{options.into_iter().map(choice).collect_view()}</div>
        </fieldset>
    }
}
