"""The configuration of a prodsim environment.

``keys`` is the table of its keys and ``values`` what their values become; ``defaults`` is the layer below the user's
own values, ``sections`` finds those of services, ``loading`` loads a value. ``read`` makes a Scenario, and
``deployments`` what it deploys. ``schema`` describes the keys, ``variants`` has the names of the environments.
"""

__all__ = ["defaults", "keys", "read", "schema", "sections", "values", "variants"]
