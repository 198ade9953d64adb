"""The log of a disk's writes that QEMU's blklogwrites makes, in the format of the kernel's dm-log-writes."""
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4


def entries(path, start=0):
    """(where its data is, sector, sectors, flags, the entry's end) of each whole entry, from such an end on.
    A sector has 512 bytes; one of them is the entry itself."""
    with open(path, "rb") as log:
        magic, version, _, size = struct.unpack("<QQQI", log.read(28))
        if (magic, version, size) != (MAGIC, 1, 512):
            raise ValueError(f"{path}: {magic:x} version {version} with sectors of {size}")
        position, end = start or size, log.seek(0, 2)
        while position + size <= end:
            log.seek(position)
            sector, sectors, flags, _ = struct.unpack("<QQQQ", log.read(32))
            data = position + size
            position = data + (0 if flags & DISCARD else sectors * size)
            if position <= end:
                yield data, sector, sectors, flags, position


def end(path):
    """Where the next entry will be."""
    last = 0
    for *_, last in entries(path):
        pass
    return last


def replay(path, disk, start, stop=None):
    """Does to the raw image what was done to the disk. Yields the entry's end at each flush that something was
    written before; what a disk with a volatile cache keeps of a power cut is there then."""
    with open(path, "rb") as log, open(disk, "r+b") as image:
        written = False
        for data, sector, sectors, flags, position in entries(path, start):
            if flags & FLUSH and written:
                image.flush()
                yield position
                written = False
            if sectors and not flags & DISCARD:
                log.seek(data)
                image.seek(sector * 512)
                image.write(log.read(sectors * 512))
                written = True
            if flags & FUA and written:
                image.flush()
                yield position
                written = False
            if stop and position >= stop:
                break
