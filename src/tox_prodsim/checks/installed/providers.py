"""Which distribution provides a module: only what is known to be right, never a guess.

``DISTRIBUTIONS`` has modules whose distribution has another name; each project's own installation page says so. The
tables of the standard library are those of PEP 594, PEP 632, PEP 3108 and the pages "What's New in Python".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "Bio": ("biopython",),
    "Crypto": ("pycryptodome",),
    "Cryptodome": ("pycryptodomex",),
    "MySQLdb": ("mysqlclient",),
    "OpenGL": ("PyOpenGL",),
    "OpenSSL": ("pyOpenSSL",),
    "PIL": ("pillow",),
    "Xlib": ("python-xlib",),
    "attr": ("attrs",),
    "bs4": ("beautifulsoup4",),
    "corsheaders": ("django-cors-headers",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "dateutil": ("python-dateutil",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "fitz": ("PyMuPDF",),
    "gi": ("PyGObject",),
    "git": ("GitPython",),
    "jose": ("python-jose",),
    "jwt": ("PyJWT",),
    "ldap": ("python-ldap",),
    "magic": ("python-magic",),
    "mpl_toolkits": ("matplotlib",),
    "nacl": ("PyNaCl",),
    "osgeo": ("GDAL",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pylab": ("matplotlib",),
    "pythoncom": ("pywin32",),
    "pywintypes": ("pywin32",),
    "rest_framework": ("djangorestframework",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "slugify": ("python-slugify",),
    "socks": ("PySocks",),
    "telegram": ("python-telegram-bot",),
    "usb": ("pyusb",),
    "websocket": ("websocket-client",),
    "win32api": ("pywin32",),
    "win32com": ("pywin32",),
    "win32con": ("pywin32",),
    "win32gui": ("pywin32",),
    "wx": ("wxPython",),
    "yaml": ("PyYAML",),
    "zmq": ("pyzmq",),
}
"""Where there are several, each provides the module; the first is the usual one."""
REMOVED: Mapping[str, str] = {
    **dict.fromkeys(("_bootlocale", "formatter", "parser", "symbol"), "3.10"),
    **dict.fromkeys(("binhex",), "3.11"),
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"), "3.13"),
    **dict.fromkeys(("nntplib", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"), "3.13"),
    "dummy_threading": "3.9",
    "macpath": "3.8",
}
"""Modules that the standard library no longer has on any system, with the first Python without them."""
PYTHON_2 = frozenset(
    {"BaseHTTPServer", "CGIHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SimpleHTTPServer"}
    | {"SocketServer", "StringIO", "Tkinter", "UserDict", "__builtin__", "cPickle", "cStringIO", "cookielib"}
    | {"copy_reg", "htmlentitydefs", "httplib", "md5", "robotparser", "sets", "tkMessageBox", "urllib2", "urlparse"}
    | {"xmlrpclib"}
)
"""Modules that only the standard library of Python 2 has."""


def is_gone(module: str) -> bool:
    """Return whether an older standard library has the module, on every system."""
    root = module.partition(".")[0]
    return root in REMOVED or root in PYTHON_2


def known_names(module: str) -> frozenset[str]:
    """Return the canonical names of distributions that are known to provide the module, or are named like it."""
    return frozenset(canonicalize_name(name) for name in _names(module))


def _names(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    yield from DISTRIBUTIONS.get(parts[0], ())
