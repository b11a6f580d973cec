#!/usr/bin/python3
"""The yardstick: the benchmark's work in eager PyTorch, as one would write it by hand.

`eager.py export DIR` writes what both sides compute from (weights, inputs) and what this side makes of it, so that
compare can check that both do the same work. `eager.py run WORK DIR` times one work and prints JSON.
"""

import argparse
import json
import math
import os
import sys
import time

import torch
from torch import nn

ORDER, WIDTH, DEPTH, EMBEDDING = 2, 256, 5, 32
POSTERIOR_ORDER, CORRECTIONS, TAU, STEPS = 4, 4, 0.25, 256
ETA, GAMMA, NOISE = 1e-3, 1e-2, 0.05
LENGTH, EVERY = 65, 8
DT, SIGMA, RHO, BETA = 0.025, 10.0, 28.0, 8.0 / 3.0
MEAN, STD = (0.0, 0.0, 25.0), (8.0, 9.0, 8.6)
TRAJECTORIES, STATES = 1024, 64
PARTICLES, SPIN_UP = 16384, 64
TIME = 0.4  # of the guided evaluation
FLOW_SIZE, FLOW_CHANNELS, FLOW_BLOCKS, FLOW_EMBEDDING = 64, (96, 192, 384), 3, 64
FLOW_LENGTH, FLOW_EVERY, FLOW_COARSEN, FLOW_NOISE, FLOW_BATCH = 12, 4, 8, 0.1, 16
FILTER_RUNS = 16  # whose mean evidence both sides must agree on


# The network --------------------------------------------------------------------------------------------------------


class TimeEmbedding(nn.Sequential):
    """(cos, sin)(π j t), j = 1 … 16, then two linear maps."""

    def __init__(self, features):
        super().__init__(nn.Linear(32, 256), nn.SiLU(), nn.Linear(256, features))
        self.register_buffer("angular", math.pi * torch.arange(1, 17), persistent=False)

    def forward(self, t):
        phase = self.angular * t.unsqueeze(-1)
        return super().forward(torch.cat((phase.cos(), phase.sin()), dim=-1))


class UnbiasedNorm(nn.Module):
    """(h − mean) / √(unbiased variance + 1e-5) over the features."""

    def forward(self, h):
        variance, mean = torch.var_mean(h, dim=-1, unbiased=True, keepdim=True)
        return (h - mean) / (variance + 1e-5).sqrt()


class Residual(nn.Sequential):
    def __init__(self, width):
        super().__init__(UnbiasedNorm(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, h):
        return h + super().forward(h)


class WindowNet(nn.Module):
    """ε of windows (n, 2k+1, 3) at times t, a scalar or (n)."""

    def __init__(self, order=ORDER):
        super().__init__()
        self.order = order
        features = (2 * order + 1) * 3
        self.embedding = TimeEmbedding(EMBEDDING)
        self.network = nn.Sequential(
            nn.Linear(features + EMBEDDING, WIDTH),
            *(Residual(WIDTH) for _ in range(DEPTH)),
            nn.Linear(WIDTH, features),
            Residual(features),
        )

    def forward(self, windows, t):
        rows = windows.flatten(1)
        time_features = self.embedding(t).expand(rows.shape[0], -1)
        return self.network(torch.cat((rows, time_features), dim=1)).view_as(windows)


class ChannelNorm(nn.Module):
    """(h − mean) / √(unbiased variance + 1e-5) over the channels."""

    def forward(self, h):
        variance, mean = torch.var_mean(h, dim=1, unbiased=True, keepdim=True)
        return (h - mean) / (variance + 1e-5).sqrt()


def convolution(into, out, stride=1):
    return nn.Conv2d(into, out, 3, stride, padding=1, padding_mode="circular")


class Modulated(nn.Module):
    """h + residue(h + projected time)."""

    def __init__(self, width):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(FLOW_EMBEDDING, width))
        self.residue = nn.Sequential(ChannelNorm(), convolution(width, width), nn.SiLU(), convolution(width, width))

    def forward(self, h, time):
        return h + self.residue(h + self.project(time)[..., None, None])


class FlowNet(nn.Module):
    """ε of windows (n, 2k+1, 2, 64, 64) of a flow whose forcing stands beside it, at times t, a scalar or (n)."""

    def __init__(self):
        super().__init__()
        self.order, levels, channels = ORDER, len(FLOW_CHANNELS), (2 * ORDER + 1) * 2
        self.embedding = TimeEmbedding(FLOW_EMBEDDING)
        self.network = nn.Module()
        self.network.heads, self.network.tails = nn.ModuleList(), nn.ModuleList()
        self.network.descent, self.network.ascent = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(FLOW_CHANNELS):
            finer = FLOW_CHANNELS[i - 1]
            head = convolution(channels + 1, width) if i == 0 else nn.Sequential(convolution(finer, width, 2))
            self.network.heads.append(head)
            self.network.descent.append(nn.ModuleList(Modulated(width) for _ in range(FLOW_BLOCKS)))
        for i in reversed(range(levels)):
            width, finer = FLOW_CHANNELS[i], FLOW_CHANNELS[i - 1]
            self.network.ascent.append(nn.ModuleList(Modulated(width) for _ in range(FLOW_BLOCKS)))
            up = nn.Sequential(ChannelNorm(), nn.Upsample(scale_factor=2), convolution(width, finer))
            self.network.tails.append(convolution(width, channels) if i == 0 else up)
        y = 2 * math.pi / FLOW_SIZE * (torch.arange(FLOW_SIZE) + 0.5)
        self.register_buffer("forcing", torch.sin(4 * y).expand(1, FLOW_SIZE, FLOW_SIZE).clone())

    def forward(self, windows, t):
        time = self.embedding(t)
        h = windows.flatten(1, 2)
        h = torch.cat((h, self.forcing.expand(h.shape[0], -1, -1, -1)), dim=1)
        skips = []
        for head, blocks in zip(self.network.heads, self.network.descent):
            h = head(h)
            for block in blocks:
                h = block(h, time)
            skips.append(h)
        skips.pop()
        for tail, blocks in zip(self.network.tails, self.network.ascent):
            for block in blocks:
                h = block(h, time)
            h = tail(h)
            if skips:
                h = h + skips.pop()
        return h.view_as(windows)


def mu(t):
    return torch.cos(math.acos(math.sqrt(ETA)) * t) ** 2


def sigma(t):
    return (1 - mu(t) ** 2 + ETA**2).sqrt()


# Guided evaluation --------------------------------------------------------------------------------------------------


def trajectory_epsilon(net, x, t):
    """ε of trajectories (member, length, …event) from all windows of 2k+1 states."""
    order = net.order
    members, width, event = x.shape[0], 2 * order + 1, x.shape[2:]
    windows = x.unfold(1, width, 1).movedim(-1, 2)
    epsilon = net(windows.reshape(-1, width, *event), t).view(members, -1, width, *event)
    return torch.cat((epsilon[:, 0, :order], epsilon[:, :, order], epsilon[:, -1, order + 1 :]), dim=1)


def first_of_every_eighth(x):
    return x[:, ::EVERY, :1]


def averages_of_every_fourth(x):
    return nn.functional.avg_pool2d(x[:, ::FLOW_EVERY].flatten(0, 1), FLOW_COARSEN).unflatten(0, (x.shape[0], -1))


def guided_epsilon(net, x, y, t, observe=first_of_every_eighth, noise=NOISE):
    """SDA: p(y | x(t)) = N(y | A(x̂), Σ_y + (σ²/μ²) γ), A what `observe` does."""
    m, s = mu(t), sigma(t)
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        epsilon = trajectory_epsilon(net, x, t)
        denoised = (x - s * epsilon) / m
        residual = y - observe(denoised)
        log_likelihood = -(residual**2 / (noise**2 + GAMMA * (s / m) ** 2)).sum() / 2
        (gradient,) = torch.autograd.grad(log_likelihood, x)
    return epsilon.detach() - s * gradient


def guided_flow(net, x, y, t):
    return guided_epsilon(net, x, y, t, averages_of_every_fourth, FLOW_NOISE)


def posterior_step(net, x, y, t, to):
    """One exponential step from t to `to`, then Langevin corrections."""
    r = mu(to) / mu(t)
    x = r * x + (sigma(to) - r * sigma(t)) * guided_epsilon(net, x, y, t)
    for _ in range(CORRECTIONS):
        epsilon = guided_epsilon(net, x, y, to)
        delta = TAU / epsilon.square().mean(dim=(1, 2), keepdim=True)
        x = x - (delta * epsilon + torch.sqrt(2 * delta) * torch.randn_like(x)) * sigma(to)
    return x


# Training -----------------------------------------------------------------------------------------------------------


def denoising_loss(net, x, t, noise):
    each = (-1,) + (1,) * (x.dim() - 1)
    scale, spread = mu(t).view(each), sigma(t).view(each)
    return (net(scale * x + spread * noise, t) - noise).pow(2).mean()


def train_epoch(net, optimiser, states, batch):
    """One random window of each trajectory, in random order."""
    width = 2 * ORDER + 1
    order = torch.randperm(states.shape[0])
    starts = torch.randint(states.shape[1] - width + 1, (states.shape[0], 1))
    windows = states[order.unsqueeze(1), starts + torch.arange(width)]
    for x in windows.split(batch):
        optimiser.zero_grad()
        denoising_loss(net, x, torch.rand(x.shape[0]), torch.randn_like(x)).backward()
        optimiser.step()


# Simulation and filter ----------------------------------------------------------------------------------------------


def tendency(state):
    x, y, z = state.unbind(-1)
    return torch.stack((SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z), dim=-1)


def rk4(state):
    k1 = tendency(state)
    k2 = tendency(state + DT / 2 * k1)
    k3 = tendency(state + DT / 2 * k2)
    k4 = tendency(state + DT * k3)
    return state + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def transition(state):
    return rk4(state) + math.sqrt(DT) * torch.randn_like(state)


def first_states(n):
    covariance = torch.tensor([[64.0, 50.0, 0.0], [50.0, 81.0, 0.0], [0.0, 0.0, 75.0]])
    return torch.tensor(MEAN) + torch.randn(n, 3) @ torch.linalg.cholesky(covariance).T


def particle_filter(y, kept):
    """Bootstrap filter with systematic resampling; ancestors are traced once, at the end. Returns log p(y)."""
    x = first_states(PARTICLES)
    for _ in range(SPIN_UP):
        x = transition(x)
    particles, ancestors, log_evidence = [], [], 0.0
    nobody_died = torch.arange(PARTICLES)
    for i in range(LENGTH):
        if i > 0:
            x = transition(x)
        parents = nobody_died
        if i % EVERY == 0:
            reading = (x[:, 0] - MEAN[0]) / STD[0]
            log_weights = -((y[i // EVERY, 0] - reading) / NOISE) ** 2 / 2 - math.log(NOISE * math.sqrt(2 * math.pi))
            log_evidence += (torch.logsumexp(log_weights.double(), 0) - math.log(PARTICLES)).item()
            cumulative = torch.softmax(log_weights.double(), 0).cumsum(0)
            places = (torch.arange(PARTICLES) + torch.rand(1).double()) / PARTICLES
            parents = torch.searchsorted(cumulative, places).clamp_max(PARTICLES - 1)
        particles.append(x)
        ancestors.append(parents)
        x = x[parents]
    line = torch.randperm(PARTICLES)[:kept]
    path = []
    for states, parents in zip(reversed(particles), reversed(ancestors)):
        line = parents[line]
        path.append(states[line])
    return torch.stack(path[::-1], dim=1), log_evidence


# What both sides share ----------------------------------------------------------------------------------------------


def write_tensors(folder, name, tensors):
    """float32, one after the other in NAME.bin, found through NAME.json."""
    index, offset = {}, 0
    with open(os.path.join(folder, name + ".bin"), "wb") as file:
        for key, value in tensors.items():
            values = value.detach().float().contiguous()
            file.write(values.numpy().tobytes())
            index[key] = {"shape": list(values.shape), "offset": offset}
            offset += values.numel() * 4
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
        json.dump(index, file)


def read_tensors(folder, name):
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
        index = json.load(file)
    with open(os.path.join(folder, name + ".bin"), "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    return {
        key: values[e["offset"] // 4 :][: math.prod(e["shape"])].view(e["shape"]).clone() for key, e in index.items()
    }


def export(folder, members):
    torch.manual_seed(0)
    net = WindowNet()
    truth = [first_states(1)]
    for _ in range(SPIN_UP + LENGTH - 1):
        truth.append(transition(truth[-1]))
    truth = (torch.cat(truth[SPIN_UP:]) - torch.tensor(MEAN)) / torch.tensor(STD)
    inputs = {
        "x": torch.randn(members, LENGTH, 3),
        "y": truth[::EVERY, :1] + NOISE * torch.randn(truth[::EVERY, :1].shape),
        "states": torch.randn(TRAJECTORIES, STATES, 3),
        "batch": torch.randn(64, 2 * ORDER + 1, 3),
        "batch_time": torch.rand(64),
        "batch_noise": torch.randn(64, 2 * ORDER + 1, 3),
        "start": first_states(TRAJECTORIES),
    }
    flow = FlowNet()
    grid = (2, FLOW_SIZE, FLOW_SIZE)
    inputs.update(
        {
            "flow": torch.randn(1, FLOW_LENGTH, *grid),
            "flow_y": torch.randn((FLOW_LENGTH - 1) // FLOW_EVERY + 1, 2, *[FLOW_SIZE // FLOW_COARSEN] * 2),
            "flow_states": torch.randn(FLOW_BATCH, 2 * ORDER + 1, *grid),
            "flow_batch": torch.randn(2, 2 * ORDER + 1, *grid),
            "flow_time": torch.tensor([0.2, 0.7]),
            "flow_noise": torch.randn(2, 2 * ORDER + 1, *grid),
            "forcing": flow.forcing,
        }
    )
    write_tensors(folder, "flow_weights", dict(flow.named_parameters()))
    write_tensors(folder, "weights", net.state_dict())
    write_tensors(folder, "posterior_weights", WindowNet(POSTERIOR_ORDER).state_dict())
    write_tensors(folder, "inputs", inputs)
    loss = denoising_loss(net, inputs["batch"], inputs["batch_time"], inputs["batch_noise"])
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    few = inputs["x"][:16]
    evidence = [particle_filter(inputs["y"], 1024)[1] for _ in range(FILTER_RUNS)]
    results = {
        "guided": guided_epsilon(net, few, inputs["y"], torch.tensor(TIME)),
        "loss": loss.reshape(1),
        "next": rk4(inputs["start"]),
        "log_evidence": torch.tensor(evidence).exp().mean().log().reshape(1),
    }
    results.update({"gradient of " + n: g for (n, _), g in zip(net.named_parameters(), gradients)})
    loss = denoising_loss(flow, inputs["flow_batch"], inputs["flow_time"], inputs["flow_noise"])
    gradients = torch.autograd.grad(loss, list(flow.parameters()))
    flow.requires_grad_(False)
    results["flow_guided"] = guided_flow(flow, inputs["flow"], inputs["flow_y"], torch.tensor(TIME))
    results["flow_loss"] = loss.detach().reshape(1)
    results.update({"flow_gradient of " + n: g for (n, _), g in zip(flow.named_parameters(), gradients)})
    write_tensors(folder, "eager", results)


# Timing -------------------------------------------------------------------------------------------------------------


def time_of(work, seconds):
    """Seconds of each repetition after a first that is not counted, for about `seconds` in all."""
    work()
    durations = []
    while not durations or sum(durations) < seconds:
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return durations


def run(work, folder, seconds):
    inputs = read_tensors(folder, "inputs")
    net = WindowNet()
    net.load_state_dict(read_tensors(folder, "weights"))
    if work == "guided":
        net.requires_grad_(False)
        x, t = inputs["x"], torch.tensor(TIME)
        return x.shape[0], time_of(lambda: guided_epsilon(net, x, inputs["y"], t), seconds)
    if work == "posterior":
        net = WindowNet(POSTERIOR_ORDER)
        net.load_state_dict(read_tensors(folder, "posterior_weights"))
        net.requires_grad_(False)
        x, t, to = inputs["x"], torch.tensor(0.5), torch.tensor(0.5 - 1 / STEPS)
        return 1, time_of(lambda: posterior_step(net, x, inputs["y"], t, to), seconds)
    if work.startswith("unet"):
        net = FlowNet()
        net.load_state_dict(read_tensors(folder, "flow_weights"), strict=False)
    if work == "unet_guided":
        net.requires_grad_(False)
        x, t = inputs["flow"], torch.tensor(TIME)
        windows = x.shape[1] - 2 * ORDER
        return windows, time_of(lambda: guided_flow(net, x, inputs["flow_y"], t), seconds)
    if work == "unet_training":
        optimiser = torch.optim.AdamW(net.parameters(), lr=2e-4, weight_decay=1e-3)
        states = inputs["flow_states"]
        return states.shape[0], time_of(lambda: train_epoch(net, optimiser, states, FLOW_BATCH), seconds)
    if work.startswith("training"):
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
        batch = int(work.removeprefix("training_"))
        return TRAJECTORIES, time_of(lambda: train_epoch(net, optimiser, inputs["states"], batch), seconds)
    if work == "simulation":
        steps, start = 100, inputs["start"]

        def simulate():
            x = start
            for _ in range(steps):
                x = transition(x)

        return steps * TRAJECTORIES, time_of(simulate, seconds)
    if work == "filter":
        return PARTICLES * LENGTH, time_of(lambda: particle_filter(inputs["y"], 1024), seconds)
    sys.exit(f"unknown work {work}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    exporting = commands.add_parser("export")
    exporting.add_argument("folder")
    exporting.add_argument("--members", type=int, default=1024)
    running = commands.add_parser("run")
    running.add_argument("work")
    running.add_argument("folder")
    running.add_argument("--seconds", type=float, default=5.0)
    running.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.command == "export":
        export(arguments.folder, arguments.members)
        return
    if arguments.threads > 0:
        torch.set_num_threads(arguments.threads)
    with torch.set_grad_enabled("training" in arguments.work):
        units, durations = run(arguments.work, arguments.folder, arguments.seconds)
    print(json.dumps({"units": units, "seconds": durations, "version": "torch " + torch.__version__}))


if __name__ == "__main__":
    main()
