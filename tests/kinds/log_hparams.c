/* Logs sweeps to LOGDIR/declared, whose columns are declared, and LOGDIR/inferred, and a run that
 * can be taken for a logdir to LOGDIR/above/root; what it logged goes to FOLDER/sessions.json. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

/* How a session ends. */
typedef enum ending { CLOSED, FAILED, UNFINISHED, KILLED, EXITED } ending;

typedef struct session {
    const char *run;
    const char *group;
    ending ending;
    tb_hparam hparams[8];
    size_t hparam_count;
    double loss, accuracy; /* the last ones */
} session;

static const char *logdir;
static FILE *journal;
static int session_count;

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, tb_last_error(NULL));
        exit(1);
    }
}

static tb_writer *open_run(const char *run)
{
    char dir[1200];
    snprintf(dir, sizeof dir, "%s/%s", logdir, run);
    tb_writer *w = tb_open(dir, NULL);
    check(w != NULL, run);
    return w;
}

/* --- The journal ------------------------------------------------------------------------------ */

static void note_hparam(const tb_hparam *h, const char *separator)
{
    fprintf(journal, "%s\"%s\": ", separator, h->name);
    if (h->string != NULL)
        fprintf(journal, "\"%s\"", h->string);
    else if (h->type == TB_HPARAM_BOOL)
        fputs(h->boolean ? "true" : "false", journal);
    else
        fprintf(journal, "%.17g", h->number);
}

static void note_session(const session *s)
{
    static const char *const endings[] = {"closed", "failed", "unfinished", "killed", "exited"};
    fprintf(journal, "%s{\"run\": \"%s\", \"group\": \"%s\", \"ending\": \"%s\", ",
            session_count++ > 0 ? ",\n" : "[", s->run, s->group != NULL ? s->group : "",
            endings[s->ending]);
    fprintf(journal, "\"loss\": %.17g, \"accuracy\": %.17g, \"hparams\": {", s->loss, s->accuracy);
    for (size_t i = 0; i < s->hparam_count; i++)
        note_hparam(&s->hparams[i], i > 0 ? ", " : "");
    fputs("}}", journal);
    fflush(journal); /* or children would write it again */
}

/* --- Sessions --------------------------------------------------------------------------------- */

static void log_values(tb_writer *w, const session *s)
{
    for (int64_t step = 0; step < 5; step++) {
        tb_log_scalar(w, "loss", s->loss + (double)(4 - step), step);
        tb_log_scalar(w, "learning rate now", 0.5, step);
    }
}

static void log_validation(const session *s)
{
    char run[300];
    snprintf(run, sizeof run, "%s/validation", s->run);
    tb_writer *w = open_run(run);
    tb_log_scalar(w, "accuracy", s->accuracy / 2, 2);
    tb_log_scalar(w, "accuracy", s->accuracy, 4);
    check(tb_close(w) == TB_STATUS_OK, run);
}

/* In a process of its own, which |ending| may end. */
static void run_session(const session *s)
{
    tb_hparams_options options = {
        .group = s->group, .model_uri = "file:///model", .monitor_url = "http://monitor"};
    tb_writer *w = open_run(s->run);
    check(tb_log_hparams(w, s->hparams, s->hparam_count, &options) == TB_STATUS_OK, s->run);
    log_values(w, s);
    if (s->ending == KILLED)
        raise(SIGKILL);
    if (s->ending == FAILED)
        tb_set_session_status(w, TB_SESSION_FAILURE);
    if (s->ending == UNFINISHED)
        tb_set_session_status(w, TB_SESSION_UNFINISHED);
    if (s->ending != EXITED)
        check(tb_close(w) == TB_STATUS_OK, s->run);
    exit(0);
}

static void log_session(const session *s)
{
    int status;
    note_session(s);
    pid_t id = fork();
    if (id == 0)
        run_session(s);
    check(id > 0 && waitpid(id, &status, 0) == id, s->run);
    check(s->ending == KILLED ? WIFSIGNALED(status) != 0
                              : WIFEXITED(status) && WEXITSTATUS(status) == 0,
          s->run);
    log_validation(s);
}

/* --- Sweeps ----------------------------------------------------------------------------------- */

static void declare(const char *run)
{
    static const char *const optimizers[] = {"adam", "sgd"};
    static const double batches[] = {16, 32, 64}, versions[] = {3};
    static const tb_hparam_info hparams[] = {
        {"lr", .display_name = "learning rate", .description = "*initial*",
         .min = 1e-4, .max = 0.1},
        {"optimizer", .strings = optimizers, .value_count = 2},
        {"batch", .numbers = batches, .value_count = 3},
        {"augment", .type = TB_HPARAM_BOOL},
        {.name = "depth"},
        {"title", .type = TB_HPARAM_STRING},
        {"version", .numbers = versions, .value_count = 1},
    };
    static const tb_metric_info metrics[] = {
        {"loss", .display_name = "training loss", .description = "at the end"},
        {"accuracy", "validation", .validation = true},
    };
    tb_experiment experiment = {
        .name = "sweep",
        .description = "A small **sweep**",
        .user = "somebody",
        .hparams = hparams,
        .hparam_count = sizeof hparams / sizeof hparams[0],
        .metrics = metrics,
        .metric_count = sizeof metrics / sizeof metrics[0],
    };
    tb_writer *w = open_run(run);
    check(tb_log_experiment(w, &experiment) == TB_STATUS_OK, run);
    check(tb_close(w) == TB_STATUS_OK, run);
}

static void log_declared(void)
{
    static const char *const runs[] = {"declared/run0", "declared/run1", "declared/run2",
                                       "declared/run3", "declared/run4", "declared/run5",
                                       "declared/run6"};
    static const double rates[] = {1e-4, 0.001, 0.001, 0.001, 0.01, 0.02, 0.1};
    static const ending endings[] = {CLOSED, CLOSED, FAILED, CLOSED, KILLED, EXITED, FAILED};
    declare("declared");
    for (int i = 0; i < 7; i++) {
        session s = {.run = runs[i],
                     .group = i >= 1 && i <= 3 ? "three seeds" : NULL,
                     .ending = endings[i],
                     .loss = 0.5 + i,
                     .accuracy = 0.25 + i / 16.0,
                     .hparam_count = 8,
                     .hparams = {tb_hparam_number("lr", rates[i]),
                                 {"optimizer", .string = rates[i] < 0.01 ? "adam" : "sgd"},
                                 {"batch", .number = i % 2 == 0 ? 16 : 64},
                                 tb_hparam_bool("augment", rates[i] < 0.005),
                                 {"depth", .number = rates[i] < 0.01 ? 0 : 1e300},
                                 {"title", .string = rates[i] < 0.01 ? "" : "n\xc3\xaf | <b>"},
                                 tb_hparam_number("version", 3),
                                 tb_hparam_string("note", "has no column")}};
        log_session(&s);
    }
}

static void log_inferred(void)
{
    log_session(&(session){.run = "inferred/first", .ending = UNFINISHED, .loss = 0,
                           .accuracy = 0.5, .hparam_count = 5,
                           .hparams = {tb_hparam_number("lr", 0.25), tb_hparam_number("mixed", 2.5),
                                       tb_hparam_string("kind", "a"), tb_hparam_bool("flag", false),
                                       tb_hparam_number("zero", 0)}});
    log_session(&(session){.run = "inferred/second", .ending = CLOSED, .loss = -1,
                           .accuracy = 1, .hparam_count = 5,
                           .hparams = {tb_hparam_number("lr", 0.75), tb_hparam_bool("mixed", true),
                                       tb_hparam_string("kind", "b"), tb_hparam_bool("flag", true),
                                       tb_hparam_number("zero", 0)}});
    log_session(&(session){.run = "inferred/none", .ending = CLOSED, .loss = 3, .accuracy = 0});
}

int main(int argc, char **argv)
{
    char path[1200];
    if (argc != 3) {
        fprintf(stderr, "usage: %s LOGDIR FOLDER\n", argv[0]);
        return 2;
    }
    logdir = argv[1];
    snprintf(path, sizeof path, "%s/sessions.json", argv[2]);
    journal = fopen(path, "w");
    check(journal != NULL, path);
    log_declared();
    log_inferred();
    log_session(&(session){.run = "above/root", .ending = CLOSED, .loss = 1, .accuracy = 1,
                           .hparam_count = 1, .hparams = {tb_hparam_number("lr", 1)}});
    fputs("]\n", journal);
    fclose(journal);
    check(tb_recover(logdir) == TB_STATUS_OK, logdir);
    return 0;
}
