"""The notary: what signs the log, remembers what it signed, and refuses what is not that.

``keys`` sign; ``anchor`` remembers; ``inspection`` compares at every start, ``audit`` every byte;
``publisher`` signs what grows, ``cosigning`` has witnesses sign it; ``receipts`` are what visitors
get; ``recovery`` is the way out.
"""

import time
from collections.abc import Callable
from pathlib import Path

from holdfire.notary import inspection
from holdfire.notary.anchor import NAME, Anchor, AnchorBroken
from holdfire.notary.cosigning import Cosigning
from holdfire.notary.keys import FOLDER, LogKeys
from holdfire.notary.policy import policy_text
from holdfire.notary.publisher import Health, OnCheckpoint, Publisher
from holdfire.record import Head
from holdfire.settings import Settings
from holdfire.settings.witness import quorum_of
from holdfire.store import Store
from holdfire.store.fence import Fence

__all__ = [
    "Anchor",
    "Fence",
    "Health",
    "LogKeys",
    "Notary",
    "OnCheckpoint",
    "Publisher",
    "policy_text",
]


class Notary:
    """Keys, anchor and fence of one instance. The store is opened behind its fence."""

    def __init__(
        self, keys: LogKeys, anchor: Anchor, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self.keys = keys
        self.anchor = anchor
        self.fence = Fence(self._refusal)
        self.on_checkpoint: list[OnCheckpoint] = []
        self._cosigning: Cosigning | None = None
        self._settings = settings
        self._clock = clock

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes],
    ) -> "Notary":
        """Read the keys. Raises ``ConfigError`` if they are not kept as they must be."""
        keys = LogKeys(Path(settings.data_dir) / FOLDER, random, clock)
        return cls(keys, Anchor(anchor_path(settings)), settings, clock)

    async def begin(self, store: Store) -> Publisher:
        """Inspect the store and sign what is unsigned, as far as that can be done now.

        ``on_checkpoint`` may still grow until then. Nothing of the store is raised: what is wrong
        with it closes the fence, and what does not answer is inspected as soon as it does.
        """
        if self._settings.witnesses:
            self._cosigning = Cosigning(
                self._settings.cosigners,
                quorum_of(self._settings.witnesses, self._settings.quorum),
                store,
                self.fence,
                between=self._settings.witness_seconds,
                clock=self._clock,
            )
            self.on_checkpoint.append(self._cosigning)
        publisher = Publisher(
            store,
            self.keys,
            self.anchor,
            self.fence,
            host=self._settings.log_host,
            clock=self._clock,
            on_checkpoint=self.on_checkpoint,
        )
        await publisher.step()
        return publisher

    async def cosign(self) -> None:
        """Have what is signed cosigned, for ever, where the settings name witnesses."""
        if self._cosigning is not None:
            await self._cosigning.run()

    def policy_text(self) -> str:
        """The policy file, as it is served and printed."""
        return policy_text(self.keys.all, self._settings.witnesses, self._settings.quorum)

    def _refusal(self, head: Head) -> str | None:
        try:
            return inspection.at_head(head, self.anchor.read(), int(self._clock() * 1000))
        except AnchorBroken as error:
            return str(error)


def anchor_path(settings: Settings) -> Path:
    """Where the anchor is."""
    return Path(settings.anchor) if settings.anchor else Path(settings.data_dir) / NAME
