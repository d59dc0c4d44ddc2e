"""The virtual board at its prompt, on equipment. What its sensors feel is in the file `hands`, which tests change."""

import json
import sys

import world


class Felt(dict):
    def __getitem__(self, key):
        with open("hands") as hands:
            return json.load(hands).get(key, world.EVENTS[key])


world.state = Felt(world.EVENTS)
world.open_world(".")
world.begin()

import machine  # noqa: E402 - the path to it is made above


def reset():
    print("reset")
    sys.exit()


machine.reset = reset
