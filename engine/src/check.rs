//! Checking one executor against another: what the tests and the verification page run.

use crate::{
    Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    ops::{Case, Entry, Inputs, Tolerance},
};

/// How far a result is from its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The largest difference.
    pub largest: f32,
    /// Elements compared.
    pub count: usize,
    /// Elements outside the tolerance.
    pub wrong: usize,
    /// Shape and the first places that are wrong, empty if none is.
    pub report: String,
}

/// Compares element by element. `!(difference <= allowed)`, so that NaN is wrong.
pub fn compare(result: &HostTensor, reference: &HostTensor, tolerance: Tolerance) -> Comparison {
    let mut out = Comparison { largest: 0.0, count: reference.shape.count(), wrong: 0, report: String::new() };
    if result.meta() != reference.meta() {
        out.wrong = out.count;
        out.largest = f32::MAX;
        out.report = format!("{:?} instead of {:?}", result.meta(), reference.meta());
        return out;
    }
    let value = |t: &HostTensor, i: usize| match &t.data {
        crate::Data::F32(v) => v[i],
        crate::Data::U32(v) => v[i] as f32,
    };
    let exact = |i: usize| result.words()[i] == reference.words()[i];
    for i in 0..out.count {
        let (a, b) = (value(result, i), value(reference, i));
        let difference = if exact(i) { 0.0 } else { (a - b).abs() };
        let integer = matches!(reference.data, crate::Data::U32(_));
        let allowed = tolerance.absolute + tolerance.relative * b.abs();
        let right = if integer { exact(i) } else { difference <= allowed };
        if !(difference <= out.largest) {
            out.largest = difference;
        }
        if !right {
            out.wrong += 1;
            if out.wrong <= 5 {
                out.report += &format!("\n  at {:?}: {a:e} instead of {b:e}", position(i, &reference.shape));
            }
        }
    }
    if out.wrong > 0 {
        out.report = format!(
            "{} of {} elements of {} are further off than {} ({:e} + {:e} relative):{}",
            out.wrong, out.count, reference.shape, tolerance.name, tolerance.absolute, tolerance.relative, out.report
        );
    }
    out
}

fn position(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for a in (0..shape.len()).rev() {
        at[a] = i % shape[a];
        i /= shape[a];
    }
    at
}

/// What a case gave on one device.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Outputs by name, then gradients as `d<input>`.
    pub tensors: Vec<(String, HostTensor)>,
}

/// Builds a case: its inputs are variables so that gradients may reach them, or inputs if they are integers.
pub struct Built {
    /// The graph.
    pub graph: Graph,
    /// Input tensors by name.
    pub inputs: Vec<(&'static str, Tensor)>,
    /// Outputs by name, then gradients as `d<input>`.
    pub outputs: Vec<(String, Tensor)>,
}

/// Builds the graph of a case. With gradients, the op sits in mid-graph: its float inputs are scaled copies, and the
/// loss is a weighted sum of all its float outputs, so that every element matters differently.
pub fn build(entry: &Entry, case: &Case, gradients: bool) -> Result<Built> {
    let mut graph = Graph::new();
    let mut inputs = Vec::new();
    let mut fed = Inputs::default();
    for (name, value) in &case.inputs {
        let t = match value.data {
            crate::Data::F32(_) => graph.input(name, &value.shape)?,
            crate::Data::U32(_) => graph.input_u32(name, &value.shape)?,
        };
        inputs.push((*name, t));
        let mid = gradients && case.gradients.contains(name);
        fed.0.insert((*name).into(), if mid { graph.scale(t, 1.25)? } else { t });
    }
    let outputs = (entry.build)(&mut graph, &fed, &case.attrs)?;
    let mut list: Vec<(String, Tensor)> = outputs.iter().map(|(n, t)| ((*n).into(), *t)).collect();
    if gradients && !case.gradients.is_empty() {
        let mut loss = None;
        let mut make = crate::ops::Make::new(9000);
        for (_, t) in &outputs {
            if graph.meta(*t).dtype == crate::DType::F32 {
                let shape = graph.shape(*t).to_vec();
                let weights = graph.constant(make.normal(&shape))?;
                let weighted = graph.mul(*t, weights)?;
                let sum = graph.sum_all(weighted)?;
                loss = Some(match loss {
                    None => sum,
                    Some(so_far) => graph.add(so_far, sum)?,
                });
            }
        }
        let loss = loss.ok_or_else(|| Error::data(entry.name, "no output has a gradient"))?;
        list.push(("loss".into(), loss));
        let wrt: Vec<Tensor> =
            case.gradients.iter().filter_map(|n| inputs.iter().find(|(m, _)| m == n).map(|(_, t)| *t)).collect();
        let grads = graph.gradients(loss, &wrt)?;
        for (name, t) in case.gradients.iter().zip(grads) {
            list.push((format!("d{name}"), t));
        }
    }
    Ok(Built { graph, inputs, outputs: list })
}

/// Runs a case on a device, gradients included.
pub async fn run(device: &Device, entry: &Entry, case: &Case) -> Result<Outcome> {
    let built = build(entry, case, true)?;
    let fetch: Vec<Tensor> = built.outputs.iter().map(|(_, t)| *t).collect();
    let mut program = Program::compile(device, &built.graph, &fetch, &Store::new(device)).await?;
    for ((_, t), (_, value)) in built.inputs.iter().zip(&case.inputs) {
        program.write(*t, value)?;
    }
    let values = program.run_and_read(&fetch).await?;
    Ok(Outcome { tensors: built.outputs.into_iter().map(|(n, _)| n).zip(values).collect() })
}

/// The verdict on one tensor of one case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The op.
    pub op: &'static str,
    /// The case.
    pub case: String,
    /// The tensor: an output, or a gradient as `d<input>`.
    pub tensor: String,
    /// What it was judged by.
    pub tolerance: Tolerance,
    /// How far off it is.
    pub comparison: Comparison,
}

/// Runs a case on `device` and on the CPU twins, and compares everything.
pub async fn verify(device: &Device, entry: &Entry, case: &Case) -> Result<Vec<Verdict>> {
    let reference = run(&Device::oracle(), entry, case).await?;
    let result = run(device, entry, case).await?;
    Ok(result
        .tensors
        .iter()
        .zip(&reference.tensors)
        .map(|((name, a), (_, b))| {
            // Gradients and the loss sum over what the op itself only computes.
            let plain = !name.starts_with('d') && name != "loss";
            let tolerance = if plain || case.tolerance.absolute > Tolerance::COMPOSED.absolute {
                case.tolerance
            } else {
                Tolerance::COMPOSED
            };
            Verdict {
                op: entry.name,
                case: case.label.clone(),
                tensor: name.clone(),
                tolerance,
                comparison: compare(a, b, tolerance),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data: Vec<f32>) -> HostTensor {
        HostTensor::f32(&[data.len()], data).expect("a valid tensor")
    }

    #[test]
    fn the_comparator_can_fail() {
        let good = tensor(vec![1.0, 2.0, 3.0]);
        assert_eq!(compare(&good, &good, Tolerance::EXACT).wrong, 0);
        for bad in [vec![1.0, 2.1, 3.0], vec![1.0, f32::NAN, 3.0], vec![1.0, f32::INFINITY, 3.0]] {
            assert_eq!(compare(&tensor(bad), &good, Tolerance::COMPOSED).wrong, 1);
        }
        assert_eq!(compare(&tensor(vec![1.0, 2.0]), &good, Tolerance::COMPOSED).wrong, 3);
        let report = compare(&tensor(vec![0.0, 2.0, 3.0]), &good, Tolerance::SUM).report;
        assert!(report.contains("[0]") && report.contains("sum"), "{report}");
    }
}
