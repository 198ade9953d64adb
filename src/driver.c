#include "driver.h"

#define PATIENCE 10 /* seconds */

/* adf_sriov_configure() takes no count: adf_enable_sriov() enables all; seen as "8 VFs
 * requested; only 16 enabled" in spdk #2258. -EBUSY while the device is used or resets.
 */
#define QAT(name)                                             \
	{                                                     \
		name, .patience = PATIENCE, .makes_all = true \
	}

/* The first is for all that are not named: any driver takes a new eswitch mode while
 * there are no VFs. */
static const struct driver drivers[] = {
	{ NULL, .patience = PATIENCE },
	/* bnxt_sriov_configure(): "Reject SRIOV config request since if is down!", and 0
	 * VFs made is a success. bnxt_dl_eswitch_mode_set() makes the representors of the
	 * VFs that there are. */
	{ "bnxt_en", .eswitch = ESWITCH_ANY_TIME, .patience = PATIENCE,
	  .needs_link = 0x14e4 },
	/* ice_check_sriov_allowed(): -EBUSY until its reset is over; with hundreds of
	 * queues that is long. ice_eswitch_mode_set(): "only if there is no VFs created"
	 */
	{ "ice", .patience = 30 },
	/* i40e_pci_sriov_configure(): -EAGAIN while __I40E_VIRTCHNL_OP_PENDING; the first
	 * VFs reset and rebuild the PF (22 s for 64 VFs: nmstate #1704) */
	{ "i40e", .patience = 30 },
	/* "bad resource state" while VFs are bound: sriov-network-operator #1015; without
	 * VFs it works too: one-deploy #214 */
	{ "mlx5_core", .eswitch = ESWITCH_UNBOUND_VFS, .patience = PATIENCE,
	  /* TotalVFs of the capability follows it: mlxconfig's manual; that a warm reboot
	   * is not enough is sriov-network-operator #449 */
	  .more_vfs = "mlxconfig -d ADDRESS set SRIOV_EN=1 NUM_OF_VFS=N, then switch the "
		      "machine off and on" },
	QAT("4xxx"),
	QAT("420xx"),
	QAT("6xxx"),
	QAT("c3xxx"),
	QAT("c6xx"),
	QAT("dh895xcc"),
	/* mlx4_driver has no sriov_configure(); mlx4_load_one() reads the module's
	 * parameters */
	{ "mlx4_core",
	  .no_vfs =
		  "its driver makes them when it is loaded: write \"options mlx4_core "
		  "num_vfs=8 probe_vf=0\" to a file in /etc/modprobe.d, make the initrd "
		  "again and reboot" },
	/* enic_probe() enables all that the adapter has, there is no sriov_configure() */
	{ "enic",
	  .no_vfs = "its driver makes as many as the adapter's profile has: set the "
		    "number in CIMC or UCS and reboot" },
	/* GIM makes them while its module is loaded: MxGPU README */
	{ "gim", .no_vfs =
			 "its driver makes them when it is loaded: set vf_num in its own "
			 "configuration and reboot" },
	/* NVIDIA vGPU user guide, "Preparing the virtual function for an NVIDIA vGPU with
	 * vendor-specific VFIO": only sriov-manage, and the VFs stay on "nvidia". The
	 * boot race is stackhpc #37. */
	{ "nvidia",
	  .no_vfs =
		  "NVIDIA's vGPU manager makes them: run /usr/lib/nvidia/sriov-manage -e "
		  "for this address, then choose types with mdev = ( { … } ) or sysfs = "
		  "( { … } )",
	  .no_vfio = "a vGPU lives in NVIDIA's own driver, which a VF that is taken from "
		     "it loses: ask for driver = \"native\"" },
};

const struct driver *driver_find(const char *name)
{
	for (size_t i = 1; i < ARRAY_SIZE(drivers); i++)
		if (streq(drivers[i].name, name))
			return &drivers[i];
	return &drivers[0];
}

bool driver_may_need_link(const char *name, int vendor)
{
	for (size_t i = 1; i < ARRAY_SIZE(drivers); i++) {
		const struct driver *d = &drivers[i];

		if (d->needs_link && (!name || streq(name, d->name)) &&
		    (vendor < 0 || (unsigned)vendor == d->needs_link))
			return true;
	}
	return false;
}
