/* Takes over from a process that was killed: what it had logged is in its queue's file, and goes
 * to its event file from there. */
#ifndef TB_RECOVER_H
#define TB_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "writer/report.h"

/* Does so for each queue file of a directory that nobody uses, and removes it when all is on stable
 * storage; |of_any_host|, or only those of this machine.  |dir| is the directory's name, for
 * messages.  Errors are reported as they come; returns the status of the first.  |*out_values| is
 * how many values came to a file. */
tb_status tb__recover_dir(int dir_fd, const char *dir, bool of_any_host, tb__report *report,
                          uint64_t *out_values);

#endif
