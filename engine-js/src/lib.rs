//! The engine for other pages: what `engine.js` beside this crate wraps into `Engine.create`, `prepare`, `run`, `read`.
//!
//! It holds no page code. Tensors come and go as `{ data, shape }`, with a `Float32Array` or a `Uint32Array` for data.

use engine::{Call, Data, Device, Error, HostTensor, ops};
use js_sys::{Array, Float32Array, Object, Reflect, Uint32Array};
use wasm_bindgen::prelude::*;

/// An opened device.
#[wasm_bindgen]
pub struct Core {
    device: Device,
    why: String,
}

#[wasm_bindgen]
impl Core {
    /// Opens a device: `"gpu"`, `"cpu"`, or `"auto"` for whichever is there and faster.
    pub async fn open(device: String) -> Result<Core, JsError> {
        #[cfg(target_arch = "wasm32")]
        console_error_panic_hook::set_once();
        let (device, why) = match device.as_str() {
            "gpu" => (Device::gpu().await?, "the GPU was asked for".to_owned()),
            "cpu" => (Device::cpu(), "the CPU was asked for".to_owned()),
            "auto" => Device::faster(Device::gpu().await).await?,
            other => return Err(JsError::new(&format!("device: '{other}' is none of auto, gpu, cpu"))),
        };
        Ok(Core { device, why })
    }

    /// `"gpu"` or `"cpu"`.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        if self.device.as_gpu().is_some() { "gpu" } else { "cpu" }.to_owned()
    }

    /// The adapter's name.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> String {
        self.device.name()
    }

    /// Why this device runs, in a sentence.
    #[wasm_bindgen(getter)]
    pub fn why(&self) -> String {
        self.why.clone()
    }

    /// Compiles an op for these inputs, and writes them to the device.
    pub async fn prepare(&self, op: String, inputs: Object, attrs: Object) -> Result<Prepared, JsError> {
        let mut tensors = Vec::new();
        for (name, value) in entries(&inputs)? {
            let tensor = tensor(&value).map_err(|what| JsError::new(&format!("{op}: input {name}: {what}")))?;
            tensors.push((name, tensor));
        }
        let mut texts = ops::Attrs::new();
        for (name, value) in entries(&attrs)? {
            let text = value.as_string().or_else(|| value.as_bool().map(|b| b.to_string()));
            let text = text.or_else(|| value.as_f64().map(|n| n.to_string()));
            let wanted = || JsError::new(&format!("{op}: attribute {name}: a text, number or truth value is wanted"));
            texts.insert(name.clone(), text.ok_or_else(wanted)?);
        }
        Ok(Prepared { call: Call::prepare(&self.device, &op, &tensors, &texts).await? })
    }
}

/// Every op: `[{ name, summary, inputs: [{ name, what }], attributes: [{ name, what }] }]`.
#[wasm_bindgen]
pub fn ops() -> Array {
    let named = |list: &[(&str, &str)]| {
        list.iter().map(|(name, what)| object(&[("name", (*name).into()), ("what", (*what).into())])).collect::<Array>()
    };
    ops::all()
        .iter()
        .map(|entry| {
            object(&[
                ("name", entry.name.into()),
                ("summary", entry.summary.into()),
                ("inputs", named(entry.inputs).into()),
                ("attributes", named(entry.attrs).into()),
            ])
        })
        .collect()
}

/// An op compiled for its inputs.
#[wasm_bindgen]
pub struct Prepared {
    call: Call,
}

#[wasm_bindgen]
impl Prepared {
    /// Runs `count` times back to back, in one submit, and resolves when the device has finished.
    pub async fn run(&mut self, count: u32) -> Result<(), JsError> {
        self.call.run_times(count)?;
        Ok(self.call.finish().await?)
    }

    /// The outputs: `{ name: { data, shape } }`.
    pub async fn read(&mut self) -> Result<Object, JsError> {
        let outputs = Object::new();
        for (name, value) in self.call.read().await? {
            let data: JsValue = match &value.data {
                Data::F32(floats) => Float32Array::from(floats.as_slice()).into(),
                Data::U32(integers) => Uint32Array::from(integers.as_slice()).into(),
            };
            let shape: Array = value.shape.iter().map(|&n| JsValue::from_f64(n as f64)).collect();
            set(&outputs, name, &object(&[("data", data), ("shape", shape.into())]));
        }
        Ok(outputs)
    }

    /// Arithmetic of one run, in FLOPs.
    #[wasm_bindgen(getter)]
    pub fn flops(&mut self) -> f64 {
        self.call.program().plan().steps.iter().map(|step| step.flops() as f64).sum()
    }

    /// Bytes that one run must move at least.
    #[wasm_bindgen(getter, js_name = bytesMoved)]
    pub fn bytes_moved(&mut self) -> f64 {
        self.call.program().plan().steps.iter().map(|step| step.bytes() as f64).sum()
    }

    /// Kernel launches of one run.
    #[wasm_bindgen(getter)]
    pub fn launches(&mut self) -> usize {
        self.call.program().launches()
    }
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object.into()
}

/// A field of an object made here, which refuses none.
fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

fn entries(object: &Object) -> Result<Vec<(String, JsValue)>, JsError> {
    Object::entries(object)
        .iter()
        .map(|entry| {
            let pair = Array::from(&entry);
            let name = pair.get(0).as_string().ok_or_else(|| JsError::new("a name is not a text"))?;
            Ok((name, pair.get(1)))
        })
        .collect()
}

/// A tensor out of `{ data, shape }`.
fn tensor(value: &JsValue) -> Result<HostTensor, String> {
    let field = |name: &str| Reflect::get(value, &name.into()).map_err(|_| "an object { data, shape } is wanted");
    let (data, shape) = (field("data")?, field("shape")?);
    let mut axes = Vec::new();
    for axis in Array::from(&shape).iter() {
        let length = axis.as_f64().filter(|n| n.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(n));
        axes.push(length.ok_or("shape holds something other than positive whole numbers")? as usize);
    }
    let made = if let Some(floats) = data.dyn_ref::<Float32Array>() {
        HostTensor::f32(&axes, floats.to_vec())
    } else if let Some(integers) = data.dyn_ref::<Uint32Array>() {
        HostTensor::u32(&axes, integers.to_vec())
    } else {
        return Err("data must be a Float32Array or a Uint32Array".to_owned());
    };
    made.map_err(|error: Error| error.to_string())
}
