/* What the programs of the battery share: time, chance, directories, and how they tell. */
#ifndef AID_H
#define AID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { AID_SKIPPED = 77 }; /* the exit status of a program that could not run here */

/* First of all: |name| is the program's. */
void aid_begin(const char *name);

/* Counts what must not be, and tells the first ones on stderr.  Any process and thread. */
void aid_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t aid_wrongs(void);

/* Prints the one line of figures.  Returns the exit status. */
int aid_end(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program: the machine does not allow it. */
_Noreturn void aid_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program: not for a failure of what is tested. */
_Noreturn void aid_die(const char *what);

double aid_now(void); /* seconds */
void aid_sleep(double seconds);

/* 0 to |below| - 1.  |*state| is a seed at first. */
uint64_t aid_random(uint64_t *state, uint64_t below);

/* This program's directory below the current one; made at the first call, static storage. */
const char *aid_dir(void);

/* Removes a directory and what is in it. */
void aid_remove(const char *path);

/* Runs |run| in a child, which ends with status 0 when it returns. */
pid_t aid_fork(void (*run)(void *arg), void *arg);

/* Waits for a child.  Returns what waitpid says of it; after |seconds| the child is killed,
 * which is wrong. */
int aid_await(pid_t child, double seconds);

/* From now on this process can mount, and nobody else sees it.  Ends the program where that is not
 * allowed. */
void aid_private_mounts(void);

/* The number after the program's name; |otherwise| when there is none. */
uint64_t aid_argument(int argc, char **argv, int index, uint64_t otherwise);

#endif
