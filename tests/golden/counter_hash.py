"""Golden values of the counter hash and of what is filled from it.

A second writing of docs/counter-hash.md in another language, with Python's standard library alone:

    python3 tests/golden/counter_hash.py > tests/golden/counter_hash.json

The tests read the JSON beside this file; they never run Python. Whole numbers are written as hexadecimal text and
floats as the hexadecimal text of their bits, so that nothing is lost on the way.
"""

import json
import math
import struct

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
CHILD_OFFSET = 0xD1B54A32D192ED03


# Section 1: words

def mix(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & WORD
    return value ^ (value >> 31)


def of_seed(seed):
    return mix((seed + GOLDEN) & WORD)


def child(number, parent):
    return mix(parent ^ mix((number + CHILD_OFFSET) & WORD))


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & WORD
    return value


def named(name, parent):
    return child(fnv1a(name), parent)


def bits(key, index):
    return mix((key + (index + 1) * GOLDEN) & WORD)


# Section 2: numbers

def single(value):
    """Rounds a double to the nearest single. After one +, - or * of two singles this is the single-precision result."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def sign(key, index):
    return -1.0 if (bits(key, index // 64) >> (index % 64)) & 1 else 1.0


def uniform(key, index):
    word = bits(key, index // 2)
    half = word & 0xFFFFFFFF if index % 2 == 0 else word >> 32
    return (half >> 8) / 2.0**24


def symmetric_uniform(key, index):
    return 2.0 * uniform(key, index) - 1.0


def uniform_double(key, index):
    return (bits(key, index) >> 11) / 2.0**53


def below(key, bound, index):
    return (bits(key, index) * bound) >> 64


def normal(key, index):
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform_double(key, 2 * index)))
    return radius * math.cos(2.0 * math.pi * uniform_double(key, 2 * index + 1))


# Section 3: permutations

def permute(key, size, index):
    half_bits = 1
    while 4**half_bits < size:
        half_bits += 1
    mask = (1 << half_bits) - 1
    value = index
    while True:
        left, right = value >> half_bits, value & mask
        for round_number in range(6):
            left, right = right, left ^ (bits(key, (round_number << 32) | right) & mask)
        value = (left << half_bits) | right
        if value < size:
            return value


def affine_permutation(key, size):
    if size == 1:
        return 0, 0
    index = 1
    while math.gcd(1 + below(key, size - 1, index), size) != 1:
        index += 1
    return 1 + below(key, size - 1, index), below(key, size, 0)


# Section 4: fixed weights

class Tiling:
    def __init__(self, key, tensors, columns, version):
        """tensors: the sizes of the target's tensors, in the order of the rows."""
        self.version = version
        self.tensors, self.columns = tensors, columns
        self.rows = rows = sum(tensors)
        self.permutations = named("permutations", key)
        self.signs = named("signs", key)
        self.middle_signs = named("middle-signs", key)
        self.output_signs = named("output-signs", key)
        self.full_tiles, self.remainder = divmod(rows, columns)
        self.tiles = self.full_tiles + (1 if self.remainder else 0)
        self.words = -(-columns // 64)

    def size(self, tile):
        return self.columns if tile < self.full_tiles else self.remainder

    def sign(self, stream, tile, row):
        return sign(stream, 64 * tile * self.words + row)

    def column(self, tile, row):
        groups = self.columns // 8
        key = child(tile, self.permutations)
        if groups == 0 and self.version >= 2:
            return permute(key, self.columns, row)
        if row >= 8 * groups:
            return row
        multiplier, offset = affine_permutation(key, groups)
        flip = bits(key, (1 << 64) - 1) & 7
        return 8 * ((multiplier * (row // 8) + offset) % groups) + ((row % 8) ^ flip)

    def tensor_runs(self):
        """For each tensor the runs of tiles that start in it, as (first, end); no run where none starts."""
        all_runs, row = [], 0
        for size in self.tensors:
            starting = [tile for tile in range(self.tiles) if row <= tile * self.columns < row + size]
            count = len(starting)
            runs = min(count, 32, max(-(-32 * count // self.tiles), count // 8))
            first = starting[0] if starting else None
            all_runs.append([
                (first + count * run // runs, first + count * (run + 1) // runs) for run in range(runs)
            ])
            row += size
        return all_runs

    def transpose_sum(self, tile_sums):
        """Adds one vector a tile to one vector: the tiles of a run, the runs of a tensor, the tensors from the last one on."""
        def plus(total, part):
            return part if total is None else [single(a + b) for a, b in zip(total, part)]

        total = None
        for runs in reversed(self.tensor_runs()):
            tensor = None
            for first, end in runs:
                part = [0.0] * self.columns
                for tile in range(first, end):
                    for column, value in tile_sums(tile):
                        part[column] = single(part[column] + value)
                tensor = plus(tensor, part)
            if tensor is not None:
                total = plus(total, tensor)
        return total


class SignedPermutation(Tiling):
    def apply(self, latent):
        return [
            self.sign(self.signs, tile, row) * latent[self.column(tile, row)]
            for tile in range(self.tiles)
            for row in range(self.size(tile))
        ]

    def transpose(self, gradient):
        return self.transpose_sum(lambda tile: [
            (self.column(tile, row), self.sign(self.signs, tile, row) * gradient[tile * self.columns + row])
            for row in range(self.size(tile))
        ])


class Hadamard(Tiling):
    def column(self, tile, row):
        return row if tile < self.full_tiles else super().column(tile, row)

    def flip(self, stream, tile, values):
        return [self.sign(stream, tile, row) * value for row, value in enumerate(values)]

    @staticmethod
    def walsh_hadamard(values):
        """One window: butterflies of growing stride, then the scale."""
        values, half = list(values), 1
        while half < len(values):
            for block in range(0, len(values), 2 * half):
                for index in range(block, block + half):
                    a, b = values[index], values[index + half]
                    values[index], values[index + half] = single(a + b), single(a - b)
            half *= 2
        scale = single(1.0 / math.sqrt(len(values)))
        return [single(value * scale) for value in values]

    def first_window(self, values):
        window = 1 << (len(values).bit_length() - 1)
        return self.walsh_hadamard(values[:window]) + values[window:]

    def last_window(self, values):
        window = 1 << (len(values).bit_length() - 1)
        return values[:-window] + self.walsh_hadamard(values[-window:])

    def apply(self, latent):
        output = []
        for tile in range(self.tiles):
            size = self.size(tile)
            values = self.flip(self.signs, tile, [latent[self.column(tile, row)] for row in range(size)])
            values = self.first_window(values)
            if size & (size - 1):
                values = self.last_window(self.flip(self.middle_signs, tile, values))
            output += self.flip(self.output_signs, tile, values)
        return output

    def transpose(self, gradient):
        def one(tile):
            size = self.size(tile)
            first = tile * self.columns
            values = self.flip(self.output_signs, tile, gradient[first:first + size])
            if size & (size - 1):
                values = self.flip(self.middle_signs, tile, self.last_window(values))
            values = self.flip(self.signs, tile, self.first_window(values))
            return [(self.column(tile, row), value) for row, value in enumerate(values)]

        return self.transpose_sum(one)


KINDS = {"SignedPermutation": SignedPermutation, "Hadamard": Hadamard}


# Section 5: a mapping

def start_latent(seed, count, amplitude):
    key = named("latent", of_seed(seed))
    return [single(symmetric_uniform(key, index) * single(amplitude)) for index in range(count)]


def theta(kind, seed, layers, latents, gain, amplitude, version):
    """layers: [[(count, fan-in) of each tensor] of each piece]; latents: how many of each piece.

    Returns the start, theta at it, a gradient of theta and what it is as a gradient of the latents.
    """
    root = of_seed(seed)
    latent = start_latent(seed, sum(latents), amplitude)
    scales = [single(gain / math.sqrt(fan_in)) for piece in layers for size, fan_in in piece for _ in range(size)]
    gradient = [symmetric_uniform(named("gradient", root), index) for index in range(len(scales))]
    scaled = [single(value * scale) for value, scale in zip(gradient, scales)]
    products, pulled_back, first = [], [], 0
    for piece, (tensors, count) in enumerate(zip(layers, latents)):
        sizes = [size for size, _ in tensors]
        weights = KINDS[kind](child(piece, named("fixed-weights", root)), sizes, count, version)
        start = len(products)
        products += weights.apply(latent[first:first + count])
        pulled_back += weights.transpose(scaled[start:start + sum(sizes)])
        first += count
    bias = named("bias", root)
    values = [
        single(single(product + symmetric_uniform(bias, index)) * scale)
        for index, (product, scale) in enumerate(zip(products, scales))
    ]
    return latent, values, gradient, pulled_back


# What is written

def whole(value):
    return f"{value:016x}"


def floats(values):
    return " ".join(struct.pack(">f", value).hex() for value in values)


def double(value):
    return struct.pack(">d", value).hex()


def basis(count, index):
    return [1.0 if position == index else 0.0 for position in range(count)]


def fixed_weights(kind, seed, tensors, columns, version):
    key = of_seed(seed)
    weights = KINDS[kind](key, tensors, columns, version)
    rows = weights.rows
    latent = [symmetric_uniform(named("z", key), index) for index in range(columns)]
    gradient = [symmetric_uniform(named("g", key), index) for index in range(rows)]
    result = {
        "kind": kind, "seed": whole(seed), "tensors": tensors, "columns": columns,
        "apply": floats(weights.apply(latent)), "transpose": floats(weights.transpose(gradient)),
    }
    if rows * columns <= 1000:
        by_column = [weights.apply(basis(columns, column)) for column in range(columns)]
        result["matrix"] = [floats([column[row] for column in by_column]) for row in range(rows)]
    return result


SEEDS = [0, 1, 7, 0x0123456789ABCDEF, WORD]
NAMES = ["", "signs", "permutations", "fixed-weights", "é→"]
INDICES = [0, 1, 2, 63, 64, 1 << 32, WORD]


def main():
    key = of_seed(7)
    layers = [[(8, 4), (2, 4)], [(6, 2), (3, 2)]]
    thetas = {1: [], 2: []}
    for version, kind, (pieces, latents) in (
        (version, kind, shape) for version in thetas for kind in KINDS
        for shape in ((layers, [3, 4]), ([layers[0] + layers[1]], [5]))
    ):
        latent, values, gradient, pulled_back = theta(kind, 7, pieces, latents, 0.75, 0.3, version)
        thetas[version].append({
            "kind": kind, "seed": whole(7), "latents": latents, "gain": 0.75, "amplitude": 0.3,
            "latent": floats(latent), "theta": floats(values),
            "thetaGradient": floats(gradient), "latentGradient": floats(pulled_back),
        })
    print(json.dumps({
        "mix": [[whole(value), whole(mix(value))] for value in SEEDS],
        "ofSeed": [[whole(seed), whole(of_seed(seed))] for seed in SEEDS],
        "child": [[whole(number), whole(child(number, key))] for number in SEEDS],
        "named": [[name, whole(named(name, key))] for name in NAMES],
        "bits": [[whole(index), whole(bits(key, index))] for index in INDICES],
        "sign": "".join("-" if sign(key, index) < 0 else "+" for index in range(200)),
        "uniform": floats(uniform(key, index) for index in range(9)),
        "symmetricUniform": floats(symmetric_uniform(key, index) for index in range(9)),
        "uniformDouble": [double(uniform_double(key, index)) for index in range(5)],
        "normal": [normal(key, index) for index in range(5)],
        "below": [
            [whole(bound), [whole(below(key, bound, index)) for index in range(6)]]
            for bound in (1, 2, 10, 12345678901, WORD)
        ],
        "permute": [[permute(key, size, index) for index in range(size)] for size in (1, 2, 3, 4, 5, 17, 64, 100)],
        "permuteLarge": [
            [whole(size), whole(index), whole(permute(key, size, index))]
            for size in (1_000_003, 1 << 40, (1 << 62) - 1, 1 << 62)
            for index in (0, 1, size - 1)
        ],
        "affinePermutation": [
            [size, *affine_permutation(child(size, key), size)] for size in (1, 2, 3, 6, 30, 2048, 2310, 1 << 31)
        ],
        "fixedWeights": [
            fixed_weights(kind, 7, tensors, columns, 1)
            for kind in KINDS
            for tensors, columns in (
                ([11], 3), ([40], 6), ([16], 8), ([60], 20), ([7], 7), ([5], 1), ([150], 70), ([1000], 7),
                # Tensors that start within a tile, in which no tile starts, and which share the last tile.
                ([5, 1, 1, 4], 3), ([20, 3, 2, 60, 2, 50, 1, 12], 20), ([4, 2, 1], 7), ([64, 128, 64, 10], 64),
                # One run for every eight tiles where that is more than the share of 32, and 32 runs at most.
                ([3, 7, 600, 10, 900, 1, 80], 2), ([290, 10, 1400], 3),
            )
        ],
        "theta": thetas[1],
        # Below eight columns version 2 permutes them too; from eight on the versions are one.
        "fixedWeightsVersion2": [
            fixed_weights(kind, 7, tensors, columns, 2)
            for kind in KINDS
            for tensors, columns in (
                ([11], 3), ([40], 6), ([7], 7), ([5], 1), ([1000], 7), ([5, 1, 1, 4], 3), ([4, 2, 1], 7), ([9], 2),
                ([14], 4), ([23], 5), ([3, 7, 600, 10, 900, 1, 80], 2), ([290, 10, 1400], 3), ([60], 20),
            )
        ],
        "thetaVersion2": thetas[2],
    }, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
