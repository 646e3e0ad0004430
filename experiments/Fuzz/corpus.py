"""Writes the good files of formats that other programs write, byte by byte from their specifications: python3 corpus.py."""
import os, struct, zlib, gzip, json

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(folder, name, data):
    os.makedirs(os.path.join(here, folder), exist_ok=True)
    with open(os.path.join(here, folder, name), "wb") as file:
        file.write(data)


def npy(descr, shape, data, order="False", version=1):
    text = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
    head = 10 if version == 1 else 12
    text += " " * (-(len(text) + head + 1) % 64) + "\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + data


floats = struct.pack("<6f", 1, 2, 3, 4, -5, 0.5)
put("npy", "f4.npy", npy("<f4", (3, 2), floats))
put("npy", "f8-fortran-vector.npy", npy("<f8", (3,), struct.pack("<3d", 1, 2, 3), order="True"))
put("npy", "u1.npy", npy("|u1", (2, 2, 2), bytes(range(8))))
put("npy", "b1.npy", npy("|b1", (4,), bytes([0, 1, 1, 0])))
put("npy", "u2-scalar.npy", npy("<u2", (), struct.pack("<H", 65535)))
put("npy", "u8.npy", npy("<u8", (2,), struct.pack("<2Q", 7, 8), version=2))
put("npy", "empty.npy", npy("<i4", (0, 3), b"", version=3))
put("npy-features", "f4.npy", npy("<f4", (3, 2), floats))
put("npy-features", "f2.npy", npy("<f2", (3, 1), struct.pack("<3e", 1, 2, 3)))
put("npy-labels", "labels.npy", npy("<i8", (3,), struct.pack("<3q", 0, 2, 1)))

idx = bytes([0, 0, 8, 2]) + struct.pack(">2I", 3, 4) + bytes(range(12))
labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 3) + bytes([0, 1, 2])
put("idx", "images.idx", idx)
put("idx", "labels.idx", labels)
put("idx-gz", "images.gz", gzip.compress(idx, mtime=0))
put("idx-gz", "zeros.gz", gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 20000) + bytes(20000), mtime=0))

put("csv", "plain.csv", b"a,kind,b\n1,x,2.5\n-3e1,y,4\n0,x,0\n")
put("csv", "quoted.csv", b'\xef\xbb\xbf"a","kind","b, too"\r\n1,"x ""y""",2\r\n2,z,3\r\n')
put("csv", "utf16.csv", "a,kind\n1,caf\u00e9\n2,x\n".encode("utf-16"))
rows = "".join("2013-03-%02d 00:00,%d,%d.5\n" % (day, day * 7 % 5, day) for day in range(1, 13))
put("series", "series.csv", ("when,x,y\n" + rows).encode())
names = "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
rows = "".join("%d,2013,3,1,%d,%d,%d,4,7,300,-0.7,1023,-18.8,0,%s,4.4,A\n" % (hour + 1, hour, 4 + hour, 5 + hour % 3, "NNW" if hour % 2 else "NA")
               for hour in range(14))
put("prsa", "station.csv", (names + rows).encode())
put("cifar", "batch.bin", bytes([3, 7]) + bytes(index * 7 % 256 for index in range(3072)))


def png(width, height, depth, colour, rows, interlace=0, palette=None, transparency=None):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, colour, 0, 0, interlace))
    if palette:
        out += chunk(b"PLTE", palette)
    if transparency:
        out += chunk(b"tRNS", transparency)
    return out + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def lines(width, height, bits):
    row = (width * bits + 7) // 8
    return b"".join(b"\0" + bytes((17 * y + 31 * x) % 256 for x in range(row)) for y in range(height))


put("png", "colour.png", png(5, 4, 8, 2, lines(5, 4, 24)))
put("png", "alpha.png", png(4, 4, 8, 6, lines(4, 4, 32)))
put("png", "grey-16.png", png(4, 3, 16, 0, lines(4, 3, 16)))
put("png", "grey-alpha.png", png(3, 3, 8, 4, lines(3, 3, 16)))
put("png", "palette.png", png(4, 4, 4, 3, lines(4, 4, 4), palette=bytes(range(48)), transparency=bytes(range(16))))
put("png", "bits.png", png(9, 3, 1, 0, lines(9, 3, 1)))
# Adam7 of 3 x 3: passes of 1, 2 (none), 3 (none), 4, 5, 6 and 7.
passes = [(1, 1), (0, 0), (0, 0), (1, 1), (2, 1), (1, 2), (3, 1)]
put("png", "interlaced.png", png(3, 3, 8, 0, b"".join(lines(w, h, 8) for w, h in passes if w), interlace=1))
put("mask", "grey.png", png(4, 4, 8, 0, b"".join(b"\0" + bytes([y % 3, 255, 2, 0]) for y in range(4))))


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, kind, shape, raw in tensors:
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


kinds = [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("I64", 8), ("I32", 4), ("I16", 2), ("I8", 1), ("U8", 1), ("U16", 2), ("U32", 4),
         ("F8_E4M3", 1), ("F8_E5M2", 1)]
put("safetensors", "types.safetensors", safetensors([(kind, kind, [2], bytes([1, 2, 3, 4, 5, 6, 7, 8])[:size] * 2) for kind, size in kinds]))
put("safetensors", "metadata.safetensors", safetensors([("a", "F32", [2, 1], floats[:8]), ("none", "F32", [0, 3], b""), ("b", "BOOL", [], b"\1")],
                                                       {"format": "pt", "\u00fc": "\u00e9"}))

# colour.jpg was encoded by SkiaSharp; this is the same picture, to be turned by a quarter.
with open(os.path.join(here, "jpeg", "colour.jpg"), "rb") as file:
    jpeg = file.read()
exif = b"Exif\0\0II*\0" + struct.pack("<IH HHIHH I", 8, 1, 0x0112, 3, 1, 6, 0, 0)
put("jpeg", "turned.jpg", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
