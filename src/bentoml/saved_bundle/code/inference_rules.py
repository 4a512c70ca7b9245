"""Why an import brings no requirement: the rules, as the record in a bundle names them."""

from __future__ import annotations

STANDARD_LIBRARY = "standard library"
EVERY_ENVIRONMENT = "part of every environment"
TYPES_ONLY = "only for type checkers"
NEVER_RUNS = "never runs"
OTHER_PYTHON = "only for another version of Python"
OTHER_PLATFORM = "only on another platform"
RUN_AS_PROGRAM = "only when the file is run as a program"
FALLBACK = "fallback for an import that works here"
OPTIONAL = "optional, and not installed here"
COMPUTED = "its name is only known at run time"
BEYOND_TOP = "goes beyond the top package"
NOT_INSTALLED = "not installed here"
NO_DISTRIBUTION = "belongs to no installed distribution"
COMPILED = "compiled code of the project, which is not saved"
UNREADABLE = "its imports cannot be read: it is not valid Python"
EXTRA_NOT_INSTALLED = "what the extra brings is not installed here"
COMES_ALONG = "another requirement brings it"
NOT_ASKED_FOR = "infer_pip_packages is off"
FILE_STANDS = "requirements_txt_file is used as it stands"
OWN_LIBRARY = "the bundle carries the bentoml that saved it"

# Code of these branches may well run somewhere else, so the project's own modules in them are saved all the same.
RUNS_ELSEWHERE = frozenset({OTHER_PYTHON, OTHER_PLATFORM, RUN_AS_PROGRAM, FALLBACK})
