"""What a deployment leaves behind: the ground is noted before its start and looked at again after its end.

``folders`` and ``memory`` compare what is there, ``printed`` reads what the interpreter said in the log, ``witness``
what the hook wrote down; ``ground`` puts them together.
"""

from tox_prodsim.deployment.leaks.log import MARKS
from tox_prodsim.deployment.leaks.snapshot import Ground, after, before, unheard

__all__ = ["MARKS", "Ground", "after", "before", "findings", "unheard"]
