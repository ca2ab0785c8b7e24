"""Certificates of every kind: a good one, and those that no client may accept."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["AUTHORITY", "made"]

AUTHORITY: Final = "authority.pem"
"""The file with the certificate of the authority that clients are told to trust."""

_NOW: Final = datetime.now(UTC)
_DAY: Final = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(key: Key, signer: Key, issuer: str, alternative: x509.GeneralName, ends: datetime) -> x509.Certificate:
    builder = x509.CertificateBuilder(_name(issuer), _name("issuer"), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(_NOW - 9 * _DAY).not_valid_after(ends)
    builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _authority(key: Key) -> x509.Certificate:
    name = _name("authority")
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(_NOW - 9 * _DAY).not_valid_after(_NOW + _DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def made(folder: Path) -> dict[str, ssl.SSLContext]:
    """Make one of each kind, and the file of the authority in the folder."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    here, elsewhere = x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("elsewhere.example")
    kinds = {
        "good": _signed(key, signer, "authority", here, _NOW + _DAY),
        "expired": _signed(key, signer, "authority", here, _NOW - _DAY),
        "of another name": _signed(key, signer, "authority", elsewhere, _NOW + _DAY),
        "signed by itself": _signed(key, key, "issuer", here, _NOW + _DAY),
    }
    (folder / AUTHORITY).write_bytes(_authority(signer).public_bytes(serialization.Encoding.PEM))
    return {kind: _context(folder / f"{kind}.pem", key, certificate) for kind, certificate in kinds.items()}


def _context(path: Path, key: Key, certificate: x509.Certificate) -> ssl.SSLContext:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
