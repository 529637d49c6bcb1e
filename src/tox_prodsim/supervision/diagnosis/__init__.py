"""Where processes hang, read from outside and from their own hook; no process is ended for it.

``diagnose`` is the order of the steps: ``processes`` reads what the kernel knows, ``hook`` asks a process by a signal
for its stacks, ``pyspy`` reads them from outside where that gave nothing. ``messages`` formats the result for a user,
with what ``explaining`` knows about frames of the standard library.
"""

from tox_prodsim.supervision.diagnosis.diagnose import diagnose
from tox_prodsim.supervision.diagnosis.explaining import is_own_file
from tox_prodsim.supervision.diagnosis.hook import Hook
from tox_prodsim.supervision.diagnosis.messages import summary
from tox_prodsim.supervision.diagnosis.processes import is_unhandled, lives, living_thread
from tox_prodsim.supervision.diagnosis.values import Diagnosis, Frame, ProcessSnapshot, Task, ThreadStack

__all__ = [
    "Diagnosis",
    "Frame",
    "Hook",
    "ProcessSnapshot",
    "Task",
    "ThreadStack",
    "diagnose",
    "is_own_file",
    "is_unhandled",
    "lives",
    "living_thread",
    "summary",
]
