"""A certificate authority of a test's own, and a broker that shows what it signed."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from brokers import free_port

DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates of servers. All are valid from some days ago, for a year."""

    def __init__(self, name: str = "Test authority", since_days: int = 1) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._from = dt.datetime.now(dt.UTC) - since_days * DAY
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(self._name, self._key, constraints)

    @property
    def der(self) -> bytes:
        """What a tag is provisioned with."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def listener(self, directory: Path, host: str) -> tuple[int, str]:
        """A port, and the lines for Mosquitto's configuration that make it listen there as `host`, over TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._sign(_name(host), key, alternative)
        port = free_port()
        files = {"certfile": directory / f"{port}.crt", "keyfile": directory / f"{port}.key"}
        files["certfile"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files["keyfile"].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return port, f"listener {port} 127.0.0.1\n" + "".join(f"{word} {path}\n" for word, path in files.items())

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        unsigned = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._from + 365 * DAY)
            .add_extension(extension, critical=False)
        )
        return unsigned.sign(self._key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
