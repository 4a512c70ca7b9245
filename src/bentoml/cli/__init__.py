"""The command line: options become one library call, and its result is printed.

Only light modules are imported at load time; a command imports the rooms it needs inside its function, so that
`bentoml --help` answers at once.
"""
