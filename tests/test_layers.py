"""The import ladder of ARCHITECTURE.md §3, checked on the code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "server"

LADDER = """
    errors patience ledger canonical | law verify | model document record middleware keyfolder jws | settings notice | regimes rules policy parse sites evidence
    | catalogue duties tally metrics limits apikeys token_keys tokens keyfile visitor store | notary archive | witness | ground | proof | consent explain export retention tracking | handoff batch consent_token csp | compliance | lint | web replay | publication | app
    | serving | scraping | check clerk demo | cli | __main__
"""
RUNG = {name: i for i, rung in enumerate(LADDER.split("|")) for name in rung.split()}

OWNERS = {
    "starlette": {"web", "app", "serving", "scraping", "demo"},
    "uvicorn": {"cli", "demo", "serving", "scraping", "check"},
    "aiosqlite": {"store.sqlite_reader"},
    "asyncpg": {"store.postgres"},
    "itsdangerous": {"tokens"},
    "geoip2": {"visitor"},
    "maxminddb": {"visitor"},
    "user_agents": {"visitor"},
    "brotli": {"web"},
    "prometheus_client": {"metrics"},
    "playwright": {"lint", "replay"},
    "cryptography": {"ledger.ed25519", "notary", "store", "token_keys", "witness"},
}
FILES = sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT)


def imports(path: Path) -> Iterator[str]:
    """Every name a module imports, and a failure for a relative or local import."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not inner, f"{path}:{node.lineno}: import inside {node.name}"
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    """A module imports only lower rungs, its own package, or a library it owns."""
    me = ".".join(path.relative_to(ROOT / "holdfire").with_suffix("").parts)
    mine = me.split(".", maxsplit=1)[0]
    for name in imports(path):
        top, _, rest = name.partition(".")
        owners = OWNERS.get(top)
        if owners is not None:
            assert me in owners or mine in owners, f"{me} imports {top}, which {owners} owns"
        if top == "holdfire" and me != "__init__":
            theirs = rest.split(".")[0]
            assert theirs in RUNG, f"{theirs} has no rung"
            assert mine == theirs or RUNG[theirs] < RUNG[mine], f"{me} → {rest}"


def test_modules_and_functions_keep_their_size() -> None:
    """No module passes 400 lines and no function 80."""
    for path in FILES:
        text = path.read_text()
        assert text.count("\n") <= 400, f"{path}: {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                assert length <= 80, f"{path}:{node.lineno}: {node.name} has {length} lines"
