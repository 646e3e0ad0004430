"""The SHA-256 of a safetensors file's content as docs/files.md defines it: python3 content_sha256.py FILE, or the worked example without one."""
import hashlib
import json
import struct
import sys


def length(number):
    return struct.pack("<q", number)


def text(words):
    raw = words.encode()
    return length(len(raw)) + raw


def content(metadata, tensors):
    """tensors: name, type, shape, bytes."""
    out = b"".join(b"m" + text(key) + text(metadata[key]) for key in sorted(metadata, key=lambda key: key.encode("utf-16-be"))
                   if key != "content_sha256")
    for name, kind, shape, raw in sorted(tensors, key=lambda tensor: tensor[0].encode("utf-16-be")):
        out += b"t" + text(name) + text(kind) + length(len(shape)) + b"".join(map(length, shape)) + length(len(raw)) + raw
    return hashlib.sha256(out).hexdigest()


if len(sys.argv) > 1:
    with open(sys.argv[1], "rb") as file:
        whole = file.read()
    start = 8 + struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = [(name, entry["dtype"], entry["shape"], whole[start:][slice(*entry["data_offsets"])]) for name, entry in header.items()]
    computed = content(metadata, tensors)
    print(computed, "as written" if metadata.get("content_sha256") == computed else "not as written")
else:
    print(content({"format": "pt", "b": "é"}, [("w", "F32", [2], struct.pack("<2f", 1, 2)), ("n", "I64", [], struct.pack("<q", 7))]))
