"""Runs import-linter on the contracts of pyproject.toml: it has no `python -m` of its own."""

from importlinter.cli import lint_imports_command

if __name__ == "__main__":
    lint_imports_command(["--no-cache"])
