/*
 * apply-link.h: the actions that go through netlink.
 */
#pragma once

#include "plan.h"
#include "root.h"

/*
 * SET_ESWITCH, SET_LINK and SET_VF. EAGAIN and EBUSY are tried again for some seconds:
 * i40e and ice say so while a VF or the PF resets (vf-mechanics §G). Each refused value
 * is one text in *refusals; then -EREMOTEIO. Nothing here logs: the caller is a child
 * that may be gone before journald asks which unit it belongs to.
 */
int apply_set_eswitch(const struct root *root, const struct action *action,
		      struct strings *refusals);
int apply_set_link(const struct root *root, const struct action *action,
		   struct strings *refusals);
int apply_set_vf(const struct root *root, const struct action *action,
		 struct strings *refusals);
