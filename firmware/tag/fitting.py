"""Which parts hang on this tag, and what they say at rest and under a reference. tag/fit.py notes it in NVS.

`noted` is `{channel: [part, rest, reference], "imu": part}`. What is not in it is as on the plain circuit of board.py.
"""

import json

from tag import nvs

KEY = "fitting"


def _read() -> dict:
    document = nvs.blob(KEY)
    try:
        return json.loads(document) if document else {}
    except ValueError:
        return {}


noted = _read()
