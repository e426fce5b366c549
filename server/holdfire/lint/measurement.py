"""What ``measure.js`` tells of a banner on a page. Lengths are CSS pixels, colours sRGB 0 to 255."""

from holdfire.law import Value

Colour = tuple[int, int, int]


class Box(Value, frozen=True):
    """Where something lies on the screen; ``x`` and ``y`` of its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height


class Target(Value, frozen=True):
    """What a finger may hit: for a switch, its label as well."""

    width: float
    height: float


class Paint(Value, frozen=True):
    """How a control stands out from what is around it.

    ``image`` says that a picture or gradient is among the fills, whose colours nobody can tell.
    """

    filled: bool
    fill: Colour
    surround: Colour
    image: bool
    border: Colour | None  # none, or a line under a word only
    native: bool  # drawn by the browser itself

    @property
    def boxed(self) -> bool:
        """Whether it looks like a button rather than like words."""
        return self.filled or self.border is not None


class Control(Value, frozen=True):
    """A control of the banner. ``role`` is what it does, or empty if the page does not say."""

    index: int
    role: str
    element: str
    kind: str
    text: str
    box: Box
    target: Target
    font_size: float
    font_weight: float
    colour: Colour
    paint: Paint
    visible: bool
    shown: float  # the part of it on the screen without scrolling, 0 to 1
    covered: bool
    disabled: bool
    focusable: bool
    beside: int  # letters of running text in the same block
    leaves: bool  # a link to another page

    @property
    def usable(self) -> bool:
        """Whether a visitor can see and press it, if need be after scrolling."""
        return self.visible and not self.disabled


class Switch(Value, frozen=True):
    """A switch of the preference centre."""

    element: str
    category: str
    service: bool
    checked: bool
    disabled: bool
    target: Target
    paint: Paint


class Text(Value, frozen=True):
    """The words that one element writes itself; not ``seen`` is only read out."""

    element: str
    text: str
    seen: bool
    font_size: float
    font_weight: float
    colour: Colour
    background: Colour
    image: bool
    button: bool
    disabled: bool


class Layer(Value, frozen=True):
    """One layer: 1 is what the visitor meets first, 2 the preference centre."""

    number: int
    element: str
    box: Box
    controls: tuple[Control, ...]
    switches: tuple[Switch, ...]
    texts: tuple[Text, ...]
    spoken: tuple[str, ...]

    def control(self, role: str) -> Control | None:
        """The control that does this: one a visitor can use, rather than one they cannot."""
        found = [c for c in self.controls if c.role == role]
        return next((c for c in found if c.usable), found[0] if found else None)


class Measurement(Value, frozen=True):
    """One look at a page. ``loose`` are controls outside every layer, such as the way back."""

    language: str
    width: int
    height: int
    layers: tuple[Layer, ...]
    loose: tuple[Control, ...]
    blocked_by: tuple[str, ...]

    def layer(self, number: int) -> Layer | None:
        """The visible layer of this number."""
        return next((layer for layer in self.layers if layer.number == number), None)

    @property
    def controls(self) -> tuple[Control, ...]:
        """Every control that can be used where it is: under a modal layer nothing else can."""
        inside = tuple(c for layer in self.layers for c in layer.controls)
        return (*inside, *self.loose)
