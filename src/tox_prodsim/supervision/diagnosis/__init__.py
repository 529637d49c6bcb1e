"""Where processes hang, seen from outside and told by themselves; nothing is ended for it.

``diagnose`` is the order of things: ``processes`` what the kernel knows, ``hook`` what a process says of itself when it
is asked by a signal, ``pyspy`` what an outside reader of stacks sees where that gave nothing. ``told`` words the result
for a user, with what ``explaining`` knows about frames of the standard library.
"""

from tox_prodsim.supervision.diagnosis.diagnose import diagnose
from tox_prodsim.supervision.diagnosis.hook import Hook
from tox_prodsim.supervision.diagnosis.processes import is_unhandled, lives
from tox_prodsim.supervision.diagnosis.values import Diagnosis, Frame, Seen, Task, ThreadStack
from tox_prodsim.supervision.diagnosis.wording import told

__all__ = [
    "Diagnosis",
    "Frame",
    "Hook",
    "Seen",
    "Task",
    "ThreadStack",
    "diagnose",
    "is_unhandled",
    "lives",
    "told",
]
