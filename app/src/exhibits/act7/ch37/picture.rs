//! Pictures of the reader's own: from a file, the clipboard, a drop or the camera, down to what the network takes. All of it
//! happens in this page; nothing is sent anywhere.

use std::sync::Arc;

use acts::tinyland::pictures::SIDE;
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8ClampedArray};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// The longest side at which the browser hands over pixels; from there they are averaged here.
const WORKING_SIDE: usize = 1024;

/// A picture of the reader's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Red, green and blue planes, 0 to 1: `[3, 32, 32]`.
    pub pixels: Arc<[f32]>,
    /// What was done to it.
    pub about: String,
}

/// Calls a method of a JavaScript object. What browsers offer here is younger than the bindings that the page has anyway.
fn call(of: &JsValue, method: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(of, &method.into())?.dyn_into()?;
    function.apply(of, &arguments.iter().collect::<Array>())
}

async fn resolved(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.dyn_into::<Promise>()?).await
}

fn number(of: &JsValue, name: &str) -> Result<f64, JsValue> {
    Reflect::get(of, &name.into())?.as_f64().ok_or_else(|| format!("{name} is no number").into())
}

fn object(fields: &[(&str, JsValue)]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object.into())
}

/// A file or a video's moment as the network takes it: turned as its EXIF says, its middle square, over the page's own paper
/// where it is see-through, averaged down to 32 by 32. Of a moving picture the first frame.
///
/// # Errors
/// In words for the reader, where the browser cannot read it.
pub async fn read(source: &JsValue) -> Result<Own, String> {
    pixels(source).await.map_err(|_| {
        "This browser could not read that as a picture: it may be broken, of a kind it does not know, or too large. \
         The picture before it stays."
            .to_owned()
    })
}

async fn pixels(source: &JsValue) -> Result<Own, JsValue> {
    let window: JsValue = window().into();
    let upright = object(&[("imageOrientation", "from-image".into())])?;
    let bitmap = resolved(call(&window, "createImageBitmap", &[source.clone(), upright])).await?;
    let (width, height) = (number(&bitmap, "width")?, number(&bitmap, "height")?);
    let crop = width.min(height);
    let (left, top) = (((width - crop) / 2.0).floor(), ((height - crop) / 2.0).floor());
    let side = (crop as usize / SIDE * SIDE).clamp(SIDE, WORKING_SIDE);

    // The browser makes large ones smaller away from the page's own thread.
    let size = JsValue::from(side as f64);
    let smaller =
        object(&[("resizeWidth", size.clone()), ("resizeHeight", size.clone()), ("resizeQuality", "high".into())])?;
    let part = [bitmap.clone(), left.into(), top.into(), crop.into(), crop.into(), smaller];
    let small = resolved(call(&window, "createImageBitmap", &part)).await;
    call(&bitmap, "close", &[])?;
    let small = small?;

    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width(side as u32);
    canvas.set_height(side as u32);
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d")?.ok_or("no canvas")?.dyn_into::<CanvasRenderingContext2d>()?;
    context.set_fill_style_str(&paper().unwrap_or_else(|| "white".into()));
    context.fill_rect(0.0, 0.0, side as f64, side as f64);
    let zero = JsValue::from(0.0);
    call(&context, "drawImage", &[small.clone(), zero.clone(), zero.clone(), size.clone(), size.clone()])?;
    call(&small, "close", &[])?;
    let data = call(&context, "getImageData", &[zero.clone(), zero, size.clone(), size])?;
    let bytes = Reflect::get(&data, &"data".into())?.dyn_into::<Uint8ClampedArray>()?.to_vec();
    let about = format!(
        "Your picture was {width} × {height}. Its middle square was averaged down to {SIDE} × {SIDE}; what is see-through in it lies \
         over the colour of this page. It has not left this page."
    );
    Ok(Own { pixels: averaged(&bytes, side).into(), about })
}

/// The colour of the page, as canvases write it.
fn paper() -> Option<String> {
    let body = document().body()?;
    window().get_computed_style(&body).ok().flatten()?.get_property_value("background-color").ok()
}

/// Means of equal blocks of `[side, side, 4]` bytes, as planes of `[3, 32, 32]` from 0 to 1. `side` is a multiple of 32.
fn averaged(bytes: &[u8], side: usize) -> Vec<f32> {
    let block = side / SIDE;
    let mut sums = vec![0u32; 3 * SIDE * SIDE];
    for (row, line) in bytes.chunks_exact(4 * side).enumerate() {
        for (column, pixel) in line.chunks_exact(4).enumerate() {
            for channel in 0..3 {
                sums[(channel * SIDE + row / block) * SIDE + column / block] += u32::from(pixel[channel]);
            }
        }
    }
    let scale = 1.0 / (255.0 * (block * block) as f32);
    sums.into_iter().map(|sum| sum as f32 * scale).collect()
}

/// The first file that an event carries: of a drop (`dataTransfer`), a paste (`clipboardData`) or a field (`files` of its target).
pub fn first_file(holder: &JsValue) -> Option<JsValue> {
    let files = Reflect::get(holder, &"files".into()).ok()?;
    let file = Reflect::get_u32(&files, 0).ok()?;
    (!file.is_undefined() && !file.is_null()).then_some(file)
}

/// A field of an event.
pub fn of_event(event: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(event, &name.into()).ok().filter(|value| value.is_object())
}

/// Asks for the camera, and shows it in `video`.
///
/// # Errors
/// In words for the reader, where there is none or it was refused.
pub async fn open_camera(video: &JsValue) -> Result<JsValue, String> {
    let devices = Reflect::get(&window().navigator(), &"mediaDevices".into()).ok().filter(JsValue::is_object);
    let Some(devices) = devices else {
        return Err("This browser offers no camera here: it does so only over https, or on this machine.".into());
    };
    let opened = async {
        let wanted = object(&[("video", object(&[("facingMode", "environment".into())])?), ("audio", false.into())])?;
        let stream = resolved(call(&devices, "getUserMedia", &[wanted])).await?;
        Reflect::set(video, &"srcObject".into(), &stream)?;
        resolved(call(video, "play", &[])).await?;
        Ok(stream)
    };
    opened.await.map_err(|error: JsValue| {
        let name = Reflect::get(&error, &"name".into()).ok().and_then(|n| n.as_string()).unwrap_or_default();
        match name.as_str() {
            "NotAllowedError" | "SecurityError" => "The camera was not allowed. Nothing else needs it.".into(),
            "NotFoundError" | "OverconstrainedError" => "No camera was found.".into(),
            _ => "The camera could not be opened; another program may be using it.".into(),
        }
    })
}

/// Lets the camera go.
pub fn close_camera(stream: &JsValue) {
    let Some(tracks) = call(stream, "getTracks", &[]).ok().and_then(|t| t.dyn_into::<Array>().ok()) else { return };
    for track in tracks.iter() {
        // A track that cannot be stopped has ended already.
        let _ = call(&track, "stop", &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_averaged_into_planes() {
        let side = 64;
        let mut bytes = vec![0u8; 4 * side * side];
        for pixel in bytes.chunks_exact_mut(4) {
            pixel.copy_from_slice(&[255, 51, 0, 255]);
        }
        bytes[..4].copy_from_slice(&[0, 0, 0, 255]);
        let planes = averaged(&bytes, side);
        assert_eq!(planes.len(), 3 * SIDE * SIDE);
        assert!((planes[0] - 0.75).abs() < 1e-6 && (planes[1] - 1.0).abs() < 1e-6);
        assert!((planes[SIDE * SIDE + 1] - 0.2).abs() < 1e-6 && planes[2 * SIDE * SIDE] == 0.0);
    }
}
