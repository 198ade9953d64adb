/*
 * rules.h: the udev rules of this boot, which bind VFs that others create. Pure.
 */
#pragma once

#include "config.h"
#include "system.h"

#define RULES_PATH "run/udev/rules.d/61-sriov-setup.rules"

/* Rules for the VFs of the PFs that are governed now. */
void rules_write(FILE *out, const struct config *config, const struct system *system);
