"""Have other tools look at the files: ``auditing`` runs them and hears what they say, ``toolbox`` keeps them."""

from tox_prodsim.checks.audit.run import Audits, Tools, begin

__all__ = ["Audits", "Tools", "begin"]
