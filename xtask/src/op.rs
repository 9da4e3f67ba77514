//! `cargo xtask op NAME`: any op of the engine on tensors from a file, for checking numbers against other libraries.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use engine::{
    Call,
    io::{Precision, TensorFile},
    ops::{self, Attrs},
    wait,
};

use crate::device::DeviceKind;

#[derive(clap::Args)]
pub struct Args {
    /// The op; see --list
    name: Option<String>,
    /// Tensors named as the op's inputs, a .safetensors file
    #[arg(long)]
    input: Option<PathBuf>,
    /// An attribute of the op, as key=value; may be given several times
    #[arg(long = "attr", value_name = "KEY=VALUE", num_args = 1..)]
    attrs: Vec<String>,
    /// Where the outputs go, a .safetensors file
    #[arg(long)]
    output: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceKind,
    /// List every op with its inputs and attributes
    #[arg(long)]
    list: bool,
}

pub fn run(args: Args) -> Result<()> {
    if args.list {
        for entry in ops::all() {
            println!("{}\n    {}", entry.name, entry.summary);
            for (name, what) in entry.inputs {
                println!("    {name}: {what}");
            }
            for (name, what) in entry.attrs {
                println!("    --attr {name}=…: {what}");
            }
        }
        return Ok(());
    }
    let (Some(name), Some(input), Some(output)) = (&args.name, &args.input, &args.output) else {
        bail!("an op, --input and --output are wanted; or --list");
    };
    let mut attrs = Attrs::new();
    for attr in &args.attrs {
        let (key, value) = attr.split_once('=').with_context(|| format!("`{attr}` is not key=value"))?;
        attrs.insert(key.into(), value.into());
    }
    let bytes = fs::read(input).with_context(|| format!("reading {}", input.display()))?;
    let file = TensorFile::parse(&input.display().to_string(), &bytes)?;
    let tensors: Vec<_> = file.tensors.into_iter().collect();

    let device = args.device.open()?;
    let mut call = wait(Call::prepare(&device, name, &tensors, &attrs)).context("--list says what there is")?;
    call.run()?;
    let mut out = TensorFile::default();
    for (key, value) in wait(call.read())? {
        println!("{key}: {}", value.shape);
        out.tensors.insert(key.into(), value);
    }
    fs::write(output, out.to_bytes(Precision::Full)?).with_context(|| format!("writing {}", output.display()))?;
    println!("{name} on {}: wrote {}", device.name(), output.display());
    Ok(())
}
