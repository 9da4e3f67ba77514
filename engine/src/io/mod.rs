//! Tensors in files: the safetensors format, with 32- and 16-bit floats and 32-bit integers.

use std::collections::{BTreeMap, HashMap};

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Data, Error, HostTensor, Result};

/// Named tensors, and text about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFile {
    /// The tensors.
    pub tensors: BTreeMap<String, HostTensor>,
    /// The text.
    pub metadata: BTreeMap<String, String>,
}

/// How floats are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: exact.
    Full,
    /// 16 bits: half the size, three significant digits.
    Half,
}

/// More than any file of this project, and few enough that a hostile header cannot fill memory.
const MOST_BYTES: usize = 512 << 20;

impl TensorFile {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Bytes that are not a safetensors file, are cut off, or hold other types than f32, f16, bf16, i32, i64 and u32;
    /// integers that are negative or do not fit 32 bits.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::data(name, format!("{} bytes are more than {MOST_BYTES}", bytes.len())));
        }
        let broken =
            |e: safetensors::SafeTensorError| Error::data(name, format!("is not a whole safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let mut out = Self::default();
        if let Some(metadata) = header.metadata() {
            out.metadata = metadata.clone().into_iter().collect();
        }
        for (tensor, view) in file.tensors() {
            out.tensors.insert(tensor.clone(), host(&tensor, &view)?);
        }
        Ok(out)
    }

    /// The bytes of a file, the same for the same contents.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>> {
        let mut list: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
        for (name, tensor) in &self.tensors {
            let (dtype, bytes) = match (&tensor.data, precision) {
                (Data::F32(v), Precision::Full) => (Dtype::F32, bytemuck::cast_slice(v).to_vec()),
                (Data::F32(v), Precision::Half) => {
                    let halves: Vec<f16> = v.iter().map(|&x| f16::from_f32(x)).collect();
                    (Dtype::F16, bytemuck::cast_slice(&halves).to_vec())
                }
                (Data::U32(v), _) => (Dtype::U32, bytemuck::cast_slice(v).to_vec()),
            };
            list.push((name.clone(), tensor.shape.to_vec(), dtype, bytes));
        }
        let broken = |e: safetensors::SafeTensorError| Error::data("safetensors", e.to_string());
        let views = list
            .iter()
            .map(|(name, shape, dtype, bytes)| {
                Ok((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?))
            })
            .collect::<Result<Vec<_>>>()?;
        // The header's map has no order of its own; one entry holds all text, so that equal contents give equal bytes.
        let metadata = (!self.metadata.is_empty()).then(|| {
            let text = serde_json::to_string(&self.metadata).unwrap_or_default();
            HashMap::from([("about".to_string(), text)])
        });
        safetensors::serialize(views, metadata).map_err(broken)
    }

    /// The text under that key, also where [`TensorFile::to_bytes`] put it.
    pub fn about(&self, key: &str) -> Option<String> {
        if let Some(text) = self.metadata.get(key) {
            return Some(text.clone());
        }
        let about: BTreeMap<String, String> = serde_json::from_str(self.metadata.get("about")?).ok()?;
        about.get(key).cloned()
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Result<&HostTensor> {
        self.tensors.get(name).ok_or_else(|| Error::data(name, "is not in the file"))
    }
}

fn host(name: &str, view: &TensorView<'_>) -> Result<HostTensor> {
    let bytes = view.data();
    // A scalar is kept as one element.
    let shape: Vec<usize> = if view.shape().is_empty() { vec![1] } else { view.shape().to_vec() };
    let quads = || bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
    let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    let fits = |v: i64| u32::try_from(v).map_err(|_| Error::data(name, format!("{v} is not a 32-bit index")));
    match view.dtype() {
        Dtype::F32 => HostTensor::f32(&shape, quads().map(f32::from_le_bytes).collect()),
        Dtype::F16 => HostTensor::f32(&shape, pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect()),
        Dtype::BF16 => HostTensor::f32(&shape, pairs().map(|b| half::bf16::from_le_bytes(b).to_f32()).collect()),
        Dtype::U32 => HostTensor::u32(&shape, quads().map(u32::from_le_bytes).collect()),
        Dtype::I32 => {
            let ints: Result<_> = quads().map(|b| fits(i64::from(i32::from_le_bytes(b)))).collect();
            HostTensor::u32(&shape, ints?)
        }
        Dtype::I64 => {
            let ints: Result<_> = bytes
                .chunks_exact(8)
                .map(|b| fits(i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])))
                .collect();
            HostTensor::u32(&shape, ints?)
        }
        other => Err(Error::data(name, format!("holds {other:?}, which is not read here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TensorFile {
        let mut file = TensorFile::default();
        file.tensors.insert("w".into(), HostTensor::f32(&[2, 2], vec![1.0, -0.5, 3.25, 1e-3]).expect("valid"));
        file.tensors.insert("ids".into(), HostTensor::u32(&[3], vec![1, 2, u32::MAX]).expect("valid"));
        file.metadata.insert("seed".into(), "7".into());
        file.metadata.insert("loss".into(), "1.5".into());
        file
    }

    #[test]
    fn what_is_written_is_read() {
        let file = sample();
        let bytes = file.to_bytes(Precision::Full).expect("writes");
        assert_eq!(bytes, sample().to_bytes(Precision::Full).expect("writes"));
        let back = TensorFile::parse("file", &bytes).expect("reads");
        assert_eq!(back.tensors, file.tensors);
        assert_eq!(back.about("seed").as_deref(), Some("7"));
        let half = TensorFile::parse("file", &file.to_bytes(Precision::Half).expect("writes")).expect("reads");
        let w = half.get("w").expect("w").as_f32().expect("floats").to_vec();
        assert!((w[3] - 1e-3).abs() < 1e-6 && w[1] == -0.5);
    }

    #[test]
    fn broken_files_are_refused_without_panic() {
        let bytes = sample().to_bytes(Precision::Full).expect("writes");
        for len in 0..bytes.len() {
            assert!(TensorFile::parse("cut", &bytes[..len]).is_err(), "{len}");
        }
        for i in 0..bytes.len().min(64) {
            let mut bad = bytes.clone();
            bad[i] ^= 0xFF;
            let _ = TensorFile::parse("flipped", &bad);
        }
        assert!(TensorFile::parse("text", b"not a tensor file at all").is_err());
        assert!(TensorFile::parse("huge header", &[0xFF; 16]).is_err());
    }
}
