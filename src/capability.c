#include "capability.h"

#include <endian.h>

unsigned capability_find(int fd, unsigned id)
{
	unsigned position = 0x100;
	uint32_t header;

	/* 4 KiB minus the first 256 bytes hold at most (4096 - 256) / 8 capabilities */
	for (int i = 0; fd >= 0 && i < 480 && position >= 0x100; i++) {
		if (pread(fd, &header, 4, position) != 4)
			return 0; /* 64 bytes only: no CAP_SYS_ADMIN, pci_read_config() */
		header = le32toh(header);
		if ((header & 0xffff) == id)
			return position;
		position = header >> 20;
	}
	return 0;
}
