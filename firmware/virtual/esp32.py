"""`esp32` of the ESP32 port, as far as the tag uses it: NVS, the journal's partition, waking by a pin."""

import world
from flash import SECTOR, Flash

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_JOURNAL_SIZE = 64 * 1024
_MOTION_PIN = 27


def wake_on_ext0(pin, level):
    world.wake_on_motion = pin is not None and pin.id == _MOTION_PIN and bool(level)


class NVS:
    """Values of one namespace.

    All are kept in the file `nvs`, one a line: `<namespace> <key> i32 <number>` or `<namespace> <key> blob <hex>`.
    """

    def __init__(self, namespace):
        self._namespace = namespace
        self._values = {}
        for name, key, kind, value in _nvs_lines():
            if name == namespace:
                self._values[key] = (kind, value)

    def get_i32(self, key):
        return int(self._get(key, "i32"))

    def set_i32(self, key, value):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("i32")
        self._set(key, "i32", str(value))

    def get_blob(self, key, buffer):
        value = bytes.fromhex(self._get(key, "blob"))
        if len(value) > len(buffer):
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        self._set(key, "blob", bytes(value).hex())

    def erase_key(self, key):
        if key not in self._values:
            raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
        del self._values[key]

    def commit(self):
        if world.dead:
            raise world.PowerLost
        lines = [line for line in _nvs_lines() if line[0] != self._namespace]
        lines += [(self._namespace, key, kind, value) for key, (kind, value) in self._values.items()]
        world.replace_file(world.directory() + "/nvs", "".join("%s %s %s %s\n" % line for line in lines))

    def _get(self, key, kind):
        found = self._values.get(key)
        if found is None or found[0] != kind:
            raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
        return found[1]

    def _set(self, key, kind, value):
        if not 0 < len(key) <= 15:
            raise OSError(-0x1109, "ESP_ERR_NVS_KEY_TOO_LONG")
        self._values[key] = (kind, value)


def _nvs_lines():
    try:
        with open(world.directory() + "/nvs") as file:
            return [tuple(line.split()) for line in file]
    except OSError:
        return []


class Partition:
    """The one data partition, `journal`. The block protocol with three arguments does not erase; with two it does."""

    TYPE_APP = 0
    TYPE_DATA = 1

    _flash = None

    @classmethod
    def find(cls, type=TYPE_APP, subtype=0xFF, label=None, block_size=SECTOR):
        if type != cls.TYPE_DATA or label not in (None, "journal"):
            return []
        if cls._flash is None:
            cls._flash = Flash(world.directory(), _JOURNAL_SIZE)
        return [cls()]

    def info(self):
        return (self.TYPE_DATA, 0x40, 0x3F0000, _JOURNAL_SIZE, "journal", False)

    def readblocks(self, block_num, buf, offset=0):
        self._flash.read(block_num * SECTOR + offset, buf)

    def writeblocks(self, block_num, buf, offset=None):
        if offset is None:
            for block in range(block_num, block_num + len(buf) // SECTOR):
                self._flash.erase(block)
        self._flash.program(block_num * SECTOR + (offset or 0), buf)

    def ioctl(self, cmd, arg=0):
        if cmd == 4:
            return _JOURNAL_SIZE // SECTOR
        if cmd == 5:
            return SECTOR
        if cmd == 6:
            self._flash.erase(arg)
        return 0
