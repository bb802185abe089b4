"""``python -m avnu``: the ``avnu`` command, wherever its script is."""

from avnu.cli import main

if __name__ == "__main__":
    main()
