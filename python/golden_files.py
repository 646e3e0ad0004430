"""The golden files of the library, and files that differ from them, for the tests of mappingnets.py."""

import json
import pathlib
import tempfile
import unittest

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


def changed(bank, name, **changes):
    """A golden file whose metadata says something else, with the right hash where it has one."""
    path = GOLDEN / bank / f"{name}.safetensors"
    content, signed = path.read_bytes(), mappingnets.File(path)
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    metadata = signed.metadata = header["__metadata__"]
    for key, change in changes.items():
        metadata[key] = change(metadata.get(key))
        if metadata[key] is None:
            del metadata[key]
    if "content_sha256" in metadata:
        metadata["content_sha256"] = signed.content_hash()
    return safetensors(header, content[end:])


def safetensors(header, data=b""):
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + data


def laid_out(tensors, metadata):
    """A file of arrays, which lie end to end."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        dtype = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "uint8": "U8", "int8": "I8"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    return safetensors(header, data)


class AdapterCase(unittest.TestCase):
    """With a path for a file of its own, and what a refusal says."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "file.safetensors")

    def refused(self, reason, path, shapes=SHAPES, **arguments):
        with self.assertRaisesRegex(ValueError, reason):
            mappingnets.load(path, shapes, **arguments)
