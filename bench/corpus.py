"""Pictures as programs log them: photographs (those that scikit-image and matplotlib bring with
them), plots, masks, grids and gradients."""

import io
import pathlib

import numpy
import skimage.data
from matplotlib import cbook, colormaps
from matplotlib.figure import Figure
from PIL import Image

SPRITE = pathlib.Path(__file__).resolve().parent.parent / "examples/data/fashion-mnist-sprite.png"


def pixels_of(image):
    """Of Pillow's images: height, width, channels."""
    return numpy.atleast_3d(numpy.asarray(image))


def scaled(photo, width):
    image = Image.fromarray(photo)
    return pixels_of(image.resize((width, image.height * width // image.width), Image.LANCZOS))


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return pixels_of(Image.open(file).convert("RGB"))


def curves(width, height):
    rng = numpy.random.default_rng(1)
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.subplots()
    for i in range(4):
        axes.plot(numpy.exp(-numpy.arange(300) / 80) * (i + 1) + rng.normal(0, 0.05, 300),
                  label=f"run {i}")
    axes.legend()
    axes.grid()
    return drawn(figure)


def bars(width, height):
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.subplots()
    axes.bar(range(10), numpy.random.default_rng(2).uniform(0.5, 1, 10))
    axes.set_title("accuracy by class")
    return drawn(figure)


def confusion_matrix(size):
    counts = numpy.random.default_rng(3).integers(0, 30, (10, 10)) + numpy.eye(10, dtype=int) * 70
    figure = Figure(figsize=(size / 100, size / 100), dpi=100)
    axes = figure.subplots()
    axes.imshow(counts)
    for (y, x), count in numpy.ndenumerate(counts):
        axes.text(x, y, count, ha="center", va="center", color="white" if count < 60 else "black")
    return drawn(figure)


def mask(size, colours):
    """Where the nearest of some points is."""
    rng = numpy.random.default_rng(4)
    y, x = numpy.mgrid[0:size, 0:size]
    points = rng.uniform(0, size, (colours, 2))
    nearest = numpy.argmin([(y - a) ** 2 + (x - b) ** 2 for a, b in points], axis=0)
    return rng.integers(0, 256, (colours, 3), dtype=numpy.uint8)[nearest]


def garments(rows, channels):
    sprite = pixels_of(Image.open(SPRITE).convert("L"))[:28 * rows, :28 * rows]
    return numpy.repeat(sprite, channels, axis=2)


def heat_map(size):
    y, x = numpy.mgrid[-3:3:size * 1j, -3:3:size * 1j]
    return (colormaps["viridis"](numpy.exp(-x * x - y * y))[..., :3] * 255).astype(numpy.uint8)


def all_pictures():
    """(kind, name, pixels) of each."""
    photos = skimage.data
    portrait = photos.astronaut()
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        studio = pixels_of(Image.open(file))
    yield "photograph", "portrait", portrait
    yield "photograph", "coffee", photos.coffee()
    yield "photograph", "cat", photos.cat()
    yield "photograph", "tissue", photos.immunohistochemistry()
    yield "photograph", "rocket, was a JPEG", photos.rocket()
    yield "photograph", "studio, was a JPEG", studio
    yield "photograph", "camera, grey", pixels_of(photos.camera())
    yield "photograph", "portrait, made smaller", scaled(portrait, 128)
    yield "photograph", "portrait, made smaller", scaled(portrait, 64)
    yield "photograph", "portrait, made smaller", scaled(portrait, 32)
    yield "plot", "curves", curves(640, 480)
    yield "plot", "curves", curves(320, 240)
    yield "plot", "bars", bars(640, 480)
    yield "plot", "confusion matrix", confusion_matrix(600)
    yield "mask", "2 colours", mask(512, 2)
    yield "mask", "20 colours", mask(512, 20)
    yield "mask", "20 colours", mask(128, 20)
    yield "grid", "64 garments, grey", garments(8, 1)
    yield "grid", "64 garments, as RGB", garments(8, 3)
    yield "grid", "one garment, grey", garments(1, 1)
    yield "other", "heat map", heat_map(512)
    yield "other", "noise", numpy.random.default_rng(5).integers(0, 256, (512, 512, 3), numpy.uint8)
