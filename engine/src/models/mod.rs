//! Models as graphs: each a configuration, its parameters by name, and a function that builds the forward pass with
//! every intermediate named.

use std::collections::BTreeMap;

use crate::{Error, HostTensor, Result, Store};

pub mod dit;
pub mod gpt;
pub mod vae;
pub mod vit;

/// Puts the listed parameters into a store, after checking that each is there, with its shape, and finite.
fn load(store: &Store, parameters: &[(String, Vec<usize>)], values: &BTreeMap<String, HostTensor>) -> Result<()> {
    for (name, shape) in parameters {
        let value = values.get(name).ok_or_else(|| Error::data(name, "is not among the parameters"))?;
        if *value.shape != **shape {
            return Err(Error::data(name, format!("has shape {}, {shape:?} is wanted", value.shape)));
        }
        if !value.as_f32()?.iter().all(|x| x.is_finite()) {
            return Err(Error::data(name, "holds a number that is not finite"));
        }
        store.set(name, value)?;
    }
    Ok(())
}
