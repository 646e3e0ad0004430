"""Holds mappingnets.py to the golden files: python3 python/test_mappingnets.py"""

import ast
import itertools
import math
import pathlib
import unittest
from unittest import mock

import numpy as np

import mappingnets
from golden_files import BANKS, GOLDEN, SHAPES, AdapterCase, adapters, arrays, laid_out, safetensors


def expected_weights(bank, name):
    flat = arrays(bank, "expected")[name]
    if "low-rank" not in name:
        return flat
    # The library's own are the two factors of fc1.weight, of rank 1.
    before, left, right, after = np.split(flat, [24, 30, 38])
    return np.concatenate([before, (left[:, None] @ right[None]).reshape(-1), after])


class Unreadable:
    """What a tensor of PyTorch does that numpy has no type for."""

    def __array__(self, *_):
        raise TypeError("Got unsupported ScalarType BFloat16")


class Weights(AdapterCase):
    def test_every_kind_and_version_gives_the_weights_of_the_library(self):
        seen = 0
        for bank in BANKS:
            base = arrays(bank, "base")
            for path in adapters(bank):
                with self.subTest(f"{bank}/{path.name}"):
                    state = mappingnets.load(path, SHAPES, base=base)
                    found = np.concatenate([state[name].reshape(-1) for name in SHAPES])
                    wanted = expected_weights(bank, path.stem)
                    # Where the pages leave the last bits open they may differ.
                    if any(part in path.name for part in ("tanh", "sine", "additive", "linear", "lora", "three-ways", "low-rank")):
                        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
                    else:
                        np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
                    for buffer in ("running_mean", "running_var", "num_batches_tracked"):
                        np.testing.assert_array_equal(
                            state[f"bn1.{buffer}"], arrays(bank, "expected")[f"{path.stem}.bn1.{buffer}"])
                    seen += 1
        self.assertGreater(seen, 50)

    def test_a_name_without_a_point_is_a_layer_of_its_own(self):
        tensors = mappingnets.tensors_of({"weight": (10, 5), "bias": (10,), "0.weight": (4, 3), "0.bias": (4,), "scale": (7,)})
        self.assertEqual([5, 10, 3, 3, 7], [tensor.fan_in for tensor in tensors])
        self.assertEqual(["weight", "bias", "0", "0", "scale"], [tensor.layer for tensor in tensors])

    def test_latents_and_bases_are_held_to_the_description(self):
        tensors = mappingnets.tensors_of(SHAPES)
        mapping = dict(mappingnets._FRESH, seed=1, singleLatent=8)
        for length in (4, 9):
            with self.assertRaisesRegex(mappingnets.FormatError, "by the description it is 8 numbers"):
                mappingnets.generate(mapping, tensors, {"latent": np.zeros(length)})
        layers = [{"layer": layer, "latents": 3} for layer in ("conv1", "bn1", "fc1", "fc2")]
        mappingnets.generate(dict(mapping, layerWise=layers), tensors, {"latent": np.zeros(12)})
        with self.assertRaisesRegex(mappingnets.FormatError, "those of other layers"):
            mappingnets.generate(dict(mapping, layerWise=layers[::-1]), tensors, {"latent": np.zeros(12)})
        for latents in ((0, 3, 3, 3), (-1, 3, 3, 3), (21, 3, 3, 3)):  # conv1 has 20 weights
            layers = [{"layer": layer, "latents": d} for layer, d in zip(("conv1", "bn1", "fc1", "fc2"), latents)]
            with self.assertRaisesRegex(mappingnets.FormatError, "1 to as many as the weights"):
                mappingnets.generate(dict(mapping, layerWise=layers), tensors, {"latent": np.zeros(sum(latents))})
        base = arrays(BANKS[0], "base")  # its files have no hash of the base, which would tell otherwise
        turned = {**base, "fc1.weight": np.ascontiguousarray(base["fc1.weight"].T)}
        self.refused("other shapes than the network: 'fc1.weight'", GOLDEN / BANKS[0] / "tuned-groups.safetensors", base=turned)

    def test_a_base_may_hold_more_than_weights_and_buffers_where_these_are_named(self):
        base, bank = arrays("buffers-version-3", "base"), GOLDEN / "buffers-version-3"
        path = next(path for path in adapters(bank.name) if "base_buffers_sha256" in mappingnets.File(path).metadata)
        tied = {**base, "head.weight": base["fc2.weight"]}
        self.refused("taken to be .*head.weight", path, base=tied)
        state = mappingnets.load(path, SHAPES, base=tied, buffers=set(base) - set(SHAPES))
        self.assertEqual(set(base), set(state))

    def test_a_map_may_be_of_any_precision(self):
        bank = GOLDEN / "formats-version-2"  # whose files need no hash
        file = mappingnets.File(bank / "mapped-linear.safetensors")
        given = file.arrays["modulation.map"].astype(np.float64) * 1.1  # has digits that single precision does not
        loaded = {}
        for precision in (np.float32, np.float64, np.float16):
            self.path.write_bytes(laid_out({**file.arrays, "modulation.map": given.astype(precision)}, file.metadata))
            loaded[precision] = mappingnets.load(self.path, SHAPES)
        for name, values in loaded[np.float32].items():
            for precision, tolerance in ((np.float64, 0), (np.float16, 1e-2)):
                self.assertEqual(values.dtype, loaded[precision][name].dtype)
                np.testing.assert_allclose(loaded[precision][name], values, rtol=0, atol=tolerance)
        self.assertFalse(np.array_equal(loaded[np.float16]["fc1.weight"], loaded[np.float32]["fc1.weight"]))
        for other, name in ((np.int8, "modulation.map"), (np.float64, "latent")):
            self.path.write_bytes(laid_out({**file.arrays, name: file.arrays[name].astype(other)}, file.metadata))
            self.refused(f"in single precision: .'{name}'", self.path)

    def test_a_fault_of_the_caller_is_told_as_one(self):
        path, base = GOLDEN / BANKS[-1] / "tuned-groups.safetensors", arrays(BANKS[-1], "base")
        with self.assertRaises(ValueError) as missing:
            mappingnets.load(path, SHAPES)
        self.assertNotIsInstance(missing.exception, mappingnets.FormatError)
        self.refused("the base lacks .*'fc1.weight'", path, base={name: array for name, array in base.items() if name != "fc1.weight"})
        beside = GOLDEN / "buffers-version-3" / "tuned-scales-frozen.safetensors"
        for name in ("fc1.weight", "bn1.running_mean"):
            with self.subTest(name), self.assertRaisesRegex(TypeError, "^Got unsupported ScalarType BFloat16$"):
                mappingnets.load(beside, SHAPES, base={**arrays("buffers-version-3", "base"), name: Unreadable()})
        with self.assertRaisesRegex(KeyError, "bn1.elsewhere"):
            mappingnets.load(beside, SHAPES, base=arrays("buffers-version-3", "base"), buffers=["bn1.elsewhere"])
        with self.assertRaises(AttributeError):
            mappingnets.load(path, list(SHAPES), base=base)
        # What is not taken from a base may be anything.
        mappingnets.load(path, SHAPES, base={**base, "other": Unreadable()})
        mappingnets.load(GOLDEN / BANKS[-1] / "mapped-permutation.safetensors", SHAPES, base={"fc1.weight": Unreadable()})
        with self.assertRaises(FileNotFoundError):
            mappingnets.load(self.path, SHAPES)

    def test_what_is_taken_from_the_base_costs_no_fixed_weights(self):
        for bank, name in itertools.product(BANKS[:2] + BANKS[-1:], ("tuned-groups", "tuned-lora", "tuned-new-head")):
            with mock.patch.object(mappingnets, "apply_fixed_weights", side_effect=AssertionError("fixed weights are made")):
                state = mappingnets.load(GOLDEN / bank / f"{name}.safetensors", SHAPES, base=arrays(bank, "base"))
            self.assertTrue(all(array.flags.writeable for array in state.values()))
        with mock.patch.object(mappingnets, "generate", side_effect=AssertionError("a head is made that is not asked for")):
            mappingnets.load(GOLDEN / BANKS[-1] / "tuned-groups.safetensors", SHAPES, base=arrays(BANKS[-1], "base"))
        with mock.patch.object(mappingnets, "apply_fixed_weights", wraps=mappingnets.apply_fixed_weights) as made:
            bank = GOLDEN / "scales-version-3"
            mappingnets.load(bank / "tuned-scales-new-head.safetensors", SHAPES, base=mappingnets.File(bank / "base.safetensors").arrays)
        self.assertEqual([9], [len(call.args[-1]) for call in made.call_args_list])  # that of its part, and none for the head

    def test_a_latent_of_zeros_has_the_bits_of_the_whole_computation(self):
        # By this seed the bias has a 0 itself, the only number to which -0 is not the same as 0.
        seed, place, tensors, negative = 119_283, 26, mappingnets.tensors_of(SHAPES), 0
        bias = mappingnets.symmetric_uniform(mappingnets.named("bias", mappingnets.of_seed(seed)), sum(tensor.count for tensor in tensors))
        self.assertEqual([place], np.flatnonzero(bias == 0).tolist())
        self.assertFalse(np.signbit(bias[place]))
        for kind, d, strength, zero in itertools.product(("signed-permutation", "hadamard"), (1, 5, 16), (None, 0.5, -0.5), (0.0, -0.0)):
            latent = np.full(d, zero, np.float32)
            modulation = {"modulation": "additive" if strength else "none", "modulationStrength": strength}
            mapping = {**mappingnets._FRESH, **modulation, "seed": seed, "singleLatent": d, "fixedWeights": kind}
            found = np.concatenate([values.reshape(-1) for values in mappingnets.generate(mapping, tensors, {"latent": latent})])
            key = mappingnets.child(0, mappingnets.named("fixed-weights", mappingnets.of_seed(seed)))
            whole = mappingnets.apply_fixed_weights(kind, key, 2, len(bias), latent)
            negative += np.signbit(whole[place])
            whole = (whole + np.float32(strength) * np.dot(latent, latent) if strength else whole) + bias
            gains = np.concatenate([np.full(tensor.count, 1 / math.sqrt(tensor.fan_in), np.float32) for tensor in tensors])
            centers = np.concatenate([np.full(tensor.count, tensor.center, np.float32) for tensor in tensors])
            wanted = np.where(centers != 0, whole * gains + centers, whole * gains)
            np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
        self.assertGreater(negative, 0)
        with mock.patch.object(mappingnets, "apply_fixed_weights", wraps=mappingnets.apply_fixed_weights) as made:
            for bias, latent in (("zero", 0), ("uniform", 1), ("uniform", math.nan)):
                mappingnets.generate(dict(mappingnets._FRESH, seed=seed, bias=bias), tensors, {"latent": np.full(1, latent, np.float32)})
        self.assertEqual(3, made.call_count)

    def test_it_is_python_3_8(self):
        for path in pathlib.Path(__file__).parent.glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 8))):
                joins = isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
                dictionaries = [part for part in ast.walk(node) if isinstance(part, (ast.Dict, ast.DictComp))] if joins else []
                self.assertEqual([], dictionaries, f"{path.name}:{getattr(node, 'lineno', 0)} joins dictionaries as 3.9 does")
                self.assertFalse(isinstance(node, ast.Attribute) and node.attr in ("removeprefix", "removesuffix"))


if __name__ == "__main__":
    unittest.main()
