/*
 * module.h: kernel modules. libkmod lives in module.c. Works on the running machine only.
 */
#pragma once

#include "util.h"

/*
 * Loads a module by name with options ("ids=8086:10ca", NULL: none), with its
 * dependencies and soft dependencies, without running `install` commands of modprobe.d
 * (they start shells). Options of modprobe.d are kept, ours are added. 0: it is there
 * (loaded now, before, or built in); -ENOENT: no such module; -EPERM: blacklisted; else
 * the kernel's errno. -ELIBACC: libkmod is not installed.
 */
int module_load(const char *name, const char *options);

/*
 * The module of this kernel whose aliases fit best, "mlx5_vfio_pci" for
 * "vfio_pci:v000015B3d0000101Esv…": the fewest wildcards win, as for vfio drivers
 * Documentation/driver-api/vfio.rst and the kernel's commit cc6711b0bf36 ask for.
 * -ENOENT: none; -ELIBACC as above. The caller frees *ret.
 */
int module_best(const char *alias, char **ret);
