/*
 * report.h: the machine as a document, for programs: status --json. Pure.
 *
 * Members are only ever added; "version" changes when one changes its meaning. null:
 * unknown or none. Addresses are "0000:01:00.0", IDs are "8086", rules are
 * "/etc/sriov.conf:3".
 *
 *   version      1
 *   node         export.node or the host's name
 *   devices      what can make VFs, and what a device rule governs, by address:
 *     address vendor device class name driver   class: six hexadecimal digits
 *     iommu_group numa_node slot serial rule
 *     in_use     text: why it must be left alone; null: free, as far as known
 *     differs    [text]: what a run would change, or cannot; null: unknown, because the
 *                kernel did not answer; so for mac and vlan of VFs
 *     interfaces [ name mac up master uppers [name] ]
 *                uppers: what is stacked on it: VLANs, bridges, bonds
 *     total_vfs vf_device num_vfs
 *     offered    true: it, or a VF of it, is advertised to somebody
 *     reasons    [text]: what speaks against offering it; [] is none
 *     resource advertised   of the device itself, as of a VF
 *     vfs [ index address driver iommu_group numa_node mac vlan in_use differs interfaces
 *           rule resource advertised ]
 *                advertised: "kubevirt", "device-plugin", "libvirt", "claim"
 *   resources    [ name advertised count numa_nodes [number] ]
 *   conflicts    [text]: why two would hand out the same, none is written then
 */
#pragma once

#include "export.h"
#include "plan.h"

/* `plan` NULL: unknown. */
struct document *report_make(const struct export_input *input, const struct plan *plan);
