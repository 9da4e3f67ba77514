//! Chapter 5: one attention head on the reader's own sentence.

use leptos::prelude::*;

use crate::exhibits::Exhibit;
use crate::viz::{ExhibitFrame, FrameSize, Readout, Readouts};

/// The entry in the list of exhibits.
pub const EXHIBIT: Exhibit = Exhibit {
    chapter: 5,
    title: "One head, on your sentence",
    view: || OneHead().into_any(),
};

#[component]
fn OneHead() -> impl IntoView {
    let waiting = || Signal::stored(None::<String>);
    view! {
        <ExhibitFrame
            title=EXHIBIT.title
            size=FrameSize::Tall
            strip=move || {
                view! {
                    <Readouts items=vec![
                        Readout::new("after a shuffle, largest difference", waiting()),
                        Readout::new("entropy of this row", waiting()),
                        Readout::new("kernels in this picture", waiting()),
                        Readout::new("time on your device", waiting()),
                    ] />
                }
            }
        >
            <p class="quiet">"The experiment has not started."</p>
        </ExhibitFrame>
    }
}
