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

/* What kind of failure it is: MESSAGE_ID=, which conf/sriov-setup.catalog explains. */
#define MESSAGE_USAGE "714b1bb1d7764c989421f48d36df656f"
#define MESSAGE_FILES "75ab520ed70e4a86935bd38d07ebc7a3"
#define MESSAGE_UNFINISHED "25d6a5a781d341ee9dd4fa1fd76d47ad"
#define MESSAGE_EXPORT "5529b2e1fc3b493592eeb0cb2a1a48ba"
#define MESSAGE_CLAIM "a898ce967633457fbf37bf28c7331f04"
#define MESSAGE_CONFIG "fb922bc3ee7a4dacaf5fc2267e02905d"
#define MESSAGE_PROBLEM "92e8529a11524777868c2250976fe345"
#define MESSAGE_NO_ROOM "f092b2c3488f4db88ab4871412365e9c"
#define MESSAGE_NO_VFS "53bd883cc7c245548bc64e43c89fdca5"
#define MESSAGE_NO_DRIVER "efe7471cfbdc4372b7ca10d2fe6bcea6"
#define MESSAGE_NO_MODULE "2bd8bbcfb23f498baf9e8c3d1bdd055d"
#define MESSAGE_NOT_SET "9329ae9b50434ac390df45537c375bdb"
#define MESSAGE_KARGS "989ebf59249d41699f8dcd4c23e2f650"
#define MESSAGE_NOT_TAKEN "7c9e414294864efd8c1f2417c03d3bff"
#define MESSAGE_STUCK "d87a9cd4047b4170a161ec4f96723b28"

/* What a message is about. Every field may be unset. */
struct log_subject {
	const char *pci;  /* PCI_DEVICE=: "0000:01:00.0" */
	const char *kind; /* MESSAGE_… */
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
#define log_error_kind(kind_, error_, ...)                                             \
	log_full(LOG_ERR, &(struct log_subject){ .kind = (kind_), .error = (error_) }, \
		 __VA_ARGS__)
#define log_warning_errno(error_, ...) \
	log_full(LOG_WARNING, &(struct log_subject){ .error = (error_) }, __VA_ARGS__)

/* A mistake in the config: "file:line: text". Returns -EINVAL. */
int log_config(const char *file, int line, const char *format, ...) PRINTF(3, 4);

/* Errors from now on that name no kind are of this one; before, of MESSAGE_FILES. */
void log_set_kind(const char *kind);

/*
 * What is being done: STATUS= for `systemctl status`; on a terminal one line that the
 * next replaces, until log_status_end(). Elsewhere nothing.
 */
void log_status(const char *format, ...) PRINTF(1, 2);
void log_status_end(void);
