"""NVS in a dictionary, and what may end a deep sleep."""

WAKEUP_ANY_HIGH = True

values = {}
armed = []  # pins


def wake_on_ext0(pin, level):
    armed.append(pin.number)


class NVS:
    def __init__(self, namespace):
        pass

    def get_i32(self, key):
        return self._get(key)

    def set_i32(self, key, value):
        values[key] = value

    def get_blob(self, key, buffer):
        value = self._get(key)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        values[key] = bytes(value)

    def erase_key(self, key):
        self._get(key)
        del values[key]

    def commit(self):
        pass

    def _get(self, key):
        if key not in values:
            raise OSError(-0x1102)
        return values[key]
