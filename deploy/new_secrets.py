"""Makes the secrets of compose.yaml: one random password or token a file, none ever the same twice.

Run once, as `python3 deploy/new_secrets.py`; it replaces nothing that is there.
"""

import hashlib
import secrets
import sys
from base64 import b64encode
from pathlib import Path

FOLDER = Path(__file__).with_name("secrets")


def mosquitto_entry(user: str, password: str) -> str:
    """A line of Mosquitto's password file, as `mosquitto_passwd` makes it."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"{user}:$7${rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}\n"


def main() -> None:
    """Write the folder."""
    # Containers read the files as users of their own: the folder is what keeps others on this machine out.
    try:
        FOLDER.mkdir(mode=0o700)
    except FileExistsError:
        sys.exit(f"{FOLDER} is there already; move it away if you want new secrets")
    broker_password, influx_token = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    for name, content in {
        "mosquitto_passwords": mosquitto_entry("gateway", broker_password),
        "influx_password": secrets.token_urlsafe(24),
        "influx_token": influx_token,
        "grafana_password": secrets.token_urlsafe(24),
        "gateway.env": f"KITBACK_BROKER_PASSWORD={broker_password}\nKITBACK_INFLUX_TOKEN={influx_token}\n",
    }.items():
        (FOLDER / name).write_text(content)
    print(f"Made {FOLDER}. Grafana's admin password is in grafana_password.")


if __name__ == "__main__":
    main()
