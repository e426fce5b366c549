"""``python -m bench.flame``: where the time of a decision from memory goes, as ``bench/flame.svg``.

``py-spy`` (a development tool) looks at the serving process from outside while it is asked; the
frames of C libraries are in the picture where it can read them.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from subprocess import DEVNULL

from bench.answers import CONNECTIONS, DECISION, bearer, choice_request, get, serving
from bench.asking import load, once

SECONDS = 10
RATE = 500  # samples per second
PICTURE = Path(__file__).with_name("flame.svg")


async def _draw(picture: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with serving("service", folder) as (port, pid):
            (answer,) = await once(port, [choice_request()])
            asked = [get(DECISION, bearer(answer))]
            looking = Path(sys.executable).with_name("py-spy")
            how = ("--native", "--rate", str(RATE), "--duration", str(SECONDS))
            recorded = await asyncio.create_subprocess_exec(
                looking, "record", "--pid", str(pid), *how, "--output", picture, stdout=DEVNULL
            )
            await asyncio.to_thread(load, port, asked, CONNECTIONS, SECONDS + 2)
            await recorded.wait()


def _untitled(picture: Path) -> None:
    """Its title is the command, with every folder of this machine."""
    drawn = re.sub(r"[^<>]*py-spy record [^<>]*", "A decision from memory", picture.read_text())
    picture.write_text(drawn)


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if sys.argv[1:] else PICTURE
    asyncio.run(_draw(chosen))
    _untitled(chosen)
