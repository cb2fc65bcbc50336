"""Every error that loki-bench raises on purpose.

::

    LokiBenchError
    ├── UsageError                 the request was wrong: exit code 2, nothing was written
    │   ├── SuiteError             a suite file: syntax, unknown key, wrong type, impossible value
    │   ├── DatasetError           a data file: missing, unreadable, or not what it claims to be
    │   ├── ParameterError         a component was given a parameter that it does not take
    │   ├── PluginError            a plugin needed by the request could not be loaded
    │   │   ├── UnknownComponentError   no plugin declares that name
    │   │   └── NameClashError          two plugins declare that name
    │   ├── StoreError             a results folder: not writable, disk full, other suite's results
    │   ├── TemporaryFolderError   the system's folder for temporary files: full, or not writable
    │   ├── WorkerError            a worker process can't be started on this machine
    │   └── ClusterError           a cluster can't be reached, used, or trusted to give the same
    └── ComponentError             a component broke its contract while a cell ran
        ├── RejectedError          an attack outside the rules: the cell is `rejected`
        ├── InvalidAnswerError     any other unusable answer: the cell is `failed`
        │   ├── KilledError             its process was killed, by whomever
        │   └── UnsolvedError           an influence estimator's system is not solved well enough
        └── BrokenPromiseError     a check of the conformance kit does not hold

A message says who, what was given, what was expected, and what to do next.
"""

__all__ = [
    "BrokenPromiseError",
    "ClusterError",
    "ComponentError",
    "DatasetError",
    "InvalidAnswerError",
    "KilledError",
    "LokiBenchError",
    "NameClashError",
    "ParameterError",
    "PluginError",
    "RejectedError",
    "StoreError",
    "SuiteError",
    "TemporaryFolderError",
    "UnknownComponentError",
    "UnsolvedError",
    "UsageError",
    "WorkerError",
]


class LokiBenchError(Exception):
    """The root of the tree above; its text is one or two sentences meant for a person."""


class UsageError(LokiBenchError):
    """The request was wrong."""


class SuiteError(UsageError):
    """A suite file can't be used; the message names the file and the key."""


class DatasetError(UsageError):
    """A data file can't be used; the message names the file and, where there is one, the line."""


class ParameterError(UsageError):
    """A component was given a parameter that it does not take, or a value that it can't use."""


class PluginError(UsageError):
    """A plugin that the request needs could not be loaded; the message names its distribution."""


class UnknownComponentError(PluginError):
    """No loaded plugin declares the name; the message lists the known ones and the nearest."""


class NameClashError(PluginError):
    """Two plugins declare the name that was asked for; the message names both distributions."""


class StoreError(UsageError):
    """A results folder can't be used or written."""


class TemporaryFolderError(UsageError):
    """The temporary folder can't be used; no cell is to blame, and none gets a record."""


class WorkerError(UsageError):
    """A worker process can't be started; no cell is to blame, and none gets a record."""


class ClusterError(UsageError):
    """A cluster can't be reached, has no workers, or its workers lack what the run needs."""


class ComponentError(LokiBenchError):
    """A component broke its contract while a cell ran."""


class RejectedError(ComponentError):
    """An attack outside the rules: over budget, unknown items, not what the contract says."""


class InvalidAnswerError(ComponentError):
    """A component answered with something that can't be used (NaN scores, wrong shape ...)."""


class UnsolvedError(InvalidAnswerError):
    """An influence estimator did not solve its system well enough for its answers to be used."""


class KilledError(InvalidAnswerError):
    """A component's process was killed, by itself, the system or somebody else: none can tell."""


class BrokenPromiseError(ComponentError):
    """A component broke a promise that a check of ``loki_bench.testing`` puts to the test."""
