//! A walk from noise to data, move by move.

use std::time::Duration;

use super::{Move, Step, Target};
use crate::{HostTensor, Program, Result, Tensor, rng};

/// How long a page may be kept waiting by one piece of work on the CPU.
const PIECE: Duration = Duration::from_millis(12);

/// Where a walk is, and the moves before it. Its numbers are on the host between moves, so that they can be looked at.
#[derive(Clone, Debug)]
pub struct Walk {
    moves: Vec<Move>,
    at: usize,
    target: Target,
    seed: u32,
    /// The data, as noisy as [`Walk::level`] says.
    pub x: HostTensor,
    kept: HostTensor,
}

impl Walk {
    /// At its start: standard normal numbers of that seed.
    pub fn new(shape: &[usize], moves: Vec<Move>, target: Target, seed: u32) -> Result<Self> {
        let count = shape.iter().product();
        let kept = HostTensor::f32(shape, vec![0.0; count])?;
        Ok(Self { moves, at: 0, target, seed, x: HostTensor::f32(shape, normals(seed, 0, count))?, kept })
    }

    /// The move that comes next; none where the walk is over.
    pub fn next(&self) -> Option<&Move> {
        self.moves.get(self.at)
    }

    /// Moves in all.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Moves done.
    pub fn done(&self) -> usize {
        self.at
    }

    /// Makes the next move on the device, and reads `also`. What the network is told beside x must have been written. On the CPU
    /// `pause` is awaited every so often, so that a page stays awake.
    pub async fn advance(
        &mut self,
        program: &mut Program,
        step: &Step,
        also: &[Tensor],
        pause: impl AsyncFnMut(),
    ) -> Result<Vec<HostTensor>> {
        let Some(m) = self.moves.get(self.at) else { return Ok(vec![]) };
        let count = self.x.shape.count();
        let noise = if m.is_random() { normals(self.seed, self.at as u32 + 1, count) } else { vec![0.0; count] };
        program.write(step.x, &self.x)?;
        program.write(step.kept, &self.kept)?;
        program.write(step.noise, &HostTensor::f32(&self.x.shape, noise)?)?;
        program.write(step.coefficients, &Step::coefficients(m, self.target)?)?;
        program.run_with_pauses(PIECE, pause).await?;
        let read: Vec<Tensor> = also.iter().copied().chain([step.next, step.next_kept]).collect();
        let mut values = program.read_all(&read).await?;
        if let (Some(kept), Some(x)) = (values.pop(), values.pop()) {
            (self.x, self.kept) = (x, kept);
        }
        self.at += 1;
        Ok(values)
    }
}

/// Standard normal numbers of a stream.
fn normals(seed: u32, stream: u32, count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| rng::normal([seed, 0xD1FF_0000 | stream], i)).collect()
}
