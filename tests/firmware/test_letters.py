"""What waits at the broker is taken in after the upload: for how long the tag listens, and what becomes of the rest."""

LETTERS = """
import esp32, time
from tag import commands, hmac, letters, settings
from tag.retained import state

for module in (commands, letters, settings):
    module.print = lambda *words: None
state.clock, state.pair_unix = 1, 1_790_000_000

class Config:
    secret, generation = bytes(32), 1

class Upload:
    def __init__(self, settings=0, commands=0):
        self.settings, self.commands = settings, commands

class Uplink:
    fails = False

    def __init__(self, *mail):
        self.waiting, self.listened, self.sent = list(mail), [], []

    def mail(self, ms):
        self.listened.append(ms)
        return self.waiting.pop(0) if self.waiting else None

    def send(self, message, channel):
        if self.fails:
            raise OSError(110)
        self.sent.append([channel.decode(), json.loads(hmac.unseal(Config.secret, channel, message))])

def letter(channel, **message):
    message.update({"v": 1, "generation": 1})
    return channel, hmac.seal(Config.secret, channel, json.dumps(message).encode())

def command(name, do="identify"):
    return letter(commands.DOWN, id=name, do=do, expires=1_900_000_000)

def take(uplink, upload):
    to_run = []
    try:
        letters.take(uplink, Config, upload, lambda: True, to_run)
    except OSError:
        pass
    return [command.do for command in to_run]
"""


def test_when_nothing_waits_the_tag_does_not_listen(on_tag):
    assert on_tag(LETTERS + "uplink = Uplink()\ntake(uplink, Upload())\nprint(json.dumps(uplink.listened))") == [0]


def test_it_listens_for_what_the_ack_promised_and_no_longer(on_tag):
    listened = on_tag(
        LETTERS
        + """
uplink = Uplink(letter(settings.DOWN, revision=1, values={}), command("a"))
take(uplink, Upload(settings=1, commands=1))
print(json.dumps(uplink.listened))
"""
    )
    assert listened == [1000, 1000, 0]


def test_settings_that_are_in_force_already_are_not_waited_for(on_tag):
    assert on_tag(
        LETTERS + "state.settings = 5\nuplink = Uplink()\ntake(uplink, Upload(settings=5))\nprint(uplink.listened)"
    ) == [0]


def test_each_letter_is_answered_on_its_channel(on_tag):
    sent = on_tag(
        LETTERS
        + """
uplink = Uplink(letter(settings.DOWN, revision=1, values={}), command("a"), letter(b"down/update/x", id="u"))
take(uplink, Upload())
print(json.dumps([channel for channel, answer in uplink.sent]))
"""
    )
    assert sent == ["up/settings", "up/command"]


def test_after_a_command_that_ends_the_cycle_the_rest_is_left_for_another_time(on_tag):
    assert on_tag(
        LETTERS
        + """
uplink = Uplink(command("a"), command("b", "reboot"), command("c"))
print(json.dumps([take(uplink, Upload()), len(uplink.sent), len(uplink.waiting)]))
"""
    ) == [["identify", "reboot"], 2, 1]


def test_a_command_noted_as_done_runs_even_if_its_answer_is_lost(on_tag):
    assert on_tag(
        LETTERS + "uplink = Uplink(command('a'))\nuplink.fails = True\nprint(json.dumps(take(uplink, Upload())))"
    ) == ["identify"]


def test_a_flood_of_letters_does_not_hold_the_tag(on_tag):
    assert (
        on_tag(
            LETTERS
            + """
uplink = Uplink(*[(commands.DOWN, b"forged")] * 1000)
take(uplink, Upload(commands=1000))
print(json.dumps(len(uplink.waiting)))
"""
        )
        == 984
    )
