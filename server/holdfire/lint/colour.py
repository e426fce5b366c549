"""Colours by number: how well one is told from another, by eye and by brightness.

Contrast is WCAG 2.2's (definitions "contrast ratio" and "relative luminance"). Distance is the
Euclidean one in OKLab, as CSS Color 4 has it (deltaEOK), where 0.02 is just noticeable.
"""

import math
import re

from holdfire.lint.measurement import Colour

_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


def parse(text: str) -> Colour | None:
    """An opaque colour written ``#rgb`` or ``#rrggbb``; ``None`` for any other notation."""
    matched = _HEX.fullmatch(text.strip())
    if matched is None:
        return None
    digits = matched[1] if len(matched[1]) == 6 else "".join(d * 2 for d in matched[1])  # noqa: PLR2004 -- two digits a channel
    red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1."""
    red, green, blue = map(_linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def distance(one: Colour, other: Colour) -> float:
    """How different two colours look: 0 the same, 1 black and white."""
    return math.dist(oklab(one), oklab(other))


def oklab(colour: Colour) -> tuple[float, float, float]:
    """Lightness, green to red, blue to yellow (Ottosson 2020; CSS Color 4 section 9)."""
    red, green, blue = map(_linear, colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 -- sRGB, IEC 61966-2-1
