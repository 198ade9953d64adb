#include "failure.h"

#include "log.h"
#include "plan-print.h"

#include <errno.h>

/* What the kernel means by an errno of this verb: vf-mechanics §J. NULL: nothing to add.
 */
static const struct hint {
	enum verb verb;
	int error;
	const char *text;
} hints[] = {
	{ CREATE_VFS, EBUSY, "the PF is resetting or was given VFs meanwhile" },
	{ CREATE_VFS, EAGAIN, "the PF is not ready yet" },
	{ CREATE_VFS, EPERM, "the driver refuses this many; try fewer" },
	{ CREATE_VFS, ENOENT,
	  "its driver is gone, or cannot create VFs through sysfs (mlx4: num_vfs= module "
	  "option)" },
	{ CREATE_VFS, ERANGE, "more than the device and its driver allow" },
	{ CREATE_VFS, EOPNOTSUPP,
	  "the driver has SR-IOV turned off (ice: its DDP package is missing?) or the "
	  "slot lacks ARI" },
	{ CREATE_VFS, ENOSPC, "no interrupt vectors left for VFs; ask for fewer" },
	{ CREATE_VFS, ENOMEM,
	  "the firmware left no memory window or bus number for VFs: turn on SR-IOV and "
	  "Above 4G "
	  "Decoding there, or kernel.pci_realloc" },
	{ CREATE_VFS, EINVAL, "the driver rejects this number; see the kernel log" },
	{ CREATE_VFS, EIO, "the device or its driver failed; see the kernel log" },
	{ CREATE_VFS, ETIMEDOUT,
	  "the driver is stuck, or VFs did not appear; see the kernel log" },
	{ CREATE_MDEV, ENOSPC, "the device has no room for one more of this type" },
	{ CREATE_MDEV, EUSERS, "the device has no room for one more of this type" },
	{ CREATE_MDEV, EEXIST, "another device has this UUID" },
	{ CREATE_MDEV, ETIMEDOUT, "the driver is stuck; see the kernel log" },
	{ REMOVE_MDEV, EBUSY, "somebody has taken it into use meanwhile" },
	{ REMOVE_MDEV, ETIMEDOUT, "somebody uses it" },
	{ BIND, ENOENT, "there is no such driver: is its module installed?" },
	{ BIND, ENODEV, "the driver does not take this device, or it has vanished" },
	{ BIND, EINVAL, "no IOMMU group, or the device is on vfio-pci's denylist" },
	{ BIND, EBUSY, "another driver was faster" },
	{ BIND, ETIMEDOUT, "the driver is stuck; see the kernel log" },
	{ PROBE, ETIMEDOUT, "the driver is stuck; see the kernel log" },
	{ UNBIND, ETIMEDOUT, "somebody uses it" },
	{ OVERRIDE, ETIMEDOUT, "the kernel waits for who has it open" },
	{ UNBIND, EBUSY, "somebody has taken it into use meanwhile" },
	{ REMOVE_VFS, EBUSY, "one of them was given a driver meanwhile" },
	{ REMOVE_VFS, ENOENT, "its driver cannot remove VFs through sysfs" },
	{ REMOVE_VFS, EIO, "the driver accepted it, but VFs are left" },
	{ REMOVE_VFS, ETIMEDOUT, "the driver is stuck; see the kernel log" },
	{ SET_ESWITCH, ETIMEDOUT, "the driver is stuck; see the kernel log" },
	{ SET_LINK, ETIMEDOUT,
	  "the driver or its firmware is stuck; see the kernel log" },
	{ SET_VF, ETIMEDOUT, "the driver or its firmware is stuck; see the kernel log" },
	{ SET_NVME, ETIMEDOUT, "the controller is stuck; see the kernel log" },
	{ SET_NVME, EACCES,
	  "the unit may not yet: \"systemctl daemon-reload\" looks at the config again" },
	{ RESET, ETIMEDOUT, "the controller does not come back; see the kernel log" },
	{ RESET, ENOENT, "the device knows no way to reset it alone" },
	{ LOAD_MODULE, ENOENT, "no such module for this kernel" },
	{ LOAD_MODULE, ELIBACC, "libkmod.so.2 is not installed" },
	{ LOAD_MODULE, EPERM, "it is blacklisted, or modules are locked" },
	{ LOAD_MODULE, EKEYREJECTED,
	  "it is not signed by a key that Secure Boot trusts" },
};

static const char *hint(enum verb verb, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].verb == verb && hints[i].error == error)
			return hints[i].text;
	return NULL;
}

static const char *message_kind(enum verb verb, int error)
{
	if (error == ETIMEDOUT)
		return MESSAGE_STUCK;
	if (verb == LOAD_MODULE)
		return MESSAGE_NO_MODULE;
	if (verb == REMOVE_VFS)
		return MESSAGE_NO_VFS;
	if (verb == CREATE_VFS)
		return error == ENOMEM || error == ENOSPC ? MESSAGE_NO_ROOM :
							    MESSAGE_NO_VFS;
	return verb == BIND || verb == PROBE || verb == UNBIND || verb == OVERRIDE ?
		       MESSAGE_NO_DRIVER :
		       MESSAGE_NOT_SET;
}

void failure_report(const struct action *a, int error)
{
	_cleanup_free_ char *text = action_text(a, false);
	const char *more = hint(a->verb, -error);
	const struct log_subject subject = { .pci = a->function,
					     .kind = message_kind(a->verb, -error),
					     .file = a->where.file,
					     .line = a->where.line,
					     .error = error };
	char place[32] = "";

	if (error == -EREMOTEIO)
		return;
	if (a->where.file)
		snprintf(place, sizeof(place), ":%d", a->where.line);
	log_full(LOG_ERR, &subject, "cannot %s%s%s%s%s%s%s", text, more ? " (" : "",
		 more ? more : "", more ? ")" : "",
		 a->where.file ? ", asked for by " : "",
		 a->where.file ? a->where.file : "", place);
}
