"""A private instance: every part of Reading Room under one data directory, touching nothing system-wide.

The map, from the ground up:

- ``steps``        a named step: is it done, how to do it, what to say when it fails; progress on the terminal
- ``layout``       where things lie in the data directory, and which ports they were given (``instance.json``)
- ``credentials``  random secrets, made once, mode 0600
- ``packages``     what the operating system must bring, and how to install it without starting its services
- ``orthanc_root`` the Debian root in which Orthanc runs, built once per user and kept in the cache directory
- ``ohif``         the viewer, prepared once and kept beside it
- ``postgres``, ``redis``, ``nginx``  each writes one configuration and knows the command that runs it
- ``programs``     what supervisord is told: one configuration file
- ``supervision``  start, stop, look at, kill supervisord and its programs
- ``environment``  the RR_* variables everything else reads
- ``readiness``    waiting for a port or an answer, with a deadline
- ``instance``     ``Instance``: up, down, status; what the CLI and the tests use

Does not belong here: anything about patients, users or studies. This package starts programs.
"""

from sidecar.instance.instance import Instance, Until
from sidecar.instance.steps import StepError

__all__ = ["Instance", "StepError", "Until"]
