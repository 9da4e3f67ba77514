//! Tiny's autoencoder: pictures of Tinyland told in 4 x 8 x 8 numbers instead of 3 x 32 x 32, its training and its report card.

mod evaluate;
mod recipe;
mod train;

use engine::{Device, Error, Result, Store, io::TensorFile, models::vae};

pub use self::{
    evaluate::{Report, evaluate},
    recipe::{Recipe, recipe, recipes},
    train::{Progress, Trainer},
};

/// A trained autoencoder in host memory: what survives a lost GPU.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Sizes.
    pub config: vae::Config,
    /// Parameters and the story of their training.
    pub file: TensorFile,
}

impl Checkpoint {
    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A file that is broken, has no configuration, lacks a parameter, or holds numbers that are not finite.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let file = TensorFile::parse(name, bytes)?;
        let about = file.about("config").ok_or_else(|| Error::data(name, "has no configuration"))?;
        let config: vae::Config =
            serde_json::from_str(&about).map_err(|e| Error::data(name, format!("configuration: {e}")))?;
        let checkpoint = Self { config, file };
        checkpoint.store(&Device::cpu())?;
        Ok(checkpoint)
    }

    /// The parameters on a device.
    pub fn store(&self, device: &Device) -> Result<Store> {
        let store = Store::new(device);
        self.config.load(&store, &self.file.tensors)?;
        Ok(store)
    }
}

/// Brightness of 0 to 1 as the model takes it: -1 to 1.
pub fn centred(picture: &[f32]) -> Vec<f32> {
    picture.iter().map(|x| 2.0 * x - 1.0).collect()
}

/// And back, what lies beyond cut off.
pub fn shown(picture: &[f32]) -> Vec<f32> {
    picture.iter().map(|x| (0.5 * x + 0.5).clamp(0.0, 1.0)).collect()
}
