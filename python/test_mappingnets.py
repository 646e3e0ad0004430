"""Holds mappingnets.py to the golden files: python3 python/test_mappingnets.py"""

import json
import pathlib
import struct
import tempfile
import unittest

import numpy as np

import mappingnets

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
BANKS = ("formats-0.1.0", "formats-version-2", "scales-version-3", "buffers-version-3", "formats-version-3")
SHAPES = {
    "conv1.weight": (2, 1, 3, 3), "conv1.bias": (2,), "bn1.weight": (2,), "bn1.bias": (2,),
    "fc1.weight": (6, 8), "fc1.bias": (6,), "fc2.weight": (3, 6), "fc2.bias": (3,)}


def arrays(bank, name):
    return mappingnets.File(GOLDEN / bank / f"{name}.safetensors").arrays


def adapters(bank):
    paths = sorted(path for path in (GOLDEN / bank).iterdir() if path.name.startswith(("mapped", "tuned")))
    return [path for path in paths if "dense" not in path.name and "gates" not in path.name]


def expected_weights(bank, name):
    flat = arrays(bank, "expected")[name]
    if "low-rank" not in name:
        return flat
    # The library's own are the two factors of fc1.weight, of rank 1.
    before, left, right, after = np.split(flat, [24, 30, 38])
    return np.concatenate([before, (left[:, None] @ right[None]).reshape(-1), after])


class Adapters(unittest.TestCase):
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

    def refused(self, reason, path, shapes=SHAPES, **arguments):
        with self.assertRaisesRegex(ValueError, reason):
            mappingnets.load(path, shapes, **arguments)

    def test_fields_that_are_not_known_are_refused(self):
        v3, base = "formats-version-3", arrays("formats-version-3", "base")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "changed.safetensors")

            def write(bank, name, **changes):
                content = (GOLDEN / bank / f"{name}.safetensors").read_bytes()
                end = 8 + int.from_bytes(content[:8], "little")
                header = json.loads(content[8:end])
                metadata = header["__metadata__"]
                for key, change in changes.items():
                    metadata[key] = change(metadata.get(key))
                signed = mappingnets.File(GOLDEN / bank / f"{name}.safetensors")
                signed.metadata = metadata
                if "content_sha256" in metadata:
                    metadata["content_sha256"] = signed.content_hash()
                text = json.dumps(header).encode()
                path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])

            def extended(inner=lambda found: found):
                def change(text):
                    found = json.loads(text)
                    inner(found)["later"] = 1
                    return json.dumps(found)
                return change

            write(v3, "mapped-permutation", later=lambda _: "1")
            self.refused("'metadata' has the field 'later'", path)
            write(v3, "mapped-permutation", later=lambda _: "1", optional_fields=lambda _: '["later"]')
            mappingnets.load(path, SHAPES)
            write(v3, "mapped-permutation", optional_fields=lambda _: '{"later": 1}')
            self.refused("list of names", path)
            for stated in ('{"conv1.weight": 0}', '{"elsewhere": 1}', '{"conv1.weight": "9"}'):
                write(v3, "mapped-permutation", fan_ins=lambda _: stated)
                self.refused("'fan_ins' has", path)
            write("formats-version-2", "mapped-permutation", later=lambda _: "1")
            mappingnets.load(path, SHAPES)
            for bank, name, key, inner in (
                    (v3, "mapped-permutation", "mapping", lambda found: found),
                    (v3, "mapped-low-rank", "mapping", lambda found: found["lowRank"][0]),
                    (v3, "mapped-int8", "encodings", lambda found: found["latent"]),
                    (v3, "tuned-three-ways", "configuration", lambda found: found),
                    (v3, "tuned-three-ways", "configuration", lambda found: found["parts"][1]),
                    (v3, "tuned-mapping", "configuration", lambda found: found["parts"][0]["mapping"]),
                    ("formats-0.1.0", "tuned-groups", "configuration", lambda found: found)):
                with self.subTest(f"{bank}/{name} {key}"):
                    write(bank, name, **{key: extended(inner)})
                    self.refused("the field 'later'", path, base=base)

    def test_what_does_not_fit_is_refused(self):
        bank = GOLDEN / BANKS[-1]
        self.refused("other names or shapes", bank / "mapped-half.safetensors", {**SHAPES, "fc2.weight": (3, 7)})
        self.refused("dense", bank / "mapped-dense-scales.safetensors")
        self.refused("an adapter is one of", bank / "base.safetensors")
        self.refused("base=", bank / "tuned-lora.safetensors")
        for gates in ("tuned-gates", "tuned-gates-and-scales"):
            self.refused("'gates' is unknown", GOLDEN / "scales-version-3" / f"{gates}.safetensors", base=arrays(BANKS[-1], "base"))
        base = arrays(BANKS[-1], "base")
        for name, new_head in (("conv1.weight", False), ("fc2.weight", True)):
            other = {**base, name: base[name] + np.float32(1)}
            self.refused("other weights", bank / "tuned-lora.safetensors", base=other)
            if new_head:  # what the adapter starts anew may be anything in the base
                mappingnets.load(bank / "tuned-new-head.safetensors", SHAPES, base=other)
            else:
                self.refused("other weights", bank / "tuned-new-head.safetensors", base=other)
        content = (bank / "mapped-permutation.safetensors").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            damaged = pathlib.Path(folder, "damaged.safetensors")
            for change in (content[:-1] + bytes([content[-1] ^ 1]), content[:40], b"", content.replace(b'"seed', b'"sead')):
                damaged.write_bytes(change)
                self.refused("damaged|no safetensors|bytes that its shape", damaged)

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

    def test_what_a_file_claims_is_held_to_its_bytes_before_memory_is_taken(self):
        vast, stored = [100_000_000_000], {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "claims.safetensors")
            for encoding in (
                    {"precision": "int8", "shape": vast, "group": 4}, {"precision": "int4", "shape": vast, "group": 4},
                    {"precision": "half", "shape": vast, "sparse": True}, {"precision": "single", "shape": [-4]},
                    {"precision": "single", "shape": [-1, -4]}):
                header = json.dumps({
                    "__metadata__": {"encodings": json.dumps({"w": encoding})}, "w": stored, "w_mask": {**stored, "dtype": "U8"}, "w_scale": stored})
                path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
                with self.assertRaisesRegex(mappingnets.FormatError, "the size of 'w'"):
                    mappingnets.File(path).decoded()
            for header, reason in (
                    ({"w": {**stored, "shape": [-1, -4]}}, "the bytes that its shape needs"),
                    ({"__metadata__": {"format": "x", "epochs": 3}, "w": stored}, "no text: .'epochs'"),
                    ({"__metadata__": {"epochs": 3, "content_sha256": "0"}, "w": stored}, "no text: .'epochs'")):
                text = json.dumps(header).encode()
                path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
                with self.assertRaisesRegex(mappingnets.FormatError, reason):
                    mappingnets.File(path)
        with self.assertRaisesRegex(mappingnets.FormatError, "have version 3"):
            mappingnets.generate(
                {**mappingnets._FRESH, "seed": 1, "fixedWeightsVersion": 3}, mappingnets.tensors_of(SHAPES), {"latent": np.zeros(1, np.float32)})
        with self.assertRaisesRegex(mappingnets.FormatError, "the rank of 'fc1.weight'"):
            list(mappingnets._factors({"fc1.weight": 100_000_000_000}, mappingnets.tensors_of(SHAPES)))


if __name__ == "__main__":
    unittest.main()
