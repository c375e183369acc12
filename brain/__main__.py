"""``python -m brain`` is ``cloudbrain``."""

from brain.cli import main

if __name__ == "__main__":
    main()
