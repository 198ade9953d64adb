/*
 * memlock.h: drop-ins for services whose children lock the memory of VMs, which VFIO
 * pins: containers inherit containerd's limit, 8 MiB by systemd's default (research
 * consumers §9). They act when the service starts next.
 */
#pragma once

#include "config.h"

/* The services that have our drop-in, sorted. */
int memlock_list(const struct root *root, struct strings *ret);
/* Makes the list what the config asks for: everything else of ours goes. Logs. */
int memlock_apply(const struct root *root, const struct strings *units);
