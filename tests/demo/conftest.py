"""One whole run of the stories for each class of tests that looks at it: it takes most of a minute."""

from collections.abc import Iterator

import pytest

from brokers import Mosquitto, until
from influx import Bucket, empty_bucket
from kitback.demo.run import Run
from kitback.virtual.stories import HOUR
from told import Told

END_S = 1_792_702_800  # 2026-10-22T21:00:00Z


@pytest.fixture(scope="class")
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, influx_server: Bucket
) -> Iterator[Told]:
    """The stories as the test class wants them told; see `Stories`."""
    how = request.cls
    folder = tmp_path_factory.mktemp("stories")
    bucket = empty_bucket(influx_server)
    influx = {"url": bucket.url, "token": bucket.token, "org": bucket.org, "bucket": bucket.bucket}
    mosquitto = Mosquitto(folder) if how.broker == "mosquitto" else None
    if mosquitto:
        mosquitto.start()
    try:
        with Run(
            folder / "run",
            END_S,
            broker=("127.0.0.1", mosquitto.port) if mosquitto else None,
            influx=influx if how.influx_from_the_start else None,
            stories=how.stories,
        ) as run:
            for _ in range(how.kills):
                kill_during_the_upload(run)
            run.finish()
            run.stop_gateway()
            yield Told(run, bucket)
    finally:
        if mosquitto:
            mosquitto.stop()


def kill_during_the_upload(run: Run) -> None:
    """SIGKILL the gateway while a tag that was away for weeks is telling it what happened; then start it again."""
    upload_from = (run.end_s - 36 * HOUR) * 1_000_000
    until(lambda: run.conductor.progress().now_us >= upload_from, 120, "the upload")
    seen = run.conductor.progress().sessions
    assert run.conductor.wait_for_session(seen + 1, 30)
    run.conductor.hold()
    run.kill_gateway()
    run.start_gateway()
    run.conductor.release()
