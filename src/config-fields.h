/*
 * config-fields.h: the text of one value: is it valid, and in which form is it kept.
 * Pure.
 */
#pragma once

#include "util.h"

/* The normalised value, for the caller to free; NULL, and in *ret_expected what is
 * expected. */
typedef char *field_parser(const char *text, const char **ret_expected);

field_parser field_address, field_interface, field_mac, field_id, field_driver,
	field_serial, field_resource, field_text, field_index, field_hugepage_size,
	field_kernel_word, field_bootloader, field_directory, field_attribute,
	field_attribute_value, field_node, field_namespace, field_service;

/* For messages: other characters than printable ones become '?', at most 60 are kept. */
char *field_printable(const char *text);
