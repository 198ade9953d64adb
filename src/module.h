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
