"""NVS in a file of JSON, a blob as its text."""

import json


class NVS:
    def __init__(self, namespace):
        assert namespace == "kitback"
        try:
            with open("nvs") as file:
                self._values = json.load(file)
        except OSError:
            self._values = {}

    def set_blob(self, key, value):
        self._values[key] = value.decode()

    def get_blob(self, key, buffer):
        value = self._values[key].encode()
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key, value):
        self._values[key] = value

    def get_i32(self, key):
        if key not in self._values:
            raise OSError(-0x1102)
        return self._values[key]

    def commit(self):
        with open("nvs", "w") as file:
            json.dump(self._values, file)
