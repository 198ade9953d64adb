/*
 * eswitch.h: the switch between a PF and its VFs: what it can be told. Pure.
 */
#pragma once

#include "util.h"

/* In the order in which the kernel takes them, devlink_nl_eswitch_set_doit(). */
enum eswitch_key { ESWITCH_MODE, ESWITCH_INLINE, ESWITCH_ENCAP, N_ESWITCH_KEYS };

/* 0: not said, not reported; else the kernel's number (DEVLINK_ESWITCH_…) plus one. */
struct eswitch {
	unsigned value[N_ESWITCH_KEYS];
};

#define ESWITCH_LEGACY 1
#define ESWITCH_SWITCHDEV 2

/* The config's key: "eswitch", "eswitch_inline", "eswitch_encap". */
const char *eswitch_name(enum eswitch_key key);
enum eswitch_key eswitch_find(const char *name); /* N_ESWITCH_KEYS: none */
/* The value of a word; 0: none, then *ret_expected says what is expected. */
unsigned eswitch_parse(enum eswitch_key key, const char *word, const char **ret_expected);
const char *eswitch_word(enum eswitch_key key, unsigned value);
