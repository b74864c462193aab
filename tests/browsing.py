"""Pages in a headless Chromium of the system, where one and Playwright are installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def until(shown: Any, condition: str) -> None:
    """Wait until something holds on the page. Playwright's own way is barred by the page's security policy."""
    for _ in range(200):
        if shown.evaluate(condition):
            return
        shown.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")
