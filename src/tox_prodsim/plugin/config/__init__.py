"""The keys of a prodsim environment: ``keys`` is the table, ``defaults`` layers them, ``read`` makes a Scenario."""

__all__ = ["defaults", "keys", "read"]
