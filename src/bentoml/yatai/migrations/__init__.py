"""From any released schema of the catalog to the present one.

Each change is one file in `versions/`. `HEAD` names the newest, so that opening a database that is up to date needs one
comparison and no alembic.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

HEAD = "0002"

# alembic keeps the migration that runs in module globals.
_one_at_a_time = threading.Lock()


def script_directory() -> ScriptDirectory:
    """The migrations, in alembic's terms."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection) -> None:
    """Bring the schema to `HEAD`, inside the transaction that `connection` has begun."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    script = script_directory()

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with _one_at_a_time, EnvironmentContext(Config(), script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
