"""Turns a stable-baselines3 PPO policy into the ONNX file that kalshi-actor runs.

    python export_onnx.py policy.zip model.onnx --notes "who trained it, on what"

Accepts any PPO zip with a plain MlpPolicy from Box(52,) to Discrete(5), with Tanh or ReLU. The file has only the policy
trunk and the action layer (the logits, whose argmax is the action), plus the metadata described in README.md, and is
checked against torch before it is written. Anything else is refused with what was found.
"""

import argparse
import os
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor

FORMAT = "kalshi-actor/policy/1"
KEY_PREFIX = "kalshi_actor."
ACTIONS = "hold,buy_yes,sell_yes,buy_no,sell_no"
FEATURES = 52
OPERATOR_SET = 17
IR_VERSION = 8
CHECKED_OBSERVATIONS = 4096
TOLERANCE = 1e-5
ACTIVATIONS = {torch.nn.Tanh: "Tanh", torch.nn.ReLU: "Relu"}


class Refused(Exception):
    """The zip is not a policy that kalshi-actor can run."""


def require(condition, what, found, expected):
    if not condition:
        raise Refused(f"{what} is {found}; expected {expected}")


def policy_layers(policy):
    """Returns (weight, bias, activation name or None) of each layer, from observation to logits."""
    require(type(policy) is ActorCriticPolicy, "the policy class", type(policy).__name__, "ActorCriticPolicy (MlpPolicy)")
    box, discrete = policy.observation_space, policy.action_space
    require(isinstance(box, spaces.Box) and box.shape == (FEATURES,), "the observation space", box, f"Box({FEATURES},)")
    require(isinstance(discrete, spaces.Discrete) and int(discrete.n) == 5 and int(discrete.start) == 0,
            "the action space", discrete, "Discrete(5) from 0")
    extractor = type(policy.pi_features_extractor)
    require(extractor is FlattenExtractor, "the features extractor", extractor.__name__, "FlattenExtractor")
    layers = []
    for module in [*policy.mlp_extractor.policy_net, policy.action_net]:
        if isinstance(module, torch.nn.Linear):
            layers.append([module.weight.detach().numpy(), module.bias.detach().numpy(), None])
        else:
            require(type(module) in ACTIVATIONS, "a module of the policy network", type(module).__name__, "Linear, Tanh or ReLU")
            require(layers and layers[-1][2] is None, "an activation", "not after a Linear", "one after each hidden layer")
            layers[-1][2] = ACTIVATIONS[type(module)]
    require(all(layer[2] for layer in layers[:-1]), "a hidden layer", "without an activation", "Tanh or ReLU after it")
    for weight, bias, _ in layers:
        require(np.isfinite(weight).all() and np.isfinite(bias).all(), "a weight or bias", "not finite", "a finite number")
    return layers


def build(layers, metadata):
    """Builds the ONNX model: Gemm and activation, layer by layer."""
    nodes, tensors, value = [], [], "observation"
    for position, (weight, bias, activation) in enumerate(layers):
        last = position == len(layers) - 1
        tensors.append(onnx.numpy_helper.from_array(weight.astype(np.float32), f"layer{position}.weight"))
        tensors.append(onnx.numpy_helper.from_array(bias.astype(np.float32), f"layer{position}.bias"))
        result = "logits" if last else f"layer{position}.sums"
        nodes.append(onnx.helper.make_node(
            "Gemm", [value, f"layer{position}.weight", f"layer{position}.bias"], [result], name=f"layer{position}", transB=1))
        value = result
        if activation:
            nodes.append(onnx.helper.make_node(activation, [value], [f"layer{position}.output"], name=f"layer{position}.activation"))
            value = f"layer{position}.output"
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes, "policy",
        [onnx.helper.make_tensor_value_info("observation", floats, ["N", FEATURES])],
        [onnx.helper.make_tensor_value_info("logits", floats, ["N", 5])], tensors)
    model = onnx.helper.make_model(
        graph, producer_name="kalshi-actor export_onnx.py", ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_operatorsetid("", OPERATOR_SET)])
    onnx.helper.set_model_props(model, {KEY_PREFIX + key: value for key, value in metadata.items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def check(model, policy):
    """Compares onnxruntime on the file with torch on the policy, and returns the largest difference of a logit."""
    observations = np.random.default_rng(52).uniform(-2, 2, (CHECKED_OBSERVATIONS, FEATURES)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"observation": observations})[0]
    with torch.no_grad():
        # The distribution's logits are normalised, so the comparison is with the action layer itself.
        features = policy.extract_features(torch.from_numpy(observations), policy.pi_features_extractor)
        logits = policy.action_net(policy.mlp_extractor.forward_actor(features)).numpy()
        chosen = policy.get_distribution(torch.from_numpy(observations)).mode().numpy()
    scale = max(1.0, float(np.abs(logits).max()))
    difference = float(np.abs(found - logits).max())
    require(difference <= TOLERANCE * scale, "the largest difference from torch", difference, f"at most {TOLERANCE * scale}")
    top = np.sort(logits, axis=1)
    clear = top[:, -1] - top[:, -2] > 2 * TOLERANCE * scale
    differing = int((found.argmax(axis=1) != chosen)[clear].sum())
    require(differing == 0, "the number of actions that differ from torch's", differing, "none")
    return difference


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="the zip that PPO.save wrote")
    parser.add_argument("model", help="the ONNX file to write")
    parser.add_argument("--observation", default="obs52/1", help="observation schema (default %(default)s)")
    parser.add_argument("--point-ms", type=int, default=1000, help="width of a point of the history (default %(default)s)")
    parser.add_argument("--decide-ms", type=int, default=250, help="width of a decision bucket (default %(default)s)")
    parser.add_argument("--contracts", default="10.00", help="contracts an order (default %(default)s)")
    parser.add_argument("--pricing", default="passive", choices=["aggressive", "passive", "mid"], help="(default %(default)s)")
    parser.add_argument("--order-ttl-ms", type=int, default=10000, help="rest of an order not wanted again (default %(default)s)")
    parser.add_argument("--notes", default="", help="what to know about the model")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    metadata = {
        "format": FORMAT,
        "observation": arguments.observation,
        "actions": ACTIONS,
        "point_ms": str(arguments.point_ms),
        "decide_ms": str(arguments.decide_ms),
        "contracts": arguments.contracts,
        "pricing": arguments.pricing,
        "order_ttl_ms": str(arguments.order_ttl_ms),
    }
    if arguments.notes:
        metadata["notes"] = arguments.notes
    try:
        policy = PPO.load(arguments.policy, device="cpu").policy
        model = build(policy_layers(policy), metadata)
        difference = check(model, policy)
    except (Refused, ValueError, FileNotFoundError) as refusal:
        sys.exit(f"{arguments.policy}: {refusal}")
    # Renamed into place, so that a reader never sees a partial model.
    unfinished = f"{arguments.model}.tmp"
    with open(unfinished, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))
    os.replace(unfinished, arguments.model)
    print(f"{arguments.model}: {os.path.getsize(arguments.model)} bytes, logits within {difference:.1e} of torch "
          f"on {CHECKED_OBSERVATIONS} observations")


if __name__ == "__main__":
    main()
