/*
 * attach.h: a claimed VF into a running QEMU, and back.
 *
 * Both log and return an exit status.
 */
#pragma once

#include "root.h"

/*
 * Hot-plugs a claimed VF through QEMU's monitor socket into a free pcie-root-port, and
 * waits at most `seconds` until a driver in the guest has turned it on. 3: it is plugged
 * in, but no driver did.
 */
int attach(const struct root *root, const char *address, const char *socket,
	   unsigned seconds);

/*
 * Asks the QEMU that has it, waits at most `seconds` until it is out and the kernel says
 * it is free, and releases the claim. On failure the claim stays and detach may be
 * repeated. `socket`: where else to ask than where it was attached; NULL: there.
 */
int detach(const struct root *root, const char *address, const char *socket,
	   unsigned seconds);
