"""Holds mappingnets.py to what it must refuse: python3 python/test_refusals.py"""

import itertools
import json
import math
import re
import unittest
from unittest import mock

import numpy as np

import mappingnets
from golden_files import BANKS, GOLDEN, SHAPES, AdapterCase, arrays, changed, laid_out, safetensors


def places(found, place=()):
    """Where in a description each of its values stands."""
    yield place
    for key, value in found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ():
        yield from places(value, (*place, key))


def with_value(text, place, value):
    """A description in which some text stands at a place."""
    if not place:
        return value
    found = inner = json.loads(text)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = "HERE"
    return json.dumps(found).replace('"HERE"', value)


class Refusals(AdapterCase):
    def test_fields_that_are_not_known_are_refused(self):
        v3, base = "formats-version-3", arrays("formats-version-3", "base")
        path = self.path

        def write(bank, name, **changes):
            path.write_bytes(changed(bank, name, **changes))

        def extended(inner=lambda found: found):
            def change(text):
                found = json.loads(text)
                inner(found)["later"] = 1
                return json.dumps(found)
            return change

        write(v3, "mapped-permutation", later=lambda _: "1")
        self.refused("^'metadata' has the field 'later'", path)
        for later in ("later", "frozen_sha256", "scales"):
            write(v3, "mapped-permutation", **{later: lambda _: "1"}, optional_fields=lambda _: json.dumps([later]))
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
        for change in (content[:-1] + bytes([content[-1] ^ 1]), content[:-1], content[:40], b"", content.replace(b'"seed', b'"sead')):
            self.path.write_bytes(change)
            self.refused("damaged|no safetensors|bytes that its shape", self.path)

    def test_what_a_file_claims_is_held_to_its_bytes_before_memory_is_taken(self):
        vast, few = [100_000_000_000], np.zeros(4, np.uint8)
        for encoding in (
                {"precision": "int8", "shape": vast, "group": 4}, {"precision": "int4", "shape": vast, "group": 4},
                {"precision": "half", "shape": vast, "sparse": True}, {"precision": "single", "shape": [-4]},
                {"precision": "single", "shape": [-1, -4]}):
            self.path.write_bytes(laid_out({"w": few, "w_mask": few, "w_scale": few}, {"encodings": json.dumps({"w": encoding})}))
            with self.assertRaisesRegex(mappingnets.FormatError, "the size of 'w'"):
                mappingnets.File(self.path).decoded()
        stored = {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}
        for header, reason in (
                ({"w": {**stored, "shape": [-1, -4]}}, "the bytes that its shape needs"),
                ({"__metadata__": {"format": "x", "epochs": 3}, "w": stored}, "no text: .'epochs'"),
                ({"__metadata__": {"epochs": 3, "content_sha256": "0"}, "w": stored}, "no text: .'epochs'")):
            self.path.write_bytes(safetensors(header, bytes(4)))
            with self.assertRaisesRegex(mappingnets.FormatError, reason):
                mappingnets.File(self.path)
        with self.assertRaisesRegex(mappingnets.FormatError, "have version 3"):
            mappingnets.generate(
                {**mappingnets._FRESH, "seed": 1, "fixedWeightsVersion": 3}, mappingnets.tensors_of(SHAPES), {"latent": np.zeros(1, np.float32)})
        with self.assertRaisesRegex(mappingnets.FormatError, "the rank of 'fc1.weight'"):
            list(mappingnets._factors({"fc1.weight": 100_000_000_000}, mappingnets.tensors_of(SHAPES)))

    def test_tensors_lie_end_to_end(self):
        number = lambda begin, end: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for header, length in (
                ({"a": number(0, 4), "b": number(0, 4)}, 4), ({"a": number(0, 4), "b": number(3, 5)}, 5), ({"a": number(0, 4), "b": number(2, 2)}, 4),
                ({"a": number(0, 4), "b": number(5, 8)}, 8), ({"a": number(1, 4)}, 4), ({"a": number(0, 4)}, 5), ({}, 1)):
            with self.subTest(f"{header}, {length} bytes"):
                self.path.write_bytes(safetensors({"__metadata__": {"format": "pt"}, **header}, bytes(length)))
                with self.assertRaisesRegex(mappingnets.FormatError, "end to end"):
                    mappingnets.File(self.path)
        empty = {"b": number(0, 0), "e": number(8, 8), "a": number(4, 8), "c": number(0, 4), "d": number(4, 4)}
        self.path.write_bytes(safetensors({"__metadata__": {"format": "pt"}, **empty}, bytes(8)))
        self.assertEqual([0, 0, 4, 4, 0], [array.size for array in mappingnets.File(self.path).arrays.values()])
        self.path.write_bytes(safetensors({}))
        self.assertEqual({}, mappingnets.File(self.path).arrays)

    def test_one_mask_of_many_bits_is_not_stored_under_many_names(self):
        mask = {"dtype": "U8", "shape": [1000], "data_offsets": [0, 1000]}
        names = [f"w{number}" for number in range(40)]
        encodings = json.dumps({name: {"precision": "single", "shape": [8000], "sparse": True} for name in names})
        header = {"__metadata__": {"encodings": encodings}, **{name + "_mask": mask for name in names}}
        header.update((name, {"dtype": "F32", "shape": [0], "data_offsets": [1000, 1000]}) for name in names)
        self.path.write_bytes(safetensors(header, bytes(1000)))
        with self.assertRaisesRegex(mappingnets.FormatError, "end to end"):
            mappingnets.File(self.path).decoded()

    def test_what_is_stored_is_as_long_as_its_description_says(self):
        mask, odd_mask, half = np.array([255], np.uint8), np.array([7, 0], np.uint8), np.ones(1, np.float16)
        sparse = lambda precision, **more: {"precision": precision, "shape": [8], "sparse": True, **more}
        codes = {"precision": "int8", "shape": [8], "group": 4}
        for encoding, tensors, reason in (
                (sparse("single"), {"w": np.ones(1, np.float32), "w_mask": mask}, "stores 1 numbers; its mask keeps 8"),
                (sparse("half"), {"w": np.ones(9, np.float16), "w_mask": mask}, "stores 9 numbers; its mask keeps 8"),
                (sparse("int4", group=8), {"w": np.ones(5, np.uint8), "w_mask": mask, "w_scale": half}, "stores 5 numbers; its mask keeps 8"),
                (sparse("single"), {"w": np.ones(3, np.float32), "w_mask": odd_mask}, "the size of 'w' is 8"),
                ({"precision": "single", "shape": [8]}, {"w": np.ones(9, np.float32)}, "the size of 'w' is 8"),
                ({"precision": "int4", "shape": [8], "group": 8}, {"w": np.ones(5, np.uint8), "w_scale": half}, "the size of 'w' is 8"),
                (codes, {"w": np.ones(8, np.int8), "w_scale": half}, "1 steps for 8"),
                (codes, {"w": np.ones(8, np.int8), "w_scale": np.ones(3, np.float16)}, "3 steps for 8"),
                ({**codes, "group": 0}, {"w": np.ones(8, np.int8), "w_scale": half}, "groups of 0"),
                ({**codes, "group": -8}, {"w": np.ones(8, np.int8), "w_scale": half}, "groups of -8")):
            with self.subTest(f"{encoding} {reason}"):
                self.path.write_bytes(laid_out(tensors, {"encodings": json.dumps({"w": encoding})}))
                with self.assertRaisesRegex(mappingnets.FormatError, reason):
                    mappingnets.File(self.path).decoded()
        for encoding, tensors, decoded in (
                (sparse("int4", group=4), {"w": np.array([0x9A, 9], np.uint8), "w_mask": odd_mask[:1], "w_scale": np.ones(2, np.float16)}, [2, 1, 1] + 5 * [0]),
                ({**codes, "group": 64}, {"w": np.arange(8, dtype=np.int8), "w_scale": half}, range(8))):
            self.path.write_bytes(laid_out(tensors, {"encodings": json.dumps({"w": encoding})}))
            np.testing.assert_array_equal(mappingnets.File(self.path).decoded()["w"], np.array(decoded, np.float32))

    def test_damaged_and_foreign_files_are_refused_by_their_name(self):
        v2, base = "formats-version-2", arrays("formats-version-2", "base")
        put = lambda text, *place: lambda found: with_value(found, place, text)
        for content in (
                safetensors('{"a":' * 100_000 + "1" + "}" * 100_000), safetensors('{"a": ' + 5_000 * "9" + "}"), safetensors("[]"), safetensors("7"),
                safetensors({"__metadata__": None}), safetensors({"__metadata__": {"\ud800": "x", "content_sha256": "0"}}), safetensors({"a": 1}),
                safetensors({"a": {"dtype": [], "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
                safetensors({"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}, bytes(4)),
                safetensors({"a": {"dtype": "F32", "shape": 65 * [1], "data_offsets": [0, 4]}}, bytes(4)),
                changed(v2, "mapped-permutation", format_version=lambda _: None), changed(v2, "mapped-permutation", target_fingerprint=lambda _: None),
                changed(v2, "mapped-permutation", mapping=lambda _: None), changed(v2, "mapped-permutation", mapping=lambda _: "[" * 100_000),
                changed(v2, "mapped-permutation", mapping=lambda _: "{}"), changed(v2, "mapped-int8", encodings=put("0", "latent", "group")),
                changed(v2, "mapped-permutation", mapping=put("0", "singleLatent")), changed(v2, "mapped-permutation", mapping=put('"9"', "singleLatent")),
                changed(v2, "mapped-low-rank", mapping=put("[{}]", "lowRank")), changed(v2, "mapped-permutation", mapping=put('"none"', "bias")),
                changed(v2, "mapped-permutation", fan_ins=lambda _: '{"conv1.weight": 1' + 400 * "0" + "}"),
                changed(v2, "tuned-groups", configuration=put("0", "parts", 0, "latents")), changed(v2, "tuned-groups", configuration=put('"x"', "parts")),
                changed(v2, "tuned-groups", configuration=put('"other"', "parts", 0, "grouping")),
                changed(v2, "tuned-groups", configuration=put('"nowhere"', "parts", 0, "tensors"))):
            self.path.write_bytes(content)
            with self.subTest(content[:100]), self.assertRaisesRegex(mappingnets.FormatError, re.escape(str(self.path)) + "|the latent has|groups of"):
                mappingnets.load(self.path, SHAPES, base=base)

    def test_whatever_a_description_holds_nothing_but_a_refusal_comes_of_it(self):
        base, refused, read = arrays("formats-version-2", "base"), 0, 0
        odd = [None, True, -1, 0, 1.5, 7, 10 ** 30, 10 ** 400, math.nan, math.inf, "", "x", [], ["x"], [[]], {}, {"name": 1}]
        for name in ("mapped-hadamard-layers-additive", "mapped-low-rank", "mapped-int4", "tuned-groups-int8", "tuned-hashed", "tuned-three-ways"):
            metadata = mappingnets.File(GOLDEN / "formats-version-2" / f"{name}.safetensors").metadata
            for key in {"mapping", "configuration", "encodings"} & set(metadata):
                for place, value in itertools.product(places(json.loads(metadata[key])), odd):
                    content = changed("formats-version-2", name, **{key: lambda found: with_value(found, place, json.dumps(value))})
                    self.path.write_bytes(content)
                    with self.subTest(f"{name}: {place} is {value}"), np.errstate(all="ignore"):
                        try:
                            state = mappingnets.load(self.path, SHAPES, base=base)
                            self.assertEqual(SHAPES, {name: state[name].shape for name in SHAPES})
                            read += 1
                        except mappingnets.FormatError:
                            refused += 1
        self.assertGreater(refused, 500)
        self.assertGreater(read, 50)

    def test_numbers_are_finite_and_factors_in_range(self):
        base = arrays(BANKS[-1], "base")
        for name, tensor in (
                ("mapped-permutation", "latent"), ("tuned-mapping", "scales"), ("tuned-lora", "fc1.weight.lora_A"), ("tuned-new-head", "fc2.bias")):
            for number in (math.nan, math.inf, -math.inf):
                file = mappingnets.File(GOLDEN / BANKS[-1] / f"{name}.safetensors")
                file.arrays[tensor] = file.arrays[tensor].copy()
                file.arrays[tensor].reshape(-1)[-1] = number
                with mock.patch.object(mappingnets, "File", return_value=file):
                    self.refused(f"not finite .*'{re.escape(tensor)}'", self.path, base=base)
        file = mappingnets.File(GOLDEN / BANKS[-1] / "mapped-permutation.safetensors")
        file.arrays["latent"] = file.arrays["latent"].astype(np.float64)
        with mock.patch.object(mappingnets, "File", return_value=file):
            self.refused("in single precision", self.path)
        for name, key, *place in (
                ("mapped-permutation", "mapping", "fanInGain"), ("tuned-mapping", "configuration", "parts", 0, "mapping", "fanInGain")):
            for number in ("0", "-0.0", "-1", "-1e30"):
                self.path.write_bytes(changed(BANKS[-1], name, **{key: lambda found: with_value(found, place, number)}))
                self.refused("the gain is .*must be above 0", self.path, base=base)
        for name, key, *place in (
                ("mapped-permutation", "mapping", "fanInGain"), ("mapped-given-scales", "mapping", "scales", 3),
                ("mapped-hadamard-layers-additive", "mapping", "modulationStrength"), ("tuned-lora", "configuration", "parts", 0, "strength"),
                ("tuned-mapping", "configuration", "parts", 0, "mapping", "fanInGain")):
            for number in ("NaN", "1e400", "-1e31", "1e-31"):
                self.path.write_bytes(changed(BANKS[-1], name, **{key: lambda found: with_value(found, place, number)}))
                self.refused("from 1e-30 to 1e30", self.path, base=base)

    def test_scales_and_tensors_have_the_shapes_of_the_network(self):
        base = arrays(BANKS[-1], "base")
        for name, tensor, reason in (
                ("tuned-mapping", "scales", "other scales than one for each"), ("tuned-new-head", "fc2.weight", "other shapes than the network"),
                ("mapped-linear", "modulation.map", "cannot be read"), ("tuned-groups", "latent", "cannot be read"),
                ("mapped-pruned", "pruning_mask", "cannot be read")):
            file = mappingnets.File(GOLDEN / BANKS[-1] / f"{name}.safetensors")
            file.arrays[tensor] = file.arrays[tensor][:1]
            with self.subTest(tensor), mock.patch.object(mappingnets, "File", return_value=file):
                self.refused(reason, self.path, base=base)
        given = dict(mappingnets._FRESH, seed=1, scales=[1.0, 2.0])
        with self.assertRaisesRegex(mappingnets.FormatError, "other scales than one for each"):
            mappingnets.generate(given, mappingnets.tensors_of(SHAPES), {"latent": np.ones(1, np.float32)})


if __name__ == "__main__":
    unittest.main()
