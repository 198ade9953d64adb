/* host.h: a machine of the fake kernel with the product at work on it. */
#pragma once

#include "config.h"
#include "root.h"
#include "tap.h"

struct host {
	char path[64];    /* a folder that stands for "/" */
	struct root root; /* … and for the running machine */
	pid_t server;
	size_t audited; /* how much of the audit was read */
	bool by_hand;   /* apply as an administrator does, not as a boot */
};

/* Why there can be no fake kernel here, static text; NULL: it works. Called once, first.
 */
const char *host_missing(void);
/* Serves the machine and takes `config` for /etc/sriov.conf; NULL: there is none. */
void host_start(struct host *host, const char *machine_path, const char *config);
void host_stop(struct host *host);
/* A line of a machine's description. Returns what it returns. */
int host_control(const struct host *host, const char *line);
/* The lines that the audit got since the last time. */
struct strings host_audit(struct host *host);

/* run_apply(), or only for `device`; *ret_said: its messages. */
int host_apply(struct host *host, const struct config *config, const char *device,
	       char **ret_said);

/* The longest time that the product was ready to wait for something, in milliseconds. */
extern int host_longest_wait;

/* The folder of machines; the whole of a file in it, NULL: there is none. */
char *machine_path(const char *name);
char *machine_read(const char *name);
/* The names without ".conf" or ".machine". */
struct strings machine_list(const char *suffix);
