#include "fashion/run_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

bool run_folder_path(char *path, size_t path_size, const char *logdir, const char *name,
                     unsigned number)
{
    int length = number > 1 ? snprintf(path, path_size, "%s/%s-%u", logdir, name, number)
                            : snprintf(path, path_size, "%s/%s", logdir, name);
    return length >= 0 && (size_t)length < path_size;
}

static bool holds_events(const char *logdir, const char *name, unsigned number)
{
    char path[4096];
    DIR *dir = run_folder_path(path, sizeof path, logdir, name, number) ? opendir(path) : NULL;
    if (dir == NULL)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;)
        found = strstr(entry->d_name, "tfevents") != NULL; /* as TensorBoard tells them */
    closedir(dir);
    return found;
}

unsigned run_folder_number(const char *logdir)
{
    unsigned number = 1;
    while (holds_events(logdir, "train", number) || holds_events(logdir, "validation", number))
        number++;
    return number;
}
