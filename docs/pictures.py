"""Take pictures of built pages as a browser shows them: ``python docs/pictures.py SITE FOLDER``.

Each page is taken on a desktop and a phone, light and dark. Without Chromium on PATH none is taken, which is printed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PAGES = ("index", "howto/uvicorn", "reference/keys", "reference/codes/RUN602")
SIZES = {"desktop": "1280,1600", "phone": "390,1600"}
COLORS = {"light": "1", "dark": "0"}
"""The names of colour schemes, and their numbers in Chromium."""
LIMIT_S = 120


def take(browser: str, site: Path, folder: Path) -> int:
    """Take all pictures, and return their number."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(page, size, color) for page in PAGES for size in SIZES for color in COLORS]
    for page, size, color in wanted:
        picture = folder / f"{page.replace('/', '-')}-{size}-{color}.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZES[size]}"]
        scheme = f"--blink-settings=preferredColorScheme={COLORS[color]}"
        address = (site / f"{page}.html").resolve().as_uri()
        command = [browser, *options, scheme, f"--screenshot={picture}", address]
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)
        if not picture.read_bytes().startswith(b"\x89PNG"):
            sys.exit(f"{picture} is not a picture")
    return len(wanted)


if __name__ == "__main__":
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    target = Path(sys.argv[2])
    print(
        f"{take(found, Path(sys.argv[1]), target)} pictures in {target}"
        if found
        else "no pictures: no Chromium on PATH"
    )
