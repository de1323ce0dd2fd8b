"""Takes animated pictures apart.

    python animation.py <FILE

says as JSON what Pillow makes of the frames: the SHA-256 of their RGBA pixels and their seconds.
"""

import hashlib
import io
import json
import struct
import sys
import zlib

from PIL import Image, ImageSequence

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(png):
    """(type, data) of each chunk, whose lengths and CRCs are right."""
    assert png[:8] == SIGNATURE
    at, found = 8, []
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        data = png[at + 8:at + 8 + size]
        crc, = struct.unpack_from(">I", png, at + 8 + size)
        assert len(data) == size and crc == zlib.crc32(kind + data), kind
        found.append((kind.decode(), data))
        at += 12 + size
    return found


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def split_apng(png):
    """(still PNG file, seconds) of each frame of an animated PNG that keeps to the rules."""
    parts = chunks(png)
    kinds = [kind for kind, _ in parts]
    assert kinds[:2] == ["IHDR", "acTL"] and kinds[-1] == "IEND"
    header = parts[0][1]
    count, plays = struct.unpack(">II", parts[1][1])
    assert plays == 0, "it is to be played without end"
    numbers, frames = [], []
    for kind, data in parts[2:-1]:
        if kind == "fcTL":
            number, *size, numerator, denominator, dispose, blend = struct.unpack(">5I2H2B", data)
            assert size == [*struct.unpack(">II", header[:8]), 0, 0], "frames cover the picture"
            assert (dispose, blend) == (0, 0)
            numbers.append(number)
            frames.append([b"", numerator / denominator])
        elif kind == "IDAT":
            assert len(frames) == 1, "the first frame alone is in IDAT"
            frames[-1][0] += data
        else:
            assert kind == "fdAT" and len(frames) > 1
            numbers.append(struct.unpack(">I", data[:4])[0])
            frames[-1][0] += data[4:]
    assert numbers == list(range(len(numbers)))
    assert len(frames) == count
    return [(SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b""),
             seconds) for pixels, seconds in frames]


def pillow_frames(data):
    """(Image in RGBA, seconds) of each frame, as Pillow plays it."""
    image = Image.open(io.BytesIO(data))
    return [(frame.convert("RGBA"), frame.info["duration"] / 1000)
            for frame in ImageSequence.Iterator(image)]


def main():
    data = sys.stdin.buffer.read()
    frames = [{"sha256": hashlib.sha256(image.tobytes()).hexdigest(), "seconds": seconds}
              for image, seconds in pillow_frames(data)] if _is_animated(data) else []
    rounded = data.startswith(SIGNATURE) and data[24] == 16  # by each reader in its own way
    json.dump({"frames": frames, "rounded": rounded}, sys.stdout)


def _is_animated(data):
    return getattr(Image.open(io.BytesIO(data)), "is_animated", False)


if __name__ == "__main__":
    main()
