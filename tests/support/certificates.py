"""A certificate that signs itself, with its key: for servers of the tests alone, on the loopback address."""

from __future__ import annotations

from pathlib import Path

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfDdMNTH0QoRz+Fzf
T3IVF+KoitVQiProL8WS4D2cqkOhRANCAASfDECHWD+ltRTGALOwhztDF5tKXH2J
Dgq3quLP6k0pQqW3EFQlpqGBamRDcQ6jRTh4nWrCJRDJGWoOC3T7Qd+I
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUJ8PmM9JYDlKCmI+nJwnsVMfQX8kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEzMDE0Mzc1MFoYDzIxMjYxMTA2
MTQzNzUwWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASfDECHWD+ltRTGALOwhztDF5tKXH2JDgq3quLP6k0pQqW3EFQlpqGB
amRDcQ6jRTh4nWrCJRDJGWoOC3T7Qd+Io1MwUTAdBgNVHQ4EFgQUmsjUksdgLPG4
y93abDuVilu+mawwHwYDVR0jBBgwFoAUmsjUksdgLPG4y93abDuVilu+mawwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAYl+be/T5TuC9RkgSURHDr
iIXayJpErg8IVe68iILokQIhAPqwUTT8WWdleW2bYi3mJ4Hq91Zk7c3e7991P8Vz
xafu
-----END CERTIFICATE-----
"""


def self_signed(folder: Path) -> Path:
    """Write the certificate and its key into one file, as ``ssl.SSLContext.load_cert_chain`` takes it."""
    path = folder / "self-signed.pem"
    path.write_text(PEM)
    return path
