"""Runs the tag's application on a PC: `micropython -X heapsize=256K run.py DIRECTORY [CONDUCTOR_PORT [RESTART_EVERY]]`.

DIRECTORY holds the tag: `world` (see world.py) and what a real one keeps in its flash. The process ends with

    0  the world ended
    3  start me again: power came back, this was one of every RESTART_EVERY deep sleeps, the first after a long day, or
       the heap is too broken up to pass for that of a chip that has just started
    1  the application ended or raised, which on a board means a dead prompt; the traceback is on the serial port
"""

import builtins
import gc
import sys

_HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
_FIRMWARE = _HERE + "/.."
sys.path[:] = [_HERE, _FIRMWARE, _FIRMWARE + "/lib", ".frozen"]

import conductor  # noqa: E402
import network  # noqa: E402
import world  # noqa: E402

AGAIN = 3
_WHOLE = 16 * 1024  # bytes in one piece, four times what the application asks for at once
_CUT_US = 1_000_000  # how long power stays away after a cut in the middle of a flash operation

_WORN_US = 86_400_000_000  # awake for so long the heap is in pieces, and on a PC the next start has to compile

_import = builtins.__import__
_loaded = {}  # application modules: name -> [module, code]
_stale = set()  # those that ran before the chip's last start


def _import_again(name, globals=None, locals=None, fromlist=None, level=0):
    """Import, but run the kept code of a module that ran before the chip's last start.

    Compiling it anew would cost fifteen times as much; a board has it compiled in its flash.
    """
    if level:
        raise ImportError("the application imports by full names: %s" % name)
    parts = name.split(".")
    for i in range(len(parts)):
        dotted = ".".join(parts[: i + 1])
        if dotted in _stale:
            _stale.remove(dotted)
            _run_again(dotted)
    return _import(name, globals, locals, fromlist, level)


def _run_again(name):
    module, code = _loaded[name]
    names = module.__dict__
    if code is None:
        gc.collect()  # compiling needs memory in one piece; a board has nothing to compile
        with open(names["__file__"]) as file:
            code = _loaded[name][1] = compile(file.read(), names["__file__"], "exec")
    exec(code, names)
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)


def _forget(names):
    """What a sleeping chip's memory does with a module."""
    kept = {key: names[key] for key in ("__name__", "__file__", "__path__") if key in names}
    names.clear()
    names.update(kept)


def _start_chip():
    """One run of boot.py and main.py, from a clean memory to whatever stops it."""
    for name, module in sys.modules.items():
        file = getattr(module, "__file__", "")
        if file.startswith(_FIRMWARE + "/") and name not in _loaded:
            _loaded[name] = [module, None]
    _stale.update(_loaded)
    for module, _ in _loaded.values():
        _forget(module.__dict__)
    network.power_down()
    __import__("boot")
    __import__("main")
    raise RuntimeError("main.py ended; a tag never does")


def _is_fresh():
    """Whether the heap is as whole as that of a chip that has just started; in one process it breaks up by and by."""
    gc.collect()
    try:
        bytearray(_WHOLE)
    except MemoryError:
        return False
    return True


def _live(restart_every):
    """Run until the process should be started again, which is the only way to an empty heap."""
    sleeps = 0
    while True:
        try:
            _start_chip()
        except world.DeepSleep as request:
            worn = world.uptime() > _WORN_US
            world.deep_sleep(request.args[0])
            sleeps += 1
        except world.Reset as reset:
            worn = False
            cause, world.memory = reset.args  # a chip runs no `finally` on its way out
            world.boot(cause)
        if worn or (sleeps and sleeps == restart_every) or not _is_fresh():
            world.save()
            return


def main(directory, port=0, restart_every=0):
    """Returns the exit code."""
    try:
        world.open_world(directory)
        conductor.open_line(int(port), world.unique_id.hex(), world.true_us())
        try:
            world.begin()
            _live(int(restart_every))
        except world.PowerLost:
            world.wait_for_power(_CUT_US)
    except world.Ended:
        conductor.bye(world.true_us())
        return 0
    return AGAIN


builtins.__import__ = _import_again
sys.exit(main(*sys.argv[1:]))
