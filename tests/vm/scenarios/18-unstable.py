"""The main job on what Debian's unstable offers today: kernel, systemd and libraries. Only with --full or by name."""
import vm

ONLY_FULL = True


def scenario(t):
    vm.load("10-main").scenario(t, suite="sid")
