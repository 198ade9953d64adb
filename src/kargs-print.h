/*
 * kargs-print.h: the kernel arguments as text for those who build images. Pure.
 */
#pragma once

#include "cmdline.h"

#include <stdio.h>

/* "cmdline, grub, …", for messages and help. */
extern const char kargs_formats[];

/* Writes the words in that format. -EINVAL: there is no such format. */
int kargs_print(FILE *out, const char *format, const struct cmdline *words);
