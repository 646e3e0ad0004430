"""Reads the adapters of MappingNets into plain arrays, with numpy alone: for PyTorch, JAX or anything else that takes named arrays.

    import mappingnets, torch
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    state = mappingnets.load("adapter.safetensors", shapes)                       # a mapped network: its weights come out of 8 KB
    state = mappingnets.load("shoes.safetensors", shapes, base=model.state_dict())  # a fine-tuned one needs its base
    model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})

Written from docs/counter-hash.md (what the fixed weights are) and docs/adapter-format.md (what is in a file). `shapes` are the network's
weights in PyTorch's names and order; buffers such as running means come out of the adapter or the base. The weights have the library's bits; tanh,
sine, modulations and products of matrices may differ in the last ones. Dense fixed weights differ from machine to machine: refused."""

import contextlib
import hashlib
import json
import math
import pathlib
import types

import numpy as np

_U, _WORD, _GOLDEN = np.uint64, (1 << 64) - 1, 0x9E3779B97F4A7C15
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
_FORMATS = ("mappingnets-adapter", "mappingnets-fine-tuning")
_FRESH = dict(  # where a layer that is not taken from the base starts
    fixedWeights="signed-permutation", singleLatent=1, modulation="none", activation="identity", bias="uniform", fanInGain=1.0, trainableScale=False)
_KNOWN = {  # the fields of the metadata and of what is described in it
    "metadata": "format format_version optional_fields content_sha256 encodings target target_parameters target_fingerprint fan_ins centers",
    "mappingnets-adapter": "mapping", "mappingnets-fine-tuning": "configuration base_weights_sha256 base_buffers_sha256",
    "mapping": "fixedWeights fixedWeightsVersion seed singleLatent layerWise modulation modulationStrength activation bias fanInGain scales"
               " trainableScale startAmplitude coefficients lowRank",
    "configuration": "head newHead seed parts", "parts": "kind tensors latents groupSize strength grouping mapping ranks",
    "layerWise": "layer latents", "lowRank": "name rank", "ranks": "name rank", "encodings": "precision shape group sparse"}
_layer = lambda name: name.rpartition(".")[0] if "." in name else name
_hash = lambda arrays: hashlib.sha256(b"".join(f"{name}\n".encode() + array.tobytes() for name, array in arrays.items())).hexdigest()
_size = lambda shape: math.prod(shape) if min(shape, default=0) >= 0 else -1  # two sizes below 0 have a product above it
bits = lambda packed, count: np.unpackbits(packed, bitorder="little")[:count].astype(bool)


class FormatError(ValueError):
    """The file is damaged, of another kind, or does not belong to the network."""


# Files (docs/files.md, docs/adapter-format.md)
class File:
    """A safetensors file: `metadata`, and the stored arrays by name in `arrays`. The content is held to its hash where it has one."""

    def __init__(self, path):
        self.path, content = path, pathlib.Path(path, "adapter_model.safetensors" if pathlib.Path(path).is_dir() else "").read_bytes()
        with _faults_of(f"{path} is no safetensors file"):
            length = int.from_bytes(content[:8], "little")
            header = json.loads(content[8:8 + length].decode("utf-8"), object_pairs_hook=_no_repeats)
            self.metadata, data = header.pop("__metadata__", {}), memoryview(content)[8 + length:]
            odd = [key for key, value in self.metadata.items() if not isinstance(value, str)]
            _require(not odd, f"{path} has metadata that is no text: {odd}")
            self.types = {name: entry["dtype"] for name, entry in header.items()}
            self.arrays = {name: _array(name, entry, data) for name, entry in header.items()}
            spans = sorted(entry["data_offsets"] for entry in header.values())
            _require([0, *(end for _, end in spans)] == [*(begin for begin, _ in spans), len(data)], f"{path} has tensors that do not lie end to end")
            expected = self.metadata.get("content_sha256")
            _require(expected is None or expected == self.content_hash(), f"{path} is damaged: its content does not have the hash that it names")
        needs_hash = self.metadata.get("format") in _FORMATS and self.metadata.get("format_version") == "3"
        _require(expected is not None or not needs_hash, f"{path} has no hash of its content")

    def content_hash(self):
        text = lambda value: len(value.encode("utf-8")).to_bytes(8, "little") + value.encode("utf-8")
        ordinal = lambda name: name.encode("utf-16-be")
        digest = hashlib.sha256()
        for key in sorted(self.metadata.keys() - {"content_sha256"}, key=ordinal):
            digest.update(b"m" + text(key) + text(self.metadata[key]))
        for name, array in sorted(self.arrays.items(), key=lambda pair: ordinal(pair[0])):
            digest.update(b"t" + text(name) + text(self.types[name]) + np.array([array.ndim, *array.shape, array.nbytes], "<u8").tobytes())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def described(self, key, default=None, form=dict):
        """A JSON object or list of the metadata, with no field that is not known."""
        with _faults_of(f"the metadata's '{key}' in {self.path} is missing or no JSON"):
            found = json.loads(self.metadata.get(key, default) or "", object_pairs_hook=_no_repeats)
        _require(isinstance(found, form), f"the metadata's '{key}' is {found!r}; it is a {'JSON object' if form is dict else 'list of names'}")
        if key == "configuration" and self.metadata["format_version"] == "1":  # the fields of the only part stand in it
            found = {**{name: found.pop(name) for name in ("head", "newHead", "seed") if name in found}, "parts": [found]}
        if key in _KNOWN:
            _require_known(key, list(found.values()) if key == "encodings" else found)
        return found

    def decoded(self):
        """The arrays that the file stands for: encoded ones in single precision and their own shape, without their companions."""
        encodings = self.described("encodings", "{}")
        companions = {name + end for name in encodings for end in ("_scale", "_mask")}
        plain = {name: array for name, array in self.arrays.items() if name not in companions}
        return {**plain, **{name: self._decode(name, encoding) for name, encoding in encodings.items()}}

    def _decode(self, name, encoding):
        shape, precision, stored = encoding["shape"], encoding["precision"], self.arrays[name].reshape(-1)
        _require(precision in ("single", "half", "int8", "int4"), f"{name!r} has the unknown precision {precision!r}")
        each, sparse, count = 2 if precision == "int4" else 1, encoding.get("sparse"), _size(shape)
        held, room = (self.arrays[name + "_mask"], 8) if sparse else (stored, each)
        _require(0 <= count <= room * held.size < count + room, f"the size of {name!r} is {count} by what the file says; {held.nbytes} bytes hold it")
        kept = bits(held, count) if sparse else np.ones(count, bool)
        _require(stored.size == -(-int(kept.sum()) // each), f"{name!r} stores {stored.size} numbers; its mask keeps {kept.sum()} values")
        if precision == "int4":
            stored = np.stack([stored & 15, stored >> 4], 1).reshape(-1)[:kept.sum()].astype(np.float32) - np.float32(8)
        values = np.zeros(count, np.float32)
        values[kept] = stored.astype(np.float32)
        if precision in ("int8", "int4"):
            steps, group = self.arrays[name + "_scale"].astype(np.float32), encoding["group"]
            _require(group >= 1 and steps.size == -(-count // group), f"{name!r} has {steps.size} steps for {count} values in groups of {group}")
            values *= np.repeat(steps, min(group, max(1, count)))[:count]
        return values.reshape(shape)


def _require(holds, otherwise):
    if not holds:
        raise FormatError(otherwise)


@contextlib.contextmanager
def _faults_of(what):
    """What goes wrong because of what a file holds is a FormatError, too."""
    try:
        yield
    except FormatError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, StopIteration, TypeError, ValueError) as fault:
        raise FormatError(f"{what}: {type(fault).__name__}: {fault}") from fault


def _require_known(kind, found, also=()):
    """Refuses a field that is not known, at any depth: it may change what the others mean."""
    for one in found if isinstance(found, list) else [found]:
        unknown = sorted(set(one) - set(_KNOWN[kind].split()) - set(also)) if isinstance(one, dict) else [one]
        _require(not unknown, f"'{kind}' has the field {', '.join(map(repr, unknown))}, which this reader does not know; a newer one may")
        factors = [one.get(key) for key in ("fanInGain", "modulationStrength", "startAmplitude", "strength")] + list(one.get("scales") or [])
        odd = kind in ("mapping", "parts") and [x for x in factors if not (x in (None, 0) or 1e-30 <= abs(x) <= 1e30)]
        _require(not odd, f"'{kind}' has the numbers {odd}; they are 0, or from 1e-30 to 1e30 in magnitude")
        _require(kind != "mapping" or factors[0] is None or factors[0] > 0, f"the gain is {factors[0]!r}; it must be above 0")
        for key in [key for key in _KNOWN if isinstance(one.get(key), (dict, list))]:
            _require_known(key, one[key])


def _no_repeats(pairs):
    result = dict(pairs)
    _require(len(result) == len(pairs), "a key stands twice in one JSON object")
    return result


def _array(name, entry, data):
    begin, end = entry["data_offsets"]
    _require(entry["dtype"] in _TYPES, f"'{name}' is {entry['dtype']}; of this kind are read: {', '.join(_TYPES)}")
    dtype = np.dtype(_TYPES[entry["dtype"]])
    fits = 0 <= begin <= end <= len(data) and end - begin == _size(entry["shape"]) * dtype.itemsize
    _require(fits, f"'{name}' does not have the bytes that its shape needs")
    return np.frombuffer(data[begin:end], dtype).reshape(entry["shape"])


# The counter hash (docs/counter-hash.md, sections 1 to 3); keys are Python integers, indices arrays of uint64
def _mix(words):
    words = (words ^ (words >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> _U(27))) * _U(0x94D049BB133111EB)
    return words ^ (words >> _U(31))


words = lambda key, indices: _mix(_U(key) + (np.asarray(indices, _U) + _U(1)) * _U(_GOLDEN))
of_seed = lambda seed: int(_mix(np.array([(seed + _GOLDEN) & _WORD], _U))[0])
child = lambda number, parent: of_seed((parent ^ of_seed(number + 0xD1B54A32D192ED03 - _GOLDEN)) - _GOLDEN)
below = lambda key, bound, index: (int(words(key, [index])[0]) * bound) >> 64


def named(name, parent):
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & _WORD
    return child(value, parent)


def symmetric_uniform(key, count):
    """The first numbers of a stream, uniform in [-1, 1), single precision."""
    pairs = words(key, np.arange((count + 1) // 2, dtype=_U))
    halves = np.stack([pairs & _U(0xFFFFFFFF), pairs >> _U(32)], 1).reshape(-1)[:count]
    return np.float32(2) * ((halves >> _U(8)).astype(np.float32) * np.float32(2.0 ** -24)) - np.float32(1)


def signs(key, first_word, count):
    stream = words(key, np.arange(first_word, first_word + (count + 63) // 64, dtype=_U))
    return (1 - 2 * np.unpackbits(stream.view(np.uint8), bitorder="little")[:count].astype(np.int8)).astype(np.float32)


def permute(key, size, indices):
    half = max(1, ((size - 1).bit_length() + 1) // 2)  # 4 to this is at least the size
    mask, result = _U((1 << half) - 1), np.array(indices, _U)
    pending = np.ones(len(result), bool)
    while pending.any():
        left, right = result[pending] >> _U(half), result[pending] & mask
        for turn in range(6):
            left, right = right, left ^ (words(key, _U(turn << 32) | right) & mask)
        result[pending] = (left << _U(half)) | right
        pending[pending] = result[pending] >= _U(size)
    return result.astype(np.int64)


def affine(key, size):
    factors = (1 + below(key, size - 1, index) for index in range(1, _WORD))
    return (next(factor for factor in factors if math.gcd(factor, size) == 1), below(key, size, 0)) if size > 1 else (0, 0)


# Fixed weights (section 4): W z for one piece
def _columns(tile, d, version, permutations):
    key, rows, groups = child(tile, permutations), np.arange(d), d // 8
    if groups == 0:
        return permute(key, d, rows) if version >= 2 else rows
    multiplier, offset = affine(key, groups)
    flip = int(words(key, [_WORD])[0]) & 7
    moved = 8 * ((multiplier * (rows // 8) + offset) % groups) + ((rows % 8) ^ flip)
    return np.where(rows < 8 * groups, moved, rows)


def _walsh_hadamard(values):
    for level in range(len(values).bit_length() - 1):
        pairs = values.reshape(-1, 2, 1 << level)
        values = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], 1).reshape(-1)
    return values * np.float32(1.0 / math.sqrt(len(values)))


def apply_fixed_weights(kind, key, version, rows, z):
    """W z, single precision, shape (rows)."""
    d, per_tile, parts = len(z), (len(z) + 63) // 64, []
    streams = {name: named(name, key) for name in ("permutations", "signs", "middle-signs", "output-signs")}
    for tile in range(-(-rows // d)):
        size = min(d, rows - tile * d)
        sign = lambda name: signs(streams[name], tile * per_tile, size)
        moved = z if kind == "hadamard" and size == d else z[_columns(tile, d, version, streams["permutations"])[:size]]
        values = moved * sign("signs")
        if kind == "hadamard":
            window = 1 << (size.bit_length() - 1)
            values = np.concatenate([_walsh_hadamard(values[:window]), values[window:]])
            if window < size:
                values = values * sign("middle-signs")
                values = np.concatenate([values[:-window], _walsh_hadamard(values[-window:])])
        parts.append(values * sign("output-signs") if kind == "hadamard" else values)
    return np.concatenate(parts)


# Networks and mappings (section 5)
def _tensor(name, shape, fan_in, center):
    """One weight tensor of the network: what a mapping needs to know of it."""
    return types.SimpleNamespace(name=name, shape=tuple(shape), fan_in=fan_in, center=center, count=math.prod(shape), layer=_layer(name))


def tensors_of(shapes, fan_in=None, centers=None):
    """The network's tensors with PyTorch's fan-ins: a matrix's row, for a vector that of its layer's matrix, else its own length."""
    result = []
    for name, shape in shapes.items():
        matrices = [shape] if len(shape) > 1 else [other for key, other in shapes.items() if _layer(key) == _layer(name) and len(other) > 1]
        row = max(1, math.prod(matrices[0][1:] if matrices else shape))
        center = 1.0 if len(shape) == 1 and name.rpartition(".")[2] == "weight" else 0.0  # the scale of a normalisation
        result.append(_tensor(name, shape, (fan_in or {}).get(name, row), (centers or {}).get(name, center)))
    return result


def generate(mapping, tensors, arrays, latent="latent", scales="scales", is_change=False):
    """theta = g(z), one array for each tensor; without centers where it is a change of given weights."""
    known = mapping["fixedWeights"] in ("signed-permutation", "hadamard") and mapping["modulation"] in ("none", "additive", "linear")
    _require(known, f"{mapping['fixedWeights']} fixed weights with the modulation {mapping['modulation']} cannot be made again elsewhere")
    root, z, rows = of_seed(mapping["seed"]), arrays[latent].astype(np.float32), sum(tensor.count for tensor in tensors)
    layers = mapping.get("layerWise") or []
    split = [(one["latents"], sum(t.count for t in tensors if t.layer == one["layer"])) for one in layers] or [(mapping["singleLatent"], rows)]
    _require([one["layer"] for one in layers] in ([], list(dict.fromkeys(t.layer for t in tensors))), "the latents are those of other layers")
    fits = z.shape == (sum(d for d, _ in split),) and all(1 <= d <= count for d, count in split)
    _require(fits, f"the latent has the shape {z.shape}; by the description it is {sum(d for d, _ in split)} numbers, 1 to as many as the weights")
    version = mapping.get("fixedWeightsVersion") or (1 if any(d < 8 for d, _ in split) else 2)
    _require(version in (1, 2), f"the fixed weights have version {version!r}; 1 and 2 are read")
    key, parts, first, first_row = named("fixed-weights", root), [], 0, 0
    for index, (d, count) in enumerate(split):
        own = z[first:first + d]
        is_bias = mapping["bias"] == "uniform" and not own.any()  # W times 0 is 0 or -0, which the bias, never -0, makes the same
        part = np.zeros(count, np.float32) if is_bias else apply_fixed_weights(mapping["fixedWeights"], child(index, key), version, count, own)
        if mapping["modulation"] == "additive":
            part = part + np.float32(mapping["modulationStrength"]) * np.dot(own, own)
        elif mapping["modulation"] == "linear":
            part = part + arrays["modulation.map"][first_row:first_row + count].astype(np.float32).reshape(count, d, d) @ own @ own
        parts, first, first_row = parts + [part], first + d, first_row + count
    theta = np.concatenate(parts)
    theta = {"uniform": lambda: theta + symmetric_uniform(named("bias", root), rows), "zero": lambda: theta}[mapping["bias"]]()
    theta = {"identity": lambda x: x, "tanh": np.tanh, "sine": np.sin}[mapping["activation"]](theta)
    given = mapping.get("scales") or [mapping["fanInGain"] / math.sqrt(tensor.fan_in) for tensor in tensors]
    trained = arrays[scales] if mapping["trainableScale"] else np.ones(len(tensors), np.float32)
    _require(len(given) == len(tensors) and trained.shape == (len(tensors),), f"there are other scales than one for each of {len(tensors)} tensors")
    weights = [values * np.float32(fixed) * scale for values, fixed, scale in zip(_split(theta, tensors), given, trained)]
    return weights if is_change else [values + np.float32(t.center) if t.center else values for t, values in zip(tensors, weights)]


def _split(flat, shaped):
    """A vector cut into the shapes of some tensors or arrays, one after the other."""
    ends = np.cumsum([math.prod(one.shape) for one in shaped])[:-1]
    return [part.reshape(one.shape) for part, one in zip(np.split(flat, ends), shaped)]


# Adapters
def load(path, shapes, base=None, fan_in=None, centers=None, buffers=None):
    """The network's weights and buffers by PyTorch's names.

    path: an adapter's file or folder. shapes: each weight's shape by name, in the network's order. base: the arrays (or CPU tensors)
    that a fine-tuned network was trained from, by name. fan_in, centers: numbers by name, where a tensor has others than PyTorch's rule gives
    it. New files say these themselves; for one of an earlier build, of an ONNX network, a recurrent one or one with layers of your own,
    they must be given, or the weights are others without a word: nothing in such a file tells. buffers: the names of the base's running means
    and the like, where it holds more beside weights, such as a tied weight's second name; all that are not in shapes where none are given.
    Raises FormatError where the file is damaged, of another kind, or belongs to another network."""
    file = File(path)
    kind = file.metadata.get("format")
    _require(kind in _FORMATS, f"{path} is {kind!r}; an adapter is one of {', '.join(_FORMATS)}")
    if kind == _FORMATS[1] and base is None:
        raise ValueError("the adapter of a fine-tuned network needs the weights that it was trained from: base=...")
    tensors_of(shapes, fan_in, centers)  # what is wrong with an argument is no fault of the file, and told as what it is
    own = {}
    if kind == _FORMATS[1]:
        omitted = () if "base_buffers_sha256" not in file.metadata else set(base) - set(shapes) if buffers is None else buffers
        own = {name: np.array(base[name]) for name in sorted(omitted)}  # what training left alone is the base's
        base = {name: np.asarray(base[name], np.float32) for name in shapes if name in base}
    with _faults_of(f"{path} cannot be read"):
        _require((version := file.metadata.get("format_version")) in ("1", "2", "3"), f"{path} has format version {version}; 1 to 3 are read")
        stated = {key: file.described(key, "{}") for key in ("fan_ins", "centers")}  # where they do not follow from names and shapes
        for key, name, number in [(key, *pair) for key, numbers in stated.items() for pair in numbers.items()]:
            if name not in shapes or not isinstance(number, (int, float)) or not np.isfinite(np.float32(number)) or (key == "fan_ins" and number < 1):
                raise FormatError(f"'{key}' has {number!r} for {name!r}; it holds numbers, fan-ins from 1 on, for tensors of the network")
        tensors = tensors_of(shapes, {**stated["fan_ins"], **(fan_in or {})}, {**stated["centers"], **(centers or {})})
        if version == "3":  # earlier ones have no rule for unknown metadata
            _require_known("metadata", file.metadata, [*_KNOWN[kind].split(), *map(str, file.described("optional_fields", "[]", list))])
        target = hashlib.sha256("; ".join(f"{tensor.name}({', '.join(map(str, tensor.shape))})" for tensor in tensors).encode()).hexdigest()
        _require(file.metadata["target_fingerprint"] == target, f"{path} belongs to a network with other names or shapes ({file.metadata['target']})")
        arrays = file.decoded()
        trained = {name: array for name, array in arrays.items() if name != "pruning_mask" and not name.startswith("buffers.")}
        odd = [name for name, array in trained.items() if not np.isfinite(array).all() or not (
            array.dtype == np.float32 or (name == "modulation.map" and array.dtype.kind == "f"))]
        _require(not odd, f"{path} has tensors that are not finite numbers in single precision: {odd}")
        mapping = file.described("mapping") if kind == _FORMATS[0] else {}
        ranks = {piece["name"]: piece["rank"] for piece in mapping.get("lowRank") or []}
        weights = generate(mapping, list(_factors(ranks, tensors)), arrays) if kind == _FORMATS[0] else _fine_tuned(file, tensors, arrays, base)
        if "pruning_mask" in arrays:
            mask = bits(arrays["pruning_mask"], sum(weight.size for weight in weights)).astype(np.float32)
            weights = [weight * kept for weight, kept in zip(weights, _split(mask, weights))]
        rest = iter(weights)
        weights = [(next(rest) @ next(rest)).reshape(tensor.shape) if tensor.name in ranks else next(rest) for tensor in tensors]
        _require(all(weight.shape == of.shape for weight, of in zip(weights, tensors)), f"{path} has tensors of other shapes than the network")
        is_beside = file.metadata.get("base_buffers_sha256") in (None, _hash(own))
        _require(is_beside, f"{path} was trained beside other buffers than the base's, which are taken to be {', '.join(own)}")
        kept = {name[8:]: array.copy() for name, array in arrays.items() if name.startswith("buffers.")}
        return {**dict(zip(shapes, map(np.asarray, weights))), **kept, **own}


def _factors(ranks, tensors):
    """The tensors that are generated: where a matrix has a rank, its two factors."""
    for tensor in tensors:
        if tensor.name not in ranks:
            yield tensor
        else:
            rank, rows, columns = ranks[tensor.name], tensor.shape[0], tensor.count // tensor.shape[0]
            _require(1 <= rank <= min(rows, columns), f"the rank of '{tensor.name}' is {rank} by what the file says; it is of {rows} by {columns}")
            yield _tensor(tensor.name + "_left", (rows, rank), max(1, rank // 3), 0.0)
            yield _tensor(tensor.name + "_right", (rank, columns), tensor.fan_in, 0.0)


def _fine_tuned(file, tensors, arrays, base):
    configuration = file.described("configuration")
    head, seed, parts = configuration["head"], configuration.get("seed", 0), configuration["parts"]
    old = [tensor for tensor in tensors if tensor.name not in configuration["newHead"]]
    odd = [f"'{tensor.name}'" for tensor in old if tensor.name not in base or np.shape(base[tensor.name]) != tensor.shape]
    _require(not odd, f"the base lacks tensors, or has other shapes than the network: {', '.join(odd)}")
    taken = {tensor.name: np.array(base[tensor.name], np.float32) for tensor in old}
    _require(file.metadata.get("base_weights_sha256") in (None, _hash(taken)), "the adapter was trained from other weights than those of the base")
    fresh = generate(dict(_FRESH, seed=seed), tensors, {"latent": np.zeros(1, np.float32)}) if configuration["newHead"] else tensors
    weights = {tensor.name: taken.get(tensor.name, drawn) for tensor, drawn in zip(tensors, fresh)}
    with_latent = sum(part["kind"] != "low-rank" for part in parts)  # several parts number their latents
    with_scales = sum(bool((part.get("mapping") or {}).get("trainableScale")) for part in parts)
    for number, part in enumerate(parts, 1):
        names = {"latent": f"latent{number if with_latent > 1 else ''}", "scales": f"scales{number if with_scales > 1 else ''}"}
        _change(part, tensors, weights, arrays, names, head, seed)
    return [arrays[tensor.name].copy() if tensor.name in head else weights[tensor.name] for tensor in tensors]


def _change(part, tensors, weights, arrays, names, head, seed):
    _require(part["kind"] in ("low-rank", "mapping", "groups"), f"the way of fine-tuning '{part['kind']}' is unknown")
    if part["kind"] == "low-rank":
        for name in [piece["name"] for piece in part["ranks"]]:
            weights[name] += (arrays[name + ".lora_B"] @ arrays[name + ".lora_A"] * np.float32(part["strength"])).reshape(weights[name].shape)
    elif part["kind"] == "mapping":  # on top of a base the bias is 0, whatever the file names
        chosen = [tensor for tensor in tensors if part.get("tensors") is None or tensor.name in part["tensors"]]
        for tensor, change in zip(chosen, generate(dict(part["mapping"], bias="zero"), chosen, arrays, is_change=True, **names)):
            weights[tensor.name] += change
    else:
        chosen = [t for t in tensors if (t.name not in head if part["tensors"] == ["all"] else t.name in part["tensors"])]
        flat = np.concatenate([weights[tensor.name].reshape(-1) for tensor in chosen])
        groups, size = part["latents"], part["groupSize"]
        _require(min(groups, size) >= 1 and groups * size <= len(flat), f"the file says {groups} groups of {size} of {len(flat)} weights")
        members = {
            "contiguous": lambda: np.array([group * len(flat) // groups for group in range(groups)], np.int64)[:, None] + np.arange(size),
            "hashed": lambda: permute(named("fine-tuning-groups", of_seed(seed)), len(flat), np.arange(groups * size))}[part["grouping"]]()
        flat[members.reshape(-1)] += np.repeat(arrays[names["latent"]].reshape(groups) * np.float32(part["strength"]), size)
        weights.update(zip((tensor.name for tensor in chosen), _split(flat, chosen)))
