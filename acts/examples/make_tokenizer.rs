//! Trains the tokenizer of Tinyland and writes it to `public/models/tiny-tokenizer.json`.

use std::error::Error;
use std::path::Path;

use acts::tinyland::tokenizer;

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../public/models/tiny-tokenizer.json");
    let tokenizer = tokenizer::of_tinyland()?;
    std::fs::create_dir_all(path.parent().ok_or("the path has no folder")?)?;
    std::fs::write(&path, tokenizer.to_json()?)?;
    println!("{} tokens, {} bytes", tokenizer.vocab_size(), std::fs::metadata(&path)?.len());
    Ok(())
}
