"""The main job on Debian 12: kernel 6.1, systemd 252, libconfig 1.5."""
import vm


def scenario(t):
    vm.load("10-main").scenario(t, suite="bookworm")
