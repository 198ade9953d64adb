/*
 * log.h: the one place where messages leave the program.
 *
 * Under systemd (JOURNAL_STREAM) a message is a journal entry with fields; else it is a
 * line on stderr. Files that log: main, config, apply, wait, kargs,
 * bootloader-*. The pure files and the readers return errors instead.
 */
#pragma once

#include "util.h"

#include <syslog.h>

/* What a message is about. Every field may be unset. */
struct log_subject {
	const char *pci;  /* PCI_DEVICE=: "0000:01:00.0" */
	const char *file; /* CONFIG_FILE= */
	int line;         /* CONFIG_LINE=, 0 = unset */
	int error; /* ERRNO=, positive or negative, 0 = unset; appended to the text as
		      strerror */
};

/* Messages of this syslog level and below (more urgent) are shown. Default LOG_INFO. */
void log_set_level(int level);

/*
 * Prints "pci: text: strerror" with the fields of the subject (NULL: none).
 * Returns -|subject->error|, so that a caller can report and return in one expression.
 */
int log_full(int level, const struct log_subject *subject, const char *format, ...)
	PRINTF(3, 4);

#define log_error(...) log_full(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_error_errno(error_, ...) \
	log_full(LOG_ERR, &(struct log_subject){ .error = (error_) }, __VA_ARGS__)
#define log_warning_errno(error_, ...) \
	log_full(LOG_WARNING, &(struct log_subject){ .error = (error_) }, __VA_ARGS__)

/* A mistake in the config: "file:line: text". Returns -EINVAL. */
int log_config(const char *file, int line, const char *format, ...) PRINTF(3, 4);

/* STATUS= for `systemctl status`; nothing where no NOTIFY_SOCKET is set. */
void log_status(const char *format, ...) PRINTF(1, 2);
