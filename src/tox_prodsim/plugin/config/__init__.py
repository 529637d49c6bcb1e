"""The configuration of a prodsim environment.

``keys`` is the table of its keys and ``values`` what their values become; ``defaults`` is the layer below the user's
own values, ``sections`` finds those of services, ``loading`` loads a value. ``read`` makes a Scenario, and
``deployments`` what it deploys. ``misspelt`` refuses what nothing would read, and
``deploy_files`` finds what is copied. ``schema`` describes the keys, ``variants`` has the names of the environments.
"""

__all__ = ["defaults", "keys", "read", "schema", "sections", "values", "variants"]
