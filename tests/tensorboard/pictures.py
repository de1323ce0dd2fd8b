"""What log_pictures passed to the library, and what pictures that should make."""

import dataclasses
import json
import os

import matplotlib
import numpy as np

MAPS = {"viridis": "viridis", "magma": "magma", "diverging": "coolwarm"}
NAN_COLOR = (255, 0, 255)
GLYPH_WIDTH, GLYPH_HEIGHT = 5, 8


def read_calls(folder):
    with open(os.path.join(folder, "calls.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_array(folder, call):
    """clips x frames x height x width x channels, as it was in memory."""
    path = os.path.join(folder, call["tag"].replace("/", "_") + ".raw")
    clips, frames, height, width, channels = call["shape"]
    if call["dtype"] == "bfloat16":
        # The upper half of a float32.
        data = (np.fromfile(path, np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif call["dtype"] == "bool":
        data = np.fromfile(path, np.uint8) != 0
    else:
        data = np.fromfile(path, call["dtype"])
    if call["planar"]:
        return data.reshape(clips, frames, channels, height, width).transpose(0, 1, 3, 4, 2)
    return data.reshape(call["shape"])


# --- From values to samples ----------------------------------------------------------------------

def samples(array, call):
    """As they should be in the pictures, before those are scaled."""
    if call["colormap"] != "none":
        return _mapped(array, call)
    if call["min"] != call["max"]:
        return _in_range(array, call)
    return _plain(array)


def _doubles(array):
    with np.errstate(invalid="ignore"):
        return array.astype(np.float64)


def _plain(array):
    if array.dtype in (np.uint8, np.uint16):
        return array
    values = _doubles(array)
    values = np.clip(np.where(np.isnan(values), 0, values), 0, 1)
    return np.floor(values * 255 + 0.5).astype(np.uint8)


def _mapped(array, call):
    """By matplotlib."""
    values = _doubles(array)[..., 0]
    low, high = call["min"], call["max"]
    finite = values[np.isfinite(values)]
    if low == high and finite.size:
        low, high = finite.min(), finite.max()
        if call["colormap"] == "diverging":
            high = max(abs(low), abs(high))
            low = -high
    scale = 1.0 if np.isfinite(high - low) else 0.5
    norm = matplotlib.colors.Normalize(low * scale, high * scale)
    inside = np.where(np.isinf(values), np.where(values > 0, high, low), values) * scale
    rgb = _colors(call["colormap"], np.ma.getdata(norm(inside)))
    rgb[np.isnan(values)] = NAN_COLOR
    grey = call["colormap"] == "grey" and not np.isnan(values).any()
    return rgb[..., :1] if grey else rgb


def _colors(name, positions):
    """Of 0 to 1, as matplotlib's imsave writes them; but its grey is one too dark where
    k / 255 * 255 is a little less than k."""
    if name != "grey":
        return matplotlib.colormaps[MAPS[name]](positions, bytes=True)[..., :3].copy()
    return np.rint(matplotlib.colormaps["gray"](positions) * 255).astype(np.uint8)[..., :3].copy()


def _in_range(array, call):
    channels = array.shape[-1]
    alpha = channels % 2 == 0
    values = _doubles(array)
    colors = values[..., :channels - alpha]
    with np.errstate(invalid="ignore"):
        level = (colors - call["min"]) / (call["max"] - call["min"]) * 255 + 0.5
        level = np.floor(np.clip(level, 0, 255)).astype(np.uint8)
    has_nan = np.isnan(colors).any(axis=-1)
    if has_nan.any() and level.shape[-1] == 1:
        level = np.repeat(level, 3, axis=-1)
    if level.shape[-1] == 3:
        level[has_nan] = NAN_COLOR
    if not alpha:
        return level
    white = {"uint8": 255, "uint16": 65535}.get(call["dtype"], 1)
    hides = np.clip(np.where(np.isnan(values[..., -1:]), 0, values[..., -1:]) / white, 0, 1)
    return np.concatenate([level, np.floor(hides * 255 + 0.5).astype(np.uint8)], axis=-1)


# --- From samples to pictures --------------------------------------------------------------------

def shares(size, shown):
    """shown x size: how much of each pixel of a side one of the result covers, in units of which a
    pixel has |shown| and one of the result |size|."""
    left = np.arange(shown)[:, None] * size
    first = np.arange(size)[None] * shown
    return np.clip(np.minimum(left + size, first + shown) - np.maximum(left, first), 0, None)


def scaled(picture, call):
    """Each pixel is the mean of its area, colours by how opaque they are; halves are rounded up."""
    scale = call["scale"] or 1
    if scale == 1:
        return picture
    height, width = (max(int(side * scale), 1) for side in picture.shape[:2])
    down, across = shares(picture.shape[0], height), shares(picture.shape[1], width)

    def total(samples):
        rows = np.tensordot(down, samples, (1, 0))
        return np.tensordot(across, rows, (1, 1)).transpose(1, 0, 2)

    samples = picture.astype(np.int64)
    has_alpha = picture.shape[-1] % 2 == 0
    alpha = samples[..., -1:] if has_alpha else np.ones_like(samples[..., :1])
    colors = samples[..., :-1] if has_alpha else samples
    opaque = total(alpha)
    weight = np.where(opaque > 0, opaque, 1)
    found = [(2 * total(colors * alpha) + weight) // (2 * weight)]
    if has_alpha:
        area = total(np.ones_like(alpha))
        found.append((2 * opaque + area) // (2 * area))
    return np.concatenate(found, axis=-1).astype(picture.dtype)


def grid(pictures, call):
    """Pictures, count x height x width x channels, side by side."""
    count, height, width, channels = pictures.shape
    padding = {0: 2}.get(call["padding"], max(call["padding"], 0))
    columns = min(call["columns"] or int(np.ceil(np.sqrt(count))), count)
    rows = -(-count // columns)
    whole = np.zeros((rows * (height + padding) - padding, columns * (width + padding) - padding,
                      channels), pictures.dtype)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (height + padding), i % columns * (width + padding)
        whole[y:y + height, x:x + width] = picture
    return whole


# --- Boxes ---------------------------------------------------------------------------------------

@dataclasses.dataclass
class Strip:
    """Where a label is, and its colours."""
    left: int
    top: int
    right: int
    bottom: int
    color: tuple
    text_color: tuple

    def area(self):
        return slice(self.top, self.bottom), slice(self.left, self.right)


def draw_boxes(picture, call):
    """The picture with frames and empty strips, and the strips."""
    if picture.shape[-1] <= 2:
        grey, rest = picture[..., :1], picture[..., 1:]
        picture = np.concatenate([grey, grey, grey, rest], axis=-1)
    picture = picture.copy()
    height, width, _ = picture.shape
    pen = 1 + min(width, height) // 256
    strips = []
    unit = 257 if picture.dtype == np.uint16 else 1
    for number, box in enumerate(call["boxes"]):
        left, top, right, bottom = _edges(box, width / call["shape"][3], height / call["shape"][2])
        color = tuple(box["color"]) if any(box["color"]) else _own_color(box, number)
        across, down = min(pen, right - left), min(pen, bottom - top)
        for area in ((left, top, right, top + down), (left, bottom - down, right, bottom),
                     (left, top, left + across, bottom), (right - across, top, right, bottom)):
            _fill(picture, area, color, unit)
        in_sight = left < width and right > 0 and top < height and bottom > 0
        if box["label"] and in_sight:
            strips.append(_strip(box["label"], left, top, width, pen, color, unit))
    for strip in strips:
        _fill(picture, (strip.left, strip.top, strip.right, strip.bottom), strip.color, 1)
    return picture, strips


def _edges(box, across, down):
    def place(edge, scale):
        return int(np.floor(np.clip(edge, -1e6, 1e6) * scale + 0.5))

    left, right = (place(edge, across) for edge in sorted(box["edges"][0::2]))
    top, bottom = (place(edge, down) for edge in sorted(box["edges"][1::2]))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _own_color(box, number):
    hue = number * 137 % 360
    if box["label"]:
        hue = 2166136261
        for byte in box["label"].encode():
            hue = (hue ^ byte) * 16777619 % 2**32
        hue %= 360
    return tuple(int(255 * np.clip(2 - abs((hue - 120 * c + 180) % 360 - 180) / 60, 0, 1))
                 for c in range(3))


def _fill(picture, area, color, unit):
    left, top, right, bottom = (max(edge, 0) for edge in area)
    opaque = 65535 if picture.dtype == np.uint16 else 255
    pixel = [c * unit for c in color[:3]] + [opaque]
    picture[top:bottom, left:right] = pixel[:picture.shape[-1]]


def _strip(label, left, top, width, pen, color, unit):
    across = (len(label) * (GLYPH_WIDTH + 1) + 1) * pen
    down = (GLYPH_HEIGHT + 2) * pen
    left = max(min(left, width - across), 0)
    top = top - down if top >= down else max(top, 0)
    light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 128
    text = 0 if light else 255
    return Strip(left, top, left + across, top + down, tuple(c * unit for c in color),
                 (text * unit,) * 3)
