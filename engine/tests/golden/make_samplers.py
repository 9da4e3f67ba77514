"""Golden trajectories of samplers: run `python make_samplers.py` in this folder, with diffusers, torch and numpy.

Each scheduler of `diffusers` walks five points from noise to data. The network is exact: for data that are +1 or -1 with
Gaussian noise of deviation 0.3 around, the expected clean point has a closed form. Stored are the points at every step, in the
coordinates of x = a x0 + s e, and the fresh noise that was drawn. What a scheduler is asked is in the metadata.
"""

import json

import diffusers
import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
)

from golden_file import write

torch.set_default_dtype(torch.float64)
DEVIATION = 0.3
START = torch.tensor([[-1.7, -0.6, 0.05, 0.4, 2.1]])


def clean(x, a, s):
    """E[x0 | a x0 + s e = x]."""
    variance = a * a * DEVIATION**2 + s * s
    mean = torch.tanh(x * a / variance)  # E of the sign
    return mean + a * DEVIATION**2 / variance * (x - a * mean)


def noise(x, a, s):
    return (x - a * clean(x, a, s)) / s


tensors, metadata = {}, {"made_by": "diffusers " + diffusers.__version__ + ", PyTorch " + torch.__version__}


def keep(label, walk, fresh, **about):
    tensors[f"{label}/walk"] = torch.cat(walk).numpy()
    if fresh:
        tensors[f"{label}/noise"] = torch.cat(fresh).numpy()
    metadata["case/" + label] = json.dumps(about)


BETAS = {
    "linear": {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
}


def preserving(label, schedule, scheduler, steps, sampler, spacing, eta=0.0):
    """Schedulers that see x itself."""
    scheduler.set_timesteps(steps)
    products = scheduler.alphas_cumprod.double()
    x, walk, fresh = START.clone(), [START.clone()], []
    draws = torch.Generator().manual_seed(41)
    for t in scheduler.timesteps:
        a, s = products[t].sqrt(), (1 - products[t]).sqrt()
        answer, extra = noise(x, a, s), {}
        if sampler in ("ddpm", "ddim"):
            state = draws.get_state()
            z = torch.randn(x.shape, generator=draws)
            fresh.append(z)
            if sampler == "ddpm":
                draws.set_state(state)  # the scheduler draws the same numbers itself
                extra = {"generator": draws}
            elif eta > 0:
                extra = {"eta": eta, "variance_noise": z}
        x = scheduler.step(answer, t, x, **extra).prev_sample
        walk.append(x.clone())
    keep(label, walk, fresh, path=schedule, sampler=sampler, spacing=spacing, steps=steps, eta=eta)


def by_ratio(label, schedule, scheduler, steps, sampler):
    """Schedulers that see x / a, and count noise as s / a."""
    scheduler.set_timesteps(steps)
    sigmas = scheduler.sigmas.double()
    scale = lambda sigma: (1 + sigma**2).sqrt()  # 1 / a
    x, walk = START * scale(sigmas[0]), [START.clone()]
    for i, t in enumerate(scheduler.timesteps):
        sigma = sigmas[i]
        a, s = 1 / scale(sigma), sigma / scale(sigma)
        seen = scheduler.scale_model_input(x, t)
        assert torch.allclose(seen.double(), x * a, atol=1e-6)
        x = scheduler.step(noise(x * a, a, s), t, x).prev_sample.double()
        walk.append(x / scale(sigmas[i + 1]))
    keep(label, walk, [], path=schedule, sampler=sampler, spacing="even", steps=steps, eta=0.0)


for name, betas in BETAS.items():
    plain = {"clip_sample": False, **betas}
    preserving(f"ddpm {name}", name, DDPMScheduler(**plain), 10, "ddpm", "leading")
    for eta in [0.0, 0.6]:
        preserving(f"ddim {name} {eta}", name, DDIMScheduler(set_alpha_to_one=True, **plain), 10, "ddim", "leading", eta)
    solver = DPMSolverMultistepScheduler(final_sigmas_type="zero", timestep_spacing="trailing", **betas)
    preserving(f"dpm {name}", name, solver, 8, "dpm++2m", "trailing")

# Steps that visit whole levels: others the schedulers interpolate.
by_ratio("euler", "linear", EulerDiscreteScheduler(**BETAS["linear"]), 10, "euler")
by_ratio("heun", "linear", HeunDiscreteScheduler(**BETAS["linear"]), 10, "heun")

flow = FlowMatchEulerDiscreteScheduler()
flow.set_timesteps(sigmas=np.linspace(1.0, 0.125, 8).tolist())
x, walk = START.clone(), [START.clone()]
for i, t in enumerate(flow.timesteps):
    s = flow.sigmas[i].double()
    a = 1 - s
    # At a = 0 x holds nothing of x0, whose mean is 0.
    velocity = noise(x, a, s) - clean(x, a, s)
    x = flow.step(velocity, t, x).prev_sample.double()
    walk.append(x.clone())
keep("flow euler", walk, [], path="straight", sampler="euler", spacing="trailing", steps=8, eta=0.0)

write("samplers.safetensors", {k: v.astype(np.float32) for k, v in tensors.items()}, metadata)
for label in sorted(k for k in tensors if k.endswith("walk")):
    print(label, tensors[label][-1])
