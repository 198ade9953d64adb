/*
 * netdev.h: which network interface speaks for a PF.
 */
#pragma once

#include "root.h"

/*
 * The ifindex of the PF's own netdev. In switchdev mode the representors of the VFs lie
 * in the PF's net/ too: they are told by phys_port_name (devlink_port: "pf0vf3", the
 * uplink "p0"). Of several ports on one function it is the one of the lowest dev_port.
 * -ENODEV: it has none here; -ENOTUNIQ: cannot tell which.
 */
int netdev_of_pf(const struct root *root, const char *address, unsigned *ret_ifindex);
