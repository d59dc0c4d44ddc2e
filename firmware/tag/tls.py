"""TLS with the broker. Its certificate must be signed by the provisioned authority, bear its name, and be valid now."""

import ssl


def wrap(raw, host: str, authority: bytes):
    """The connected, non-blocking socket within TLS. The handshake begins with the first write."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority)
    return context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
