import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from brokers import until
from browsing import DESK
from kitback.web import create_app
from lending import HOUR, NOW, Service, StoppedClock

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def service(where: str) -> Iterator[Service]:
    opened = Service.open(where)
    yield opened
    opened.register.close()


@pytest.fixture
def busy(service: Service) -> Service:
    """A service with a worklist of several kinds."""
    service.lend("BED-0388", used_at=NOW - 18 * 24 * HOUR)
    service.lend("BED-0402", pathway="home_first", days=50)
    service.lend("HST-0119", "hoist", place_id="store", place_type="store", place_from=NOW - 10 * 24 * HOUR)
    service.lend("HST-0122", "hoist", heard_at=NOW - 12 * 24 * HOUR, battery_mv=3300)
    service.lend("MAT-0912", "mattress", pathway="end_of_life", used_at=NOW - 14 * 24 * HOUR)
    service.lend("MAT-0983", "mattress", unpowered_from=NOW - 2 * HOUR)
    service.judge()
    return service


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    """Where the real server, on a free port, shows the service's pages."""
    app = create_app(service.register, StoppedClock(), service.policy)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, what="the web server")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A page that fails its test when the browser complains, or asks anyone but Kitback for anything."""
    context = chromium.new_context(viewport=DESK)
    opened = context.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda sent: hosts.add(sent.url.split("/")[2]))
    yield opened
    context.close()
    assert complaints == []
    assert hosts <= {address.split("/")[2]}
