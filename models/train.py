"""Clones recorded decisions into a stable-baselines3 PPO policy.

    kalshi-actor run --policy maker --out session
    kalshi-actor journal decisions session > decisions.jsonl
    python train.py decisions.jsonl policy.zip

Each line is one decision: {"ts_ms": .., "market": "..", "observation": [52 numbers], "action": 0..4}; other keys are
ignored. The result is a real PPO("MlpPolicy") with two hidden layers of 64 (tanh) for policy and value, whose policy
network is fitted to the decisions with class-balanced cross entropy. The value network stays untrained, since there are
no rewards here. Reinforcement learning can start from the zip.

The last fifth of each market's decisions is held out, and the policy's choices there are printed by action. The split is
not random, since neighbouring decisions are alike and a random split would only test memory.
"""

import argparse
import json
import sys

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO

FEATURES = 52
ACTIONS = ["hold", "buy_yes", "sell_yes", "buy_no", "sell_no"]
HELD_OUT = 0.2
# Without a cap, an action with a handful of examples would outweigh all others together.
WEIGHT_MAX = 10.0


class Spaces(gymnasium.Env):
    """Has the spaces that PPO requires of an environment. It is never stepped."""

    observation_space = spaces.Box(-2.0, 2.0, (FEATURES,), np.float32)
    action_space = spaces.Discrete(len(ACTIONS))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(FEATURES, np.float32), {}


def read_decision(line):
    decision = json.loads(line)
    observation = np.asarray(decision["observation"], np.float32)
    action = decision["action"]
    if observation.shape != (FEATURES,) or not np.isfinite(observation).all():
        raise ValueError(f"an observation of shape {observation.shape}; expected {FEATURES} finite numbers")
    if type(action) is not int or not 0 <= action < len(ACTIONS):
        raise ValueError(f"action {action!r}; expected an integer from 0 to {len(ACTIONS) - 1}")
    return str(decision["market"]), int(decision["ts_ms"]), observation, action


def read_decisions(files):
    """Reads the decisions of all files as (training, validation), each (observations, actions)."""
    markets = {}
    for session, file in enumerate(files):
        with open(file, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    market, ts_ms, observation, action = read_decision(line)
                except (ValueError, KeyError, TypeError) as error:
                    sys.exit(f"{file}, line {number}: {error!r}")
                markets.setdefault((session, market), []).append((ts_ms, observation, action))
    training, held_out = [], []
    for decisions in markets.values():
        decisions.sort(key=lambda decision: decision[0])
        split = round(len(decisions) * (1 - HELD_OUT))
        training += decisions[:split]
        held_out += decisions[split:]
    if not training or not held_out:
        sys.exit(f"{', '.join(files)}: {len(training) + len(held_out)} decisions; expected at least five in a market")
    return [(np.stack([row[1] for row in rows]), np.array([row[2] for row in rows])) for rows in (training, held_out)]


def action_weights(actions):
    counts = np.bincount(actions, minlength=len(ACTIONS))
    present = counts > 0
    weights = np.zeros(len(ACTIONS))
    weights[present] = np.minimum(len(actions) / (present.sum() * counts[present]), WEIGHT_MAX)
    return torch.tensor(weights, dtype=torch.float32)


def policy_logits(policy, observations):
    return policy.action_net(policy.mlp_extractor.forward_actor(observations))


def fit(policy, observations, actions, epochs, batch, rate, seed):
    parameters = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    steps = epochs * -(-len(actions) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    loss_of = torch.nn.CrossEntropyLoss(weight=action_weights(actions))
    observations, actions = torch.from_numpy(observations), torch.from_numpy(actions)
    order = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(actions), generator=order).split(batch):
            optimizer.zero_grad()
            loss = loss_of(policy_logits(policy, observations[rows]), actions[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch + 1}: loss {total / len(actions):.4f}")


def report(policy, observations, actions):
    with torch.no_grad():
        chosen = policy_logits(policy, torch.from_numpy(observations)).argmax(dim=1).numpy()
    print(f"held out: {len(actions)} decisions, {np.mean(chosen == actions):.1%} as recorded")
    print(f"{'recorded':>10} {'count':>7} {'same':>7}   chosen: {' '.join(f'{name:>8}' for name in ACTIONS)}")
    for action, name in enumerate(ACTIONS):
        rows = actions == action
        same = f"{np.mean(chosen[rows] == action):.1%}" if rows.any() else "-"
        counts = np.bincount(chosen[rows], minlength=len(ACTIONS))
        print(f"{name:>10} {rows.sum():>7} {same:>7}           {' '.join(f'{count:>8}' for count in counts)}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decisions", nargs="+", help="files of decisions, one JSON object a line; each is one session")
    parser.add_argument("policy", help="the zip to write")
    parser.add_argument("--epochs", type=int, default=60, help="(default %(default)s)")
    parser.add_argument("--batch", type=int, default=256, help="(default %(default)s)")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default %(default)s)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)  # the networks are small, and one thread gives the same sums every time
    training, held_out = read_decisions(arguments.decisions)
    counts = np.bincount(training[1], minlength=len(ACTIONS))
    print(f"training: {len(training[1])} decisions: {', '.join(f'{n} {c}' for n, c in zip(ACTIONS, counts))}")
    model = PPO("MlpPolicy", Spaces(), seed=arguments.seed, device="cpu",
                policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}, "activation_fn": torch.nn.Tanh})
    fit(model.policy, *training, arguments.epochs, arguments.batch, arguments.rate, arguments.seed)
    report(model.policy, *held_out)
    model.save(arguments.policy)
    print(f"wrote {arguments.policy}")


if __name__ == "__main__":
    main()
