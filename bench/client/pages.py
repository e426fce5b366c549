"""The contenders' pages and files, put together in one folder for the static server."""

import re
import subprocess
from pathlib import Path
from shutil import copyfile, which

from bench.client.contenders import Contender

HERE = Path(__file__).parent
PAGES = HERE / "pages"
MODULES = HERE / "node_modules"

_INLINE = re.compile(r"<!-- inline (\S+) -->")


def bundle(folder: Path) -> None:
    """Make the bundles of those contenders that come as modules."""
    node = which("node")
    assert node, "node is missing"
    subprocess.run([node, HERE / "bundle.mjs", folder], check=True, cwd=HERE)  # noqa: S603 -- ours


def pasted(contender: Contender, snippet: str) -> tuple[str, str]:
    """What the owner pastes into head and body; ``snippet`` is what ours prints."""
    if contender.kind == "ours":
        return snippet, ""
    fragment = PAGES / f"{contender.name}.html"
    text = fragment.read_text() if fragment.exists() else ""
    head, _, body = text.partition("<!-- body -->")
    return _inlined(head), _inlined(body)


def compose(contender: Contender, snippet: str, bundles: Path, folder: Path) -> None:
    """Write ``{name}.html`` and every file it asks for into ``folder``, by their served paths."""
    head, body = pasted(contender, snippet)
    page = (PAGES / "page.html").read_text()
    page = page.replace("<!-- head -->\n", head).replace("<!-- body -->\n", body)
    (folder / f"{contender.name}.html").write_text(page)
    for path, source in contender.files:
        target = folder / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        copyfile(_found(source, bundles), target)


def _found(source: str, bundles: Path) -> Path:
    places = [MODULES / source] if "/" in source else [bundles / source, PAGES / source]
    found = next((place for place in places if place.is_file()), None)
    assert found, f"{source} is missing"
    return found


def _inlined(text: str) -> str:
    return _INLINE.sub(lambda m: f"<script>\n{(PAGES / m[1]).read_text()}</script>", text)
