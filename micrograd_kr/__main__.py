"""The door to the command line, where Ctrl-C leaves no traceback, not even while the rest is still being loaded."""

import sys

INTERRUPTED = 130  # as a shell has it


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit status: 0 nothing is wrong, 1 a number is, 2 something cannot be used."""
    try:
        from micrograd_kr.command import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
