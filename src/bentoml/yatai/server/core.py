"""What all requests to the registry share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.configuration import bentoml_home
from bentoml.exceptions import Unauthenticated
from bentoml.yatai.client import open_database, open_local_registry
from bentoml.yatai.repository_store import open_blob_store
from bentoml.yatai.reservations import Reservations
from bentoml.yatai.server.accounts import Accounts
from bentoml.yatai.server.credentials import Credentials
from bentoml.yatai.server.login_limits import LoginLimits
from bentoml.yatai.server.options import is_loopback
from bentoml.yatai.server.telemetry import RegistryMetrics
from bentoml.yatai.server.trees import Trees
from bentoml.yatai.server.uploads import Uploads

if TYPE_CHECKING:
    from bentoml.configuration import Config
    from bentoml.yatai.database import Database
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.server.accounts import User
    from bentoml.yatai.server.options import RegistryServerOptions

UPLOADS_DIRECTORY = "yatai-uploads"

logger = logging.getLogger(__name__)


@dataclass
class Core:
    """The parts of a running registry.

    Attributes:
        options: what the run was asked to do.
        database: catalog, users and audit log.
        registry: bundles.
        accounts: users.
        credentials: passwords, tokens, sessions.
        login_limits: how often passwords may be wrong.
        trees: lists of files of bundles.
        uploads: bundles that are on their way here.
        reservations: tags of bundles whose files come later.
        metrics: numbers.
        in_flight: requests that are not answered.
        is_draining: whether the server goes down.
    """

    options: RegistryServerOptions
    database: Database
    registry: LocalRegistry
    accounts: Accounts
    credentials: Credentials
    login_limits: LoginLimits
    trees: Trees
    uploads: Uploads
    reservations: Reservations
    metrics: RegistryMetrics = field(default_factory=RegistryMetrics)
    in_flight: int = 0
    is_draining: bool = False

    @classmethod
    def open(cls, config: Config, options: RegistryServerOptions) -> Core:
        """Open catalog and store; the schema is brought up to date.

        Raises:
            BentoMLException: one of them cannot be used.
        """
        database = open_database(config)
        with database.write():
            logger.debug("The catalog is up to date")
        registry = open_local_registry(config)
        trees = Trees(registry)
        return cls(
            options=options,
            database=database,
            registry=registry,
            trees=trees,
            uploads=Uploads(database, registry, trees, bentoml_home() / UPLOADS_DIRECTORY, options.max_bundle_bytes),
            reservations=Reservations(database, open_blob_store(config)),
            accounts=Accounts(database),
            credentials=Credentials(database),
            login_limits=LoginLimits(options.login_failures),
        )

    @property
    def checks_hosts(self) -> bool:
        """Whether requests must name this machine: nothing else keeps pages of other sites out."""
        return not self.options.requires_login and is_loopback(self.options.host)

    def log_in(self, name: str, password: str, client: str) -> User:
        """The user of a name and a password. It takes some tenths of a second.

        Args:
            name: of the user.
            password: what was given for theirs.
            client: address that it came from.

        Raises:
            Unauthenticated: they do not belong together, or the user is shut out.
            RequestRefused: there were too many wrong passwords.
        """
        self.login_limits.begin(name, client)
        try:
            user = self.credentials.check_password(name, password)
        except Unauthenticated:
            self.metrics.refused("password")
            raise
        self.login_limits.succeeded(name, client)
        return user

    @property
    def is_answered(self) -> bool:
        """Whether no request waits for its answer."""
        return self.in_flight == 0

    def drain(self) -> None:
        """The server goes down: it is not ready any more."""
        self.is_draining = True
