#include "nvme.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

#define COMMAND_MS 10000

enum opcode { IDENTIFY = 0x06, VIRTUALIZATION_MANAGEMENT = 0x1c };
enum cns { PRIMARY_CAPABILITIES = 0x14, SECONDARY_LIST = 0x15 };
enum action {
	PRIMARY_FLEXIBLE = 1,
	SECONDARY_OFFLINE = 7,
	SECONDARY_ASSIGN = 8,
	SECONDARY_ONLINE = 9
};

/* Primary Controller Capabilities, and an entry of the Secondary Controller List */
struct resources {
	uint32_t flexible, assigned;
	uint16_t own, private, most, granularity;
	uint8_t reserved[16];
} __attribute__((packed));

struct capabilities {
	uint16_t id, port;
	uint8_t types, reserved[27];
	struct resources resources[N_NVME_RESOURCES];
	uint8_t rest[4000];
} __attribute__((packed));

struct secondary {
	uint16_t id, primary;
	uint8_t state, reserved[3];
	uint16_t vf, count[N_NVME_RESOURCES];
	uint8_t rest[18];
} __attribute__((packed));

#define SECONDARIES 127

struct secondaries {
	uint8_t n, reserved[31];
	struct secondary items[SECONDARIES];
} __attribute__((packed));

_Static_assert(sizeof(struct capabilities) == 4096, "as the controller writes it");
_Static_assert(sizeof(struct secondaries) == 4096, "as the controller writes it");

void nvme_done(struct nvme *nvme)
{
	free(nvme->vfs);
	*nvme = (struct nvme){};
}

static int controller_name(const struct root *root, const char *pf, char **ret)
{
	struct strings names = {};
	int r = root_list(root, &names, "sys/bus/pci/devices/%s/nvme", pf);

	if (r == 0 && names.n)
		*ret = xstrdup(names.items[0]);
	r = r == -ENOENT || (r == 0 && !names.n) ? -ENODEV : r;
	strings_done(&names);
	return r;
}

int nvme_state(const struct root *root, const char *pf, char **ret)
{
	_cleanup_free_ char *name = NULL;
	int r = controller_name(root, pf, &name);

	return r < 0 ? r :
		       root_read(root, ret, "sys/bus/pci/devices/%s/nvme/%s/state", pf,
				 name);
}

static int open_controller(const struct root *root, const char *pf)
{
	_cleanup_free_ char *name = NULL;
	int r = controller_name(root, pf, &name);

	return r < 0 ? r : root_openat(root, O_RDWR, "dev/%s", name);
}

/* ioctl() returns the controller's status where that is not 0: nvme_user_cmd() */
static int command(int fd, struct nvme_admin_cmd *cmd, unsigned *ret_status)
{
	int r;

	cmd->timeout_ms = COMMAND_MS;
	r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, cmd);
	if (r > 0)
		*ret_status = (unsigned)r & 0x7ff;
	return r > 0 ? -EPROTO : r < 0 ? -errno : 0;
}

static int identify(int fd, enum cns cns, void *page)
{
	struct nvme_admin_cmd cmd = {
		.opcode = IDENTIFY,
		.addr = (uint64_t)(uintptr_t)page,
		.data_len = 4096,
		.cdw10 = cns,
	};
	unsigned status;

	return command(fd, &cmd, &status);
}

static void take_secondaries(const struct secondaries *list, struct nvme *ret)
{
	for (unsigned i = 0; i < list->n && i < SECONDARIES; i++) {
		const struct secondary *s = &list->items[i];
		unsigned number = le16toh(s->vf);

		if (number == 0 || number > 65535) /* not a VF's */
			continue;
		while (ret->n_vfs < number)
			*array_add(ret->vfs, ret->n_vfs) = (struct nvme_vf){};
		ret->vfs[number - 1] = (struct nvme_vf){
			.exists = true,
			.online = s->state & 1,
			.count = { le16toh(s->count[NVME_QUEUES]),
				   le16toh(s->count[NVME_INTERRUPTS]) },
		};
	}
}

int nvme_read(const struct root *root, const char *pf, struct nvme *ret)
{
	_cleanup_close_ int fd = open_controller(root, pf);
	struct capabilities capabilities;
	struct secondaries list;
	struct nvme nvme = {};
	int r;

	if (fd < 0)
		return fd;
	r = identify(fd, PRIMARY_CAPABILITIES, &capabilities);
	r = r < 0 ? r : identify(fd, SECONDARY_LIST, &list);
	if (r < 0)
		return r;
	for (int i = 0; i < N_NVME_RESOURCES; i++) {
		const struct resources *found = &capabilities.resources[i];

		nvme.flexible[i] = le32toh(found->flexible);
		nvme.own[i] = le16toh(found->own);
		nvme.most[i] = le16toh(found->most);
	}
	take_secondaries(&list, &nvme);
	*ret = nvme;
	return 0;
}

/* The controller's own number, or that of a VF's. */
static int controller_id(int fd, int vf, unsigned *ret)
{
	struct capabilities capabilities;
	struct secondaries list;
	int r = vf < 0 ? identify(fd, PRIMARY_CAPABILITIES, &capabilities) :
			 identify(fd, SECONDARY_LIST, &list);

	if (r < 0)
		return r;
	if (vf < 0) {
		*ret = le16toh(capabilities.id);
		return 0;
	}
	for (unsigned i = 0; i < list.n && i < SECONDARIES; i++)
		if (le16toh(list.items[i].vf) == vf + 1) {
			*ret = le16toh(list.items[i].id);
			return 0;
		}
	return -ENXIO;
}

static int manage(const struct root *root, const char *pf, int vf, enum action action,
		  enum nvme_resource resource, unsigned count, unsigned *ret_status)
{
	_cleanup_close_ int fd = open_controller(root, pf);
	struct nvme_admin_cmd cmd = { .opcode = VIRTUALIZATION_MANAGEMENT,
				      .cdw11 = count };
	unsigned id;
	int r;

	*ret_status = 0;
	if (fd < 0)
		return fd;
	r = controller_id(fd, vf, &id);
	if (r < 0)
		return r;
	cmd.cdw10 = id << 16 | (unsigned)resource << 8 | (unsigned)action;
	return command(fd, &cmd, ret_status);
}

int nvme_assign(const struct root *root, const char *pf, int vf,
		enum nvme_resource resource, unsigned count, unsigned *ret_status)
{
	return manage(root, pf, vf, vf < 0 ? PRIMARY_FLEXIBLE : SECONDARY_ASSIGN,
		      resource, count, ret_status);
}

int nvme_set_online(const struct root *root, const char *pf, int vf, bool online,
		    unsigned *ret_status)
{
	return manage(root, pf, vf, online ? SECONDARY_ONLINE : SECONDARY_OFFLINE,
		      NVME_QUEUES, 0, ret_status);
}
