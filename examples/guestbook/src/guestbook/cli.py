"""The command ``guestbook``: serve the application."""

import argparse


def main():
    """Serve on the given port until a signal comes."""
    parser = argparse.ArgumentParser(description="Serve the guestbook.")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    import uvicorn

    uvicorn.run("guestbook.web:app", port=arguments.port)
