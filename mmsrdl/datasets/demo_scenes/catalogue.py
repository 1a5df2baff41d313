"""What the demo scenes hold: classes, who brings whom along, and how hard they are."""

CLASSES: tuple[str, ...] = (
    "boat",
    "car",
    "fish",
    "flower",
    "heart",
    "house",
    "key",
    "kite",
    "mug",
    "mushroom",
    "star",
    "sun",
    "tree",
    "umbrella",
)

# Class -> (class it brings along when it leads a scene, probability). Measured over 4,000 scenes:
#   P(fish | boat) .70   P(boat | fish) .80      P(tree | house) .66        P(car | key) .72
#   P(sun | kite) .67    P(flower | mushroom) .71
# and .04 to .13 for the second without the first. Every class also leads scenes of its own, so
# each occurs without its partner too.
PARTNERS: dict[str, tuple[str, float]] = {
    "boat": ("fish", 0.5),
    "fish": ("boat", 0.7),
    "house": ("tree", 0.7),
    "key": ("car", 0.7),
    "kite": ("sun", 0.7),
    "mushroom": ("flower", 0.7),
}

# Hues of named colours, in sixths of the colour circle.
COLOURS: dict[str, float] = {
    "red": 0.0,
    "orange": 0.5,
    "yellow": 1.0,
    "green": 2.0,
    "blue": 3.75,
    "purple": 4.75,
}

SMALL_SHARE = 0.024  # an object under this share of the image's area is small (15 px of 96)
OCCLUDED_FROM = 0.25  # from this covered share on, an object is occluded
MAX_OCCLUSION = 0.6
MAX_OBJECTS = 5
SMALL_RATE = 0.25  # of the objects are drawn small
OCCLUDER_RATE = 0.2  # of the objects get a polygon laid over them
