"""`wpa-sandbox` and `python -m sandbox`."""

from sandbox.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="wpa-sandbox")


if __name__ == "__main__":
    main()
