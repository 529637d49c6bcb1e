"""Prove, before the upload, that the wheel that will be uploaded works as production will use it."""
