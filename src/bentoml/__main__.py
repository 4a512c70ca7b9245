"""`python -m bentoml` is the `bentoml` command."""

from bentoml.cli.main import main

if __name__ == "__main__":
    main()
