//! Any op by its name, on tensors from outside: what the command line and the JavaScript module stand on.

use crate::{
    Data, Device, Error, Graph, HostTensor, Program, Result, Store, Tensor,
    ops::{self, Attrs, Inputs},
};

/// An op compiled for given inputs, ready to run again and again.
///
/// ```
/// use engine::{Call, Device, HostTensor, ops::Attrs};
///
/// let x = HostTensor::f32(&[1, 3], vec![0.0, 1.0, 2.0])?;
/// let mut call = engine::wait(Call::prepare(&Device::cpu(), "softmax", &[("x".into(), x)], &Attrs::new()))?;
/// call.run()?;
/// let outputs = engine::wait(call.read())?;
/// assert_eq!(outputs[0].0, "y");
/// assert!((outputs[0].1.as_f32()?.iter().sum::<f32>() - 1.0).abs() < 1e-6);
/// # Ok::<(), engine::Error>(())
/// ```
pub struct Call {
    program: Program,
    outputs: Vec<(&'static str, Tensor)>,
}

impl Call {
    /// Compiles the op called `name` for these inputs and writes them to the device.
    ///
    /// # Errors
    /// An op, input or attribute that does not exist is named, and so are shapes that do not fit.
    pub async fn prepare(device: &Device, name: &str, inputs: &[(String, HostTensor)], attrs: &Attrs) -> Result<Self> {
        let entry = ops::find(name).ok_or_else(|| Error::data(name, "is not an op"))?;
        if let Some(unknown) = attrs.keys().find(|key| entry.attrs.iter().all(|(known, _)| known != key)) {
            return Err(Error::data(unknown, format!("is not an attribute of {name}")));
        }
        let mut g = Graph::new();
        let mut fed = Inputs::default();
        for (key, value) in inputs {
            if entry.inputs.iter().all(|(known, _)| known != key) {
                return Err(Error::data(key, format!("is not an input of {name}")));
            }
            let t = match value.data {
                Data::F32(_) => g.input(key, &value.shape)?,
                Data::U32(_) => g.input_u32(key, &value.shape)?,
            };
            fed.0.insert(key.clone(), t);
        }
        let outputs = (entry.build)(&mut g, &fed, attrs)?;
        let fetch: Vec<Tensor> = outputs.iter().map(|(_, t)| *t).collect();
        let mut program = Program::compile(device, &g, &fetch, &Store::new(device)).await?;
        for (key, value) in inputs {
            program.write(fed.get(key)?, value)?;
        }
        Ok(Self { program, outputs })
    }

    /// Runs once. On a GPU the work is submitted and goes on; [`Call::finish`] and [`Call::read`] wait for it.
    pub fn run(&mut self) -> Result<()> {
        self.program.run()
    }

    /// Runs that many times back to back, as [`Program::run_times`] does.
    pub fn run_times(&mut self, runs: u32) -> Result<()> {
        self.program.run_times(runs)
    }

    /// Resolves when all runs so far are done.
    pub async fn finish(&self) -> Result<()> {
        self.program.finish().await
    }

    /// The outputs by name.
    pub async fn read(&mut self) -> Result<Vec<(&'static str, HostTensor)>> {
        let fetch: Vec<Tensor> = self.outputs.iter().map(|(_, t)| *t).collect();
        let values = self.program.read_all(&fetch).await?;
        Ok(self.outputs.iter().map(|(name, _)| *name).zip(values).collect())
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, inputs: &[&str], attrs: &[&str]) -> Result<Call> {
        let x = HostTensor::f32(&[2, 2], vec![1.0; 4])?;
        let inputs: Vec<_> = inputs.iter().map(|&key| (key.to_owned(), x.clone())).collect();
        let attrs = attrs.iter().map(|&key| (key.to_owned(), "1".to_owned())).collect();
        crate::wait(Call::prepare(&Device::cpu(), name, &inputs, &attrs))
    }

    #[test]
    fn what_does_not_exist_is_named() {
        for (result, named) in [
            (call("no-such-op", &["x"], &[]), "no-such-op"),
            (call("softmax", &["no-such-input"], &[]), "no-such-input"),
            (call("softmax", &["x"], &["no-such-attribute"]), "no-such-attribute"),
            (call("matmul", &["a"], &[]), "missing"),
        ] {
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn an_op_runs_by_name() -> Result<()> {
        let mut call = call("matmul", &["a", "b"], &[])?;
        call.run()?;
        let outputs = crate::wait(call.read())?;
        assert_eq!(outputs[0].1.as_f32()?, [2.0; 4]);
        Ok(())
    }
}
