"""TAP on stdout, for the tests that are written in Python."""
import sys

count = bad = 0


def ok(good, name, detail=""):
    """One check; the detail is shown where it fails."""
    global count, bad
    count += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print("# " + str(detail)[:3000].replace("\n", "\n# "))


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


def done():
    """The plan; ends the program."""
    print(f"1..{count}")
    sys.exit(1 if bad else 0)
