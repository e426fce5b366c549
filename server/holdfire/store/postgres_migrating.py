"""Bringing the tables of a PostgreSQL database up to date."""

from typing import Any

from holdfire.store import schema
from holdfire.store.postgres_tables import POSTGRES

Connection = Any  # the driver says no types, and `postgres` alone imports it

# A migration may have tables to rewrite. Past this the server is taken to have died on the way.
MIGRATION_SECONDS = 600.0

# Any number that is ours: it keeps two processes from creating the tables at once.
MIGRATION_LOCK = 0x686F6C64

_MIGRATED = "SELECT to_regclass('migration') IS NOT NULL"
_MIGRATE = "SELECT pg_advisory_xact_lock($1)"
_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text)"
_APPLIED = "SELECT number, name FROM migration"


async def migrate(connection: Connection, database: str) -> None:
    """Bring the tables up to date. With nothing to do, it needs no right but to read."""
    applied = []
    if await connection.fetchval(_MIGRATED):
        applied = await connection.fetch(_APPLIED)
    if not schema.pending(POSTGRES, applied, database):
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        await connection.execute(_MIGRATE, MIGRATION_LOCK, timeout=MIGRATION_SECONDS)
        await connection.execute(_MIGRATIONS)
        # Again, behind the lock: another process may have done it meanwhile.
        applied = await connection.fetch(_APPLIED)
        for number, migration in schema.pending(POSTGRES, applied, database):
            for statement in migration.statements:
                await connection.execute(statement, timeout=MIGRATION_SECONDS)
            await connection.execute(
                "INSERT INTO migration VALUES ($1, $2)", number, migration.name
            )
