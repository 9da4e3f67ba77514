//! `cargo xtask op NAME`: any op of the engine on tensors from a file, for checking numbers against other libraries.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use engine::{
    Data, Graph, Program, Store, Tensor,
    io::{Precision, TensorFile},
    ops::{self, Attrs, Inputs},
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
    let entry = ops::find(name).with_context(|| format!("no op `{name}`; see --list"))?;
    let mut attrs = Attrs::new();
    for attr in &args.attrs {
        let (key, value) = attr.split_once('=').with_context(|| format!("`{attr}` is not key=value"))?;
        if !entry.attrs.iter().any(|(known, _)| *known == key) {
            bail!("{name} has no attribute `{key}`; see --list");
        }
        attrs.insert(key.into(), value.into());
    }
    let bytes = fs::read(input).with_context(|| format!("reading {}", input.display()))?;
    let file = TensorFile::parse(&input.display().to_string(), &bytes)?;

    let device = args.device.open()?;
    let mut g = Graph::new();
    let mut fed = Inputs::default();
    for (key, value) in &file.tensors {
        if !entry.inputs.iter().any(|(known, _)| known == key) {
            bail!("{name} has no input `{key}`; see --list");
        }
        let t = match value.data {
            Data::F32(_) => g.input(key, &value.shape)?,
            Data::U32(_) => g.input_u32(key, &value.shape)?,
        };
        fed.0.insert(key.clone(), t);
    }
    let outputs = (entry.build)(&mut g, &fed, &attrs)?;
    let fetch: Vec<Tensor> = outputs.iter().map(|(_, t)| *t).collect();
    let mut program = wait(Program::compile(&device, &g, &fetch, &Store::new(&device)))?;
    for (key, t) in &fed.0 {
        program.write(*t, file.get(key)?)?;
    }
    let values = wait(program.run_and_read(&fetch))?;
    let mut out = TensorFile::default();
    for ((key, _), value) in outputs.iter().zip(values) {
        println!("{key}: {}", value.shape);
        out.tensors.insert((*key).into(), value);
    }
    fs::write(output, out.to_bytes(Precision::Full)?).with_context(|| format!("writing {}", output.display()))?;
    println!("{name} on {}: wrote {}", device.name(), output.display());
    Ok(())
}
