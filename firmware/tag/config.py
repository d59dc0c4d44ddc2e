"""How this tag was provisioned."""

import json
from binascii import unhexlify

from tag import nvs
from tag.use import KINDS


class NotProvisioned(Exception):
    """There is no usable provisioning document in NVS. Says what is wrong with it."""


class Config:
    """The provisioning document, parsed."""

    def __init__(self, document: bytes) -> None:
        try:
            given = json.loads(document)
            self.kind = given["kind"]
            self.secret = unhexlify(given["secret"])
            self.anchor_key = unhexlify(given["anchor_key"])
            self.key_id = given["key_id"]
            self.networks = given["networks"]
            self.host, self.port = given["broker"]
            self.user = given["user"]
            self.password = given["password"]
            self.root = given["root"]
            self.generation = given.get("generation", 1)  # how often it has been provisioned
            self.authority = unhexlify(given.get("ca", ""))  # DER; without one there is no TLS
            self.unix = given.get("unix", 0)  # when it was provisioned
        except (KeyError, TypeError, ValueError) as error:
            raise NotProvisioned("bad or missing: %s" % error) from error
        if self.kind not in KINDS:
            raise NotProvisioned("no such kind: %s" % self.kind)


def load() -> Config:
    """The tag's own. Raises NotProvisioned if there is none."""
    document = nvs.blob("provision")
    if document is None:
        raise NotProvisioned("nothing in NVS")
    return Config(document)
