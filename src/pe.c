#include "pe.h"

#include <endian.h>
#include <errno.h>

/* in the file */
#define PE_POINTER 0x3c
/* behind the signature "PE\0\0" */
#define COFF_SECTIONS 6
#define COFF_OPTIONAL_SIZE 20
#define COFF_SIZE 24
/* in the optional header, the same for 32 and 64 bits */
#define OPTIONAL_SECTION_ALIGNMENT 32
#define OPTIONAL_FILE_ALIGNMENT 36
#define OPTIONAL_IMAGE_SIZE 56
#define OPTIONAL_HEADERS_SIZE 60
/* in a row of the section table */
#define SECTION_NAME_SIZE 8
#define FILE_ALIGNMENT_MAX 65536 /* so the format says */
#define SECTION_SIZE 40
#define SECTION_IS_READ_ONLY_DATA 0x40000040

struct section {
	char name[SECTION_NAME_SIZE];
	uint32_t memory_size, memory_start, file_size, file_start;
	uint32_t unused[3];
	uint32_t flags;
};

struct pe {
	size_t coff, optional, table; /* offsets in the file */
	unsigned sections;
};

static uint32_t get32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static void put32(char *at, size_t value)
{
	memcpy(at, &(uint32_t){ htole32((uint32_t)value) }, sizeof(uint32_t));
}

static unsigned get16(const char *at)
{
	return (unsigned char)at[0] | (unsigned)(unsigned char)at[1] << 8;
}

static int parse(const char *image, size_t size, struct pe *ret)
{
	struct pe pe = {};

	if (size < PE_POINTER + 4 || memcmp(image, "MZ", 2) != 0)
		return -EBADMSG;
	pe.coff = get32(image + PE_POINTER);
	pe.optional = pe.coff + COFF_SIZE;
	if (pe.optional > size || memcmp(image + pe.coff, "PE\0", 4) != 0)
		return -EBADMSG;
	pe.sections = get16(image + pe.coff + COFF_SECTIONS);
	pe.table = pe.optional + get16(image + pe.coff + COFF_OPTIONAL_SIZE);
	if (pe.optional + OPTIONAL_HEADERS_SIZE + 4 > pe.table ||
	    pe.table + pe.sections * (size_t)SECTION_SIZE > size)
		return -EBADMSG;
	*ret = pe;
	return 0;
}

static struct section read_section(const char *image, const struct pe *pe, unsigned i)
{
	const char *at = image + pe->table + i * (size_t)SECTION_SIZE;
	struct section section = { .memory_size = get32(at + 8),
				   .memory_start = get32(at + 12),
				   .file_size = get32(at + 16),
				   .file_start = get32(at + 20) };

	memcpy(section.name, at, SECTION_NAME_SIZE);
	return section;
}

int pe_find_section(const char *image, size_t size, const char *name,
		    const char **ret_content, size_t *ret_size)
{
	struct pe pe;
	int r = parse(image, size, &pe);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < pe.sections; i++) {
		struct section section = read_section(image, &pe, i);
		/* the rest of the file's part is padding */
		size_t length = section.memory_size < section.file_size ?
					section.memory_size :
					section.file_size;

		if (strncmp(section.name, name, SECTION_NAME_SIZE) != 0)
			continue;
		if (section.file_start > size || length > size - section.file_start)
			return -EBADMSG;
		*ret_content = image + section.file_start;
		*ret_size = length;
		return 0;
	}
	return -ENOENT;
}

static size_t align(size_t n, size_t to)
{
	return to ? (n + to - 1) / to * to : n;
}

static size_t memory_end(const char *image, const struct pe *pe)
{
	size_t end = 0;

	for (unsigned i = 0; i < pe->sections; i++) {
		struct section section = read_section(image, pe, i);
		size_t this = (size_t)section.memory_start + section.memory_size;

		end = this > end ? this : end;
	}
	return end;
}

int pe_add_section(char **image, size_t *size, const char *name, const char *content)
{
	size_t length = strlen(content), file_align, file_start, start, row;
	struct section section = {};
	char *optional, *new;
	struct pe pe;
	int r = parse(*image, *size, &pe);

	if (r < 0)
		return r;
	optional = *image + pe.optional;
	row = pe.table + pe.sections * (size_t)SECTION_SIZE;
	if (get32(optional + OPTIONAL_HEADERS_SIZE) > *size)
		return -EBADMSG;
	if (row + SECTION_SIZE > get32(optional + OPTIONAL_HEADERS_SIZE))
		return -ENOSPC;
	file_align = get32(optional + OPTIONAL_FILE_ALIGNMENT);
	if (file_align > FILE_ALIGNMENT_MAX)
		return -EBADMSG;
	file_start = align(*size, file_align);
	start = align(memory_end(*image, &pe),
		      get32(optional + OPTIONAL_SECTION_ALIGNMENT));
	if (start + length > UINT32_MAX || file_start + length > UINT32_MAX)
		return -EBADMSG;

	new = xcalloc(1, align(file_start + length, file_align));
	memcpy(new, *image, *size);
	memcpy(new + file_start, content, length);
	memcpy(section.name, name, strnlen(name, SECTION_NAME_SIZE));
	put32((char *)&section.memory_size, length);
	put32((char *)&section.memory_start, start);
	put32((char *)&section.file_size, align(length, file_align));
	put32((char *)&section.file_start, file_start);
	put32((char *)&section.flags, SECTION_IS_READ_ONLY_DATA);
	memcpy(new + row, &section, SECTION_SIZE);
	new[pe.coff + COFF_SECTIONS] = (char)(pe.sections + 1);
	new[pe.coff + COFF_SECTIONS + 1] = (char)((pe.sections + 1) >> 8);
	put32(new + pe.optional + OPTIONAL_IMAGE_SIZE,
	      align(start + length,
		    get32(new + pe.optional + OPTIONAL_SECTION_ALIGNMENT)));
	free(*image);
	*image = new;
	*size = align(file_start + length, file_align);
	return 0;
}
