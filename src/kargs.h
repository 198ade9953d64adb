/*
 * kargs.h: kernel arguments from wish to next boot.
 *
 * The marker word sriov_setup.gen=N on /proc/cmdline proves which generation was booted:
 * a word with a dot that no module claims is ignored by the kernel. One attempt per
 * generation: words that were tried are not tried again until they change (kargs-state.h
 * has the record).
 */
#pragma once

#include "bootloader.h"
#include "kernel-args.h"

/*
 * Makes `wanted` ours for the next boot, unless just these were tried. `missing`: those
 * whose effect is absent now. With config->trial they are tried for one boot first, where
 * the boot loader can. Signals that a reboot is needed; never reboots. Returns 1 when
 * something changed, 0 when nothing was to do, or a negative errno, logged.
 */
int kargs_apply(const struct root *root, const struct kernel_config *config,
		const struct kernel_facts *facts, const struct cmdline *wanted,
		const struct cmdline *missing);
/* Takes back all that was written: the boot loader's files are as before. */
int kargs_remove(const struct root *root, const struct kernel_config *config);
/* The words of the generation before; the present ones are not tried again. */
int kargs_rollback(const struct root *root, const struct kernel_config *config);
/* Prints what is asked for, installed and in effect. */
int kargs_status(const struct root *root, const struct kernel_config *config,
		 const struct kernel_facts *facts, const struct cmdline *wanted,
		 const struct cmdline *missing);
