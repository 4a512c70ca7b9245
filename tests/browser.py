"""A headless Chromium for tests: what a person would see of a page, and everything that went wrong meanwhile."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pytest

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

T = TypeVar("T")
ColorScheme = Literal["light", "dark"]

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium on this machine, so pages are not looked at; on Debian run: sudo apt-get install chromium"
LIMIT_MS = 30_000
_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    # Whatever a page asks for elsewhere fails at once, on a machine with a network as well.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find_chromium() -> str | None:
    """The command of a Chromium on this machine."""
    return next((path for path in map(shutil.which, COMMANDS) if path is not None), None)


class Tab:
    """A page with an empty profile.

    Attributes:
        problems: errors in the console and in scripts, dialogs, requests that failed or were answered with 400 or more.
        requested: addresses of all requests, in their order.
    """

    def __init__(self, browser: Browser, context: BrowserContext, page: Page) -> None:
        self._browser = browser
        self.context = context
        self._page = page
        self.problems: list[str] = []
        self.requested: list[str] = []
        page.set_default_timeout(LIMIT_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    async def _on_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _on_failure(self, request: Request) -> None:
        self.problems.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"HTTP {response.status}: {response.url}")

    def goto(self, url: str) -> None:
        """Open an address, and wait until nothing is loaded any more."""
        self._browser.run(self._page.goto(url, wait_until="networkidle"))

    @property
    def url(self) -> str:
        return self._page.url

    @property
    def title(self) -> str:
        return self._browser.run(self._page.title())

    def click(self, selector: str) -> None:
        """Click the one element that is meant; it is waited for."""
        self._browser.run(self._page.click(selector, strict=True))

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        self._browser.run(self._page.keyboard.press(key))

    def fill(self, selector: str, text: str) -> None:
        self._browser.run(self._page.fill(selector, text, strict=True))

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list."""
        self._browser.run(self._page.select_option(selector, value, strict=True))

    def upload(self, selector: str, path: Path) -> None:
        """Choose a file."""
        self._browser.run(self._page.set_input_files(selector, path, strict=True))

    def text(self, selector: str) -> str:
        """Visible text of an element, which is waited for."""
        return self._browser.run(self._page.inner_text(selector, strict=True))

    def wait_for(self, selector: str) -> None:
        """Wait until an element can be seen."""
        self._browser.run(self._page.wait_for_selector(selector))

    def sees(self, selector: str) -> bool:
        """Whether an element can be seen now."""
        return self._browser.run(self._page.is_visible(selector))

    def allow_clipboard(self) -> None:
        """Let pages and tests read and write the clipboard."""
        self._browser.run(self.context.grant_permissions(["clipboard-read", "clipboard-write"]))

    def settle(self) -> None:
        """Wait until nothing is loaded any more."""
        self._browser.run(self._page.wait_for_load_state("networkidle"))

    def count(self, selector: str) -> int:
        return self._browser.run(self._page.locator(selector).count())

    def run(self, script: str, argument: Any = None) -> Any:
        """Result of an expression or a function in the page; promises are awaited."""
        return self._browser.run(self._page.evaluate(script, argument))

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        self._browser.run(self._page.screenshot(path=path, full_page=full))


class Browser:
    """One Chromium, driven from an event loop of its own that runs only while something is asked of it.

    So other tests of the same process may run event loops in between.

    Args:
        command: path of the program.
    """

    def __init__(self, command: str) -> None:
        # Its import takes half a second that other tests need not wait for.
        from playwright.async_api import async_playwright

        self._loop = asyncio.new_event_loop()
        # Chromium refuses to run as root with its sandbox.
        flags = [*_FLAGS, "--no-sandbox"] if os.getuid() == 0 else _FLAGS
        self._playwright = self.run(async_playwright().start())
        self._chromium = self.run(self._playwright.chromium.launch(executable_path=command, args=flags))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Result of a coroutine of playwright."""
        return self._loop.run_until_complete(coroutine)

    @contextmanager
    def tab(
        self,
        *,
        width: int = 1280,
        height: int = 900,
        color_scheme: ColorScheme = "light",
        password: str | None = None,
    ) -> Iterator[Tab]:
        """A tab until the block ends; `password` is what its user types when a page asks for one."""
        context = self.run(
            self._chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=color_scheme,
                http_credentials=None if password is None else {"username": "me", "password": password},
            )
        )
        try:
            yield self.run(self._open(context))
        finally:
            self.run(context.close())

    async def _open(self, context: BrowserContext) -> Tab:
        # Inside of the loop, as listening to a page already talks to the browser.
        return Tab(self, context, await context.new_page())

    def close(self) -> None:
        self.run(self._chromium.close())
        self.run(self._playwright.stop())
        self._loop.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    command = find_chromium()
    if command is None:
        pytest.skip(MISSING)
    running = Browser(command)
    yield running
    running.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab of the size of a laptop, in light colours."""
    with browser.tab() as opened:
        yield opened
