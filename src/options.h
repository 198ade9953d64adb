/*
 * options.h: what the command line says beside the command.
 */
#pragma once

#include "claim.h"
#include "log.h"
#include "run.h"

#define log_usage(...) log_error_kind(MESSAGE_USAGE, 0, __VA_ARGS__)

struct options {
	const char *config_path;    /* NULL: the usual one */
	const char *root_path;      /* default "/" */
	struct root root;           /* the caller opens it */
	const char *argument;       /* of the command; NULL: none */
	const char *format;         /* kargs print */
	bool json;                  /* status, claim, claims */
	struct claim_request claim; /* claim; its owner is also for release */
	bool dead;                  /* release */
	const char *qmp;            /* attach, detach */
	struct strings force_in_use;
	struct run_options run;
	bool help, version; /* nothing else is asked for */
};

/* -EINVAL: a mistake, logged. getopt's optind is then the command's place. */
int options_parse(struct options *options, int argc, char *argv[]);
/* Prints them. */
void options_help(void);
/* "unknown command 'plam', did you mean 'plan'?" */
void options_unknown(const char *what, const char *word, const struct strings *known);
