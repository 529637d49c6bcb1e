"""What is done by itself in a CI job: GitHub in ``guard``, ``line_filter`` and ``publish``, GitLab in ``section``.

``job`` is called at the begin and at the end of each environment, and does nothing elsewhere.
"""

from tox_prodsim.plugin.ci import job

__all__ = ["job"]
